"""The check must fail when the persona does not help."""

from __future__ import annotations

from training.pipeline.evaluate import failures


def result(queries: int, none: float, shuffled: float) -> dict:
    return {
        "news_category": {
            "queries": queries,
            "difference": {
                "persona - none": {"mean": none - 0.1, "high": none},
                "persona - shuffled": {"mean": shuffled - 0.1, "high": shuffled},
            },
        }
    }


def test_the_check_needs_both_differences_and_enough_queries() -> None:
    assert failures(result(300, -0.01, -0.01)) == []
    assert len(failures(result(299, -0.01, -0.01))) == 1
    assert len(failures(result(300, 0.0, -0.01))) == 1
    assert len(failures(result(300, 0.02, 0.3))) == 2
