"""Settings: files that extend others, and the hash by which a finished step is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.core.run_directory import STEPS
from training.pipeline.settings import config_of, load_settings, settings_hash
from training.steps.pretrain import PretrainConfig


def test_a_file_changes_keys_of_the_file_that_it_extends(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text('models = "m"\nsteps = ["plug"]\n[plug]\nsteps = 3\nrate = 0.1\n[embed]\n')
    (tmp_path / "second.toml").write_text('extends = "first.toml"\nsteps = []\n[plug]\nsteps = 4\n')
    (tmp_path / "third.toml").write_text('extends = "second.toml"\n[export]\nparts = ["plug"]\n')
    assert load_settings(tmp_path / "third.toml") == {
        "models": "m",
        "steps": [],
        "plug": {"steps": 4, "rate": 0.1},
        "embed": {},
        "export": {"parts": ["plug"]},
    }


def test_steps_of_older_files_are_known_under_their_former_names(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text('steps = ["marginals"]\n[base]\nsteps = ["plug"]\n["marginals"]\nqueries = 1\n')
    assert load_settings(tmp_path / "old.toml") == {
        "steps": ["unigram_adaptation"],
        "base": {"steps": ["plug"]},
        "unigram_adaptation": {"queries": 1},
    }


def test_a_name_that_no_step_has_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[plugs]\nsteps = 1\n")
    with pytest.raises(ValueError, match=r"wrong\.toml sets plugs.* plug,"):
        load_settings(tmp_path / "wrong.toml")


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(ValueError, match="minutes"):
        config_of(PretrainConfig, {"minutes": 3})


def test_settings_of_an_earlier_step_change_the_later_hashes() -> None:
    first = {"corpus": {"seed": 0}}
    second = {"corpus": {"seed": 1}}
    assert settings_hash("export", first) != settings_hash("export", second)
    assert settings_hash("embed", first) == settings_hash("embed", second)
    assert settings_hash("plug", first) != settings_hash("plug", {**first, "distill": {"seed": 3}})
    assert list(STEPS) == [
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


def test_a_base_that_was_made_anew_makes_the_run_anew() -> None:
    base = {"run_directory": "elsewhere", "steps": ["corpus", "pretrain"], "done": {"pretrain": "a"}}
    first = settings_hash("task_tune", {"base": base})
    second = settings_hash("task_tune", {"base": {**base, "done": {"pretrain": "b"}}})
    assert first != second
