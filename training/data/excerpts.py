"""Excerpts of Wikipedia in the form of the tasks: a passage followed by its title or by its main sentence.

A headline repeats words of the passage before it, and running text seldom does. So passages are followed by the title
of their article, or by their gap sentence (PEGASUS, arXiv 1912.08777, section 3.1: the sentence with the highest
ROUGE-1 to the others), which is taken out of the passage.
"""

from __future__ import annotations

import random
import re

SHORTEST_PASSAGE, LONGEST_PASSAGE = 200, 900  # characters
SHORTEST_SENTENCES = 3
SENTENCE_END = re.compile(r"(?<=[a-z0-9)\"'][.!?])\s+(?=[A-Z\"])")  # initials and "U.S." do not end a sentence
WORD = re.compile(r"[^\W_]+")


def sentences(paragraph: str) -> list[str]:
    """A paragraph cut where a sentence seems to end."""
    return SENTENCE_END.split(paragraph)


def overlap(first: list[str], second: list[str]) -> float:
    """F1 of the words that two texts share (ROUGE-1 over sets)."""
    one, two = set(first), set(second)
    return 2 * len(one & two) / max(len(one) + len(two), 1)


def gap_sentence(paragraph: str) -> str | None:
    """The paragraph without its principal sentence, and that sentence in a line of its own; None for a short one."""
    parts = sentences(paragraph)
    if len(parts) < SHORTEST_SENTENCES:
        return None
    words = [WORD.findall(part.lower()) for part in parts]
    scores = [
        overlap(own, [word for place, others in enumerate(words) if place != index for word in others])
        for index, own in enumerate(words)
    ]
    principal = scores.index(max(scores))
    rest = " ".join(part for index, part in enumerate(parts) if index != principal)
    return f"{rest}\n{parts[principal]}"


def excerpts(article: str, count: int, order: random.Random) -> list[str]:
    """Up to `count` titled passages and as many gap sentences of an article whose first line is its title."""
    title, *paragraphs = article.split("\n")
    name = plain_title(title)
    passages = [paragraph for paragraph in paragraphs if SHORTEST_PASSAGE <= len(paragraph) <= LONGEST_PASSAGE]
    titled = [f"{passage}\n{name}" for passage in passages if name.lower() in passage.lower()]
    gaps = [gap for gap in map(gap_sentence, passages) if gap is not None]
    return [found for kind in (titled, gaps) for found in order.sample(kind, min(count, len(kind)))]


def plain_title(title: str) -> str:
    """A title without the part in brackets that distinguishes it from others: "Mercury (planet)" is "Mercury"."""
    return re.sub(r"\s*\([^)]*\)$", "", title)
