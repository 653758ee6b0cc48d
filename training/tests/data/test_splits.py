"""The splits must hold still."""

from __future__ import annotations

import os

import pytest

from training.data.splits import UPPER_BOUNDS, query_count, split_of_user
from training.data.users import ALL_TASKS, DATA_VARIABLE, load_users, users_of_split

needs_data = pytest.mark.skipif(not os.environ.get(DATA_VARIABLE), reason=f"{DATA_VARIABLE} is not set")


def test_splits_are_a_fixed_function_of_the_user_id() -> None:
    assert [split_of_user(user) for user in ("alice", "carol", "olivia", "peggy")] == [
        "train_a",
        "train_b",
        "dev",
        "test",
    ]
    assert UPPER_BOUNDS[-1][0] == 100


def test_queries_are_at_most_half_of_the_items_and_at_most_twenty() -> None:
    assert [query_count(n) for n in (10, 11, 39, 40, 500)] == [5, 5, 19, 20, 20]


@needs_data
def test_the_same_author_is_in_one_split_for_every_task() -> None:
    splits: dict[str, set[str]] = {}
    for task in ALL_TASKS:
        for user in load_users(task):
            splits.setdefault(user.id, set()).add(split_of_user(user.id))
    assert all(len(found) == 1 for found in splits.values())


@needs_data
def test_dev_has_enough_queries_for_the_check() -> None:
    assert sum(len(user.items) - user.first_query for user in users_of_split("news_category", "dev")) >= 300
