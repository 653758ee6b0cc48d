"""Histories as vectors: for each query the items that the user wrote before, padded into a batch."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.data.users import User
from training.data.vector_store import Vectors
from training.persona.history_batch import HistoryBatch

MAXIMUM_HISTORY = 512  # the last items; PPlug keeps as many


def day_number(date: str) -> int:
    """Days since year 1 of a YYYY-MM-DD date."""
    return datetime.date.fromisoformat(date[:10]).toordinal()


@dataclass(frozen=True)
class UserVectors:
    """A user's vectors: inputs and outputs [n, d], days [n], in the order of the user's items."""

    inputs: np.ndarray
    outputs: np.ndarray
    days: np.ndarray

    @staticmethod
    def of(user: User, store: Vectors) -> UserVectors:
        """Looks every item up in the store."""
        return UserVectors(
            store.of_texts([item.input for item in user.items]),
            store.of_texts([item.output for item in user.items]),
            np.array([day_number(item.date) for item in user.items]),
        )


@dataclass(frozen=True)
class Query:
    """A query vector with its day, and the items of a user, usually the one who asks, as its history."""

    x: np.ndarray
    day: int
    vectors: UserVectors
    items: Sequence[int]


def dropped(items: Sequence[int], order: random.Random, largest_share: float = 0.5) -> list[int]:
    """The history without a random share (0 to `largest_share`) of its items; at least one is kept."""
    kept = round(len(items) * (1 - order.uniform(0, largest_share)))
    return sorted(order.sample(list(items), max(1, kept))) if items else []


def collate_histories(queries: Sequence[Query], has_outputs: bool = True) -> HistoryBatch:
    """Pads histories to the longest of the batch (at least one column); without outputs, o is zeros."""
    chosen = [list(query.items)[-MAXIMUM_HISTORY:] for query in queries]
    width = max(1, max(len(items) for items in chosen))
    dim = queries[0].x.shape[0]
    h = np.zeros((len(queries), width, dim), np.float32)
    o = np.zeros_like(h)
    age = np.zeros((len(queries), width), np.float32)
    mask = np.zeros((len(queries), width), bool)
    for row, (query, items) in enumerate(zip(queries, chosen, strict=True)):
        count = len(items)
        if count:
            h[row, :count] = query.vectors.inputs[items]
            if has_outputs:
                o[row, :count] = query.vectors.outputs[items]
            age[row, :count] = np.log1p(np.maximum(0, query.day - query.vectors.days[items]))
            mask[row, :count] = True
    x = np.stack([query.x for query in queries])
    return HistoryBatch(*(torch.from_numpy(array) for array in (x, h, o, age, mask)))
