"""Builds the pre-training corpus: tokenizer.json and two token streams (train, held out) as uint16 files.

Every document is `<|bos|> text <|end|>`; documents are shuffled once and packed without padding. Articles of Wikipedia
teach the language, excerpts of them what a headline is, and the texts of users A, repeated a few times, the domains of
the tasks that ship.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.core.run_directory import RunDirectory
from training.data.excerpts import excerpts
from training.data.tokenizer import BOS, END, TextTokenizer, train_tokenizer
from training.data.users import SHIPPED_TASKS, measured_index, training_users
from training.data.wikipedia import beginning, clean_article, wikipedia_articles

HELD_OUT_PER_THOUSAND = 8


@dataclass(frozen=True)
class CorpusConfig:
    """What goes in. `task_repeats`: how often the texts of users A occur beside Wikipedia."""

    characters_per_article: int = 16_000
    excerpts_per_article: int = 2  # titled passages, and as many gap sentences
    task_repeats: int = 3
    # Characters of each article for the tokenizer and the held-out slice: beginnings of many articles, not all of a
    # few.
    beginning_characters: int = 3000
    tokenizer_characters: int = 24_000_000
    seed: int = 0


def is_held_out(title: str) -> bool:
    """Whether a Wikipedia article belongs to the held-out slice: decided by a hash of its title."""
    return int(hashlib.sha256(title.encode("utf-8")).hexdigest()[:8], 16) % 1000 < HELD_OUT_PER_THOUSAND


def task_documents() -> list[str]:
    """Input and output of every pre-training item of users A, as running text."""
    documents: dict[str, None] = {}  # keeps order and drops repeats: co-authors have the same abstract
    for task in SHIPPED_TASKS:
        for user in training_users(task, "train_a"):
            for item in user.items:
                documents[f"{item.input}\n{item.output}"] = None
    return list(documents)


def wikipedia_documents(articles: Iterable[tuple[str, str]], characters: int) -> Iterator[tuple[str, str]]:
    """Title and cleaned text of the articles; one that holds a dev or test query of any task is left out."""
    for title, text in articles:
        article = clean_article(title, text, characters)
        if article and measured_index().holds(article) is None:
            yield title, article


def excerpt_documents(articles: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Excerpts of all articles without those that hold a query: a paragraph less its main sentence may be one."""
    order = random.Random(seed)
    for article in articles:
        for document in excerpts(article, count, order):
            if measured_index().holds(document) is None:
                yield document


def build_corpus(run: RunDirectory, config: CorpusConfig) -> None:
    """Builds the corpus of a run."""
    run.begin("corpus")
    with run.corpus.writing() as folder:
        folder.mkdir()
        write_corpus(folder, config)


def write_corpus(directory: Path, config: CorpusConfig) -> None:
    """Writes tokenizer.json, train.u16, held-out.u16 and corpus.json into `directory`."""
    train_articles, held_out_articles = [], []
    for title, article in wikipedia_documents(wikipedia_articles(), config.characters_per_article):
        if is_held_out(title):
            held_out_articles.append(beginning(article, config.beginning_characters))
        else:
            train_articles.append(article)
    random_order = random.Random(config.seed)
    random_order.shuffle(train_articles)
    tasks = task_documents()

    tokenizer_path = directory / "tokenizer.json"
    sample, characters = [], 0
    for article in train_articles:
        sample.append(beginning(article, config.beginning_characters))
        characters += len(sample[-1])
        if characters > config.tokenizer_characters:
            break
    train_tokenizer([*sample, *tasks, *tasks], tokenizer_path)

    tokenizer = TextTokenizer(tokenizer_path)
    cut = list(excerpt_documents(train_articles, config.excerpts_per_article, config.seed))
    documents = train_articles + cut + tasks * config.task_repeats
    random_order.shuffle(documents)
    statistics = {"config": vars(config), "task_documents": len(tasks), "excerpts": len(cut)}
    for name, texts in (("train", documents), ("held-out", held_out_articles)):
        pieces = [np.array([BOS, *ids, END], dtype=np.uint16) for ids in tokenizer.encode_many(texts)]
        stream = np.concatenate(pieces)
        stream.tofile(directory / f"{name}.u16")
        statistics[name] = {
            "documents": len(texts),
            "tokens": int(stream.size),
            "bytes": sum(len(text.encode("utf-8")) for text in texts),
        }
    (directory / "corpus.json").write_text(json.dumps(statistics, indent=1))
