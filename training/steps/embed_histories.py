"""Embeds every text of the histories once, into a vector store that grows; an interrupted run goes on where it was.

Other tasks and splits can be added later: rows that are there stay where they are.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from training.core.machine import prepare_machine
from training.core.run_directory import RunDirectory
from training.data.embedder import Embedder
from training.data.splits import UPPER_BOUNDS, split_of_user
from training.data.text_chunks import pool_chunks
from training.data.users import ALL_TASKS, SHIPPED_TASKS, load_users
from training.data.vector_store import grow_store, text_key

# Users A train the language model only, so their texts need no vector, unless asked for.
EMBEDDED_SPLITS = ("train_b", "dev", "test")
BATCH_TOKENS = 4096


@dataclass(frozen=True)
class PendingText:
    """A text whose row is not done: its chunks, and the vectors of those that were embedded, by place."""

    row: int
    chunks: list[list[int]]
    vectors: dict[int, np.ndarray] = field(default_factory=dict)


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


def embed_histories(
    run: RunDirectory, tasks: tuple[str, ...] = SHIPPED_TASKS, splits: tuple[str, ...] = EMBEDDED_SPLITS
) -> None:
    """Fills the store; tasks in the order given, short texts first. Rows done by an earlier run are kept."""
    directory = run.embeddings.path
    embedder = Embedder()
    rows = grow_store(directory, history_texts(tasks, splits), lambda text: len(embedder.chunks(text)) == 1)
    vectors = np.lib.format.open_memmap(directory / "vectors.npy", mode="r+")

    done, started = 0, time.monotonic()
    for task in tasks:
        by_length: dict[int, list[tuple[PendingText, int]]] = {}
        for text in history_texts((task,), splits):
            row = rows[text_key(text)]
            if not vectors[row].any():
                pending = PendingText(row, embedder.chunks(text))
                for place, ids in enumerate(pending.chunks):
                    by_length.setdefault(len(ids), []).append((pending, place))
        for length in sorted(by_length):
            entries = by_length[length]
            size = max(1, BATCH_TOKENS // length)
            for start in range(0, len(entries), size):
                batch = entries[start : start + size]
                made = embedder.embed_equal_lengths([each.chunks[place] for each, place in batch])
                for (pending, place), vector in zip(batch, made, strict=True):
                    pending.vectors[place] = vector
                    if len(pending.vectors) == len(pending.chunks):
                        ordered = [pending.vectors[each] for each in range(len(pending.chunks))]
                        vectors[pending.row] = pool_chunks(ordered, pending.chunks)
                        done += 1
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
    embed_histories(RunDirectory(arguments.run_directory), tuple(arguments.tasks), tuple(arguments.splits))


if __name__ == "__main__":
    main()
