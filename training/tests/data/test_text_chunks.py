"""Chunks of long texts: where they begin and end, and what their mean is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from training.data.text_chunks import chunk_bounds, pool_chunks
from training.package.onnx_embedder import OnnxEmbedder

LONGEST = 254
PACKAGE = Path(__file__).parents[3] / "models" / "all-minilm-l6-v2"


@pytest.mark.parametrize("tokens", [0, 1, 253, LONGEST, LONGEST + 1, 2 * LONGEST, 2 * LONGEST + 1, 8 * LONGEST])
def test_up_to_eight_chunks_cover_a_text_evenly(tokens: int) -> None:
    bounds = chunk_bounds(tokens, LONGEST)
    lengths = [end - start for start, end in bounds]
    assert len(bounds) == max(1, -(-tokens // LONGEST))
    assert bounds[0][0] == 0 and bounds[-1][1] == tokens
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    assert max(lengths) - min(lengths) <= 1 and max(lengths) <= LONGEST


@pytest.mark.parametrize("tokens", [8 * LONGEST + 1, 8 * LONGEST + 7, 5000, 99_999])
def test_a_longer_text_has_eight_full_chunks_from_its_first_token_to_its_last(tokens: int) -> None:
    bounds = chunk_bounds(tokens, LONGEST)
    assert len(bounds) == 8 and bounds[0][0] == 0 and bounds[-1][1] == tokens
    assert all(end - start == LONGEST for start, end in bounds)
    gaps = [after[0] - before[1] for before, after in pairwise(bounds)]
    assert min(gaps) >= 0 and max(gaps) - min(gaps) <= 1


def test_the_mean_is_weighted_by_tokens_and_of_length_one() -> None:
    east, north = np.float32([1, 0]), np.float32([0, 1])
    pooled = pool_chunks([east, north], [[0] * 5, [0] * 6])
    assert pooled == pytest.approx([0.6, 0.8]) and pooled.dtype == np.float32
    assert pool_chunks([east], [[0] * 5]) is east


def test_texts_that_differ_in_their_last_words_have_different_vectors() -> None:
    if not (PACKAGE / "manifest.json").exists():
        pytest.skip("models/all-minilm-l6-v2 is not there")
    embedder = OnnxEmbedder.of_package(PACKAGE, threads=1)
    notes = "The meeting notes were read aloud and nobody objected to them. " * 26
    boat, house = (embedder.embed(notes + end) for end in ("We decided to sell the boat.", "The house is for rent."))
    assert float(boat @ house) < 0.999
    assert np.linalg.norm(boat) == pytest.approx(1, abs=1e-6)
