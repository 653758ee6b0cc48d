"""Plugs can be trained in the run directory of an unpacked package, and its language model stays as it was."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from training.core.run_directory import RunDirectory
from training.package.export import check_same_model
from training.pipeline.unpack import unpack
from training.steps.distill.distill import distill
from training.steps.distill.prompt_streams import DistillConfig
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.saved_plug import plug_of
from training.tests.conftest import PACKAGE

pytestmark = pytest.mark.skipif(not (PACKAGE / "manifest.json").exists(), reason="models/nano-llm is not there")
TASKS = ("news_category",)


def test_a_plug_alone_learns_to_be_read_by_a_packaged_model(packaged_run: RunDirectory) -> None:
    before = (packaged_run.task_tuned.path / "model.safetensors").read_bytes()
    plug = PlugConfig(tasks=TASKS, projector_width=256, persona_rows=1, instruction_rows=1)
    # fmt: off
    config = DistillConfig(
        tasks=TASKS, tunes_model=False, steps=4, label_steps=0,
        bare_queries=4, text_queries=2, held_out_queries=4, evaluations=1,
    )
    # fmt: on
    distill(packaged_run, config, plug)
    assert (packaged_run.task_tuned.path / "model.safetensors").read_bytes() == before
    assert not packaged_run.distilled.exists()
    check_same_model(packaged_run, PACKAGE)
    learned, found = plug_of(packaged_run.plug_start.read())
    assert found == replace(plug, rate=config.plug_rate, reading_rate=config.reading_rate, query_rate=config.query_rate)
    assert all(torch.isfinite(value).all() for value in learned.state_dict().values())


def test_a_run_that_has_a_model_keeps_it(packaged_run: RunDirectory) -> None:
    with pytest.raises(FileExistsError, match=re.escape(str(packaged_run.task_tuned.path))):
        unpack(PACKAGE, packaged_run)


def test_a_run_with_another_tokenizer_keeps_it(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.corpus.path.mkdir()
    run.tokenizer.write_text("{}")
    with pytest.raises(FileExistsError, match=re.escape(str(run.corpus.path))):
        unpack(PACKAGE, run)
    assert not run.task_tuned.exists()


def test_a_write_that_fails_leaves_no_model_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: LlamaForCausalLM, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    run = RunDirectory(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(LlamaForCausalLM, "save_pretrained", fail)
        with pytest.raises(OSError) as failure:
            unpack(PACKAGE, run)
        assert failure.value.errno == errno.ENOSPC
    assert not run.task_tuned.exists()
    unpack(PACKAGE, run)
    check_same_model(run, PACKAGE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "task-tuned"]


@pytest.mark.parametrize(("folder", "kind"), [("plug", "plug"), ("nowhere", "folder without a manifest")])
def test_only_a_language_model_is_unpacked(tmp_path: Path, folder: str, kind: str) -> None:
    with pytest.raises(ValueError, match=f"{folder} is a {kind}"):
        unpack(PACKAGE.parent / folder, RunDirectory(tmp_path))
