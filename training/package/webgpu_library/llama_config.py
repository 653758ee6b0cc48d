"""The model's configuration: a Hugging Face config.json plus the two window sizes of a model library."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

DEFAULT_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class LlamaConfig:
    """The fields of a Hugging Face LlamaConfig that shape the computation, plus the two window sizes of the library."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    num_key_value_heads: int
    head_dim: int
    context_window_size: int
    prefill_chunk_size: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = False

    @staticmethod
    def load(path: str | Path) -> LlamaConfig:
        """Reads config.json; raises ValueError for rope scaling, biases or other activations."""
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        refuse_unsupported(raw, path)
        rope = rope_settings(raw)
        raw.setdefault("rope_theta", rope.get("rope_theta", 10000.0))
        raw.setdefault("num_key_value_heads", raw["num_attention_heads"])
        if not raw.setdefault("context_window_size", raw.get("max_position_embeddings")):
            raise ValueError(f"{path} names neither context_window_size nor max_position_embeddings: add one")
        raw.setdefault("prefill_chunk_size", min(DEFAULT_CHUNK, raw["context_window_size"]))
        if raw.get("head_dim") is None:
            raw["head_dim"] = raw["hidden_size"] // raw["num_attention_heads"]
        names = {field.name for field in dataclasses.fields(LlamaConfig)}
        config = LlamaConfig(**{name: value for name, value in raw.items() if name in names})
        config.refuse_odd_sizes(path)
        return config

    def refuse_odd_sizes(self, path: str | Path) -> None:
        """The kernels read four numbers at a time and rotate halves of a head."""
        sizes = {
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_attention_heads * head_dim": self.num_attention_heads * self.head_dim,
        }
        for name, size in sizes.items():
            if size % 4:
                raise ValueError(f"{path}: {name} is {size}, which is not a multiple of 4: choose another size")
        if self.head_dim % 2:
            raise ValueError(f"{path}: head_dim is {self.head_dim}, which is odd: rotary embedding needs halves")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"{path}: {self.num_attention_heads} heads cannot share {self.num_key_value_heads} key heads: "
                "num_attention_heads must be a multiple of num_key_value_heads"
            )


def rope_settings(raw: dict[str, Any]) -> dict[str, Any]:
    """rope_parameters (transformers 5) or rope_scaling (before), empty where config.json has neither."""
    return raw.get("rope_parameters") or raw.get("rope_scaling") or {}


def refuse_unsupported(raw: dict[str, Any], path: str | Path) -> None:
    """Raises ValueError on a field whose computation the kernels lack."""
    if raw.get("model_type", "llama") != "llama":
        raise ValueError(f"{path} has model_type {raw['model_type']!r}: only llama is compiled here")
    rope = rope_settings(raw)
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ValueError(f"{path} has rope scaling {rope}, which is not supported: train with the default rope")
    for bias in ("attention_bias", "mlp_bias"):
        if raw.get(bias):
            raise ValueError(f"{path} sets {bias}, which is not supported: train without biases")
    if raw.get("hidden_act", "silu") != "silu":
        raise ValueError(f"{path} has hidden_act {raw['hidden_act']!r}, which is not supported: use silu")
