"""Reads a Llama-shaped GGUF file: its configuration, and its tensors under their Hugging Face names.

4-bit and 8-bit matrices are repacked, not quantized anew: every weight keeps its number. llama.cpp stores the rows of
query and key in another order (its rotary embedding turns neighbours, Hugging Face's turns halves of a head); they are
put back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from training.package.webgpu_library.checkpoint import widen_bfloat16
from training.package.webgpu_library.quantization import BLOCK, QuantizedMatrix, pack_q4_1, pack_q8_0

Tensor = numpy.ndarray | QuantizedMatrix
ARCHITECTURE = "llama"
OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INSIDE = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
# Fields that change the computation in a way that the kernels lack, and the values that do not.
REFUSED = {
    "rope.scaling.type": ("none",),
    "expert_count": (0,),
    "attention.sliding_window": (0,),
    "attention.causal": (True,),
}


def read_gguf(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration as config.json has it, and the state dict.

    Raises ValueError on what the library does not compute.
    """
    from gguf import GGUFReader  # here, so that checkpoints of another kind need numpy only

    reader = GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    raw = read_config(path, fields, list(tensors), tensors["token_embd.weight"].shape.tolist())
    heads = {"q": raw["num_attention_heads"], "k": raw["num_key_value_heads"]}
    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        shape = tuple(int(extent) for extent in reversed(tensor.shape))
        value = unpack(path, name, tensor.tensor_type.name, numpy.asarray(tensor.data), shape)
        for part, count in heads.items():
            if name.endswith(f".attn_{part}.weight"):
                order = half_order(shape[0], count)
                value = value.take_rows(order) if isinstance(value, QuantizedMatrix) else value[order]
        state[hugging_face_name(path, name)] = value
    return raw, state


def read_config(path: Path, fields: dict[str, Any], names: list[str], table_shape: list[int]) -> dict[str, Any]:
    """The fields of a Hugging Face config.json."""
    architecture = fields.get("general.architecture")
    if architecture != ARCHITECTURE:
        raise ValueError(f"{path} has general.architecture {architecture!r}: only {ARCHITECTURE} is computed")
    for name, harmless in REFUSED.items():
        value = fields.get(f"{ARCHITECTURE}.{name}")
        if value is not None and value not in harmless:
            raise ValueError(f"{path} has {ARCHITECTURE}.{name} {value!r}, which the library does not compute")

    def field(name: str) -> Any:
        if f"{ARCHITECTURE}.{name}" not in fields:
            raise ValueError(f"{path} lacks the field {ARCHITECTURE}.{name}")
        return fields[f"{ARCHITECTURE}.{name}"]

    hidden, heads = int(field("embedding_length")), int(field("attention.head_count"))
    head_dim = int(fields.get(f"{ARCHITECTURE}.attention.key_length", hidden // heads))
    rotated = int(fields.get(f"{ARCHITECTURE}.rope.dimension_count", head_dim))
    if rotated != head_dim:
        raise ValueError(
            f"{path} has {ARCHITECTURE}.rope.dimension_count {rotated}: the library rotates whole heads of {head_dim}"
        )
    tokens = {
        f"{name}_token_id": fields.get(f"tokenizer.ggml.{field}_token_id")
        for name, field in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": int(field("feed_forward_length")),
        "num_hidden_layers": int(field("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(fields.get(f"{ARCHITECTURE}.attention.head_count_kv", heads)),
        "head_dim": head_dim,
        "hidden_act": "silu",
        "vocab_size": int(table_shape[1]),
        "max_position_embeddings": int(field("context_length")),
        "rms_norm_eps": shortest(field("attention.layer_norm_rms_epsilon")),
        "rope_theta": shortest(fields.get(f"{ARCHITECTURE}.rope.freq_base", 10000.0)),
        "tie_word_embeddings": "output.weight" not in names,
    } | {name: token for name, token in tokens.items() if token is not None}


def shortest(value: float) -> float:
    """The decimal number that was meant by a float32, such as 1e-05 by 9.999999747378752e-06."""
    return float(str(numpy.float32(value)))


def hugging_face_name(path: Path, name: str) -> str:
    """Raises ValueError on a tensor that the library has no place for, such as a bias or factors of a scaled rope."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    block, index, rest = (name.split(".", 2) + ["", ""])[:3]
    if block != "blk" or rest not in INSIDE:
        raise ValueError(f"{path} holds the tensor {name}, which the library does not compute")
    return f"model.layers.{index}.{INSIDE[rest]}"


def unpack(path: Path, name: str, kind: str, data: numpy.ndarray, shape: tuple[int, ...]) -> Tensor:
    """One tensor as float32, or repacked where it is quantized."""
    if kind in ("F32", "F16"):
        return data.astype("f4").reshape(shape)
    if kind == "BF16":
        return widen_bfloat16(numpy.ascontiguousarray(data).view("<u2")).reshape(shape)
    if kind == "Q4_1":  # 2 bytes scale, 2 bytes minimum, 16 bytes: weight i in the low, 16 + i in the high nibble
        blocks = numpy.ascontiguousarray(data).reshape(shape[0], -1, 20)
        pair = numpy.ascontiguousarray(blocks[..., :4]).view("<f2")
        numbers = numpy.concatenate([blocks[..., 4:] & 15, blocks[..., 4:] >> 4], axis=-1)
        return pack_q4_1(numbers, pair[..., 0], pair[..., 1])
    if kind == "Q8_0":  # 2 bytes scale, 32 bytes
        blocks = numpy.ascontiguousarray(data).reshape(shape[0], -1, 2 + BLOCK)
        scale = numpy.ascontiguousarray(blocks[..., :2]).view("<f2")[..., 0]
        return pack_q8_0(numpy.ascontiguousarray(blocks[..., 2:]).view("i1"), scale)
    raise ValueError(f"{path}: {name} is of type {kind}: only F32, F16, BF16, Q4_1 and Q8_0 are read")


def half_order(rows: int, heads: int) -> numpy.ndarray:
    """Where in llama.cpp's order of rows each row of Hugging Face's order lies: it interleaves the halves of a head."""
    return numpy.arange(rows).reshape(heads, rows // heads // 2, 2).swapaxes(1, 2).reshape(-1)
