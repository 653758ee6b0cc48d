"""Unigram adaptation: what the tokens of a user's earlier outputs add to the logits of an answer.

Rows of input embeddings carry the subject of a history and hardly its vocabulary. Unigram adaptation (Kneser, Peters,
Klakow 1997, "Language model adaptation using dynamic marginals") makes P'(w | context) proportional to
P(w | context) · (P_user(w) / P_task(w))^β, where P_user is smoothed with μ tokens of P_task. Factors that all tokens
share cancel out, so a token that the user never wrote keeps its logit. The bias of a token is added until the token
occurs in the answer; otherwise a rare word would fill the answer. The TypeScript package computes the same in
src/persona/unigram-adaptation.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Names of tensors in plug.safetensors, each followed by the task. They are part of the file format.
BACKGROUND, STRENGTH, MASS = "marginals.", "marginal_strength.", "marginal_mass."

MOST_COUNTED = 1000  # items of a history


@dataclass(frozen=True)
class UnigramAdaptation:
    """The parameters of one task: p [vocabulary] float32, all > 0, sum 1; strength β ≥ 0; mass μ > 0 in tokens."""

    background: np.ndarray
    strength: float
    mass: float

    def bias(self, tokens: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """β · ln(1 + c / (μ · p)) in nats, float64 [s], of tokens [s] with counts c [s]."""
        return self.strength * np.log1p(counts / (self.mass * self.background[tokens].astype(np.float64)))

    def bias_of_history(self, answers: Sequence[Sequence[int]], weights: Sequence[float]) -> Tensor:
        """What is added to the logits, float32 [vocabulary]: zeros but for the tokens of the answers."""
        tokens, counts = token_counts(answers, weights)
        found = torch.zeros(len(self.background))
        found[torch.from_numpy(tokens)] = torch.from_numpy(self.bias(tokens, counts)).float()
        return found


def bias_of_histories(
    adaptation: UnigramAdaptation, answers: Sequence[Sequence[Sequence[int]]], weights: Tensor
) -> Tensor:
    """The biases of a batch, [b, vocabulary]: answers of each history, weights [b, n] padded to the longest."""
    rows = zip(answers, weights.detach(), strict=True)
    return torch.stack([adaptation.bias_of_history(own, share[: len(own)].tolist()) for own, share in rows])


def token_counts(answers: Sequence[Sequence[int]], weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of a history, ascending [s], and n · Σ weight · (times that it stands in the item's answer) [s].

    `answers`: token ids of every item's output, the end token included; `weights`: the plug's, with sum 1. Of a longer
    history only the MOST_COUNTED heaviest items are counted, so that an answer does not have to wait; their counts stay
    the same.
    """
    if len(answers) != len(weights):
        raise ValueError(f"{len(answers)} answers have {len(weights)} weights. Give each item one.")
    times = np.asarray(weights, np.float64) * len(answers)
    heaviest = np.argsort(-times, kind="stable")[:MOST_COUNTED]
    counted = [answers[place] for place in heaviest]
    ids = np.array([token for answer in counted for token in answer], dtype=np.int64)
    shares = np.repeat(times[heaviest], [len(answer) for answer in counted])
    tokens, places = np.unique(ids, return_inverse=True)
    return tokens, np.bincount(places, shares, minlength=len(tokens))


def background_of(answers: Iterable[Sequence[int]], vocabulary: int) -> np.ndarray:
    """How often each token occurs in the answers, float32 [vocabulary] with sum 1, from counts plus one half."""
    counts = np.full(vocabulary, 0.5)
    for answer in answers:
        np.add.at(counts, list(answer), 1.0)
    return (counts / counts.sum()).astype(np.float32)


def unigram_tensors(adaptations: Mapping[str, UnigramAdaptation]) -> dict[str, Tensor]:
    """Tensors under the names of plug.safetensors, float32: `marginals.<task>` [vocabulary], β and μ [1]."""
    tensors = {}
    for task, found in adaptations.items():
        tensors[BACKGROUND + task] = torch.from_numpy(found.background).clone()
        tensors[STRENGTH + task] = torch.tensor([found.strength], dtype=torch.float32)
        tensors[MASS + task] = torch.tensor([found.mass], dtype=torch.float32)
    return tensors


def read_unigram_tensors(tensors: Mapping[str, Tensor]) -> dict[str, UnigramAdaptation]:
    """The parameters by task among a plug's tensors; β and μ are the stored float32 numbers, as runtimes read them."""
    tasks = [name.removeprefix(BACKGROUND) for name in tensors if name.startswith(BACKGROUND)]
    return {
        task: UnigramAdaptation(
            tensors[BACKGROUND + task].numpy(), float(tensors[STRENGTH + task]), float(tensors[MASS + task])
        )
        for task in tasks
    }


def unigram_block(adaptations: Mapping[str, UnigramAdaptation]) -> dict[str, object]:
    """The entry of the manifest's block `plug`, under the key that the format has for it; empty without adaptations."""
    if not adaptations:
        return {}
    (vocabulary,) = {len(found.background) for found in adaptations.values()}
    return {"marginals": {"tasks": list(adaptations), "vocabularySize": vocabulary}}
