"""A data folder of invented users and a run directory with random vectors: for trainings that take seconds."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from training.core.run_directory import RunDirectory
from training.data.embedder import DIM
from training.data.splits import Split, split_of_user
from training.data.task_choices import choices_of
from training.data.users import ALL_TASKS, DATA_VARIABLE, load_users, measured_index, measured_queries
from training.data.vector_store import text_key, write_rows

CACHED = (load_users, measured_queries, measured_index, choices_of)
WORDS = "red green blue cat dog house river stone paper cloud sings runs stands grows falls".split()


def write_data(folder: Path, users: int = 60, items: int = 8) -> None:
    """tasks/*.jsonl.gz of every task, with the same users; each input is its own."""
    (folder / "tasks").mkdir(parents=True)
    order = random.Random(0)
    for task in ALL_TASKS:
        with gzip.open(folder / "tasks" / f"{task}.jsonl.gz", "wt", encoding="utf-8") as lines:
            for user in range(users):
                entries = [
                    {
                        "id": f"{task}-{user}-{item}",
                        "date": f"2020-01-{item + 1:02d}",
                        "input": f"{task} {user} {item} " + " ".join(order.choices(WORDS, k=order.randint(3, 12))),
                        "output": order.choice(["Politics", "Travel", "Tech"]),
                    }
                    for item in range(items)
                ]
                lines.write(json.dumps({"user": f"user {user}", "items": entries}) + "\n")


@contextmanager
def used_data(folder: Path) -> Iterator[None]:
    """Makes a folder the data, and forgets what was read of the data before."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(DATA_VARIABLE, str(folder))
        for cached in CACHED:
            cached.cache_clear()
        yield
    for cached in CACHED:
        cached.cache_clear()


def write_vectors(data: Path, run: RunDirectory, *tasks: str, splits: Sequence[Split] = ("train_b",)) -> None:
    """A vector store with a random unit vector for every text of the users, those of B unless told."""
    texts: dict[str, int] = {}
    for task in tasks:
        with gzip.open(data / "tasks" / f"{task}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if split_of_user(record["user"]) in splits:
                    for item in record["items"]:
                        for text in (item["input"], item["output"]):
                            texts.setdefault(text_key(text), len(texts))
    directory = run.embeddings.path
    vectors = np.random.default_rng(0).normal(size=(len(texts), DIM)).astype(np.float32)
    directory.mkdir(parents=True)
    np.save(directory / "vectors.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    write_rows(directory / "texts.json", texts)
