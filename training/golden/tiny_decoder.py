"""A tiny random Llama with quantized weights, as a package whose ONNX graph has every part of a real one.

    python -m training.golden.tiny_decoder research-models

writes tiny-decoder and tiny-decoder-golden, which the tests run on: real graphs need real weights, which are large.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.golden.decoder_cases import Case, write_cases
from training.package.model_cards import licence_text
from training.package.model_package import write_manifest
from training.package.onnx_decoder import export
from training.package.webgpu_library.convert_weights import library_parameters
from training.package.webgpu_library.llama_config import LlamaConfig as PackageConfig

BLOCK = 32
WINDOW = 320  # more than a chunk of the runtime
END = 257
CARD = """# A tiny decoder

Two layers of random weights in 4 and 8 bits, and an ONNX graph over input embeddings. It says nothing; tests compare
what it computes with torch. Written by training/golden/tiny_decoder.py.
"""
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
            "max_position_embeddings": 512,
            "bos_token_id": 256,
            "eos_token_id": END,
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
        if len(array.shape) == 1:
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
        words = numpy.bitwise_or.reduce([flat[:, place::8].astype("u4") << (4 * place) for place in range(8)])
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


def tiny_cases() -> list[Case]:
    """Random prompts: short, across the runtime's chunk, with rows, with an adapter."""
    random = numpy.random.default_rng(4)

    def ids(length: int) -> list[int]:
        return [256, *random.integers(0, 256, length - 1).tolist()]

    return [
        Case("short", ids(12), new_tokens=6),
        Case("across a chunk", ids(300), new_tokens=4),
        Case("rows", ids(12), rows_at=1, new_tokens=6),
        Case("adapter", ids(12), has_adapter=True, new_tokens=6),
        Case("adapter and rows", ids(12), rows_at=1, has_adapter=True, new_tokens=6),
    ]


def write_packages(models: Path) -> None:
    """Writes tiny-decoder and tiny-decoder-golden below `models`."""
    target = models / "tiny-decoder"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    model = write_quantized_package(target, SHAPES["grouped and tied"])
    onnx = export(target / "checkpoint", target / "tensor-cache.json", target / "model.onnx", WINDOW)
    shutil.move(target / "checkpoint" / "tokenizer.json", target / "tokenizer.json")
    shutil.rmtree(target / "checkpoint")
    (target / "LICENSE").write_text(licence_text())
    (target / "MODEL_CARD.md").write_text(CARD)
    config = model.config
    write_manifest(
        target,
        kind="language-model",
        name="tiny-decoder",
        version="0.1.0",
        licence="Apache-2.0",
        description="Two layers of random quantized weights for tests of the ONNX decoder.",
        roles={
            "params_shard_0.bin": "weights",
            "tensor-cache.json": "config",
            "onnx-weights.json": "config",
            "model.onnx": "graph",
            "tokenizer.json": "tokenizer",
            "LICENSE": "licence",
            "MODEL_CARD.md": "card",
        },
        training_data=[],
        results={},
        block={
            "hiddenSize": config.hidden_size,
            "vocabularySize": config.vocab_size,
            "layers": config.num_hidden_layers,
            "heads": config.num_attention_heads,
            "kvHeads": config.num_key_value_heads,
            "headDim": config.head_dim,
            "contextWindow": WINDOW,
            "endTokens": [END],
            "tokenizer": "tokenizer.json",
            "promptTemplate": [{"control": "<|im_start|>"}, {"slot": "persona"}, {"slot": "prompt"}],
            "onnx": onnx,
        },
    )
    golden = models / "tiny-decoder-golden"
    shutil.rmtree(golden, ignore_errors=True)
    write_cases(golden, model, tiny_cases(), END, kept=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="the folder of the packages")
    write_packages(parser.parse_args().models)


if __name__ == "__main__":
    main()
