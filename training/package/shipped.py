"""Reads model packages back into torch, so that measurements are of the files that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from training.core.language_model import create_language_model
from training.package.model_package import read_manifest
from training.package.onnx_embedder import OnnxEmbedder
from training.persona.plug import DEFAULT_TASK, Plug
from training.persona.unigram_adaptation import UnigramAdaptation, read_unigram_tensors


def shipped_language_model(package: Path) -> PreTrainedModel:
    """The Llama of a package, float32, from the bf16 shards that every runtime reads."""
    model = create_language_model(package / "config.json").eval()
    config = json.loads((package / "config.json").read_text())
    query, key = (config[f"num_{kind}_heads"] * config["head_dim"] for kind in ("attention", "key_value"))
    splits = {"self_attn.qkv_proj": ("qkv", (query, key, key)), "mlp.gate_up_proj": (("gate", "up"), None)}
    state: dict[str, torch.Tensor] = {}
    for shard in json.loads((package / "tensor-cache.json").read_text())["records"]:
        payload = np.fromfile(package / shard["dataPath"], dtype=np.uint8)
        for record in shard["records"]:
            raw = payload[record["byteOffset"] : record["byteOffset"] + record["nbytes"]].view("<u2")
            values = torch.from_numpy((raw.astype(np.uint32) << 16).view(np.float32).copy()).reshape(record["shape"])
            name = record["name"]
            fused = next((part for part in splits if part in name), None)
            if fused is None:
                state[name] = values
                continue
            parts, sizes = splits[fused]
            block = fused.split(".")[0]
            for part, piece in zip(parts, values.split(sizes or values.shape[0] // 2), strict=True):
                state[name.replace(fused, f"{block}.{part}_proj")] = piece
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise ValueError(f"{package} does not fit its config.json: {sorted({*missing, *unexpected})}. Export it anew.")
    model.tie_weights()
    return model


def shipped_plug(package: Path) -> Plug:
    """The plug of a package."""
    block = read_manifest(package)["plug"]
    tensors = {name: tensor.float() for name, tensor in load_file(package / block["weights"]).items()}
    tasks = [task for task in block["tasks"] if task != DEFAULT_TASK]
    sizes = (block["dim"], block["hiddenSize"], block["projectorWidth"], block["personaRows"], block["instructionRows"])
    rank = block.get("instructionRank", 0)
    plug = Plug(*sizes, tasks, 1.0, rank, block.get("normalizesQuery", False)).eval()

    def of_tasks(kind: str) -> torch.Tensor:
        return torch.stack([tensors[f"{kind}.{task}"] for task in tasks])

    state = {
        "query.weight": tensors["query.weight"],
        "instruction": of_tasks("instruction"),
        "log_temperature": of_tasks("temperature")[:, 0].log(),
        "decay": of_tasks("decay")[:, 0],
    }
    state["center"] = of_tasks("center") if f"center.{tasks[0]}" in tensors else plug.center
    if rank:
        state["instruction_in.weight"] = tensors["instruction_query.weight"]
        state["instruction_out"] = of_tasks("instruction_query")
    for ours, stored in (
        ("projector_in", "projector.0"),
        ("projector_out", "projector.1"),
        ("gate_in", "gate.0"),
        ("gate_out", "gate.1"),
    ):
        for kind in ("weight", "bias"):
            state[f"{ours}.{kind}"] = tensors[f"{stored}.{kind}"]
    plug.load_state_dict(state)
    return plug


def shipped_unigram_adaptation(package: Path) -> dict[str, UnigramAdaptation]:
    """The unigram adaptation of a plug's package by task; empty for a plug without it."""
    return read_unigram_tensors(load_file(package / read_manifest(package)["plug"]["weights"]))


class OnDemandVectors:
    """Vectors by the shipped 8-bit embedder, each computed when it is first asked for."""

    def __init__(self, package: Path) -> None:
        self._embedder = OnnxEmbedder.of_package(package)
        self._known: dict[str, np.ndarray] = {}

    def of_text(self, text: str) -> np.ndarray:
        """Unit vector [384] of a text."""
        if text not in self._known:
            self._known[text] = self._embedder.embed(text)
        return self._known[text]

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Unit vectors [n, 384]."""
        return np.stack([self.of_text(text) for text in texts])
