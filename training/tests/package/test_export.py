"""The language model's package: what its manifest says of the runtimes that can run it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from training.core.language_model import create_language_model
from training.package.export import export_language_model

CONFIG = Path("configs/nano-llm.config.json")


def test_a_package_names_a_webgpu_library_only_if_it_holds_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    create_language_model(CONFIG).save_pretrained(tmp_path / "tuned")
    (tmp_path / "corpus").mkdir()
    shutil.copyfile("models/nano-llm/tokenizer.json", tmp_path / "corpus" / "tokenizer.json")
    library = tmp_path / "compiled.wasm"
    library.write_bytes(b"\0asm")

    without = export_language_model(tmp_path, tmp_path / "models", CONFIG, None)
    assert "webllm" not in without["languageModel"] and "onnx" in without["languageModel"]
    holding = export_language_model(tmp_path, tmp_path / "models", CONFIG, library)
    assert holding["languageModel"]["webllm"]["library"] == "model.wasm"
    written = json.loads((tmp_path / "models" / "nano-llm" / "manifest.json").read_text())
    assert "model.wasm" in {file["path"] for file in written["files"]}
