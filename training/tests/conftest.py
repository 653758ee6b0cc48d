"""What tests of several modules start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from training.data.users import DATA_VARIABLE, load_users, measured_queries
from training.pipeline.unpack import unpack
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.tests.tiny_run import write_data, write_vectors


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` also runs the tests that are marked slow."""
    parser.addoption("--slow", action="store_true", help="also run the tests that are marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--slow`, tests that are marked slow count as skipped."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run it with --slow"))


PACKAGE = Path(__file__).parents[2] / "models" / "nano-llm"


@pytest.fixture
def packaged_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run directory of the language model that ships, with vectors and heads of invented users, who are the data."""
    if not (PACKAGE / "manifest.json").exists():
        pytest.skip("models/nano-llm is not there")
    write_data(tmp_path / "data")
    splits = ("train_a", "train_b", "dev")
    write_vectors(tmp_path / "data", tmp_path / "run" / "embeddings", "news_category", splits)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    for cached in (load_users, measured_queries):
        cached.cache_clear()
    unpack(PACKAGE, tmp_path / "run")
    fit_linear_heads(tmp_path / "run", LinearHeadConfig(folds=2, steps=2))
    yield tmp_path / "run"
    for cached in (load_users, measured_queries):
        cached.cache_clear()
