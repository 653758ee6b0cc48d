"""Prompts, tokenizer and batches."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from training.data.prompts import NEWS_CATEGORIES, answer_ids, fill, lay_out, prompt_text
from training.data.retrieval import bm25_items, recent_items
from training.data.samples import IGNORED, Sample, batches_by_length, collate
from training.data.tokenizer import TextTokenizer, train_tokenizer
from training.data.users import Item
from training.persona.choice_decoding import build_trie
from training.steps.pretrain import split_windows


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(
        ["the cat sat on the mat <|end|> naïve café", "Food & Drink Politics"] * 5, path, vocabulary_size=300
    )
    return TextTokenizer(path)


def test_control_tokens_in_text_stay_text(tokenizer: TextTokenizer) -> None:
    text = "the <|end|> of <|bos|> 🙂 café"
    ids = tokenizer.encode(text)
    assert not set(ids) & {0, 1, 2, 3}
    assert tokenizer.decode(ids) == text
    assert [tokenizer.control(token) for token in ("<|end|>", "<|bos|>", "<|user|>", "<|assistant|>")] == [0, 1, 2, 3]


def test_prompt_without_persona_is_one_run_of_ids(tokenizer: TextTokenizer) -> None:
    ids = tokenizer.encode("the cat")
    (segment,) = lay_out(tokenizer, ids)
    assert segment.ids == [1, 2, *ids, 3]
    first, instruction, persona, last = lay_out(tokenizer, ids, instruction_rows=4, persona_rows=3)
    assert (first.ids, instruction.count, persona.count, last.ids) == ([1], 4, 3, [2, *ids, 3])


def test_long_prompts_are_cut_at_the_end(tokenizer: TextTokenizer) -> None:
    (segment,) = lay_out(tokenizer, list(range(10, 210)), context_window=64, maximum_new_tokens=12)
    assert segment.ids == [1, 2, *range(10, 10 + 64 - 3 - 12), 3]


def test_braces_of_the_user_are_left_alone() -> None:
    assert fill('"{output}" for "{input}"', input="a {output}", output="b {input}") == '"b {input}" for "a {output}"'


def test_retrieved_items_come_first() -> None:
    items = [Item("1", "", "first", "One"), Item("2", "", "second", "Two")]
    items_text = '"One" is a title for "first", and "Two" is a title for "second"'
    expected = f"{items_text}. Following the given patterns Generate a title for the following abstract of a paper: x"
    assert prompt_text("paper_title", "x", items) == expected


QUESTION = (
    'For an author who has written the paper with the title {titles}"On Tides", which reference is related? '
    'Just answer with [1] or [2] without explanation. [1]: "Moons" [2]: "Shores"'
)
RATE = (
    "What is the score of the following review on a scale of 1 to 5? "
    "just answer with 1, 2, 3, 4, or 5 without further explanation. review: X"
)
TWEET = "Paraphrase the following tweet without any explanation before or after it: X"


@pytest.mark.parametrize(
    ("task", "text", "plain", "two"),
    [
        (
            "citation",
            QUESTION.format(titles=""),
            QUESTION.format(titles=""),
            QUESTION.format(titles='"o1", and "o2", and '),
        ),
        (
            "movie_tag",
            "X",
            "Which tag does this movie relate to? description: X",
            (
                'the tag for the movie: "i1" is "o1", and the tag for the movie: "i2" is "o2". '
                "Which tag does this movie relate to? description: X"
            ),
        ),
        ("movie_rating", "X", RATE, f'o1 is the score for "i1", and o2 is the score for "i2". {RATE}'),
        (
            "email_subject",
            "X",
            "Generate a subject for the following email: X",
            '"o1" is the title for "i1", and "o2" is the title for "i2". Generate a subject for the following email: X',
        ),
        (
            "tweet_paraphrase",
            "X",
            TWEET,
            f'"o1", and "o2" are written by a person. Following the given patterns {TWEET}',
        ),
    ],
)
def test_the_words_of_the_other_tasks(task: str, text: str, plain: str, two: str) -> None:
    items = [Item("1", "", "i1", "o1"), Item("2", "", "i2", "o2")]
    assert prompt_text(task, text) == plain
    assert prompt_text(task, text, items) == two
    assert prompt_text(task, text, items, "A profile") == f"A profile. {two}"


def test_of_equal_scores_the_newer_item_comes_first() -> None:
    history = [Item(str(n), "", "the same words", "") for n in range(3)]
    assert [item.id for item in bm25_items("words", history, 3)] == ["2", "1", "0"]


def test_bm25_prefers_shared_words_and_recency_the_last() -> None:
    history = [
        Item(str(n), "", text, "")
        for n, text in enumerate(["red fox runs", "blue whale sings", "green tree grows", "old house stands"])
    ]
    assert bm25_items("a whale sings", history, 1)[0].id == "1"
    assert [item.id for item in recent_items(history, 2)] == ["3", "2"]


def test_every_choice_is_in_the_trie(tokenizer: TextTokenizer) -> None:
    trie = build_trie(tokenizer, NEWS_CATEGORIES)
    for choice in NEWS_CATEGORIES:
        node = trie
        for token in answer_ids(tokenizer, choice):
            node = node[token]
        assert node == {}
    assert len(NEWS_CATEGORIES) == 29 and list(NEWS_CATEGORIES) == sorted(NEWS_CATEGORIES)


def test_collate_asks_for_the_answer_only() -> None:
    ids, targets = collate([Sample("t", [1, 2, 3], [7, 0]), Sample("t", [1], [9])], multiple=1)
    assert ids.tolist() == [[1, 2, 3, 7, 0], [1, 9, 0, 0, 0]]
    assert targets.tolist() == [[IGNORED, IGNORED, 7, 0, IGNORED], [9, *[IGNORED] * 4]]


def test_batches_hold_every_index_once() -> None:
    lengths = [random.Random(0).randint(1, 50) for _ in range(100)]
    batches = list(batches_by_length(lengths, 100, random.Random(1)))
    assert sorted(index for batch in batches for index in batch) == list(range(100))
    assert all(len(batch) * max(lengths[index] for index in batch) <= 100 or len(batch) == 1 for batch in batches)


def test_windows_are_split_without_losing_a_target() -> None:
    assert split_windows(torch.arange(9)[None], 2).tolist() == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8]]
