"""The vectors of all texts, in one memory-mapped file that grows.

`vectors.npy` is float32 [texts, 384]; `texts.json` maps each text's SHA-256 to its row. A row of zeros is not done yet.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from training.data.embedder import DIM


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
        self._rows: dict[str, int] = json.loads((directory / "texts.json").read_text())
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


def grow_store(directory: Path, texts: list[str]) -> dict[str, int]:
    """Makes room for texts that the store does not hold yet; returns the row of every text in it."""
    directory.mkdir(parents=True, exist_ok=True)
    index_path, vectors_path = directory / "texts.json", directory / "vectors.npy"
    rows: dict[str, int] = json.loads(index_path.read_text()) if index_path.exists() else {}
    kept = len(rows)
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
        index_path.with_suffix(".partial").write_text(json.dumps(rows))
        os.replace(index_path.with_suffix(".partial"), index_path)
    return rows
