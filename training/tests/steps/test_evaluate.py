"""The control user of each user."""

from __future__ import annotations

from training.steps.evaluate import derangement


def test_no_user_is_the_own_control_user() -> None:
    control_users = derangement(9, seed=0)
    assert sorted(control_users) == list(range(9))
    assert all(control_user != user for user, control_user in enumerate(control_users))
