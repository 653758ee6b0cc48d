"""(IA)³ of a Hugging Face Llama, unmerged (arXiv 2205.05638); as in the browser l - 1 is trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.core.language_model import decoder_layers

MODULES = {"k": "self_attn.k_proj", "v": "self_attn.v_proj", "down": "mlp.down_proj"}


class RescaledLinear(nn.Module):
    """A frozen W whose outputs, or inputs, are each multiplied by their own l; `change` is l - 1, at first 0."""

    def __init__(self, base: nn.Linear, scales_input: bool) -> None:
        super().__init__()
        self.base = base
        self.scales_input = scales_input
        width = base.in_features if scales_input else base.out_features
        self.change = nn.Parameter(torch.zeros(width, dtype=base.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """[…, in] to […, out]."""
        scale = 1 + self.change
        return self.base(x * scale) if self.scales_input else self.base(x) * scale


def add_ia3(model: PreTrainedModel) -> dict[str, RescaledLinear]:
    """Rescales keys (before rotary positions), values and inner activations, by `layers.<n>.<k|v|down>`."""
    found: dict[str, RescaledLinear] = {}
    for number, layer in enumerate(decoder_layers(model)):
        for place, path in MODULES.items():
            part, name = path.split(".")
            parent = getattr(layer, part)
            wrapped = RescaledLinear(getattr(parent, name), scales_input=place == "down")
            setattr(parent, name, wrapped)
            found[f"layers.{number}.{place}"] = wrapped
    return found
