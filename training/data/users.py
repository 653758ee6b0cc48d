"""Reads the users of the tasks, and keeps what is measured out of what is trained on.

The folder is named by the environment variable PERSONA_PLUG_DATA. A training item is dropped when its input equals
the input of a dev or test query (whitespace normalised; co-authors share abstracts) or when it is the same article
under another task (by id).
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.data.leaks import MeasuredQueries, normalise
from training.data.splits import Split, query_count, split_of_user

SHIPPED_TASKS = ("news_category", "news_headline", "paper_title")
# The data of these tasks may not be redistributed: they are for measurement and for plugs that are never published.
MEASURED_TASKS = ("movie_rating", "movie_tag")
ALL_TASKS = SHIPPED_TASKS + MEASURED_TASKS
DATA_VARIABLE = "PERSONA_PLUG_DATA"


@dataclass(frozen=True)
class Item:
    """One thing that a user wrote: the input that was given and the output that the user made of it."""

    id: str
    date: str
    input: str
    output: str


@dataclass(frozen=True)
class User:
    """A user of one task with all items, oldest first (file order breaks ties of the date)."""

    id: str
    task: str
    items: tuple[Item, ...]

    @property
    def first_query(self) -> int:
        """Index of the first item that is asked as a query; so are all later items."""
        return len(self.items) - query_count(len(self.items))


def data_directory() -> Path:
    """The data folder; raises with the remedy when it is not configured."""
    value = os.environ.get(DATA_VARIABLE)
    if not value:
        raise RuntimeError(f"{DATA_VARIABLE} is not set. Point it to the folder that holds tasks/ and text/.")
    directory = Path(value)
    if not (directory / "tasks").is_dir():
        raise RuntimeError(
            f"{DATA_VARIABLE} is {value!r}, where there is no folder tasks/. Point it to the data folder."
        )
    return directory


@cache
def load_users(task: str) -> tuple[User, ...]:
    """Every user of a task, of every split, in file order. Items are sorted by date, ties in file order."""
    users = []
    with gzip.open(data_directory() / "tasks" / f"{task}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            items = [Item(entry["id"], entry["date"], entry["input"], entry["output"]) for entry in record["items"]]
            items.sort(key=lambda item: item.date)  # stable: keeps the file's order within a day
            users.append(User(record["user"], task, tuple(items)))
    return tuple(users)


def users_of_split(task: str, split: Split) -> list[User]:
    """The users of one split with all their items (not filtered, since nothing is trained on dev and test users)."""
    return [user for user in load_users(task) if split_of_user(user.id) == split]


@cache
def measured_queries() -> tuple[frozenset[str], frozenset[str]]:
    """Normalised inputs and item ids of every dev and test query of all tasks.

    Users share films, so for movie_tag this drops every item of a film that is asked about elsewhere.
    """
    inputs, ids = set(), set()
    for task in ALL_TASKS:
        for user in load_users(task):
            if split_of_user(user.id) in ("dev", "test"):
                for item in user.items[user.first_query :]:
                    inputs.add(normalise(item.input))
                    ids.add(item.id)
    return frozenset(inputs), frozenset(ids)


@cache
def measured_index() -> MeasuredQueries:
    """The inputs of all dev and test queries, to be looked for inside texts."""
    return MeasuredQueries(measured_queries()[0])


def training_users(task: str, split: Split) -> list[User]:
    """Users of a training split without the items that would leak a dev or test query; users with fewer than 2 items
    left are dropped.
    """
    if split not in ("train_a", "train_b"):
        raise ValueError(f"{split!r} is no training split. Use users_of_split to read dev or test.")
    inputs, ids = measured_queries()
    users = []
    for user in users_of_split(task, split):
        items = tuple(item for item in user.items if item.id not in ids and normalise(item.input) not in inputs)
        if len(items) >= 2:
            users.append(User(user.id, task, items))
    return users
