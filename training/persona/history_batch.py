"""Histories of a batch of queries, as the plug takes them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class HistoryBatch:
    """Queries with their histories, padded: x [b, d], h and o [b, n, d], age [b, n] (ln(1 + days)), mask [b, n]."""

    x: Tensor
    h: Tensor
    o: Tensor
    age: Tensor
    mask: Tensor
