"""Writes the folder that WebLLM downloads from a Llama: a Hugging Face folder or a GGUF file. Needs numpy only, not TVM
(and the package gguf for a GGUF file).

    python -m training.package.webgpu_library.convert_weights checkpoint/ output/ [options]
    python -m training.package.webgpu_library.convert_weights model.gguf output/ --tokenizer tokenizer.json [options]

checkpoint/ holds config.json, *.safetensors and tokenizer.json. --quantization says how matrices are stored: bf16,
which the browser widens to float32 (and what training/package/export_onnx_llm.py points at), q4_1 or q8_0 (see
quantization.py; the embedding table and lm_head are q8_0 in both, vectors float32). Quantized matrices of a GGUF file
are repacked and keep every number, and without --quantization the file decides. --chat replaces fields of
mlc-chat-config.json, such as conv_template.

Library parameter                               Hugging Face parameters
model.embed_tokens.weight, model.norm.weight    the same name
model.layers.I.{input,post_attention}_layernorm.weight    the same name
model.layers.I.self_attn.qkv_proj.weight        q_proj, k_proj, v_proj concatenated on axis 0
model.layers.I.self_attn.o_proj.weight          the same name
model.layers.I.mlp.gate_up_proj.weight          gate_proj, up_proj concatenated on axis 0
model.layers.I.mlp.down_proj.weight             the same name
lm_head.weight                                  the same name; absent when tie_word_embeddings

A quantized matrix NAME.weight becomes NAME.q_weight and NAME.scales.
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
from training.package.webgpu_library.gguf_checkpoint import Tensor, read_gguf
from training.package.webgpu_library.llama_config import LlamaConfig
from training.package.webgpu_library.quantization import FORMATS, QUANTIZE, QuantizedMatrix, concatenate

SHARD_BYTES = 32 * 1024 * 1024
QUANTIZATIONS = ("bf16", *FORMATS)
TABLES = ("model.embed_tokens.weight", "lm_head.weight")


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


def library_parameters(config: LlamaConfig, state: dict[str, Tensor]) -> dict[str, Tensor]:
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
            result[f"{layer}{fused}.weight"] = fuse([result.pop(name) for name in names], names)
    if config.tie_word_embeddings:
        result.pop("lm_head.weight", None)
    shapes = expected_shapes(config)
    if differing := sorted(set(result) ^ set(shapes)):
        raise ValueError(f"the checkpoint's parameters differ from the config's in {', '.join(differing)}")
    for name, shape in shapes.items():
        tensor = result[name]
        if tensor.shape != shape:
            raise ValueError(f"{name} has shape {tensor.shape}, the config implies {shape}")
        numbers = tensor.scales.view("<f2") if isinstance(tensor, QuantizedMatrix) else tensor
        if not numpy.isfinite(numbers).all():
            raise ValueError(f"{name} holds values that are not finite: the training diverged")
    return {name: result[name] for name in shapes}


def fuse(tensors: list[Tensor], names: list[str]) -> Tensor:
    """The rows of several matrices, one below the other."""
    quantized = [tensor for tensor in tensors if isinstance(tensor, QuantizedMatrix)]
    arrays = [tensor for tensor in tensors if not isinstance(tensor, QuantizedMatrix)]
    if quantized and arrays:
        raise ValueError(f"{', '.join(names)} are fused, but only some of them are quantized")
    return concatenate(quantized) if quantized else numpy.concatenate(arrays)


def stored_quantization(state: dict[str, Tensor]) -> str | None:
    """The format of the layers' matrices where a checkpoint is quantized already."""
    matrices = (state[name] for name in state if name not in TABLES)
    return next((matrix.quantization for matrix in matrices if isinstance(matrix, QuantizedMatrix)), None)


def quantize_parameters(parameters: dict[str, Tensor], quantization: str) -> dict[str, numpy.ndarray]:
    """The arrays that are stored: words of uint32 for a matrix in one of FORMATS, float32 for the rest.

    Raises ValueError where a matrix is quantized already, in another format: its numbers would change.
    """
    arrays: dict[str, numpy.ndarray] = {}
    for name, tensor in parameters.items():
        kind = "bf16" if quantization == "bf16" else "q8_0" if name in TABLES else quantization
        if isinstance(tensor, QuantizedMatrix):
            if tensor.quantization != kind:
                raise ValueError(
                    f"{name} is {tensor.quantization} and would have to be {kind}, but it is repacked, never quantized "
                    "anew: convert from the unquantized checkpoint"
                )
            matrix = tensor
        elif kind == "bf16" or tensor.ndim == 1:
            arrays[name] = tensor
            continue
        else:
            matrix = QUANTIZE[kind](tensor)
        arrays[name.removesuffix("weight") + "q_weight"] = matrix.q_weight
        arrays[name.removesuffix("weight") + "scales"] = matrix.scales
    return arrays


