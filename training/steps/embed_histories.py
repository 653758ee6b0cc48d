"""Embeds every text of the histories once, into one memory-mapped file that grows and can be resumed.

`vectors.npy` is float32 [texts, 384]; `texts.json` maps each text's SHA-256 to its row. A row of zeros is not done yet.
Other tasks and splits can be added later: rows that are there stay where they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

from training.core.machine import prepare_machine
from training.data.embedder import DIM, Embedder
from training.data.splits import UPPER_BOUNDS, split_of_user
from training.data.users import ALL_TASKS, SHIPPED_TASKS, load_users

# Users A train the language model only, so their texts need no vector, unless asked for.
EMBEDDED_SPLITS = ("train_b", "dev", "test")
BATCH_TOKENS = 4096


def text_key(text: str) -> str:
    """Key of a text in the store."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


def history_texts(tasks: tuple[str, ...], splits: tuple[str, ...] = EMBEDDED_SPLITS) -> list[str]:
    """Distinct inputs and outputs of the tasks, in a fixed order."""
    texts: dict[str, None] = {}
    for task in tasks:
        for user in load_users(task):
            if split_of_user(user.id) in splits:
                for item in user.items:
                    texts[item.input] = None
                    texts[item.output] = None
    return list(texts)


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


def embed_histories(
    directory: Path, tasks: tuple[str, ...] = SHIPPED_TASKS, splits: tuple[str, ...] = EMBEDDED_SPLITS
) -> None:
    """Fills the store; tasks in the order given, short texts first. Rows done by an earlier run are kept."""
    rows = grow_store(directory, history_texts(tasks, splits))
    vectors = np.lib.format.open_memmap(directory / "vectors.npy", mode="r+")
    embedder = Embedder()

    done, started = 0, time.monotonic()
    for task in tasks:
        by_length: dict[int, list[tuple[int, list[int]]]] = {}
        for text in history_texts((task,), splits):
            row = rows[text_key(text)]
            if not vectors[row].any():
                ids = embedder.token_ids(text)
                by_length.setdefault(len(ids), []).append((row, ids))
        for length in sorted(by_length):
            entries = by_length[length]
            size = max(1, BATCH_TOKENS // length)
            for start in range(0, len(entries), size):
                batch = entries[start : start + size]
                vectors[[row for row, _ in batch]] = embedder.embed_equal_lengths([ids for _, ids in batch])
                done += len(batch)
            print(f"{task}: length {length}, {done} texts, {time.monotonic() - started:.0f} s", flush=True)
        vectors.flush()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--tasks", nargs="+", choices=ALL_TASKS, default=list(SHIPPED_TASKS))
    splits = [split for _, split in UPPER_BOUNDS]
    parser.add_argument("--splits", nargs="+", choices=splits, default=list(EMBEDDED_SPLITS), help="users A: train_a")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    embed_histories(arguments.run_directory / "embeddings", tuple(arguments.tasks), tuple(arguments.splits))


if __name__ == "__main__":
    main()
