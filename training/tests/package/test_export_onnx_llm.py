"""The ONNX graph against transformers' Llama on the same bfloat16 weights, for two small shapes."""

import copy
import json
from pathlib import Path

import numpy
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.package.export_onnx_llm import export, no_adapter, open_session, read_records
from training.package.onnx_graph import Graph
from training.package.webgpu_library.convert_weights import convert
from training.package.webgpu_library.llama_config import LlamaConfig as GraphConfig
from training.persona.ia3 import add_ia3
from training.persona.lora import add_lora

# Six layers split and join the cache in two steps; the second shape has no shared key heads and its own head.
SHAPES = {
    "grouped and tied": {"num_hidden_layers": 6, "num_key_value_heads": 2, "tie_word_embeddings": True},
    "plain and untied": {"num_hidden_layers": 2, "num_key_value_heads": 4, "tie_word_embeddings": False},
}
HIDDEN, HEAD, VOCABULARY = 32, 16, 96


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """(torch model with rounded weights, onnxruntime session, layers, key heads, inputs of no adapter)."""
    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=48,
        num_attention_heads=4,
        head_dim=HEAD,
        vocab_size=VOCABULARY,
        max_position_embeddings=64,
        **SHAPES[request.param],
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.uniform_(0.5, 1.5) if "norm" in name else parameter.normal_(0, parameter.shape[-1] ** -0.5)
            parameter.copy_(parameter.to(torch.bfloat16).float())
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    convert(folder, folder / "web")
    block = export(folder / "config.json", folder / "web/tensor-cache.json", folder / "web/model.onnx")
    assert block == {
        "graph": "model.onnx",
        "externalData": ["params_shard_0.bin"],
        "externalDtype": "bfloat16",
        "adapters": ["lora", "ia3"],
    }
    session = open_session(folder / "web", block)
    return (
        model,
        session,
        config.num_hidden_layers,
        config.num_key_value_heads,
        no_adapter(GraphConfig.load(folder / "config.json")),
    )


def prompt(model: LlamaForCausalLM, length: int) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """(ids, soft rows, is soft, logits by torch) of a prompt with soft rows at places 2 to 5."""
    random = numpy.random.default_rng(1)
    ids = random.integers(0, VOCABULARY, length)
    is_soft = numpy.zeros(length, bool)
    is_soft[2:6] = True
    rows = numpy.zeros((length, HIDDEN), "float32")
    rows[is_soft] = random.standard_normal((4, HIDDEN))
    embeddings = model.get_input_embeddings().weight.detach().numpy()[ids].copy()
    embeddings[is_soft] = rows[is_soft]
    ids[is_soft] = 0
    with torch.no_grad():
        logits = model(inputs_embeds=torch.tensor(embeddings)[None]).logits[0].numpy()
    return ids, rows, is_soft, logits


def test_logits_over_cache_steps_equal_those_of_torch(models) -> None:
    model, session, layers, key_heads, no_change = models
    ids, rows, is_soft, expected = prompt(model, 20)
    past = numpy.zeros((layers, 2, key_heads, 0, HEAD), "float32")
    # A prompt, single tokens, a chunk on a filled cache of which only the last row is wanted, a chunk of which all are.
    for start, end, first in ((0, 9, 0), (9, 10, 0), (10, 11, 0), (11, 15, 3), (15, 20, 0)):
        feeds = {
            "input_ids": ids[start:end].astype("int64"),
            "soft_rows": rows[start:end],
            "is_soft": is_soft[start:end],
            "first_logit": numpy.array([first], "int64"),
            "past_key_values": past,
            **no_change,
        }
        logits, past = session.run(["logits", "present_key_values"], feeds)
        assert past.shape == (layers, 2, key_heads, end, HEAD)
        # float32 sums in another order: far below the runtimes' tolerance of 1e-3 + 1e-4 |logit|.
        numpy.testing.assert_allclose(logits, expected[start + first : end], rtol=1e-4, atol=1e-4)


