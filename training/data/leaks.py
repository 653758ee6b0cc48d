"""Finds dev and test queries inside texts that are trained on; white space does not count.

Comparing whole texts is not enough: an article's blurb is one task's input and a part of another's, and a film's
summary may be part of an encyclopaedia's paragraph. A query counts as leaked if it occurs anywhere in a text, or if a
paragraph of the text makes up at least half of the query (a shorter match is a quotation: abstracts name the titles of
other papers). A short query could be a common phrase, so it counts only if it is a whole paragraph.
"""

from __future__ import annotations

from collections.abc import Iterable

KEY = 32  # characters at a word's start by which candidates are looked up
SHORTEST = 48  # characters; shorter queries are compared as whole paragraphs only


def normalise(text: str) -> str:
    """Text with every run of white space as one space: the form in which inputs are compared."""
    return " ".join(text.split())


def word_starts(text: str) -> Iterable[int]:
    """Where words start in a normalised text."""
    position = 0
    while position >= 0:
        yield position
        found = text.find(" ", position)
        position = found + 1 if found >= 0 else -1


class MeasuredQueries:
    """An index over the normalised inputs of dev and test queries."""

    def __init__(self, inputs: Iterable[str]) -> None:
        self.inputs = frozenset(inputs)
        self._by_start: dict[str, list[str]] = {}
        self._inside: dict[str, list[str]] = {}
        for query in self.inputs:
            if len(query) >= SHORTEST:
                self._by_start.setdefault(query[:KEY], []).append(query)
            for start in word_starts(query):
                if len(query) - start >= SHORTEST:
                    self._inside.setdefault(query[start : start + KEY], []).append(query)

    def holds(self, text: str) -> str | None:
        """A query that leaks through this text, which may have several paragraphs; None when there is none."""
        paragraphs = [normalise(line) for line in text.split("\n")]
        for paragraph in paragraphs:
            if paragraph in self.inputs:
                return paragraph
            if len(paragraph) >= SHORTEST:
                for query in self._inside.get(paragraph[:KEY], ()):
                    if 2 * len(paragraph) >= len(query) and paragraph in query:
                        return query
        whole = " ".join(paragraphs)
        # A query may start after a word's punctuation, such as an opening quotation mark.
        for start in word_starts(whole):
            for offset in (0, 1):
                for query in self._by_start.get(whole[start + offset : start + offset + KEY], ()):
                    if whole.startswith(query, start + offset):
                        return query
        return None
