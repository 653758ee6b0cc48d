"""Golden cases of any causal language model: logits and greedy tokens, with soft rows and with a LoRA.

    python -m training.golden.decoder_cases checkpoint/ models/NAME-golden

writes a package of kind golden for the package models/NAME. The checkpoint must hold the dequantized weights.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel

from training.golden.writer import GoldenWriter
from training.package.model_cards import licence_text
from training.package.model_package import write_manifest
from training.persona.lora import add_lora

KEPT = 8  # positions of a case whose logits are kept
ROWS = 4
RANK = 4
CARD = """# Golden cases

What torch computes in float32 from the dequantized weights of the language model of the same name: the logits of the
first steps, and the greedy continuation with each choice's margin over the runner-up. Written by
training/golden/decoder_cases.py. Only tests need this package.
"""


@dataclass(frozen=True)
class Case:
    """A prompt of token ids; `rows_at` says after how many of them random rows stand."""

    name: str
    ids: list[int]
    rows_at: int | None = None
    has_adapter: bool = False
    new_tokens: int = 16


def write_cases(
    target: Path, model: PreTrainedModel, cases: list[Case], end: int, *, kept: int = KEPT, version: str = "0.1.0"
) -> None:
    """Writes the golden package of a model."""
    writer = GoldenWriter(target)
    table = model.state_dict()["model.embed_tokens.weight"]
    generator = torch.Generator().manual_seed(3)
    # As long as the model's own embeddings, so that it takes them for words.
    rows = torch.randn(ROWS, table.shape[1], generator=generator) * table.std()
    tuned, matrices = with_adapter(model, generator)
    written = []
    adapter = {"rank": RANK, "scale": 1.0, "matrices": {name: writer.array(each) for name, each in matrices.items()}}
    for case in cases:
        segments, parts = segments_of(case, rows, table, writer)
        greedy = greedy_of(tuned if case.has_adapter else model, torch.cat(parts), case.new_tokens, end, kept)
        written.append(
            {
                "name": case.name,
                "segments": segments,
                **({"adapter": adapter} if case.has_adapter else {}),
                **greedy | {"logits": writer.array(greedy["logits"])},
            }
        )
    writer.write_cases("language-model.json", written)
    writer.close()
    (target / "LICENSE").write_text(licence_text())
    (target / "MODEL_CARD.md").write_text(CARD)
    names = dict.fromkeys(("golden.f32", "language-model.json"), "golden")
    write_manifest(
        target,
        kind="golden",
        name=target.name,
        version=version,
        licence="Apache-2.0",
        description=f"Logits and greedy tokens of {target.name.removesuffix('-golden')} by torch.",
        roles={**names, "LICENSE": "licence", "MODEL_CARD.md": "card"},
        training_data=[],
        results={},
    )


def with_adapter(
    model: PreTrainedModel, generator: torch.Generator
) -> tuple[PreTrainedModel, dict[str, numpy.ndarray]]:
    """A copy with a random LoRA, and its matrices by their names in the runtime."""
    tuned = copy.deepcopy(model)
    matrices = {}
    for name, layer in add_lora(tuned, RANK, float(RANK)).items():
        for letter, matrix in (("A", layer.lora_a), ("B", layer.lora_b)):
            with torch.no_grad():
                matrix.copy_(torch.randn(matrix.shape, generator=generator) * 0.3 / matrix.shape[1] ** 0.5)
            matrices[f"{name}.{letter}"] = matrix.detach().numpy()
    return tuned, matrices


def segments_of(
    case: Case, rows: Tensor, table: Tensor, writer: GoldenWriter
) -> tuple[list[dict[str, Any]], list[Tensor]]:
    """What the case writes as its prompt, and the input embeddings of each part."""
    if case.rows_at is None:
        return [{"ids": case.ids}], [table[case.ids]]
    before, after = case.ids[: case.rows_at], case.ids[case.rows_at :]
    return [{"ids": before}, {"rows": writer.array(rows)}, {"ids": after}], [table[before], rows, table[after]]


def greedy_of(model: PreTrainedModel, prompt: Tensor, maximum: int, end: int, kept: int) -> dict[str, Any]:
    """Greedy tokens without the end token, the margin of each choice, and the logits of the first `kept` steps."""
    tokens: list[int] = []
    margins: list[float] = []
    logits: list[numpy.ndarray] = []
    embeddings, cache = prompt, DynamicCache(config=model.config)
    for _ in range(maximum):
        with torch.no_grad():
            output = model.base_model(inputs_embeds=embeddings[None], past_key_values=cache)
            step = model.get_output_embeddings()(output.last_hidden_state[0, -1]).float()
        top = step.topk(2)
        margins.append(float(top.values[0] - top.values[1]))
        if len(logits) < kept:
            logits.append(step.numpy())
        token = int(top.indices[0])
        if token == end:
            break
        tokens.append(token)
        embeddings = model.get_input_embeddings()(torch.tensor([token])).detach()
    return {"tokens": tokens, "margins": margins, "logits": numpy.stack(logits)}


def chat_cases(tokenizer: Any) -> list[Case]:
    """What a chat model is asked: questions, a prompt that crosses the runtime's chunk, rows, an adapter."""

    def ids(text: str) -> list[int]:
        encoded = tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)
        return list(encoded["input_ids"] if hasattr(encoded, "keys") else encoded)

    question = "What is the capital of France?"
    blurb = "The council voted on Monday to reopen the old bridge after nine years of repairs. "
    headline = "Write a headline for this article."
    return [
        Case("question", ids(question)),
        Case("headline", ids(f"{headline} {blurb}")),
        Case("prompt across a chunk", ids(f"{headline} {blurb * 16}"), new_tokens=8),
        Case("rows before a question", ids(question), rows_at=1),
        Case("rows before a headline", ids(f"{headline} {blurb}"), rows_at=1),
        Case("adapter", ids(f"{headline} {blurb}"), has_adapter=True),
        Case("adapter and rows", ids(question), rows_at=1, has_adapter=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint)
    write_cases(arguments.output, model, chat_cases(tokenizer), int(tokenizer.eos_token_id))


if __name__ == "__main__":
    main()
