"""The frozen language model under a plug: any Hugging Face causal LM with its own tokenizer, or the run's nano model.

A plug works with a model that takes embedded rows in place of ids (`inputs_embeds`) and whose head on the last hidden
states gives its logits. Both are checked on every load: with a model that scales its embeddings or logits elsewhere the
training would run without an error, and the answers would be wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from training.core.language_model import embedding_table, load_language_model, round_to_bfloat16
from training.core.run_directory import RunDirectory
from training.data.prompt_format import context_of, prompt_format_of
from training.data.prompts import NANO_FORMAT, PromptFormat
from training.data.tokenizer import TextTokenizer

CALIBRATION_ROWS = 32768  # embeddings of a large vocabulary from which their size is estimated
DTYPES = ("bfloat16", "float32")


@dataclass(frozen=True)
class FrozenModel:
    """A causal LM in evaluation mode without gradients, and how prompts for it are written."""

    model: PreTrainedModel
    tokenizer: TextTokenizer
    form: PromptFormat

    @torch.no_grad()
    def embedding_rows(self) -> Tensor:
        """Embeddings of the first ids as the model sees them, float32 [rows, hidden], on the CPU.

        The ids are looked up, since some models scale what their embedding returns.
        """
        table = embedding_table(self.model)
        ids = torch.arange(min(table.weight.shape[0], CALIBRATION_ROWS), device=self.model.device)
        return table(ids).float().cpu()

    def manifest_block(self) -> dict[str, object]:
        """What a package manifest says of the language model's prompts and sizes."""
        return {
            "hiddenSize": int(embedding_table(self.model).weight.shape[1]),
            "vocabularySize": int(embedding_table(self.model).weight.shape[0]),
            "contextWindow": self.form.context_window,
            "endTokens": [self.form.end],
            "promptTemplate": list(self.form.template),
        }


def freeze(model: PreTrainedModel, device: str, dtype: str) -> PreTrainedModel:
    """The model on its device, without gradients.

    bfloat16 rounds the weights; those loaded as float32 stay float32 numbers, since bfloat16 is slow on a CPU.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is unknown. Use one of {', '.join(DTYPES)}.")
    if dtype == "bfloat16":
        round_to_bfloat16(model)
    model.eval().requires_grad_(False).to(torch.device(device))
    return model


def load_nano(run: RunDirectory, weights: Path | None, device: str, dtype: str) -> FrozenModel:
    """The language model of a run (or other weights with the same tokenizer)."""
    model = load_language_model(weights or run.language_model())
    return FrozenModel(freeze(model, device, dtype), TextTokenizer(run.tokenizer), NANO_FORMAT)


def load_frozen(path: str | Path, device: str, dtype: str) -> FrozenModel:
    """A causal LM by folder or name, with its tokenizer and chat template. Raises when a plug cannot be put into it."""
    is_half = dtype == "bfloat16" and device != "cpu"
    model = freeze(load_language_model(path, torch.bfloat16 if is_half else torch.float32), device, dtype)
    check_inputs(model)
    tokenizer = AutoTokenizer.from_pretrained(path)
    text = text_tokenizer(path, tokenizer)
    return FrozenModel(model, text, prompt_format_of(tokenizer, text, context_of(model.config)))


def frozen_of_run(run: RunDirectory, llm: str, weights: Path | None, device: str, dtype: str) -> FrozenModel:
    """The language model of a plug's config: `llm` where it names one, else the run's own."""
    return load_frozen(llm, device, dtype) if llm else load_nano(run, weights, device, dtype)


def text_tokenizer(path: str | Path, tokenizer: Any) -> TextTokenizer:
    """The tokenizer.json of the folder, since runtimes read that file; else what transformers made of other files."""
    file = Path(path) / "tokenizer.json"
    if file.is_file():
        return TextTokenizer(file)
    if not tokenizer.is_fast:
        raise ValueError(f"{path} has no tokenizer.json and none can be made of it. Convert its tokenizer first.")
    return TextTokenizer(json.loads(tokenizer.backend_tokenizer.to_str()))


@torch.no_grad()
def check_inputs(model: PreTrainedModel, tolerance: float = 0.02) -> None:
    """Raises unless rows equal to token embeddings, through body and head, give the model's own logits.

    The tolerance is a share of the logits' spread: bfloat16 rounds to about 0.004 of a value.
    """
    vocabulary = embedding_table(model).weight.shape[0]
    ids = torch.tensor([[1, 5, 9, 4, 7, 3]], device=model.device) % vocabulary
    expected = model(input_ids=ids, use_cache=False).logits.float()
    embeddings = model.get_input_embeddings()(ids)
    hidden = model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    found = model.get_output_embeddings()(hidden).float()
    difference, spread = float((found - expected).abs().max()), float(expected.std())
    if difference > tolerance * max(spread, 1e-6):
        raise ValueError(
            f"{type(model).__name__} changes its embeddings or logits outside of its body and head (difference "
            f"{difference:.3g}, logits spread {spread:.3g}). A plug cannot be trained for it as it is."
        )
