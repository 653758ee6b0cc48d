"""The control user of each user."""

from __future__ import annotations

from training.steps.evaluate import derangement


def test_no_user_is_the_own_control_user() -> None:
    partners = derangement(9, seed=0)
    assert sorted(partners) == list(range(9))
    assert all(partner != user for user, partner in enumerate(partners))