def write_shards(parameters: dict[str, numpy.ndarray], output: Path, is_bfloat16: bool = True) -> int:
    """Writes params_shard_*.bin and tensor-cache.json; returns the bytes of all shards. uint32 stays as it is."""
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
        is_words = array.dtype == numpy.uint32
        is_narrowed = is_bfloat16 and not is_words
        data = (narrow_to_bfloat16(array) if is_narrowed else array.astype("<u4" if is_words else "<f4")).tobytes()
        if payload and len(payload) + len(data) > SHARD_BYTES:
            flush()
        records.append(
            {
                "name": name,
                "shape": list(array.shape),
                "dtype": "uint32" if is_words else "float32",
                "format": "f32-to-bf16" if is_narrowed else "raw",
                "nbytes": len(data),
                "byteOffset": len(payload),
            }
        )
        payload += data
    flush()
    total = sum(shard["nbytes"] for shard in shards)
    weights = sum(array.size * weights_per_element(name, parameters) for name, array in parameters.items())
    metadata = {"ParamSize": len(parameters), "ParamBytes": total, "BitsPerParam": round(8 * total / weights, 3)}
    (output / "tensor-cache.json").write_text(json.dumps({"metadata": metadata, "records": shards}), encoding="utf-8")
    return total


def weights_per_element(name: str, parameters: dict[str, numpy.ndarray]) -> float:
    """Weights that one element of an array stands for; scales stand for none of their own."""
    if name.endswith(".scales"):
        return 0
    if not name.endswith(".q_weight"):
        return 1
    words, scales = parameters[name], parameters[name.removesuffix("q_weight") + "scales"]
    ratio = words.shape[1] // scales.shape[1]
    form = next(form for form in FORMATS.values() if form.words_per_block * form.blocks_per_scale_word == ratio)
    return form.weights_per_word


def convert(
    checkpoint: str | Path,
    output: str | Path,
    *,
    quantization: str | None = None,
    is_bfloat16: bool = True,
    chat: dict[str, Any] | None = None,
    config_path: str | Path | None = None,
    tokenizer: str | Path | None = None,
) -> int:
    """Writes shards, tensor-cache.json, mlc-chat-config.json and tokenizer.json; returns the bytes of the weights.

    From a GGUF file also config.json, unless `config_path` names one.
    """
    checkpoint, output = Path(checkpoint), Path(output)
    output.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_file():
        if tokenizer is None:
            raise ValueError(f"{checkpoint} is a GGUF file: name a tokenizer.json beside it (--tokenizer)")
        raw, state = read_gguf(checkpoint)
        if config_path is None:
            config_path = output / "config.json"
            config_path.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    else:
        state = dict(read_checkpoint(checkpoint))
    config_path = Path(config_path or checkpoint / "config.json")
    config = LlamaConfig.load(config_path)
    quantization = quantization or stored_quantization(state) or "bf16"
    parameters = quantize_parameters(library_parameters(config, state), quantization)
    total = write_shards(parameters, output, is_bfloat16 and quantization == "bf16")
    raw = json.loads(config_path.read_text(encoding="utf-8"))
    text = json.dumps(chat_config(config, raw, chat, quantization), indent=1) + "\n"
    (output / "mlc-chat-config.json").write_text(text, encoding="utf-8")
    shutil.copyfile(tokenizer or checkpoint / "tokenizer.json", output / "tokenizer.json")
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--quantization", choices=QUANTIZATIONS, help="default: as the checkpoint is, or bf16")
    parser.add_argument("--tokenizer", type=Path, help="default: checkpoint/tokenizer.json")
    parser.add_argument("--float32", action="store_true", help="store float32 instead of bfloat16")
    parser.add_argument("--chat", type=Path, help="JSON file whose fields replace those of mlc-chat-config.json")
    parser.add_argument("--config", type=Path, help="default: checkpoint/config.json")
    arguments = parser.parse_args()
    chat = json.loads(arguments.chat.read_text(encoding="utf-8")) if arguments.chat else None
    total = convert(
        arguments.checkpoint,
        arguments.output,
        quantization=arguments.quantization,
        is_bfloat16=not arguments.float32,
        chat=chat,
        config_path=arguments.config,
        tokenizer=arguments.tokenizer,
    )
    print(f"{total / 1e6:.1f} MB of weights in {arguments.output}")


if __name__ == "__main__":
    main()
