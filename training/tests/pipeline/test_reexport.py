"""What ships, taken out of its packages and exported again, has the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from training.core.run_directory import RunDirectory
from training.golden.package import FILES, export_golden
from training.package.export import export_language_model
from training.package.shipped import shipped_plug, shipped_unigram_adaptation
from training.persona.unigram_adaptation import unigram_tensors
from training.pipeline.unpack import unpack

MODELS, GOLDEN = Path("models"), Path("research-models") / "golden"
CONFIG, SAMPLE = Path("configs/nano-llm.config.json"), Path("public/samples/paper-title-one.jsonl")

pytestmark = pytest.mark.skipif(not (MODELS / "nano-llm" / "manifest.json").exists(), reason="models/ is not there")


def test_the_language_model_is_exported_as_it_ships(tmp_path: Path) -> None:
    run, package = RunDirectory(tmp_path / "run"), MODELS / "nano-llm"
    unpack(package, run)
    manifest = export_language_model(run, tmp_path / "models", CONFIG, package / "model.wasm")
    shipped = json.loads((package / "manifest.json").read_text())
    assert manifest["fingerprint"] == shipped["fingerprint"]
    assert manifest["languageModel"] == shipped["languageModel"]
    for file in shipped["files"]:
        if file["role"] != "card":  # it tells what was measured in training
            exported = tmp_path / "models" / "nano-llm" / file["path"]
            assert exported.read_bytes() == (package / file["path"]).read_bytes(), file["path"]


@pytest.mark.parametrize(
    "package", [MODELS / "plug", GOLDEN.with_name("plug-instruction"), GOLDEN.with_name("plug-pplug")]
)
def test_a_plug_is_exported_as_it_ships(package: Path, tmp_path: Path) -> None:
    plug, adaptations = shipped_plug(package), shipped_unigram_adaptation(package)
    save_file({**plug.export_tensors(), **unigram_tensors(adaptations)}, tmp_path / "plug.safetensors")
    assert (tmp_path / "plug.safetensors").read_bytes() == (package / "plug.safetensors").read_bytes()


@pytest.mark.slow
def test_the_golden_vectors_are_those_of_what_ships(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    unpack(MODELS / "nano-llm", run)
    plug, adaptations = shipped_plug(MODELS / "plug"), shipped_unigram_adaptation(MODELS / "plug")
    export_golden(run, MODELS, tmp_path / "golden", plug, MODELS / "all-minilm-l6-v2", SAMPLE, adaptations)
    for name in FILES:
        made, committed = tmp_path / "golden" / name, GOLDEN / name
        if name.endswith(".f32"):
            # Sums of another machine or number of threads round differently; values are of size 1 to 20.
            np.testing.assert_allclose(np.fromfile(made, "<f4"), np.fromfile(committed, "<f4"), rtol=1e-4, atol=1e-4)
        elif name in ("embedder.json", "prompts.json", "tuning.json"):
            assert json.loads(made.read_text()) == json.loads(committed.read_text()), name
    answers = [
        [case["answers"] for case in json.loads((folder / "end-to-end.json").read_text())["cases"]]
        for folder in (tmp_path / "golden", GOLDEN)
    ]
    assert answers[0] == answers[1]
