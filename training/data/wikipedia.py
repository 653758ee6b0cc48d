"""Reads the articles of Wikipedia and keeps their prose."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator

from training.data.leaks import normalise
from training.data.users import data_directory, measured_queries


def wikipedia_articles() -> Iterator[tuple[str, str]]:
    """Title and raw text of every Wikipedia article, file by file."""
    for path in sorted((data_directory() / "text").glob("wiki-*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                yield record["title"], record["text"]


def clean_article(title: str, text: str, maximum_characters: int) -> str:
    """The prose of an article under its title: paragraphs that read as sentences, up to a number of characters.

    Section titles, list entries and left-over markup are dropped, since a small model would spend much of itself
    on them.
    """
    inputs, _ = measured_queries()
    kept: list[str] = []
    for line in text.split("\n"):
        paragraph = normalise(line.replace("( )", "").replace("()", ""))
        is_prose = len(paragraph) >= 80 and paragraph[-1] in ".!?\"')" and paragraph[0] not in "*#|{!<:;"
        has_markup = any(
            mark in paragraph for mark in ("{{", "}}", "[[", "]]", "<ref", "||", "http://", "&lt;", "&nbsp;")
        )
        if not is_prose or has_markup or paragraph in inputs:
            continue
        kept.append(paragraph)
    return beginning("\n".join([title, *kept]), maximum_characters) if kept else ""


def beginning(article: str, characters: int) -> str:
    """The title and as many whole paragraphs as reach that many characters together."""
    title, *paragraphs = article.split("\n")
    kept, length = [title], 0
    for paragraph in paragraphs:
        kept.append(paragraph)
        length += len(paragraph)
        if length >= characters:
            break
    return "\n".join(kept)
