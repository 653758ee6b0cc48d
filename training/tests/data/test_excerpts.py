"""Excerpts of articles: what stands behind a passage, and what is left out."""

from __future__ import annotations

import random

from training.data.excerpts import excerpts, gap_sentence, overlap, plain_title, sentences
from training.data.wikipedia import beginning

LEAD = "The ferry is a boat that crosses the river. "
REST = (
    "It carries cars, as J. R. Smith noted in the U.S. Times. The river and the ferry share a name, as the boat does."
)
PARAGRAPH = LEAD + REST + " Nobody knows why. It has been there for a hundred years and will be for a hundred more."


def test_sentences_end_where_a_capital_follows() -> None:
    assert sentences('Dr. B. Smith came in 1900. He left (at once). "Why?" she asked.') == [
        "Dr.",
        "B. Smith came in 1900.",
        "He left (at once).",
        '"Why?" she asked.',
    ]


def test_the_gap_sentence_shares_most_words_with_the_others() -> None:
    found = gap_sentence(PARAGRAPH)
    assert found is not None
    rest, principal = found.split("\n")
    assert principal == "The river and the ferry share a name, as the boat does."
    assert sorted(sentences(rest) + [principal]) == sorted(sentences(PARAGRAPH))
    assert gap_sentence("One sentence. And another.") is None


def test_overlap_is_one_for_equal_and_nothing_for_disjoint_texts() -> None:
    assert overlap(["a", "b"], ["b", "a", "a"]) == 1.0
    assert overlap(["a"], ["b"]) == overlap([], []) == 0.0


def test_an_article_gives_titled_passages_and_gap_sentences() -> None:
    article = "\n".join(["Ferry (boat)", PARAGRAPH, PARAGRAPH.replace("ferry", "vessel"), "Too short."])
    found = excerpts(article, 2, random.Random(0))
    assert [document.split("\n")[1] for document in found].count("Ferry") == 1  # the other one does not name it
    assert len(found) == 3
    assert found == excerpts(article, 2, random.Random(0))
    assert excerpts("Ferry\nToo short.", 2, random.Random(0)) == []
    assert plain_title("Mercury (planet)") == "Mercury" and plain_title("(You) Should") == "(You) Should"


def test_a_beginning_is_whole_paragraphs() -> None:
    assert beginning("Title\naaaa\nbb\ncc", 5) == "Title\naaaa\nbb"
    assert beginning("Title\naaaa", 100) == "Title\naaaa"
