import json
from pathlib import Path

import numpy
import pytest

from training.package.embedder_graph import BLOCK, quantize_blocks, quantize_rows
from training.package.export_embedder import spearman
from training.package.model_package import verify
from training.package.onnx_embedder import OnnxEmbedder, pool

PACKAGE = Path(__file__).resolve().parents[3] / "models/all-minilm-l6-v2"


def test_blocks_are_off_by_half_a_step_at_most() -> None:
    weight = numpy.random.default_rng(0).standard_normal((8, 3 * BLOCK)).astype("float32")
    weight[0, :BLOCK] = 0
    codes, scale = quantize_blocks(weight)
    assert codes.dtype == numpy.uint8 and codes.shape == (8, 3, BLOCK) and scale.shape == (8, 3)
    restored = ((codes.astype("float32") - 128) * scale[..., None]).reshape(weight.shape)
    assert (numpy.abs(restored - weight).reshape(8, 3, BLOCK) <= scale[..., None] * 0.5001).all()


def test_rows_are_off_by_half_a_step_at_most() -> None:
    table = numpy.random.default_rng(0).standard_normal((5, 384)).astype("float32")
    codes, scale = quantize_rows(table)
    assert codes.dtype == numpy.int8
    assert (numpy.abs(codes * scale - table) <= scale * 0.5001).all()


def test_pooling_gives_a_unit_vector() -> None:
    vector = pool(numpy.random.default_rng(0).standard_normal((7, 384)).astype("float32"))
    assert vector.shape == (384,) and abs(numpy.linalg.norm(vector) - 1) < 1e-6


def test_spearman_shares_the_ranks_of_ties() -> None:
    assert spearman(numpy.array([1, 2, 3, 4]), numpy.array([10, 20, 30, 40])) == pytest.approx(1)
    assert spearman(numpy.array([1, 2, 2, 3]), numpy.array([3, 2, 2, 1])) == pytest.approx(-1)


def test_the_package_that_ships_passes_its_self_test() -> None:
    assert verify(PACKAGE) == []
    test = json.loads((PACKAGE / "self-test.json").read_text())
    embedder = OnnxEmbedder.of_package(PACKAGE, threads=1)
    for text, vector in zip(test["texts"], test["vectors"], strict=True):
        # 8-bit weights against float32: measured .9997; below .998 something is wrong.
        assert float(embedder.embed(text) @ numpy.array(vector)) >= 0.998


def test_padding_does_not_change_a_vector() -> None:
    embedder = OnnxEmbedder.of_package(PACKAGE, threads=1)
    ids = numpy.array(embedder.tokenizer.chunks("A headline"), "int64")
    padded = numpy.pad(ids, ((0, 0), (0, 3)))
    feeds = {"input_ids": padded, "attention_mask": (padded > 0).astype("int64"), "token_type_ids": 0 * padded}
    hidden = embedder.session.run(None, feeds)[0][0, : ids.shape[1]]
    numpy.testing.assert_allclose(pool(hidden), embedder.embed("A headline"), atol=1e-4)
