"""Runs that take over what another run has made, and the configs that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.core.run_directory import STEPS, RunDirectory
from training.data.users import ALL_TASKS, SHIPPED_TASKS
from training.package.model_cards import NO_LICENCE, licence_of, sources_of
from training.pipeline.run import build_steps, link_base, run_steps
from training.pipeline.settings import config_of, load_settings
from training.steps.plug.plug_config import PlugConfig
from training.steps.task_tune import TaskTuneConfig

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_understood(path: Path, tmp_path: Path) -> None:
    settings = load_settings(path)
    build_steps(settings, RunDirectory(tmp_path), tmp_path, 1.0)  # raises at a setting that no step has
    steps = settings.get("steps", list(STEPS))
    taken = settings.get("base", {}).get("steps", [])
    assert set(steps) <= set(STEPS) and set(taken) <= set(STEPS)
    assert not set(steps) & set(taken) - {"embed"}
    tables = {name for name, value in settings.items() if isinstance(value, dict)}
    assert tables <= {*STEPS, "base"}
    plug = config_of(PlugConfig, settings.get("plug", {}))
    task_tune = config_of(TaskTuneConfig, settings.get("task_tune", {}))
    assert set(plug.tasks) <= set(ALL_TASKS) and set(task_tune.tasks) <= set(ALL_TASKS)
    assert set(plug.task_shares) >= set(plug.tasks)
    ships = {*plug.tasks, *task_tune.tasks} <= set(SHIPPED_TASKS)
    assert ships or settings["models"].startswith("training/runs/")  # which git ignores


def base_run(directory: Path) -> dict:
    for name in ("corpus", "pretrained", "embeddings"):
        (directory / name).mkdir(parents=True)
    return {"run_directory": str(directory), "steps": ["corpus", "pretrain", "embed"]}


def test_a_run_takes_over_what_its_base_has_made(tmp_path: Path) -> None:
    base, run = base_run(tmp_path / "base"), RunDirectory(tmp_path / "run")
    run.path.mkdir()
    for _ in range(2):
        link_base(run, base, ["task_tune", "embed"])
    assert run.pretrained.path.resolve() == (tmp_path / "base" / "pretrained").resolve()
    with pytest.raises(ValueError, match="pretrain"):
        link_base(run, base, ["pretrain"])
    with pytest.raises(FileNotFoundError, match="task-tuned.* task_tune"):
        link_base(run, {**base, "steps": ["task_tune"]}, [])
    run.plug.path.write_text("own")
    (tmp_path / "base" / "plug.pt").write_text("base")
    with pytest.raises(FileExistsError, match="plug.pt"):
        link_base(run, {**base, "steps": ["plug"]}, [])


def test_weights_of_undistributable_sources_have_no_licence() -> None:
    assert sources_of(SHIPPED_TASKS) == ("huffpost", "acl")
    assert licence_of(sources_of(SHIPPED_TASKS)) == "Apache-2.0"
    assert licence_of(sources_of(["news_category", "movie_tag"])) == NO_LICENCE


def test_the_plug_for_what_ships_is_trained_as_what_ships_is() -> None:
    nano, shipped = (load_settings(CONFIGS[0].parent / f"{name}.toml") for name in ("nano", "plug-of-shipped"))
    for step in ("linear_head", "plug", "unigram_adaptation"):
        assert shipped[step] == nano[step]


def test_a_run_without_a_language_model_stops_before_its_first_step(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="task-tuned.* task_tune.* training.pipeline.unpack"):
        run_steps({}, run, tmp_path / "models", ["embed", "linear_head", "distill"], 1.0)
    assert not list(run.path.iterdir())
