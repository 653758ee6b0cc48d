"""Golden cases of unigram adaptation: what histories add to the logits of an answer in free text.

marginals.json: {"cases": [{"name", "task", "strength", "mass", "outputs", "answers", "weights", "tokens", "background",
"bias", "raised", "total"}]}. `answers` are the token ids of `outputs`, end token included, and `weights` their
attention weights (those of the case of the same name in persona.json). For each of `tokens`, some of which the user
never wrote, `background` is its share in the task's outputs and `bias` its bias, computed in float64 from float32
numbers. `raised` tokens have a bias above 0; `total` is the sum. The whole background is in plug.safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.data.prompts import answer_ids
from training.data.tokenizer import END
from training.golden.reference import PersonaResult, Reference
from training.golden.writer import GoldenWriter
from training.persona.unigram_adaptation import token_counts

CASES = {
    "one item": "news_headline",
    "three items": "news_headline",
    "twenty items": "news_headline",
    "undated items": "paper_title",
}
SEEN, UNSEEN = 28, 12


def spread(tokens: np.ndarray, count: int) -> list[int]:
    """At most `count` of the tokens, evenly spaced."""
    return tokens[np.unique(np.linspace(0, len(tokens) - 1, count).astype(int))].tolist()


def golden_unigram_adaptation(
    writer: GoldenWriter, reference: Reference, personas: Mapping[str, PersonaResult]
) -> None:
    """Writes marginals.json, without cases for a plug without unigram adaptation."""
    cases = []
    for name, task in CASES.items():
        adaptation = reference.adaptations.get(task)
        if adaptation is None:
            continue
        persona = personas[name]
        answers = [answer_ids(reference.tokenizer, item.output) for item in persona.items]
        weights = persona.weights.numpy().astype(np.float32)
        seen, counts = token_counts(answers, weights.tolist())
        bias = np.zeros(len(adaptation.background))
        bias[seen] = adaptation.bias(seen, counts)
        unseen = np.setdiff1d(np.arange(len(bias)), seen)
        tokens = sorted({END, *spread(seen, SEEN), *spread(unseen, UNSEEN)})
        cases.append(
            {
                "name": name,
                "task": task,
                "strength": adaptation.strength,
                "mass": adaptation.mass,
                "outputs": [item.output for item in persona.items],
                "answers": answers,
                "weights": writer.array(weights),
                "tokens": tokens,
                "background": writer.array(adaptation.background[tokens]),
                "bias": bias[tokens].tolist(),
                "raised": int((bias > 0).sum()),
                "total": float(bias.sum()),
            }
        )
    writer.write_cases("marginals.json", cases)
