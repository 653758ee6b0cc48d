"""Bootstrap intervals that resample users, not queries: queries of one user are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean over queries with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def clustered_interval(values: Sequence[float], users: Sequence[str], draws: int = 4000, seed: int = 0) -> Interval:
    """Mean of `values` with a percentile interval over resampled users. Needs two users at least."""
    names = sorted(set(users))
    if len(names) < 2:
        raise ValueError(f"{len(names)} user(s) give no interval. Measure at least two users.")
    array, owner = np.asarray(values, dtype=np.float64), np.asarray(users)
    sums = np.array([array[owner == name].sum() for name in names])
    counts = np.array([(owner == name).sum() for name in names])
    drawn = np.random.default_rng(seed).integers(0, len(names), size=(draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(array.mean()), float(low), float(high))
