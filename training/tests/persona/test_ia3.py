"""(IA)³: nothing before training, scaled rows and columns of the weights after."""

from __future__ import annotations

import copy

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.persona.ia3 import MODULES, add_ia3


def test_it_changes_nothing_until_trained_and_then_equals_scaled_weights() -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1)).eval()
    tuned, merged = copy.deepcopy(model), copy.deepcopy(model)
    layers = add_ia3(tuned)
    assert {name: layer.change.numel() for name, layer in layers.items() if name.startswith("layers.1.")} == {
        "layers.1.k": 8,
        "layers.1.v": 8,
        "layers.1.down": 24,
    }
    ids = torch.randint(0, 50, (1, 9))
    torch.testing.assert_close(tuned(ids).logits, model(ids).logits, rtol=0, atol=0)
    for name, layer in layers.items():
        _, number, place = name.split(".")
        with torch.no_grad():
            layer.change.normal_()
            weight = merged.model.layers[int(number)].get_submodule(MODULES[place]).weight
            weight *= (1 + layer.change) if place == "down" else (1 + layer.change)[:, None]
    torch.testing.assert_close(tuned(ids).logits, merged(ids).logits)
