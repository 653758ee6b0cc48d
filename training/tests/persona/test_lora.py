"""LoRA: nothing before training, W + scale B A after."""

from __future__ import annotations

import copy

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.golden.gradients import waves
from training.persona.lora import add_lora


def test_it_changes_nothing_until_trained_and_then_equals_merged_weights() -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1)).eval()
    tuned, merged = copy.deepcopy(model), copy.deepcopy(model)
    layers = add_lora(tuned, 3, 6)
    ids = torch.randint(0, 50, (1, 9))
    torch.testing.assert_close(tuned(ids).logits, model(ids).logits, rtol=0, atol=0)
    for name, layer in layers.items():
        _, number, projection = name.split(".")
        with torch.no_grad():
            layer.lora_b.normal_()
            weight = getattr(merged.model.layers[int(number)].self_attn, f"{projection}_proj").weight
            weight += 2.0 * layer.lora_b @ layer.lora_a
    torch.testing.assert_close(tuned(ids).logits, merged(ids).logits)


def test_waves_are_float32_values() -> None:
    values = waves((3, 4), 0.05, 0.31, 0.2)
    assert values.shape == (3, 4)
    assert bool((values == values.float().double()).all())
