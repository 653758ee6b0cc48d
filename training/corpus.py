"""Builds the pre-training corpus: tokenizer.json and two token streams (train, held out) as uint16 files.

Every document is `<|bos|> text <|end|>`; documents are shuffled once and packed without padding. Wikipedia gives the
language, the texts of users A (repeated a few times) give the domains of the shipped tasks.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data import SHIPPED_TASKS, clean_article, measured_index, training_users, wikipedia_articles
from training.tokenizer import BOS, END, TextTokenizer, train_tokenizer

HELD_OUT_PER_THOUSAND = 8


@dataclass(frozen=True)
class CorpusConfig:
    """What goes in. `task_repeats`: how often the texts of users A occur beside Wikipedia."""

    characters_per_article: int = 3000
    task_repeats: int = 3
    tokenizer_characters: int = 24_000_000
    seed: int = 0


def is_held_out(title: str) -> bool:
    """Whether a Wikipedia article belongs to the held-out slice: decided by a hash of its title."""
    return int(hashlib.sha256(title.encode("utf-8")).hexdigest()[:8], 16) % 1000 < HELD_OUT_PER_THOUSAND


def task_documents() -> list[str]:
    """Input and output of every pre-training item of users A, as running text."""
    documents: dict[str, None] = {}  # an article occurs in both news tasks: a dict keeps order and drops repeats
    for task in SHIPPED_TASKS:
        for user in training_users(task, "train_a"):
            for item in user.items:
                document = f"{item.input}\n{item.output}" if task == "news_category" else f"{item.output}\n{item.input}"
                documents[document] = None
    return list(documents)


def wikipedia_documents(articles: Iterable[tuple[str, str]], characters: int) -> Iterator[tuple[str, str]]:
    """Title and cleaned text of the articles; one that holds a dev or test query of any task is left out."""
    for title, text in articles:
        article = clean_article(title, text, characters)
        if article and measured_index().holds(article) is None:
            yield title, article


def build_corpus(directory: Path, config: CorpusConfig) -> None:
    """Writes tokenizer.json, train.u16, held-out.u16 and corpus.json into `directory`."""
    train_articles, held_out_articles = [], []
    for title, article in wikipedia_documents(wikipedia_articles(), config.characters_per_article):
        (held_out_articles if is_held_out(title) else train_articles).append(article)
    random_order = random.Random(config.seed)
    random_order.shuffle(train_articles)
    tasks = task_documents()

    directory.mkdir(parents=True, exist_ok=True)
    tokenizer_path = directory / "tokenizer.json"
    sample, characters = [], 0
    for article in train_articles:
        sample.append(article)
        characters += len(article)
        if characters > config.tokenizer_characters:
            break
    train_tokenizer([*sample, *tasks, *tasks], tokenizer_path)

    tokenizer = TextTokenizer(tokenizer_path)
    documents = train_articles + tasks * config.task_repeats
    random_order.shuffle(documents)
    statistics = {"config": vars(config), "task_documents": len(tasks)}
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
