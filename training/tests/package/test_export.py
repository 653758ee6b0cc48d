"""The language model's package: what its manifest says of the runtimes that can run it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from training.core.language_model import create_language_model
from training.core.run_directory import RunDirectory
from training.package.export import export_language_model

CONFIG = Path("configs/nano-llm.config.json")


def test_a_package_names_a_webgpu_library_only_if_it_holds_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = RunDirectory(tmp_path)
    create_language_model(CONFIG).save_pretrained(run.task_tuned.path)
    run.corpus.path.mkdir()
    shutil.copyfile("models/nano-llm/tokenizer.json", run.tokenizer)
    library = tmp_path / "compiled.wasm"
    library.write_bytes(b"\0asm")

    without = export_language_model(run, tmp_path / "models", CONFIG, None)
    assert "webllm" not in without["languageModel"] and "onnx" in without["languageModel"]
    holding = export_language_model(run, tmp_path / "models", CONFIG, library)
    assert holding["languageModel"]["webllm"]["library"] == "model.wasm"
    written = json.loads((tmp_path / "models" / "nano-llm" / "manifest.json").read_text())
    assert "model.wasm" in {file["path"] for file in written["files"]}
