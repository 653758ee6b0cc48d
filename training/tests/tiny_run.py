"""A data folder of invented users and a run directory with random vectors: for trainings that take seconds."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np

from training.data.embedder import DIM
from training.data.splits import split_of_user
from training.data.users import ALL_TASKS
from training.data.vector_store import text_key

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


def write_vectors(data: Path, directory: Path, task: str, splits: tuple[str, ...] = ("train_b",)) -> None:
    """A vector store with a random unit vector for every text of the users, those of B unless told."""
    texts: dict[str, int] = {}
    with gzip.open(data / "tasks" / f"{task}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if split_of_user(record["user"]) in splits:
                for item in record["items"]:
                    for text in (item["input"], item["output"]):
                        texts.setdefault(text_key(text), len(texts))
    vectors = np.random.default_rng(0).normal(size=(len(texts), DIM)).astype(np.float32)
    directory.mkdir(parents=True)
    np.save(directory / "vectors.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    (directory / "texts.json").write_text(json.dumps(texts))
