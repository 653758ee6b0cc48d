"""LoRA on the query and value projections of a Hugging Face causal LM, unmerged (arXiv 2106.09685)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from training.core.language_model import decoder_layers


class LoraLinear(nn.Module):
    """W x + (alpha / rank) B A x with a frozen W; A [rank, in], B [out, rank], zeros in B."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        dtype = base.weight.dtype
        self.lora_a = nn.Parameter(torch.empty(rank, base.in_features, dtype=dtype))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, dtype=dtype))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """[…, in] to […, out]."""
        return self.base(x) + self.scale * functional.linear(functional.linear(x, self.lora_a), self.lora_b)


def add_lora(model: PreTrainedModel, rank: int, alpha: float) -> dict[str, LoraLinear]:
    """Puts LoRA around q_proj and v_proj of every layer; returns them as `layers.<n>.<q|v>`."""
    found: dict[str, LoraLinear] = {}
    for number, layer in enumerate(decoder_layers(model)):
        for projection in ("q", "v"):
            wrapped = LoraLinear(getattr(layer.self_attn, f"{projection}_proj"), rank, alpha)
            setattr(layer.self_attn, f"{projection}_proj", wrapped)
            found[f"layers.{number}.{projection}"] = wrapped
    return found
