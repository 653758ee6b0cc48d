import json
from pathlib import Path

import numpy
import pytest

from training.package.webgpu_library.check.make_check_model import random_state, write_safetensors
from training.package.webgpu_library.checkpoint import narrow_to_bfloat16, read_safetensors, widen_bfloat16
from training.package.webgpu_library.convert_weights import convert, library_parameters
from training.package.webgpu_library.llama_config import LlamaConfig

RAW = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 12,
    "max_position_embeddings": 32,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 0,
}


def write_config(folder: Path, **changes: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(RAW | changes))
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    config = LlamaConfig.load(write_config(folder))
    write_safetensors(folder / "model.safetensors", random_state(config))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_bfloat16_rounds_to_nearest_even_and_widens_exactly() -> None:
    values = numpy.float32([1.0, -2.5, 0.0, 1.00390625, 1.01171875])  # the last two lie half way between two bfloat16
    widened = widen_bfloat16(narrow_to_bfloat16(values))
    numpy.testing.assert_array_equal(widened, numpy.float32([1.0, -2.5, 0.0, 1.0, 1.015625]))
    numpy.testing.assert_array_equal(narrow_to_bfloat16(widened), narrow_to_bfloat16(values))


def test_shard_holds_what_tensor_cache_says(checkpoint: Path, tmp_path: Path) -> None:
    total = convert(checkpoint, tmp_path / "web")
    cache = json.loads((tmp_path / "web/tensor-cache.json").read_text())
    (shard,) = cache["records"]
    payload = (tmp_path / "web" / shard["dataPath"]).read_bytes()
    assert total == shard["nbytes"] == len(payload)
    state = read_safetensors(checkpoint / "model.safetensors")
    expected = library_parameters(LlamaConfig.load(checkpoint / "config.json"), state)
    assert [record["name"] for record in shard["records"]] == list(expected)
    for record in shard["records"]:
        data = payload[record["byteOffset"] : record["byteOffset"] + record["nbytes"]]
        bits = numpy.frombuffer(data, "<u2").reshape(record["shape"])
        numpy.testing.assert_array_equal(bits, narrow_to_bfloat16(expected[record["name"]]))


def test_query_key_value_and_gate_up_are_fused(checkpoint: Path) -> None:
    state = read_safetensors(checkpoint / "model.safetensors")
    parameters = library_parameters(LlamaConfig.load(checkpoint / "config.json"), state)
    layer = "model.layers.1."
    fused = parameters[f"{layer}self_attn.qkv_proj.weight"]
    assert fused.shape == (4 * 4 + 2 * 2 * 4, 16)
    numpy.testing.assert_array_equal(fused[16:24], state[f"{layer}self_attn.k_proj.weight"])
    assert parameters[f"{layer}mlp.gate_up_proj.weight"].shape == (48, 16)


def test_chat_config_lays_the_prompt_out_like_the_manifest(checkpoint: Path, tmp_path: Path) -> None:
    convert(checkpoint, tmp_path / "web", chat={"top_p": 0.5})
    chat = json.loads((tmp_path / "web/mlc-chat-config.json").read_text())
    template = chat["conv_template"]
    assert template["system_prefix_token_ids"] == [1] and template["stop_token_ids"] == [0]
    assert template["roles"] == {"user": "<|user|>", "assistant": "<|assistant|>"}
    assert chat["context_window_size"] == 32 and chat["top_p"] == 0.5


def test_refuses_a_checkpoint_that_diverged_or_does_not_fit(checkpoint: Path) -> None:
    config = LlamaConfig.load(checkpoint / "config.json")
    state = read_safetensors(checkpoint / "model.safetensors")
    norm = {"model.norm.weight": numpy.full(16, numpy.nan, "float32")}
    with pytest.raises(ValueError, match="model.norm.weight"):
        library_parameters(config, state | norm)
    with pytest.raises(ValueError, match=r"model.norm.weight.*3"):
        library_parameters(config, state | {"model.norm.weight": numpy.ones(3, "float32")})
    with pytest.raises(ValueError, match="model.layers.0.self_attn.k_proj.weight"):
        library_parameters(config, {name: value for name, value in state.items() if "0.self_attn.k" not in name})
    with pytest.raises(ValueError, match="extra"):
        library_parameters(config, state | {"extra": numpy.ones(1)})


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"model_type": "qwen2"}, "model_type 'qwen2'"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope scaling"),
        ({"attention_bias": True}, "attention_bias"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"intermediate_size": 22}, "intermediate_size is 22"),
        ({"num_key_value_heads": 3}, "cannot share 3 key heads"),
    ],
)
def test_refuses_configs_it_does_not_compute(tmp_path: Path, changes: dict[str, object], fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        LlamaConfig.load(write_config(tmp_path, **changes))
