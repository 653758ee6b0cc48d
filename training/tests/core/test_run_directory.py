"""The directory of a run: one writer for each artifact, written as a whole, and nothing stale beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from training.core.artifacts import Artifact, JsonFile
from training.core.run_directory import STEPS, RunDirectory, follows


def test_every_artifact_has_one_writer(tmp_path: Path) -> None:
    written = Counter(name for step in STEPS.values() for name in step.writes)
    assert set(written.values()) == {1}
    artifacts = {name: value for name, value in vars(RunDirectory(tmp_path)).items() if isinstance(value, Artifact)}
    assert set(written) == set(artifacts)
    assert len({artifact.path for artifact in artifacts.values()}) == len(artifacts)


def test_steps_read_what_earlier_steps_write() -> None:
    names = list(STEPS)
    for number, step in enumerate(names):
        assert set(STEPS[step].reads) <= set(names[:number])
    assert [step for step in STEPS if follows(step, "task_tune")] == [
        "task_tune",
        "distill",
        "plug",
        "unigram_adaptation",
        "evaluate",
        "export",
    ]
    assert not follows("embed", "task_tune")


def test_an_artifact_is_written_once_and_as_a_whole(tmp_path: Path) -> None:
    report = JsonFile(tmp_path / "run" / "report.json")
    with pytest.raises(ZeroDivisionError), report.writing() as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert not list(report.path.parent.iterdir())
    report.write({"a": 1})
    assert report.read() == {"a": 1}
    with pytest.raises(FileExistsError, match=r"report\.json"):
        report.write({"a": 2})
    assert report.read() == {"a": 1}


def test_a_step_that_begins_removes_its_results_and_those_made_of_them(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    for artifact in (run.pretrain_report, run.task_tune_report, run.distill_report, run.plug_report):
        artifact.write({})
    run.checkpoint("distill", {}).save({"step": 1})
    run.checkpoint("plug", {}).save({"step": 1})
    run.begin("distill")
    assert run.pretrain_report.exists() and run.task_tune_report.exists()
    assert not run.distill_report.exists() and not run.plug_report.exists()
    assert run.checkpoint("distill", {}).load() == {"step": 1}  # its own, to go on from
    assert run.checkpoint("plug", {}).load() is None


def test_an_artifact_of_another_run_stays_as_it_is(tmp_path: Path) -> None:
    base, run = RunDirectory(tmp_path / "base"), RunDirectory(tmp_path / "run")
    base.task_tune_report.write({"of": "base"})
    run.path.mkdir()
    run.task_tune_report.path.symlink_to(base.task_tune_report.path)
    run.begin("task_tune")
    run.task_tune_report.write({"of": "run"})
    assert base.task_tune_report.read() == {"of": "base"}


def test_the_language_model_is_the_distilled_one_where_there_is_one(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(FileNotFoundError, match="task-tuned"):
        run.language_model()
    run.task_tuned.path.mkdir()
    assert run.language_model() == run.task_tuned.path
    run.distilled.path.mkdir()
    assert run.language_model() == run.distilled.path
