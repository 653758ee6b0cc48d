"""4-bit and 8-bit weights: packing, llama.cpp's rounding, GGUF files, and the shards that come of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest

from training.package.webgpu_library.check.make_check_model import random_state, write_safetensors
from training.package.webgpu_library.checkpoint import read_checkpoint
from training.package.webgpu_library.convert_weights import convert, library_parameters
from training.package.webgpu_library.gguf_checkpoint import half_order, read_gguf
from training.package.webgpu_library.llama_config import LlamaConfig
from training.package.webgpu_library.quantization import QUANTIZE, QuantizedMatrix

# Hidden size, feed-forward, heads, key heads, tied embeddings, theta: models at a depth of 1 with a short vocabulary.
SHAPES = {
    "SmolLM2-135M": (576, 1536, 9, 3, True, 100000.0),
    "SmolLM2-360M": (960, 2560, 15, 5, True, 100000.0),
    "Llama-3.2-1B": (2048, 8192, 32, 8, True, 500000.0),
    "TinyLlama-1.1B": (2048, 5632, 32, 4, False, 10000.0),
}
TYPES = {"q4_1": gguf.GGMLQuantizationType.Q4_1, "q8_0": gguf.GGMLQuantizationType.Q8_0}


def raw_config(shape: str, **changes: object) -> dict[str, Any]:
    hidden, feed_forward, heads, key_heads, is_tied, theta = SHAPES[shape]
    return {
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": feed_forward,
        "num_hidden_layers": 1,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "vocab_size": 320,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "rope_theta": theta,
        "tie_word_embeddings": is_tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | changes


def write_checkpoint(folder: Path, raw: dict[str, Any]) -> dict[str, numpy.ndarray]:
    """A Hugging Face folder with random weights; returns them."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(raw))
    (folder / "tokenizer.json").write_text("{}")
    state = random_state(LlamaConfig.load(folder / "config.json"))
    write_safetensors(folder / "model.safetensors", state)
    return state


