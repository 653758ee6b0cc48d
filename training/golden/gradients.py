"""Golden losses and gradients of personal tuning in the browser: soft prompt rows, LoRA matrices and (IA)³ vectors on
fixed inputs, computed by torch.

    python -m training.golden.gradients --models models --output research-models/golden

The language model is the shipped one in float64 on its bf16-rounded weights. The parameters are not stored: value i of
a tensor is `scale * sin(frequency * i + phase)` in float64, rounded to float32, which every language computes alike.
Gradients are stored for two layers only, which keeps the file small; the gradient of layer 0 depends on all layers.

tuning.json: {"languageModel": fingerprint, "cases": [...]}; its arrays lie in tuning.f32, addressed like those of
golden.f32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from training.core.language_model import embedding_table
from training.data.prompts import lay_out, prompt_text
from training.data.tokenizer import END, TextTokenizer
from training.golden.writer import GoldenWriter
from training.package.model_package import read_manifest
from training.package.shipped import shipped_language_model
from training.persona.ia3 import RescaledLinear, add_ia3
from training.persona.lora import LoraLinear, add_lora

RANK, ALPHA = 8, 8
KEPT_LAYERS = (0, 5)
CASES = (
    ("news_category", "The parliament votes on the budget tonight after weeks of talks.", "Politics", 4, "prompt"),
    (
        "news_headline",
        "The city builds a new bicycle bridge over the river, and shop owners hope.",
        "A bridge for bicycles",
        4,
        "prompt",
    ),
    (
        "paper_title",
        "We train small language models on the texts of one author. " * 9,
        "One author, one model",
        8,
        "prompt",
    ),
    ("news_headline", "Rain has stopped the match for the third time this week.", "Rain, again", 0, "lora"),
    (
        "news_headline",
        "The museum shows the first radios again, and visitors may turn every knob.",
        "Knobs to turn",
        0,
        "ia3",
    ),
)


def waves(shape: tuple[int, ...], scale: float, frequency: float, phase: float) -> Tensor:
    """A tensor that every language can compute alike, float32 values in float64."""
    values = scale * np.sin(frequency * np.arange(np.prod(shape), dtype=np.float64) + phase)
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def answer_loss(model: PreTrainedModel, embeddings: Tensor, answer: list[int]) -> Tensor:
    """Mean negative log-likelihood of the answer after input embeddings [n, hidden] of prompt and answer[:-1]."""
    hidden = model.base_model(inputs_embeds=embeddings[None], use_cache=False).last_hidden_state[0]
    logits = model.get_output_embeddings()(hidden[-len(answer) :])
    return functional.cross_entropy(logits, torch.tensor(answer))


def tuning_case(
    model: PreTrainedModel, tokenizer: TextTokenizer, writer: GoldenWriter, case: tuple
) -> dict[str, object]:
    """One case: the soft rows are `base + prompt`, both waves; LoRA and (IA)³ cases have no rows."""
    task, text, output, rows, kind = case
    segments = [
        segment
        for segment in lay_out(
            tokenizer, tokenizer.encode(prompt_text(task, text)), persona_rows=rows, maximum_new_tokens=32
        )
        if segment.kind != "instruction"
    ]
    answer = [*tokenizer.encode(output), END]
    table = embedding_table(model)
    hidden = table.weight.shape[1]
    prompt = waves((max(rows, 1), hidden), 0.02, 0.7, 0.3).requires_grad_()
    parts = [
        table(torch.tensor(s.ids)) if s.kind == "ids" else waves((rows, hidden), 0.05, 0.37, 1.1) + prompt
        for s in segments
    ]
    if len(answer) > 1:
        parts.append(table(torch.tensor(answer[:-1])))
    layers: dict[str, LoraLinear] = add_lora(model, RANK, ALPHA) if kind == "lora" else {}
    for number, layer in enumerate(layers.values()):
        with torch.no_grad():
            layer.lora_a.copy_(waves(tuple(layer.lora_a.shape), 0.05, 0.31 + 0.01 * number, 0.2))
            layer.lora_b.copy_(waves(tuple(layer.lora_b.shape), 0.05, 0.43 + 0.01 * number, 0.4))
    vectors: dict[str, RescaledLinear] = add_ia3(model) if kind == "ia3" else {}
    for number, vector in enumerate(vectors.values()):
        with torch.no_grad():
            vector.change.copy_(waves(tuple(vector.change.shape), 0.3, 0.29 + 0.01 * number, 0.6))
    loss = answer_loss(model, torch.cat(parts), answer)
    loss.backward()
    gradients: dict[str, object] = {}
    if kind == "prompt":
        gradients["prompt"] = writer.array(prompt.grad)
    for name, layer in layers.items():
        if int(name.split(".")[1]) in KEPT_LAYERS:
            gradients[f"{name}.A"] = writer.array(layer.lora_a.grad)
            gradients[f"{name}.B"] = writer.array(layer.lora_b.grad)
    for name, vector in vectors.items():
        if int(name.split(".")[1]) in KEPT_LAYERS:
            gradients[name] = writer.array(vector.change.grad)
    return {
        "name": f"{task} {kind}",
        "kind": kind,
        "segments": [{"ids": s.ids} if s.kind == "ids" else {"rows": rows} for s in segments],
        "answer": answer,
        "loss": loss.item(),
        "gradients": gradients,
    }


def write_golden_tuning(models: Path, output: Path) -> None:
    """Writes tuning.json and tuning.f32."""
    package = models / "nano-llm"
    tokenizer = TextTokenizer(package / "tokenizer.json")
    writer = GoldenWriter(output, "tuning.f32")
    cases = []
    for case in CASES:
        model = shipped_language_model(package).double().requires_grad_(False)
        cases.append(tuning_case(model, tokenizer, writer, case))
    writer.close()
    document = {"languageModel": read_manifest(package)["fingerprint"], "rank": RANK, "alpha": ALPHA, "cases": cases}
    (output / "tuning.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    write_golden_tuning(arguments.models, arguments.output)


if __name__ == "__main__":
    main()
