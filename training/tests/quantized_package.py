"""A tiny random Llama with quantized weights: shards, tensor-cache.json, and a checkpoint of the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.package.webgpu_library.convert_weights import library_parameters
from training.package.webgpu_library.llama_config import LlamaConfig as PackageConfig

BLOCK = 32
SHAPES: dict[str, dict[str, Any]] = {
    "grouped and tied": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "plain and untied": {"num_key_value_heads": 4, "tie_word_embeddings": False},
}


def write_quantized_package(folder: Path, shape: dict[str, Any]) -> LlamaForCausalLM:
    """Writes a package without graph and manifest, and the folder `checkpoint` beside it; returns the torch model."""
    config = LlamaConfig(
        **{
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "head_dim": 16,
            "vocab_size": 288,
            "max_position_embeddings": 64,
            "bos_token_id": 256,
            "eos_token_id": 257,
            **shape,
        }
    )
    torch.manual_seed(0)
    random = numpy.random.default_rng(0)
    model = LlamaForCausalLM(config).eval()
    checkpoint = folder / "checkpoint"
    model.save_pretrained(checkpoint)
    write_tokenizer(checkpoint)
    writer = ShardWriter(folder)
    package = PackageConfig.load(checkpoint / "config.json")
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    replaced: dict[str, numpy.ndarray] = {}
    for name, array in library_parameters(package, state).items():
        if array.ndim == 1:
            values = random.uniform(0.5, 1.5, array.shape).astype("f4")
            writer.add(name, values)
        else:
            add = writer.add_q8_0 if name.startswith(("model.embed_tokens", "lm_head")) else writer.add_q4_1
            values = add(name.removesuffix(".weight"), array.shape, random)
        replaced |= parts_of(name, values, package)
    writer.close()
    model.load_state_dict({name: torch.from_numpy(values) for name, values in replaced.items()}, strict=False)
    model.save_pretrained(checkpoint)
    return model


def parts_of(name: str, values: numpy.ndarray, config: PackageConfig) -> dict[str, numpy.ndarray]:
    """The checkpoint's parameters that a stored one was joined from."""
    queries, keys = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    for fused, parts, ends in (
        ("self_attn.qkv_proj", "qkv", [queries, queries + keys]),
        ("mlp.gate_up_proj", ("gate", "up"), [config.intermediate_size]),
    ):
        if fused in name:
            block = fused.split(".")[0]
            names = [name.replace(fused, f"{block}.{part}_proj") for part in parts]
            return dict(zip(names, map(numpy.ascontiguousarray, numpy.split(values, ends)), strict=True))
    return {name: values}


def write_tokenizer(folder: Path) -> None:
    """Bytes, and the control tokens of ChatML."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({character: index for index, character in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    control = ["<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens(control)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=control[0], eos_token=control[1])
    wrapped.save_pretrained(folder)


class ShardWriter:
    """Random quantized matrices in one shard. Their scales make rows of about unit length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records: list[dict[str, Any]] = []
        self._payload = bytearray()

    def add(self, name: str, array: numpy.ndarray) -> None:
        is_float = array.dtype == numpy.float32
        self._records.append(
            {
                "name": name,
                "shape": list(array.shape),
                "dtype": "float32" if is_float else "uint32",
                "format": "f32" if is_float else "raw",
                "nbytes": array.nbytes,
                "byteOffset": len(self._payload),
            }
        )
        self._payload += array.tobytes()

    def add_q4_1(self, name: str, shape: tuple[int, int], random: numpy.random.Generator) -> numpy.ndarray:
        rows, columns = shape
        quants = random.integers(0, 16, (rows, columns // BLOCK, BLOCK), "u1")
        scales = (random.uniform(0.5, 1, (rows, columns // BLOCK, 1)) / 5 / columns**0.5).astype("f2")
        minimums = (-7.5 * scales.astype("f4") * random.uniform(0.9, 1.1, scales.shape)).astype("f2")
        flat = quants.reshape(rows, columns)
        words = sum(flat[:, place::8].astype("u4") << (4 * place) for place in range(8))
        self.add(f"{name}.q_weight", words)
        self.add(f"{name}.scales", numpy.concatenate([scales, minimums], -1).view("u4").reshape(rows, -1))
        return (quants.astype("f4") * scales.astype("f4") + minimums.astype("f4")).reshape(rows, columns)

    def add_q8_0(self, name: str, shape: tuple[int, int], random: numpy.random.Generator) -> numpy.ndarray:
        rows, columns = shape
        quants = random.integers(-127, 128, (rows, columns // BLOCK, BLOCK), "i1")
        scales = (random.uniform(0.5, 1, (rows, columns // BLOCK, 1)) / 80 / columns**0.5).astype("f2")
        self.add(f"{name}.q_weight", quants.reshape(rows, columns).view("u4"))
        self.add(f"{name}.scales", scales.reshape(rows, -1).view("u4"))
        return (quants.astype("f4") * scales.astype("f4")).reshape(rows, columns)

    def close(self) -> None:
        (self._folder / "params_shard_0.bin").write_bytes(self._payload)
        shard = {"dataPath": "params_shard_0.bin", "format": "raw-shard", "nbytes": len(self._payload)}
        cache = {"metadata": {}, "records": [shard | {"records": self._records}]}
        (self._folder / "tensor-cache.json").write_text(json.dumps(cache), encoding="utf-8")
