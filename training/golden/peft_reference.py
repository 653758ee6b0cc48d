"""Compares an adapter that was trained in the browser with the same adapter in peft.

    python -m training.golden.peft_reference ADAPTER_FOLDER --package models/nano-llm

Loads the folder (adapter_config.json, adapter_model.safetensors) with peft and compares its logits with those of the
same numbers applied by `training.persona.lora` or `training.persona.ia3`. Exit status 1 when they differ, or when a
tensor of the file did not arrive in the model.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from training.package.shipped import shipped_language_model
from training.persona.ia3 import MODULES, add_ia3
from training.persona.lora import add_lora

TOLERANCE = 1e-4  # float32 sums in another order
LAYERS = "base_model.model.model.layers"


def apply_lora(model: PreTrainedModel, config: dict, tensors: dict[str, Tensor]) -> None:
    """Takes the matrices of a LoRA out of `tensors`."""
    for name, layer in add_lora(model, config["r"], config["lora_alpha"]).items():
        _, number, projection = name.split(".")
        stem = f"{LAYERS}.{number}.self_attn.{projection}_proj"
        with torch.no_grad():
            layer.lora_a.copy_(tensors.pop(f"{stem}.lora_A.weight"))
            layer.lora_b.copy_(tensors.pop(f"{stem}.lora_B.weight"))


def apply_ia3(model: PreTrainedModel, _config: dict, tensors: dict[str, Tensor]) -> None:
    """Takes the vectors of an (IA)³ out of `tensors`; they are l, ours are l - 1."""
    for name, layer in add_ia3(model).items():
        _, number, place = name.split(".")
        with torch.no_grad():
            layer.change.copy_(tensors.pop(f"{LAYERS}.{number}.{MODULES[place]}.ia3_l").reshape(-1) - 1)


APPLY = {"LORA": apply_lora, "IA3": apply_ia3}


def largest_difference(adapter: Path, package: Path) -> float:
    """Largest difference of logits over a fixed prompt."""
    ids = torch.tensor([[4 + (index * 97) % 8000 for index in range(30)]])
    config = json.loads((adapter / "adapter_config.json").read_text())
    tensors = load_file(adapter / "adapter_model.safetensors")
    own = shipped_language_model(package)
    APPLY[config["peft_type"]](own, config, tensors)
    if tensors:
        raise SystemExit(f"the adapter holds tensors that the model has no place for: {', '.join(tensors)}")
    with torch.no_grad():
        plain = shipped_language_model(package)(ids).logits
        expected = own(ids).logits
        found = PeftModel.from_pretrained(shipped_language_model(package), str(adapter)).eval()(ids).logits
    if (plain - found).abs().max() < 10 * TOLERANCE:
        raise SystemExit("peft loaded the adapter, but it changes nothing. Check the names of its tensors.")
    return float((expected - found).abs().max())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--package", type=Path, default=Path("models/nano-llm"))
    arguments = parser.parse_args()
    difference = largest_difference(arguments.adapter, arguments.package)
    print(f"largest difference of logits: {difference:.2e}")
    sys.exit(0 if difference <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
