"""Runs that take over what another run has made, and the configs that ship."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from training.data.users import ALL_TASKS, SHIPPED_TASKS
from training.package.model_cards import NO_LICENCE, licence_of, sources_of
from training.pipeline.run import (
    ARTIFACTS,
    DEPENDENCIES,
    config_of,
    follows,
    link_base,
    run,
    settings_hash,
)
from training.steps.distill.prompt_streams import DistillConfig
from training.steps.plug.plug_config import PlugConfig
from training.steps.pretrain import PretrainConfig
from training.steps.task_tune import TaskTuneConfig
from training.steps.unigram_adaptation import UnigramAdaptationConfig

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_understood(path: Path) -> None:
    settings = tomllib.loads(path.read_text())
    plug = config_of(PlugConfig, settings.get("plug", {}))
    tuning = config_of(TaskTuneConfig, settings.get("task_tune", {}))
    config_of(DistillConfig, settings.get("distill", {}))
    config_of(UnigramAdaptationConfig, settings.get("unigram_adaptation", {}))
    steps = settings.get("steps", list(DEPENDENCIES))
    taken = settings.get("base", {}).get("steps", [])
    assert set(steps) <= set(DEPENDENCIES) and set(taken) <= set(ARTIFACTS)
    assert not set(steps) & set(taken) - {"embed"}
    assert set(plug.tasks) <= set(ALL_TASKS) and set(tuning.tasks) <= set(ALL_TASKS)
    assert set(plug.task_shares) >= set(plug.tasks)
    ships = {*plug.tasks, *tuning.tasks} <= set(SHIPPED_TASKS)
    assert ships or settings["models"].startswith("training/runs/")  # which git ignores


def base_run(directory: Path) -> dict:
    for name in ("corpus", "pretrained", "embeddings"):
        (directory / name).mkdir(parents=True)
    return {"run_directory": str(directory), "steps": ["corpus", "pretrain", "embed"]}


def test_a_run_takes_over_what_its_base_has_made(tmp_path: Path) -> None:
    base, run = base_run(tmp_path / "base"), tmp_path / "run"
    run.mkdir()
    for _ in range(2):
        link_base(run, base, ["task_tune", "embed"])
    assert (run / "pretrained").resolve() == (tmp_path / "base" / "pretrained").resolve()
    with pytest.raises(ValueError, match="pretrain"):
        link_base(run, base, ["pretrain"])
    with pytest.raises(FileNotFoundError, match="tuned.* task_tune"):
        link_base(run, {**base, "steps": ["task_tune"]}, [])
    (run / "plug.pt").write_text("own")
    (tmp_path / "base" / "plug.pt").write_text("base")
    with pytest.raises(FileExistsError, match="plug.pt"):
        link_base(run, {**base, "steps": ["plug"]}, [])


def test_a_base_that_was_made_anew_makes_the_run_anew() -> None:
    base = {"run_directory": "elsewhere", "steps": ["corpus", "pretrain"], "done": {"pretrain": "a"}}
    first = settings_hash("task_tune", {"base": base})
    second = settings_hash("task_tune", {"base": {**base, "done": {"pretrain": "b"}}})
    assert first != second


def test_weights_of_undistributable_sources_have_no_licence() -> None:
    assert sources_of(SHIPPED_TASKS) == ("huffpost", "acl")
    assert licence_of(sources_of(SHIPPED_TASKS)) == "Apache-2.0"
    assert licence_of(sources_of(["news_category", "movie_tag"])) == NO_LICENCE


def test_a_step_that_runs_again_makes_all_later_ones_run_again() -> None:
    assert [step for step in DEPENDENCIES if follows(step, "task_tune")] == [
        "task_tune",
        "distill",
        "plug",
        "unigram_adaptation",
        "evaluate",
        "export",
    ]
    assert not follows("embed", "task_tune")


def test_row_tuning_of_another_runs_model_is_refused(tmp_path: Path) -> None:
    base = {"run_directory": str(tmp_path / "base"), "steps": ["task_tune"]}
    with pytest.raises(ValueError, match="distill.* task_tune"):
        link_base(tmp_path / "run", base, ["distill", "plug"])


def test_the_plug_for_what_ships_is_trained_as_what_ships_is() -> None:
    nano, shipped = (tomllib.loads((CONFIGS[0].parent / f"{n}.toml").read_text()) for n in ("nano", "plug-of-shipped"))
    for step in ("linear_head", "plug", "unigram_adaptation"):
        assert shipped[step] == nano[step]


def test_a_run_without_a_language_model_stops_before_its_first_step(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tuned.* task_tune.* training.pipeline.unpack"):
        run({}, tmp_path / "run", tmp_path / "models", ["embed", "linear_head", "distill"], 1.0)
    assert not list((tmp_path / "run").iterdir())


def test_settings_of_an_earlier_step_change_the_later_hashes() -> None:
    first = {"corpus": {"seed": 0}}
    second = {"corpus": {"seed": 1}}
    assert settings_hash("export", first) != settings_hash("export", second)
    assert settings_hash("embed", first) == settings_hash("embed", second)
    assert settings_hash("plug", first) != settings_hash("plug", {**first, "distill": {"seed": 3}})
    assert list(DEPENDENCIES) == [
        "corpus",
        "pretrain",
        "task_tune",
        "embed",
        "linear_head",
        "distill",
        "plug",
        "unigram_adaptation",
        "evaluate",
        "export",
    ]


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(ValueError, match="minuts"):
        config_of(PretrainConfig, {"minuts": 3})
