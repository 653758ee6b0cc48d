"""The exporter's graph, adapted, against transformers' Llama on the dequantized weights of a package."""

import copy
import json
from pathlib import Path

import numpy
import pytest
import torch

from training.golden.tiny_decoder import SHAPES, write_quantized_package
from training.package.onnx_decoder import export, open_session
from training.persona.lora import add_lora

pytest.importorskip("onnxruntime_genai")
HEAD, WINDOW = 16, 48


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """(torch model, onnxruntime session, package folder, manifest block)."""
    folder = tmp_path_factory.mktemp("package")
    model = write_quantized_package(folder, SHAPES[request.param])
    block = export(folder / "checkpoint", folder / "tensor-cache.json", folder / "model.onnx", WINDOW)
    return model, open_session(folder, block), folder, block


def run(session, embeddings: torch.Tensor, first: int = 0, past: list | None = None, adapter: tuple | None = None):
    """(logits [positions - first, vocabulary], cache) of positions after a cache."""
    shapes = {value.name: value.shape for value in session.get_inputs()}
    names = [name for name in shapes if name.startswith("past_key_values.")]
    past = past or [numpy.zeros((1, shapes[name][1], 0, HEAD), "float32") for name in names]
    layers, _, hidden = shapes["adapter_a"]
    nothing = numpy.zeros((layers, 1, hidden), "f4"), numpy.zeros((layers, shapes["adapter_b"][1], 1), "f4")
    a, b = adapter or nothing
    feeds = {
        "inputs_embeds": embeddings[None].numpy(),
        "attention_mask": numpy.ones((1, past[0].shape[2] + len(embeddings)), "int64"),
        "first_logit": numpy.array([first], "int64"),
        "adapter_a": a,
        "adapter_b": b,
        **dict(zip(names, past, strict=True)),
    }
    outputs = [name.replace("past_key_values", "present") for name in names]
    logits, *present = session.run(["logits", *outputs], feeds)
    return logits[0], present


def embeddings_of(model, length: int) -> tuple[torch.Tensor, numpy.ndarray]:
    """Rows of tokens with soft rows at places 2 to 5, and torch's logits."""
    torch.manual_seed(1)
    with torch.no_grad():
        rows = model.get_input_embeddings()(torch.randint(0, model.config.vocab_size, (length,)))
        rows[2:6] = torch.randn(4, rows.shape[1])
        return rows, model(inputs_embeds=rows[None]).logits[0].numpy()


def test_logits_over_cache_steps_equal_those_of_torch(package) -> None:
    model, session, _, _ = package
    rows, expected = embeddings_of(model, 20)
    past = None
    # A prompt, single tokens, a chunk on a filled cache of which only the last row is wanted, a chunk of which all are.
    for start, end, first in ((0, 9, 0), (9, 10, 0), (10, 11, 0), (11, 15, 3), (15, 20, 0)):
        logits, past = run(session, rows[start:end], first, past)
        # float32 sums in another order: far below the runtimes' tolerance of 1e-3 + 1e-4 |logit|.
        numpy.testing.assert_allclose(logits, expected[start + first : end], rtol=1e-4, atol=1e-4)


def test_an_adapter_is_lora_on_queries_and_values(package) -> None:
    model, session, _, _ = package
    rows, plain = embeddings_of(model, 12)
    config, tuned = model.config, copy.deepcopy(model)
    queries, keys = config.num_attention_heads * HEAD, config.num_key_value_heads * HEAD
    rank, scale, layers = 3, 2.0, config.num_hidden_layers
    a = numpy.zeros((layers, 2 * rank, config.hidden_size), "float32")
    b = numpy.zeros((layers, queries + 2 * keys, 2 * rank), "float32")
    random = numpy.random.default_rng(2)
    for name, layer in add_lora(tuned, rank, scale * rank).items():
        _, number, projection = name.split(".")
        first, start, size = (0, 0, queries) if projection == "q" else (rank, queries + keys, keys)
        down = random.normal(0, 0.1, (rank, config.hidden_size)).astype("float32")
        up = random.normal(0, 0.1, (size, rank)).astype("float32")
        a[int(number), first : first + rank] = down
        b[int(number), start : start + size, first : first + rank] = scale * up
        with torch.no_grad():
            layer.lora_a.copy_(torch.from_numpy(down))
            layer.lora_b.copy_(torch.from_numpy(up))
    with torch.no_grad():
        expected = tuned(inputs_embeds=rows[None]).logits[0].numpy()
    found, _ = run(session, rows, adapter=(a, b))
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert numpy.abs(found - plain).max() > 0.01


def test_the_graph_holds_no_weights_and_the_table_all_of_them(package) -> None:
    model, _, folder, block = package
    assert block == {
        "form": "decoder",
        "graph": "model.onnx",
        "weightTable": "onnx-weights.json",
        "tensorCache": "tensor-cache.json",
        "adapters": ["lora"],
    }
    table = json.loads((folder / "onnx-weights.json").read_text())
    ends = [entry["offset"] + entry["length"] for entry in table["tensors"]]
    assert [entry["offset"] for entry in table["tensors"]] == [0, *ends[:-1]] and ends[-1] == table["bytes"]
    weights = sum(parameter.numel() for parameter in model.parameters())
    untied = 0 if model.config.tie_word_embeddings else model.get_input_embeddings().weight.numel()
    assert table["bytes"] == 4 * (weights - untied)
    assert table["embedding"]["values"].startswith("model.embed_tokens.")
    assert (folder / "model.onnx").stat().st_size < 4 * weights


def test_refuses_shards_of_other_weights(package, tmp_path: Path) -> None:
    _, _, folder, _ = package
    for path in folder.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = bytearray((tmp_path / "params_shard_0.bin").read_bytes())
    shard[-1] ^= 1
    (tmp_path / "params_shard_0.bin").write_bytes(shard)
    with pytest.raises(ValueError, match="differs between the checkpoint and the shards"):
        export(folder / "checkpoint", tmp_path / "tensor-cache.json", tmp_path / "model.onnx", WINDOW)


def test_refuses_a_longer_window_than_the_model_has(package) -> None:
    _, _, folder, _ = package
    with pytest.raises(ValueError, match="4096 exceeds"):
        export(folder / "checkpoint", folder / "tensor-cache.json", folder / "model.onnx", 4096)
