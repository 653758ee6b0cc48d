"""Intervals follow users."""

from __future__ import annotations

import pytest

from training.core.intervals import clustered_interval


def test_an_interval_over_users_is_wider_than_one_over_queries() -> None:
    values = [0.0] * 50 + [1.0] * 50
    few = clustered_interval(values, ["a"] * 50 + ["b"] * 50)
    many = clustered_interval(values, [f"u{n}" for n in range(100)])
    assert few.high - few.low > many.high - many.low
    assert few.mean == many.mean == 0.5
    with pytest.raises(ValueError, match="1 user.* two"):
        clustered_interval([1.0], ["a"])
