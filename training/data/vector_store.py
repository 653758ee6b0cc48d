"""The vectors of all texts, in one memory-mapped file that grows.

`vectors.npy` is float32 [texts, 384]; `texts.json` is `{"version": 2, "rows": {…}}` and maps each text's SHA-256 to its
row. A row of zeros is not done yet. The version is that of the way vectors are made; a store of version 1, whose
`texts.json` is the mapping alone, is refused until `grow_store` has emptied the rows that may differ.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from training.data.embedder import DIM
from training.data.text_chunks import VECTOR_VERSION


def text_key(text: str) -> str:
    """Key of a text in the store."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


class Vectors(Protocol):
    """Where vectors of texts come from."""

    def of_text(self, text: str) -> np.ndarray:
        """Unit vector [384] of a text."""

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Unit vectors [n, 384]."""


class VectorStore:
    """Vectors of texts by their content."""

    def __init__(self, directory: Path) -> None:
        version, self._rows = read_rows(directory / "texts.json")
        if version != VECTOR_VERSION:
            raise ValueError(
                f"{directory} holds vectors of version {version}, version {VECTOR_VERSION} is needed. "
                "Run python -m training.steps.embed_histories, which keeps the vectors of texts that fit."
            )
        self._vectors = np.load(directory / "vectors.npy", mmap_mode="r")

    def of_text(self, text: str) -> np.ndarray:
        """Unit vector [384] of a text; raises when it was never embedded."""
        row = self._rows.get(text_key(text))
        if row is None or not self._vectors[row].any():
            raise KeyError(f"no vector for {text[:60]!r}. Run python -m training.steps.embed_histories first.")
        return np.asarray(self._vectors[row])

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Unit vectors [n, 384]."""
        return np.stack([self.of_text(text) for text in texts]) if texts else np.zeros((0, DIM), np.float32)


def read_rows(index: Path) -> tuple[int, dict[str, int]]:
    """Version and rows of a texts.json."""
    document = json.loads(index.read_text())
    # Keys of rows have 24 hex digits, so none of them is "version".
    return (document["version"], document["rows"]) if "version" in document else (1, document)


def write_rows(index: Path, rows: dict[str, int]) -> None:
    """Writes a texts.json of the present version, as a whole or not at all."""
    partial = index.with_suffix(".partial")
    partial.write_text(json.dumps({"version": VECTOR_VERSION, "rows": rows}))
    os.replace(partial, index)


def grow_store(directory: Path, texts: list[str], fits: Callable[[str], bool]) -> dict[str, int]:
    """Makes room for texts that the store does not hold yet; returns the row of every text in it.

    In a store of an older version, all rows are emptied but those of `texts` that fit into one chunk: they have the
    same vector in every version. Texts that are not among `texts` are known by their hash alone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    index_path, vectors_path = directory / "texts.json", directory / "vectors.npy"
    version, rows = read_rows(index_path) if index_path.exists() else (VECTOR_VERSION, {})
    if version not in (1, VECTOR_VERSION):
        raise ValueError(f"{directory} holds vectors of version {version}, which is unknown. Name another directory.")
    kept = len(rows)
    if version != VECTOR_VERSION and kept:
        unchanged = {rows[text_key(text)] for text in texts if text_key(text) in rows and fits(text)}
        vectors = np.lib.format.open_memmap(vectors_path, mode="r+")
        vectors[[row for row in rows.values() if row not in unchanged]] = 0
        vectors.flush()
    for text in texts:
        rows.setdefault(text_key(text), len(rows))
    if not kept or len(rows) > kept:
        partial = directory / "vectors.partial.npy"
        wider = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=(len(rows), DIM))
        if kept:
            wider[:kept] = np.load(vectors_path, mmap_mode="r")[:kept]
        wider.flush()
        # Vectors first: an index that points beyond them would be worse than rows that no text has yet.
        os.replace(partial, vectors_path)
        write_rows(index_path, rows)
    elif version != VECTOR_VERSION:
        write_rows(index_path, rows)
    return rows
