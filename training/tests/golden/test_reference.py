"""The rules of the reference's greedy answers that are not the model's."""

from __future__ import annotations

from training.golden.reference import repeating


def test_tokens_that_would_end_an_ngram_again_are_named() -> None:
    assert repeating([], 3) == repeating([1, 2], 3) == []
    assert repeating([1, 2, 3, 1, 2], 3) == [3]
    assert repeating([1, 2, 3, 1, 2, 4, 1, 2], 3) == [3, 4]
    assert repeating([5, 5], 2) == [5]
