"""What tests of several modules start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.core.run_directory import RunDirectory
from training.pipeline.unpack import unpack
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.tests.tiny_run import used_data, write_data, write_vectors


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` also runs the tests that are marked slow."""
    parser.addoption("--slow", action="store_true", help="also run the tests that are marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--slow`, tests that are marked slow count as skipped."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run it with --slow"))


# Tiny models gain nothing from a second thread, and lose much where other tests run on the same cores.
torch.set_num_threads(1)
PACKAGE = Path(__file__).parents[2] / "models" / "nano-llm"


@pytest.fixture
def packaged_run(tmp_path: Path) -> Iterator[RunDirectory]:
    """A run of the language model that ships, with vectors and heads of invented users, who are the data."""
    if not (PACKAGE / "manifest.json").exists():
        pytest.skip("models/nano-llm is not there")
    run = RunDirectory(tmp_path / "run")
    write_data(tmp_path / "data", users=30)
    write_vectors(tmp_path / "data", run, "news_category", splits=("train_a", "train_b", "dev"))
    unpack(PACKAGE, run)
    with used_data(tmp_path / "data"):
        fit_linear_heads(run, LinearHeadConfig(folds=2, steps=2))
        yield run
