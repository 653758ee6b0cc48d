"""Whose history a user is given in place of the own one."""

from __future__ import annotations

from training.steps.evaluate import derangement


def test_nobody_gets_her_own_history() -> None:
    partners = derangement(9, seed=0)
    assert sorted(partners) == list(range(9))
    assert all(partner != user for user, partner in enumerate(partners))