def write_gguf(
    path: Path,
    raw: dict[str, Any],
    state: dict[str, numpy.ndarray],
    kind: str,
    fields: dict[str, Any] | None = None,
    extra: dict[str, tuple[numpy.ndarray, gguf.GGMLQuantizationType]] | None = None,
) -> None:
    """A GGUF file as llama.cpp's converter and quantizer write it: its own names, row order and blocks."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(raw["num_hidden_layers"])
    writer.add_context_length(raw["max_position_embeddings"])
    writer.add_embedding_length(raw["hidden_size"])
    writer.add_feed_forward_length(raw["intermediate_size"])
    writer.add_head_count(raw["num_attention_heads"])
    writer.add_head_count_kv(raw["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(raw["rms_norm_eps"])
    writer.add_rope_freq_base(raw["rope_theta"])
    writer.add_rope_dimension_count(raw["hidden_size"] // raw["num_attention_heads"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, value in (fields or {}).items():
        (writer.add_uint32 if isinstance(value, int) else writer.add_string)(name, value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, raw["num_hidden_layers"])
    for name, array in state.items():
        heads = {"q": raw["num_attention_heads"], "k": raw["num_key_value_heads"]}
        for part, count in heads.items():
            if f"self_attn.{part}_proj" in name:  # as LlamaModel.permute of convert_hf_to_gguf.py
                rows, columns = array.shape
                array = array.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        target = names.get_name(name, try_suffixes=(".weight",))
        assert target is not None
        if array.ndim == 1 or kind == "f32":
            writer.add_tensor(target, array)
            continue
        type_ = TYPES["q8_0" if name in ("model.embed_tokens.weight", "lm_head.weight") else kind]
        writer.add_tensor(target, gguf.quants.quantize(array, type_), raw_dtype=type_)
    for name, (array, type_) in (extra or {}).items():
        writer.add_tensor(name, gguf.quants.quantize(array, type_), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_shards(folder: Path) -> dict[str, numpy.ndarray]:
    """The arrays of a converted folder, as their tensor-cache.json describes them."""
    arrays = {}
    for shard in json.loads((folder / "tensor-cache.json").read_text())["records"]:
        payload = (folder / shard["dataPath"]).read_bytes()
        assert len(payload) == shard["nbytes"] <= 32 * 2**20
        for record in shard["records"]:
            data = payload[record["byteOffset"] : record["byteOffset"] + record["nbytes"]]
            assert record["format"] == "raw"
            arrays[record["name"]] = numpy.frombuffer(data, record["dtype"]).reshape(record["shape"])
    return arrays


@pytest.mark.parametrize("quantization", ["q4_1", "q8_0"])
def test_words_hold_weights_as_documented(quantization: str) -> None:
    matrix = QUANTIZE[quantization](numpy.random.default_rng(0).standard_normal((3, 128)).astype("f4"))
    expected = numpy.empty((3, 128), "f4")
    for row in range(3):
        for k in range(128):
            if quantization == "q4_1":
                q = int(matrix.q_weight[row, k // 8]) >> 4 * (k % 8) & 15
                scale, minimum = matrix.scales[row, k // 32 : k // 32 + 1].view("<f2").astype("f4")
                expected[row, k] = scale * numpy.float32(q) + minimum
            else:
                q = numpy.uint8(int(matrix.q_weight[row, k // 4]) >> 8 * (k % 4) & 255).view("i1")
                scale = matrix.scales[row, k // 64 : k // 64 + 1].view("<f2").astype("f4")[k // 32 % 2]
                expected[row, k] = scale * numpy.float32(q)
    assert matrix.shape == (3, 128)
    numpy.testing.assert_array_equal(matrix.dequantize(), expected)


@pytest.mark.parametrize("quantization", ["q4_1", "q8_0"])
def test_rounds_as_llama_cpp_does(quantization: str) -> None:
    values = numpy.random.default_rng(1).standard_normal((64, 256)).astype("f4")
    values[0] = 0  # a block without a scale
    values[1] = 0.5
    values[2, :32] = numpy.arange(32) - 16  # ties
    theirs = gguf.quants.dequantize(gguf.quants.quantize(values, TYPES[quantization]), TYPES[quantization])
    numpy.testing.assert_array_equal(QUANTIZE[quantization](values).dequantize(), theirs)


def test_rows_that_are_no_whole_blocks_are_refused() -> None:
    for quantization, width in (("q4_1", 48), ("q8_0", 96)):
        with pytest.raises(ValueError, match=str(width)):
            QUANTIZE[quantization](numpy.ones((2, width), "f4"))


@pytest.mark.parametrize(("shape", "quantization"), [*((shape, "q4_1") for shape in SHAPES), ("SmolLM2-135M", "q8_0")])
def test_a_gguf_is_repacked_bit_for_bit(tmp_path: Path, shape: str, quantization: str) -> None:
    raw = raw_config(shape)
    state = write_checkpoint(tmp_path / "checkpoint", raw)
    path = tmp_path / "model.gguf"
    write_gguf(path, raw, state, quantization)
    convert(path, tmp_path / "web", tokenizer=tmp_path / "checkpoint" / "tokenizer.json")
    written = json.loads((tmp_path / "web" / "config.json").read_text())
    assert {name: written[name] for name in raw} == raw
    arrays = read_shards(tmp_path / "web")

    # The file's numbers as the gguf package has them, in Hugging Face's order of rows.
    numbers = {}
    for tensor in gguf.GGUFReader(path).tensors:
        numbers[tensor.name] = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    for part, count in (("q", raw["num_attention_heads"]), ("k", raw["num_key_value_heads"])):
        for layer in range(raw["num_hidden_layers"]):
            array = numbers[f"blk.{layer}.attn_{part}.weight"]
            rows, columns = array.shape
            back = array.reshape(count, rows // count // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
            numbers[f"blk.{layer}.attn_{part}.weight"] = back
    expected = {"model.embed_tokens": numbers["token_embd.weight"]}
    if not raw["tie_word_embeddings"]:
        expected["lm_head"] = numbers["output.weight"]
    for layer in range(raw["num_hidden_layers"]):
        at, block = f"model.layers.{layer}.", f"blk.{layer}."
        expected[f"{at}self_attn.qkv_proj"] = numpy.concatenate([numbers[f"{block}attn_{p}.weight"] for p in "qkv"])
        expected[f"{at}self_attn.o_proj"] = numbers[f"{block}attn_output.weight"]
        gate_up = [numbers[f"{block}ffn_{part}.weight"] for part in ("gate", "up")]
        expected[f"{at}mlp.gate_up_proj"] = numpy.concatenate(gate_up)
        expected[f"{at}mlp.down_proj"] = numbers[f"{block}ffn_down.weight"]
    for name, array in expected.items():
        kind = "q8_0" if name in ("model.embed_tokens", "lm_head") else quantization
        matrix = QuantizedMatrix(kind, arrays.pop(f"{name}.q_weight"), arrays.pop(f"{name}.scales"))
        numpy.testing.assert_array_equal(matrix.dequantize().view("<u4"), array.view("<u4"))
    for name, array in arrays.items():
        numpy.testing.assert_array_equal(array, state[name])


@pytest.mark.parametrize("quantization", ["q4_1", "q8_0"])
def test_a_float_gguf_and_a_folder_give_the_same_shards(tmp_path: Path, quantization: str) -> None:
    raw = raw_config("SmolLM2-135M")
    state = write_checkpoint(tmp_path / "checkpoint", raw)
    write_gguf(tmp_path / "model.gguf", raw, state, "f32")
    convert(tmp_path / "checkpoint", tmp_path / "a", quantization=quantization)
    tokenizer = tmp_path / "checkpoint" / "tokenizer.json"
    convert(tmp_path / "model.gguf", tmp_path / "b", quantization=quantization, tokenizer=tokenizer)
    first, second = read_shards(tmp_path / "a"), read_shards(tmp_path / "b")
    assert list(first) == list(second)
    for name, array in first.items():
        numpy.testing.assert_array_equal(array, second[name])
    assert json.loads((tmp_path / "a" / "mlc-chat-config.json").read_text())["quantization"] == quantization


def test_row_order_is_the_inverse_of_the_converters() -> None:
    rows = numpy.arange(24)
    theirs = rows.reshape(3, 2, 4).swapaxes(1, 2).reshape(-1)
    numpy.testing.assert_array_equal(theirs[half_order(24, 3)], rows)


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"llama.rope.scaling.type": "yarn"}, r"llama.rope.scaling.type 'yarn'"),
        ({"llama.expert_count": 8}, "llama.expert_count 8"),
        ({"llama.attention.key_length": 32}, "rope.dimension_count 64"),
    ],
)
def test_refuses_fields_that_it_does_not_compute(tmp_path: Path, fields: dict[str, Any], fact: str) -> None:
    raw = raw_config("SmolLM2-135M")
    write_gguf(tmp_path / "model.gguf", raw, write_checkpoint(tmp_path / "checkpoint", raw), "q8_0", fields)
    with pytest.raises(ValueError, match=fact):
        read_gguf(tmp_path / "model.gguf")


def test_refuses_tensors_and_types_that_it_does_not_compute(tmp_path: Path) -> None:
    def write(name: str, kind: gguf.GGMLQuantizationType) -> Path:
        path = tmp_path / f"{name}.gguf"
        raw = raw_config("SmolLM2-135M")
        table = numpy.zeros((4, 576), "f4")
        write_gguf(path, raw, {"model.embed_tokens.weight": table}, "f32", extra={name: (table, kind)})
        return path

    with pytest.raises(ValueError, match=r"rope_freqs\.weight, which"):
        read_gguf(write("rope_freqs.weight", gguf.GGMLQuantizationType.F32))
    with pytest.raises(ValueError, match=r"output\.weight is of type Q4_0"):
        read_gguf(write("output.weight", gguf.GGMLQuantizationType.Q4_0))


def test_never_quantizes_anew(tmp_path: Path) -> None:
    raw = raw_config("SmolLM2-135M")
    write_gguf(tmp_path / "model.gguf", raw, write_checkpoint(tmp_path / "checkpoint", raw), "q4_1")
    tokenizer = tmp_path / "checkpoint" / "tokenizer.json"
    for quantization in ("q8_0", "bf16"):
        with pytest.raises(ValueError, match="never quantized anew"):
            convert(tmp_path / "model.gguf", tmp_path / "web", quantization=quantization, tokenizer=tokenizer)


def test_a_gguf_needs_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match="tokenizer"):
        convert(tmp_path / "model.gguf", tmp_path / "web")


def test_bfloat16_folders_are_as_before(tmp_path: Path) -> None:
    raw = raw_config("SmolLM2-135M")
    write_checkpoint(tmp_path / "checkpoint", raw)
    parameters = library_parameters(
        LlamaConfig.load(tmp_path / "checkpoint/config.json"), dict(read_checkpoint(tmp_path / "checkpoint"))
    )
    convert(tmp_path / "checkpoint", tmp_path / "web")
    records = json.loads((tmp_path / "web/tensor-cache.json").read_text())["records"]
    assert [record["name"] for shard in records for record in shard["records"]] == list(parameters)
    assert {record["format"] for shard in records for record in shard["records"]} == {"f32-to-bf16"}
