"""No dev or test query of any task may occur in anything that is trained on.

With PERSONA_PLUG_ALL_TEXT=1 every Wikipedia article is searched (a minute); otherwise the first ones of every file.
The search itself is held to a plain one without an index.
"""

from __future__ import annotations

import gzip
import itertools
import json
import lzma
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.data.corpus import excerpt_documents, task_documents, wikipedia_documents
from training.data.leaks import MeasuredQueries, normalise
from training.data.splits import query_count, split_of_user
from training.data.users import (
    ALL_TASKS,
    DATA_VARIABLE,
    data_directory,
    measured_index,
    measured_queries,
    training_users,
)
from training.data.wikipedia import wikipedia_articles
from training.tests.tiny_run import used_data, write_data

needs_data = pytest.mark.skipif(not os.environ.get(DATA_VARIABLE), reason=f"{DATA_VARIABLE} is not set")

LONG = "The tram stops where the river bends, and nobody gets off any more."
OTHER = "Nothing of this is asked about: a harbour, a crane and three gulls on a rope."
SHORT = "A must see."


def raw_queries() -> tuple[set[str], set[str]]:
    """Normalised inputs and ids of dev and test queries, read from the files without any of our loaders."""
    inputs, ids = set(), set()
    for task in ("news_category", "news_headline", "paper_title", "movie_rating", "movie_tag"):
        with gzip.open(data_directory() / "tasks" / f"{task}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if split_of_user(record["user"]) in ("dev", "test"):
                    items = sorted(record["items"], key=lambda item: item["date"])
                    for item in items[len(items) - query_count(len(items)) :]:
                        inputs.add(" ".join(item["input"].split()))
                        ids.add(item["id"])
    return inputs, ids


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        (LONG, LONG),
        (f"First. {LONG}\tLast.".replace("river", "river\n"), LONG),
        (f'Headline "{LONG}"', LONG),
        ("The tram stops where the river bends, and nobody gets", LONG),
        ("The tram stops where the river", None),
        (f"{OTHER}\n  A  must see.\n", SHORT),
        (f"{OTHER} A must see. {OTHER}", None),
        (OTHER, None),
    ],
)
def test_a_query_is_found_wherever_it_stands(text: str, leaks: str | None) -> None:
    assert MeasuredQueries([LONG, SHORT]).holds(text) == leaks


@needs_data
def test_no_training_item_holds_a_measured_query() -> None:
    inputs, ids = raw_queries()
    index = MeasuredQueries(inputs)
    assert len(inputs) > 5000 and set(measured_queries()[0]) == inputs
    for task in ALL_TASKS:
        for split in ("train_a", "train_b"):
            users = training_users(task, split)
            assert users and all(split_of_user(user.id) == split for user in users)
            for item in (item for user in users for item in user.items):
                assert item.id not in ids
                assert normalise(item.input) not in inputs
                assert index.holds(item.input) is None and index.holds(item.output) is None


@needs_data
def test_no_document_of_pre_training_holds_a_measured_query() -> None:
    index = MeasuredQueries(raw_queries()[0])
    for document in task_documents():
        assert index.holds(document) is None
    articles = []
    for title, document in wikipedia_documents(sampled_articles(), 16_000):
        assert index.holds(document) is None, title
        articles.append(document)
    cut = list(excerpt_documents(articles, count=2, seed=0))
    assert len(cut) > len(articles)
    assert not any(index.holds(document) for document in cut)


@needs_data
def test_the_index_finds_what_a_plain_search_finds() -> None:
    queries = [query for query in raw_queries()[0] if len(query) >= 48]
    for _, document in wikipedia_documents(itertools.islice(sampled_articles(), 40), 3000):
        whole = normalise(document)
        assert not any(query in whole for query in queries)
    planted = f"{queries[0][:20]} {queries[1]} {queries[2][:90]}"
    assert measured_index().holds(planted) in queries


def test_an_article_with_a_query_is_left_out(tmp_path: Path) -> None:
    write_data(tmp_path)
    with used_data(tmp_path):
        query = max(measured_queries()[0], key=len)
        articles = [("clean", OTHER * 2), ("leaking", f"{OTHER} {query}. {OTHER}")]
        assert [title for title, _ in wikipedia_documents(articles, 3000)] == ["clean"]


def test_an_excerpt_that_would_be_most_of_a_query_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ["A crane lifts the tram by its roof.", "Three gulls watch it from a rope.", f"{LONG} {OTHER} {OTHER}"]
    article = f"Trams\n{' '.join(parts)}"
    monkeypatch.setattr("training.data.corpus.measured_index", lambda: MeasuredQueries([]))
    (found,) = excerpt_documents([article], count=2, seed=0)
    query = f"{found.split(chr(10))[0]} And so on."
    monkeypatch.setattr("training.data.corpus.measured_index", lambda: MeasuredQueries([query]))
    assert list(excerpt_documents([article], count=2, seed=0)) == []


def sampled_articles(per_file: int = 100) -> Iterator[tuple[str, str]]:
    """The first articles of every Wikipedia file, or all of them where the environment asks for it."""
    if os.environ.get("PERSONA_PLUG_ALL_TEXT"):
        yield from wikipedia_articles()
        return
    for path in sorted((data_directory() / "text").glob("wiki-*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in itertools.islice(lines, per_file):
                record = json.loads(line)
                yield record["title"], record["text"]
