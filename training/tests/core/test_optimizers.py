"""The learning-rate schedule."""

from __future__ import annotations

import pytest

from training.core.optimizers import Schedule


def test_rates_rise_stay_and_fall_to_nothing() -> None:
    schedule = Schedule(100, warm_up_share=0.1, decay_share=0.2)
    assert schedule.factor(0) == pytest.approx(1 / 11)
    assert schedule.factor(50) == schedule.factor(80) == 1.0
    assert schedule.factor(90) == pytest.approx(0.5)
    assert schedule.factor(100) == 0.0


def test_a_run_told_to_finish_decays_at_once() -> None:
    schedule = Schedule(100)
    assert schedule.factor(50) == 1.0
    schedule.finish_from(30)
    assert schedule.steps == 40
    assert schedule.factor(35) == pytest.approx(0.5)
    schedule.finish_from(35)  # told again, at every step: it goes on as begun
    assert schedule.steps == 40 and schedule.factor(35) == pytest.approx(0.5)