def test_an_adapter_is_lora_on_queries_and_values(models) -> None:
    model, session, layers, key_heads, no_change = models
    ids, rows, is_soft, plain = prompt(model, 12)
    tuned = copy.deepcopy(model)
    rank, scale, queries, keys = 3, 2.0, 4 * HEAD, key_heads * HEAD
    a = numpy.zeros((layers, 2 * rank, HIDDEN), "float32")
    b = numpy.zeros((layers, queries + 2 * keys, 2 * rank), "float32")
    random = numpy.random.default_rng(2)
    for name, layer in add_lora(tuned, rank, scale * rank).items():
        _, number, projection = name.split(".")
        first, start, size = (0, 0, queries) if projection == "q" else (rank, queries + keys, keys)
        down = random.normal(0, 0.1, (rank, HIDDEN)).astype("float32")
        up = random.normal(0, 0.1, (size, rank)).astype("float32")
        a[int(number), first : first + rank] = down
        b[int(number), start : start + size, first : first + rank] = scale * up
        with torch.no_grad():
            layer.lora_a.copy_(torch.from_numpy(down))
            layer.lora_b.copy_(torch.from_numpy(up))
    embeddings = model.get_input_embeddings()(torch.tensor(ids))
    embeddings[torch.from_numpy(is_soft)] = torch.from_numpy(rows[is_soft])
    with torch.no_grad():
        expected = tuned(inputs_embeds=embeddings[None]).logits[0].numpy()
    feeds = {
        "input_ids": ids.astype("int64"),
        "soft_rows": rows,
        "is_soft": is_soft,
        "first_logit": numpy.array([0], "int64"),
        "past_key_values": numpy.zeros((layers, 2, key_heads, 0, HEAD), "float32"),
    }
    found = session.run(["logits"], feeds | no_change | {"adapter_a": a, "adapter_b": b})[0]
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert numpy.abs(found - plain).max() > 0.01
    assert numpy.abs(session.run(["logits"], feeds | no_change)[0] - plain).max() < 1e-4


def test_rescaling_is_ia3(models) -> None:
    model, session, layers, key_heads, no_change = models
    ids, rows, is_soft, plain = prompt(model, 12)
    tuned = copy.deepcopy(model)
    queries, keys = 4 * HEAD, key_heads * HEAD
    random = numpy.random.default_rng(3)
    change = {name: numpy.zeros_like(no_change[name]) for name in ("rescale_qkv", "rescale_down")}
    for name, layer in add_ia3(tuned).items():
        _, number, place = name.split(".")
        values = random.normal(0, 0.3, layer.change.numel()).astype("float32")
        start = {"k": queries, "v": queries + keys, "down": 0}[place]
        target = change["rescale_down" if place == "down" else "rescale_qkv"][int(number)]
        target[start : start + len(values)] = values
        with torch.no_grad():
            layer.change.copy_(torch.from_numpy(values))
    embeddings = model.get_input_embeddings()(torch.tensor(ids))
    embeddings[torch.from_numpy(is_soft)] = torch.from_numpy(rows[is_soft])
    with torch.no_grad():
        expected = tuned(inputs_embeds=embeddings[None]).logits[0].numpy()
    feeds = {
        "input_ids": ids.astype("int64"),
        "soft_rows": rows,
        "is_soft": is_soft,
        "first_logit": numpy.array([0], "int64"),
        "past_key_values": numpy.zeros((layers, 2, key_heads, 0, HEAD), "float32"),
    }
    found = session.run(["logits"], feeds | no_change | change)[0]
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert numpy.abs(found - plain).max() > 0.01


def test_no_step_of_a_tree_binds_more_buffers_than_webgpu_allows() -> None:
    for count in (3, 7, 8, 12, 64, 160):
        graph = Graph()
        parts = graph.split_tree("whole", count, 0)
        assert len(parts) == len(set(parts)) == count
        graph.concat_tree(parts, 0)
        for node in graph.nodes:
            data = node.input[:1] if node.op_type == "Split" else node.input
            assert len(data) + len(node.output) <= 8


def test_refuses_weights_that_are_not_bfloat16(tmp_path: Path) -> None:
    record = {"name": "w", "format": "raw", "shape": [1], "nbytes": 4, "byteOffset": 0}
    cache = {"records": [{"dataPath": "params_shard_0.bin", "records": [record]}]}
    (tmp_path / "tensor-cache.json").write_text(json.dumps(cache))
    with pytest.raises(ValueError, match="w .*'raw'.* bfloat16"):
        read_records(tmp_path / "tensor-cache.json")
