"""The ablation: variants are trained and compared with the full plug query by query."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from training.core.run_directory import RunDirectory
from training.pipeline.ablation import OPEN, VARIANTS, ablate, table, variant_config
from training.steps.plug.plug_config import PlugConfig

FULL = PlugConfig(tasks=("news_category", "paper_title"), temperature=7.0, start_share=0.5, short_share=0.3)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_differs_from_the_full_plug(name: str) -> None:
    config = variant_config(FULL, VARIANTS[name])
    assert (config == FULL) == (name in ("full", "without unigram adaptation"))
    if config.start == "none":
        assert config.start_share == 0.0 and not config.keeps_last  # without a start there is no mean with it
    if name == "no outputs in the values":
        assert config.without_outputs == FULL.tasks
    if name == "PPlug as published":
        assert config.without_outputs == ("news_category",) and config.temperature == 1.0


def result(losses: list[float]) -> dict:
    interval = {"mean": sum(losses) / len(losses), "low": -1.0, "high": 2.0}
    return {
        "queries": len(losses),
        "users": 2,
        "loss": {"none": {"mean": 3.0}, "persona, gate open": interval},
        "accuracy": {"persona, gate open": {"mean": 0.5}},
        "difference": {"persona, gate open - shuffled, gate open": interval},
        "losses": losses,
        "askers": ["a", "a", "b"],
    }


def test_variants_are_compared_by_pairs() -> None:
    lines = table(
        {"full": {"news_category": result([1.0, 2.0, 3.0])}, "other": {"news_category": result([2.0, 3.0, 4.0])}}
    )
    assert "| full | 2.000 | – | 2.000 [−1.000, 2.000] | 0.500 |" in lines
    assert "| other | 3.000 | 1.000 [1.000, 1.000] |" in lines  # worse by 1 whoever is drawn


def test_a_table_of_other_settings_or_of_a_base_trained_anew_is_not_continued(tmp_path: Path) -> None:
    base = RunDirectory(tmp_path)
    weights = base.task_tuned.path / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"first")
    assert ablate(base, tmp_path, FULL, []) == {}
    known = {"settings": {}, "variants": {"full": {"news_category": result([1.0, 2.0, 3.0])}}}
    (tmp_path / "ablation.json").write_text(json.dumps(known))
    with pytest.raises(ValueError, match="ablation.json"):
        ablate(base, tmp_path, FULL, ["full"])
    settings = {"base": hashlib.sha256(b"first").hexdigest()[:16], **json.loads(json.dumps(asdict(FULL)))}
    (tmp_path / "ablation.json").write_text(json.dumps({**known, "settings": settings}))
    assert ablate(base, tmp_path, FULL, ["full"]) == known["variants"]  # it is there already
    weights.write_bytes(b"second")
    with pytest.raises(ValueError, match="ablation.json"):
        ablate(base, tmp_path, FULL, ["full"])


def test_a_variant_is_trained_measured_and_kept(packaged_run: RunDirectory, tmp_path: Path) -> None:
    sizes = {"projector_width": 256, "persona_rows": 1, "instruction_rows": 1}
    config = PlugConfig(tasks=("news_category",), steps=2, evaluations=1, gold_share=0.0, **sizes)
    names = ["full", "PPlug as published"]
    results = ablate(packaged_run, tmp_path / "table", config, names)
    assert list(results) == names
    for found in results.values():
        (task,) = found.values()
        assert task["queries"] == len(task["losses"]) > 0 and task["accuracy"][OPEN]["mean"] <= 1
    text = (tmp_path / "table" / "ablation.md").read_text()
    assert text.count("| full |") == 1 and text.count("| PPlug as published |") == 1
    trained = (tmp_path / "table" / "full" / "plug.pt").stat().st_mtime_ns
    assert ablate(packaged_run, tmp_path / "table", config, names) == results
    assert (tmp_path / "table" / "full" / "plug.pt").stat().st_mtime_ns == trained
