"""The vector store grows by tasks and splits without computing anything twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import training.steps.embed_histories as module
from training.core.run_directory import RunDirectory
from training.data.embedder import DIM
from training.data.text_chunks import chunk_bounds, pool_chunks
from training.data.users import Item, User
from training.data.vector_store import VectorStore, read_rows, text_key
from training.steps.embed_histories import embed_histories

LONGEST = 30  # bytes of a chunk


class CountingEmbedder:
    """Vectors that follow from the text's bytes; counts how many it made and can be made to fail."""

    made = 0
    limit = 10**9

    def chunks(self, text: str) -> list[list[int]]:
        ids = list(text.encode())
        return [[0, *ids[start:end], 0] for start, end in chunk_bounds(len(ids), LONGEST)]

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


LONG = "a text of more than one chunk "


def with_a_long_text(task: str) -> tuple[User, ...]:
    return (User("carol", task, (Item("0", "2020-01-01", "short", "yes"), Item("1", "2020-01-02", LONG * 3, "no"))),)


def test_a_long_text_is_the_mean_of_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_users", with_a_long_text)
    embed_histories(RunDirectory(tmp_path), ("movie_tag",))
    assert CountingEmbedder.made == 3 + 3
    embedder = CountingEmbedder()
    chunks = embedder.chunks(LONG * 3)
    made = [embedder.embed_equal_lengths([ids])[0] for ids in chunks]
    assert np.array_equal(VectorStore(tmp_path / "embeddings").of_text(LONG * 3), pool_chunks(made, chunks))


def test_an_old_store_is_refused_and_long_texts_are_embedded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_users", with_a_long_text)
    old = {text_key(text): row for row, text in enumerate(("yes", LONG * 3, "of another task", "short"))}
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "texts.json").write_text(json.dumps(old))
    vectors = np.random.default_rng(0).normal(size=(4, DIM)).astype(np.float32)
    np.save(folder / "vectors.npy", vectors)
    with pytest.raises(ValueError, match="version 1"):
        VectorStore(tmp_path / "embeddings")
    embed_histories(RunDirectory(tmp_path), ("movie_tag",))
    assert CountingEmbedder.made == 3 + 1  # the chunks of the long text, and "no"
    store = VectorStore(tmp_path / "embeddings")
    assert np.array_equal(store.of_text("yes"), vectors[0])
    assert np.array_equal(store.of_text("short"), vectors[3])
    assert not np.array_equal(store.of_text(LONG * 3), vectors[1])
    with pytest.raises(KeyError):
        store.of_text("of another task")  # whether it fits cannot be told from its hash
    assert read_rows(folder / "texts.json")[0] == 2
