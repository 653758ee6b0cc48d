"""Assigns every user to a split by one hash of the user id, the same for every task.

The language model learns from users A and the plug from users B; choices are made on dev users, and test users are kept
for the last measurement. A and B are disjoint because a language model that has memorised a user's items leaves the
plug nothing to learn from that user's history. Where the plug learns a head's answers and not the labels, the language
model may see B as well (README.md). The hash does not depend on the task, since the same author appears in
news_category and news_headline.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Split = Literal["train_a", "train_b", "dev", "test"]

# Upper bounds (exclusive) of a user's bucket in 0..99. Change the shares here, never the hash.
UPPER_BOUNDS: tuple[tuple[int, Split], ...] = ((30, "train_a"), (60, "train_b"), (85, "dev"), (100, "test"))

MAXIMUM_QUERIES = 20


def bucket_of_user(user: str) -> int:
    """The user's bucket in 0..99: the first 32 bits of SHA-256 of the id, modulo 100."""
    return int(hashlib.sha256(user.encode("utf-8")).hexdigest()[:8], 16) % 100


def split_of_user(user: str) -> Split:
    """The split that every item of this user belongs to."""
    bucket = bucket_of_user(user)
    for upper_bound, split in UPPER_BOUNDS:
        if bucket < upper_bound:
            return split
    raise AssertionError("unreachable: the last upper bound is 100")


def is_tuning_holdout(user: str) -> bool:
    """About one in eight training users, held out of training to stop it early (bits the split does not use)."""
    return int(hashlib.sha256(user.encode("utf-8")).hexdigest()[8:16], 16) % 8 == 0


def query_count(item_count: int) -> int:
    """How many of a user's last items are queries: min(20, half of the items)."""
    return min(MAXIMUM_QUERIES, item_count // 2)
