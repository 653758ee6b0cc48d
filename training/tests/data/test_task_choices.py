"""Which fixed choices a task has: those of its template, or those of the data where it has others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from training.core.run_directory import RunDirectory
from training.data.task_choices import choices_of
from training.data.task_prompts import TASK_PROMPTS
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.tests.tiny_run import used_data, write_data, write_vectors


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Invented users whose outputs are always Politics, Tech or Travel, whatever the task."""
    write_data(tmp_path / "data")
    with used_data(tmp_path / "data"):
        yield tmp_path / "data"


def test_outputs_that_the_template_does_not_name_are_choices_too(data: Path) -> None:
    assert choices_of("news_category") == tuple(TASK_PROMPTS["news_category"].choices)  # it names all three
    assert choices_of("movie_tag") == ("Politics", "Tech", "Travel")  # LaMP's tags hold none of them


def test_free_text_has_no_choices_and_no_head(data: Path, tmp_path: Path) -> None:
    assert choices_of("news_headline") == ()
    run = RunDirectory(tmp_path / "run")
    write_vectors(data, run, "news_headline")
    with pytest.raises(ValueError, match="news_headline"):
        fit_linear_heads(run, LinearHeadConfig(tasks=("news_headline",), folds=2))
