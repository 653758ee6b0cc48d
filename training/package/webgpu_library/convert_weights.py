"""Writes the folder that WebLLM downloads from a Hugging Face Llama checkpoint folder. Needs numpy only, not TVM.

    python -m training.package.webgpu_library.convert_weights checkpoint/ output/ [options]

checkpoint/ holds config.json, *.safetensors and tokenizer.json. Weights are stored as bfloat16, which the browser
widens to float32: half the download, and what training/export_onnx_llm.py points at. --chat replaces fields of
mlc-chat-config.json, such as conv_template.

Library parameter                               Hugging Face parameters
model.embed_tokens.weight, model.norm.weight    the same name
model.layers.I.{input,post_attention}_layernorm.weight    the same name
model.layers.I.self_attn.qkv_proj.weight        q_proj, k_proj, v_proj concatenated on axis 0
model.layers.I.self_attn.o_proj.weight          the same name
model.layers.I.mlp.gate_up_proj.weight          gate_proj, up_proj concatenated on axis 0
model.layers.I.mlp.down_proj.weight             the same name
lm_head.weight                                  the same name; absent when tie_word_embeddings
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy

from training.package.webgpu_library.chat_config import chat_config
from training.package.webgpu_library.checkpoint import narrow_to_bfloat16, read_checkpoint
from training.package.webgpu_library.llama_config import LlamaConfig

SHARD_BYTES = 32 * 1024 * 1024


def expected_shapes(config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """The library's parameters in call order, with their shapes."""
    h, d = config.hidden_size, config.head_dim
    fused_heads = config.num_attention_heads + 2 * config.num_key_value_heads
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config.vocab_size, h),
        "model.norm.weight": (h,),
    }
    for index in range(config.num_hidden_layers):
        layer = f"model.layers.{index}."
        shapes |= {
            f"{layer}input_layernorm.weight": (h,),
            f"{layer}post_attention_layernorm.weight": (h,),
            f"{layer}self_attn.qkv_proj.weight": (fused_heads * d, h),
            f"{layer}self_attn.o_proj.weight": (h, config.num_attention_heads * d),
            f"{layer}mlp.gate_up_proj.weight": (2 * config.intermediate_size, h),
            f"{layer}mlp.down_proj.weight": (h, config.intermediate_size),
        }
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, h)
    return shapes


def library_parameters(config: LlamaConfig, state: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """Renames and fuses a Hugging Face state dict into the library's parameters, checked for shape and finiteness."""
    result = dict(state)
    for index in range(config.num_hidden_layers):
        layer = f"model.layers.{index}."
        for fused, parts in (("self_attn.qkv_proj", "qkv"), ("mlp.gate_up_proj", ("gate", "up"))):
            block = fused.split(".")[0]
            names = [f"{layer}{block}.{part}_proj.weight" for part in parts]
            if missing := [name for name in names if name not in result]:
                layers = config.num_hidden_layers
                raise ValueError(f"the checkpoint lacks {', '.join(missing)}: is it a Llama of {layers} layers?")
            result[f"{layer}{fused}.weight"] = numpy.concatenate([result.pop(name) for name in names])
    if config.tie_word_embeddings:
        result.pop("lm_head.weight", None)
    shapes = expected_shapes(config)
    if differing := sorted(set(result) ^ set(shapes)):
        raise ValueError(f"the checkpoint's parameters differ from the config's in {', '.join(differing)}")
    for name, shape in shapes.items():
        if result[name].shape != shape:
            raise ValueError(f"{name} has shape {result[name].shape}, the config implies {shape}")
        if not numpy.isfinite(result[name]).all():
            raise ValueError(f"{name} holds values that are not finite: the training diverged")
    return {name: result[name] for name in shapes}


def write_shards(parameters: dict[str, numpy.ndarray], output: Path, is_bfloat16: bool = True) -> int:
    """Writes params_shard_*.bin and tensor-cache.json; returns the bytes of all shards."""
    shards: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    payload = bytearray()

    def flush() -> None:
        name = f"params_shard_{len(shards)}.bin"
        (output / name).write_bytes(payload)
        digest = hashlib.md5(payload).hexdigest()  # a field of the format; integrity rests on the manifest's SHA-256
        shards.append(
            {
                "dataPath": name,
                "format": "raw-shard",
                "nbytes": len(payload),
                "records": records.copy(),
                "md5sum": digest,
            }
        )
        records.clear()
        payload.clear()

    for name, array in parameters.items():
        data = (narrow_to_bfloat16(array) if is_bfloat16 else array.astype("<f4")).tobytes()
        if payload and len(payload) + len(data) > SHARD_BYTES:
            flush()
        records.append(
            {
                "name": name,
                "shape": list(array.shape),
                "dtype": "float32",
                "format": "f32-to-bf16" if is_bfloat16 else "raw",
                "nbytes": len(data),
                "byteOffset": len(payload),
            }
        )
        payload += data
    flush()
    total = sum(shard["nbytes"] for shard in shards)
    metadata = {"ParamSize": len(parameters), "ParamBytes": total, "BitsPerParam": 16.0 if is_bfloat16 else 32.0}
    (output / "tensor-cache.json").write_text(json.dumps({"metadata": metadata, "records": shards}), encoding="utf-8")
    return total


def convert(
    checkpoint: str | Path,
    output: str | Path,
    *,
    is_bfloat16: bool = True,
    chat: dict[str, Any] | None = None,
    config_path: str | Path | None = None,
) -> int:
    """Writes shards, tensor-cache.json, mlc-chat-config.json and tokenizer.json; returns the bytes of the weights."""
    checkpoint, output = Path(checkpoint), Path(output)
    config_path = Path(config_path or checkpoint / "config.json")
    output.mkdir(parents=True, exist_ok=True)
    config = LlamaConfig.load(config_path)
    total = write_shards(library_parameters(config, read_checkpoint(checkpoint)), output, is_bfloat16)
    raw = json.loads(config_path.read_text(encoding="utf-8"))
    text = json.dumps(chat_config(config, raw, chat), indent=1) + "\n"
    (output / "mlc-chat-config.json").write_text(text, encoding="utf-8")
    shutil.copyfile(checkpoint / "tokenizer.json", output / "tokenizer.json")
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--float32", action="store_true", help="store float32 instead of bfloat16")
    parser.add_argument("--chat", type=Path, help="JSON file whose fields replace those of mlc-chat-config.json")
    parser.add_argument("--config", type=Path, help="default: checkpoint/config.json")
    arguments = parser.parse_args()
    chat = json.loads(arguments.chat.read_text(encoding="utf-8")) if arguments.chat else None
    total = convert(
        arguments.checkpoint,
        arguments.output,
        is_bfloat16=not arguments.float32,
        chat=chat,
        config_path=arguments.config,
    )
    print(f"{total / 1e6:.1f} MB of weights in {arguments.output}")


if __name__ == "__main__":
    main()
