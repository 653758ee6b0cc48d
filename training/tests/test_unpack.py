"""A package taken apart is a run that plugs can be trained in, and its model stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.export import check_same_model
from training.plug import load_plug
from training.plug_config import PlugConfig
from training.row_streams import RowTuneConfig
from training.row_tune import row_tune
from training.tests.conftest import PACKAGE
from training.unpack import unpack

TASKS = ("news_category",)


def test_a_plug_alone_learns_to_be_read_by_a_packaged_model(packaged_run: Path) -> None:
    before = (packaged_run / "tuned" / "model.safetensors").read_bytes()
    plug = PlugConfig(tasks=TASKS, projector_width=256, persona_rows=1, instruction_rows=1)
    # fmt: off
    config = RowTuneConfig(
        tasks=TASKS, tunes_model=False, minutes=0.05, label_minutes=0.0,
        drill_batch=4, text_drill_batch=2, held_out_queries=4, evaluations=1,
    )
    # fmt: on
    row_tune(packaged_run, config, plug)
    assert (packaged_run / "tuned" / "model.safetensors").read_bytes() == before
    assert not (packaged_run / "task-tuned").exists()
    check_same_model(packaged_run, PACKAGE)
    learned, found = load_plug(packaged_run / "plug-start.pt")
    assert found == replace(plug, rate=config.plug_rate, reading_rate=config.reading_rate, query_rate=config.query_rate)
    assert all(torch.isfinite(value).all() for value in learned.state_dict().values())


def test_a_run_that_has_a_model_keeps_it(packaged_run: Path) -> None:
    with pytest.raises(FileExistsError, match="Name another run directory"):
        unpack(PACKAGE, packaged_run)
