"""The vector store grows by tasks and splits without computing anything twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import training.steps.embed_histories as module
from training.core.run_directory import RunDirectory
from training.data.embedder import DIM
from training.data.users import Item, User
from training.data.vector_store import VectorStore
from training.steps.embed_histories import embed_histories


class CountingEmbedder:
    """Vectors that follow from the text's bytes; counts how many it made and can be made to fail."""

    made = 0
    limit = 10**9

    def token_ids(self, text: str) -> list[int]:
        return list(text.encode())

    def embed_equal_lengths(self, ids: list[list[int]]) -> np.ndarray:
        if CountingEmbedder.made + len(ids) > CountingEmbedder.limit:
            raise KeyboardInterrupt
        CountingEmbedder.made += len(ids)
        return np.stack([np.random.default_rng(entry).normal(size=DIM) for entry in ids]).astype(np.float32)


@pytest.fixture(autouse=True)
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """alice is of train_a, carol of train_b (see test_splits.py)."""

    def load_users(task: str) -> tuple[User, ...]:
        return tuple(
            User(name, task, tuple(Item(str(n), "2020-01-01", f"{task} of {name} {n}", f"{n}") for n in range(3)))
            for name in ("alice", "carol")
        )

    monkeypatch.setattr(module, "load_users", load_users)
    monkeypatch.setattr(module, "Embedder", CountingEmbedder)
    CountingEmbedder.made, CountingEmbedder.limit = 0, 10**9


def test_a_store_grows_by_tasks_and_splits(tmp_path: Path) -> None:
    embed_histories(RunDirectory(tmp_path), ("movie_tag",))
    assert CountingEmbedder.made == 6
    before = VectorStore(tmp_path / "embeddings").of_text("movie_tag of carol 1").copy()
    with pytest.raises(KeyError, match="movie_tag of alice 1"):
        VectorStore(tmp_path / "embeddings").of_text("movie_tag of alice 1")
    embed_histories(RunDirectory(tmp_path), ("movie_tag", "movie_rating"), ("train_a", "train_b"))
    assert CountingEmbedder.made == 6 + 3 + 6  # alice's inputs, then the other task's: outputs are known
    store = VectorStore(tmp_path / "embeddings")
    assert np.array_equal(store.of_text("movie_tag of carol 1"), before)
    assert store.of_texts(["movie_tag of alice 1", "movie_rating of carol 2"]).shape == (2, DIM)
    embed_histories(RunDirectory(tmp_path), ("movie_tag",))  # a smaller wish takes nothing away
    assert CountingEmbedder.made == 15


def test_an_interrupted_store_goes_on(tmp_path: Path) -> None:
    CountingEmbedder.limit = 3
    with pytest.raises(KeyboardInterrupt):
        embed_histories(RunDirectory(tmp_path), ("movie_rating",))
    assert CountingEmbedder.made == 3
    CountingEmbedder.limit = 10**9
    embed_histories(RunDirectory(tmp_path), ("movie_rating",))
    assert CountingEmbedder.made == 6
