"""Writes golden results of torch, in float32, on a real checkpoint: golden.json, golden.f32 (logits), golden-rows.f32.

    python -m training.package.webgpu_library.check.make_checkpoint_golden checkpoint/ golden/ [--chunk 128]

The checkpoint must hold the numbers that the shards hold, which is the dequantized ones for 4-bit weights. Prompts are
drawn at random from the vocabulary, soft rows from a normal distribution with the norm of the embeddings. Negative ids
in a turn name soft rows: -1 is the first of golden-rows.f32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy
import torch
from transformers import AutoModelForCausalLM

ROWS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--chunk", type=int, default=128, help="prefill_chunk_size of the library")
    parser.add_argument("--long", type=int, default=196, help="tokens of the longest prompt")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    model = AutoModelForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32).eval()
    table = model.get_input_embeddings().weight
    random = numpy.random.default_rng(1)
    norm = table.norm(dim=1).mean().item()
    rows = random.standard_normal((ROWS, table.shape[1])).astype("f4") * numpy.float32(norm / table.shape[1] ** 0.5)
    embeddings = torch.cat([table, torch.from_numpy(rows).flip(0)])  # index -1 is the first row
    cases: list[dict[str, object]] = []
    logits: list[numpy.ndarray] = []

    @torch.no_grad()
    def step(ids: list[int]) -> int:
        output = model(inputs_embeds=embeddings[ids][None], logits_to_keep=1).logits[0, -1]
        logits.append(output.numpy())
        return int(output.argmax())

    def add(name: str, turns: list[list[int]], generate: int) -> None:
        ids: list[int] = []
        tokens: list[int] = []
        first = len(logits)
        for turn in turns:
            ids += turn
            tokens.append(step(ids))
        for _ in range(generate):
            ids.append(tokens[-1])
            tokens.append(step(ids))
        cases.append({"name": name, "turns": turns, "tokens": tokens, "firstLogits": first})

    def draw(count: int) -> list[int]:
        return random.integers(0, table.shape[0], count).tolist()

    chunk = arguments.chunk
    add("prompt of 1", [draw(1)], 3)
    add("prompt of 7", [draw(7)], 3)
    add("soft rows in a prompt", [[*draw(3), *(-1 - row for row in range(ROWS)), *draw(9)]], 3)
    add(f"prompt of a chunk and a rest ({chunk + 21})", [draw(chunk + 21)], 2)
    add("three turns on one cache", [draw(12), draw(7), draw(chunk + 3)], 2)
    add(f"prompt of {arguments.long}", [draw(arguments.long)], 4)
    document = {"vocabSize": table.shape[0], "hiddenSize": table.shape[1], "cases": cases}
    (arguments.output / "golden.json").write_text(json.dumps(document), encoding="utf-8")
    numpy.stack(logits).tofile(arguments.output / "golden.f32")
    rows.tofile(arguments.output / "golden-rows.f32")
    print(f"{arguments.output}: {len(cases)} cases, {len(logits)} rows of logits")


if __name__ == "__main__":
    main()
