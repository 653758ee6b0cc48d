"""The check must fail when the persona does not help, and intervals must follow users."""

from __future__ import annotations

import pytest

from training.core.intervals import clustered_interval
from training.pipeline.run import DEPENDENCIES, config_of, settings_hash
from training.steps.evaluate import derangement, failures
from training.steps.pretrain import PretrainConfig


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


def test_an_interval_over_users_is_wider_than_one_over_queries() -> None:
    values = [0.0] * 50 + [1.0] * 50
    few = clustered_interval(values, ["a"] * 50 + ["b"] * 50)
    many = clustered_interval(values, [f"u{n}" for n in range(100)])
    assert few.high - few.low > many.high - many.low
    assert few.mean == many.mean == 0.5
    with pytest.raises(ValueError, match="at least two"):
        clustered_interval([1.0], ["a"])


def test_nobody_gets_her_own_history() -> None:
    partners = derangement(9, seed=0)
    assert sorted(partners) == list(range(9))
    assert all(partner != user for user, partner in enumerate(partners))


def test_settings_of_an_earlier_step_change_the_later_hashes() -> None:
    first = {"corpus": {"seed": 0}}
    second = {"corpus": {"seed": 1}}
    assert settings_hash("export", first) != settings_hash("export", second)
    assert settings_hash("embed", first) == settings_hash("embed", second)
    assert settings_hash("plug", first) != settings_hash("plug", {**first, "row_tune": {"seed": 3}})
    assert list(DEPENDENCIES) == [
        "corpus",
        "pretrain",
        "task_tune",
        "embed",
        "linear_head",
        "row_tune",
        "plug",
        "marginals",
        "evaluate",
        "export",
    ]


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(ValueError, match="no field"):
        config_of(PretrainConfig, {"minuts": 3})
