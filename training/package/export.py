"""Writes the packages of the language model and of a plug from a run directory.

The language model's weights are rounded to bfloat16 once, here; the same shard serves WebLLM, the ONNX graph and tuning
in the tab. The WebGPU library (model.wasm) is compiled apart, and kept where the package has it already.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

from training.core.language_model import load_language_model, round_to_bfloat16
from training.core.run_directory import RunDirectory
from training.data.prompts import NANO_TEMPLATE
from training.data.tokenizer import END
from training.data.users import SHIPPED_TASKS
from training.package import export_onnx_llm
from training.package.model_cards import (
    language_model_card,
    licence_of,
    licence_text,
    plug_card,
    sources_of,
    training_data,
)
from training.package.model_package import write_manifest
from training.package.shipped import shipped_language_model
from training.package.webgpu_library.convert_weights import convert
from training.persona.gate import GATE_THRESHOLD
from training.persona.plug import Plug
from training.persona.unigram_adaptation import UnigramAdaptation, unigram_block, unigram_tensors
from training.steps.plug.plug_config import PlugConfig

VERSION = "0.1.0"
NOTICES = Path("training/package/webgpu_library/LIBRARY_NOTICES.md")  # licences of the parts of the compiled library
WEBLLM_VERSION = "0.2.86"


def results_of(run: RunDirectory) -> dict[str, Any]:
    """The reports of a run that exist, for the manifests."""
    reports = {
        "pretrain": run.pretrain_report,
        "task-tune": run.task_tune_report,
        "distill": run.distill_report,
        "plug": run.plug_report,
        "unigram-adaptation": run.unigram_adaptation_report,
        "evaluate-dev": run.evaluation,
    }
    found = {name: report.read() for name, report in reports.items() if report.exists()}
    for name in ("task-tune", "distill", "plug"):
        found.get(name, {}).pop("history", None)  # the curve stays with the run
    return found


def write_checkpoint(model: PreTrainedModel, tokenizer: Path, config: Path, folder: Path) -> None:
    """A Hugging Face folder with bf16 weights, for the converter."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(state, folder / "model.safetensors")
    shutil.copyfile(config, folder / "config.json")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")


def export_language_model(
    run: RunDirectory, models: Path, config_path: Path, library: Path | None, name: str = "nano-llm"
) -> dict:
    """Writes models/<name> and returns its manifest."""
    target = models / name
    target.mkdir(parents=True, exist_ok=True)
    config = json.loads(config_path.read_text())
    model = round_to_bfloat16(load_language_model(run.language_model()))
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = Path(temporary) / "checkpoint"
        write_checkpoint(model, run.tokenizer, config_path, checkpoint)
        convert(checkpoint, target)
    shutil.copyfile(config_path, target / "config.json")
    if library is not None:
        shutil.copyfile(library, target / "model.wasm")
    shutil.copyfile(NOTICES, target / NOTICES.name)
    onnx = export_onnx_llm.export(config_path, target / "tensor-cache.json", target / "model.onnx")
    results = results_of(run)
    sources = ("wikipedia", *sources_of(results.get("task-tune", {}).get("kept", SHIPPED_TASKS)))
    (target / "LICENSE").write_text(licence_text())
    (target / "MODEL_CARD.md").write_text(language_model_card(results))
    shards = sorted(path.name for path in target.glob("params_shard_*.bin"))
    roles = {
        **dict.fromkeys(shards, "weights"),
        "model.onnx": "graph",
        "model.wasm": "library",
        "tokenizer.json": "tokenizer",
        "config.json": "config",
        "mlc-chat-config.json": "config",
        "tensor-cache.json": "config",
        "LICENSE": "licence",
        NOTICES.name: "licence",
        "MODEL_CARD.md": "card",
    }
    roles = {path: role for path, role in roles.items() if (target / path).exists()}
    has_library = "model.wasm" in roles
    if not has_library:
        print(f"{target} has no model.wasm, so WebLLM cannot run it; ONNX can. Name one with --library", flush=True)
    return write_manifest(
        target,
        kind="language-model",
        name=name,
        version=VERSION,
        licence=licence_of(sources),
        description="A Llama of 6.8 M parameters, trained from scratch for the shipped tasks; bfloat16 weights.",
        roles=roles,
        training_data=training_data(
            ("wikipedia", *sources_of(results.get("task-tune", {}).get("kept", SHIPPED_TASKS)))
        ),
        results={step: results[step] for step in ("pretrain", "task-tune", "distill") if step in results},
        block={
            "hiddenSize": config["hidden_size"],
            "vocabularySize": config["vocab_size"],
            "layers": config["num_hidden_layers"],
            "heads": config["num_attention_heads"],
            "kvHeads": config["num_key_value_heads"],
            "headDim": config["head_dim"],
            "contextWindow": config["context_window_size"],
            "endTokens": [END],
            "tokenizer": "tokenizer.json",
            "promptTemplate": [dict(entry) for entry in NANO_TEMPLATE],
            "onnx": onnx,
            **({"webllm": {"library": "model.wasm", "version": WEBLLM_VERSION}} if has_library else {}),
        },
    )


def export_plug(
    run: RunDirectory,
    models: Path,
    plug: Plug,
    config: PlugConfig,
    embedder: str,
    language_model: str,
    name: str = "plug",
    adaptations: Mapping[str, UnigramAdaptation] | None = None,
) -> None:
    """Writes models/<name>, bound to the fingerprints of the embedder and the language model."""
    target = models / name
    target.mkdir(parents=True, exist_ok=True)
    save_file({**plug.export_tensors(), **unigram_tensors(adaptations or {})}, target / "plug.safetensors")
    (target / "plug.safetensors").chmod(0o644)  # safetensors writes for the owner alone
    results = results_of(run)
    (target / "LICENSE").write_text(licence_text())
    (target / "MODEL_CARD.md").write_text(plug_card(results, name))
    write_manifest(
        target,
        kind="plug",
        name=name,
        version=VERSION,
        licence=licence_of(sources_of(plug.tasks)),
        description="Persona plug of the nano language model: query head, projector, rows, decay and gate.",
        roles={"plug.safetensors": "weights", "LICENSE": "licence", "MODEL_CARD.md": "card"},
        training_data=training_data(sources_of(plug.tasks)),
        results={step: results[step] for step in ("plug", "unigram-adaptation", "evaluate-dev") if step in results},
        block={
            "embedder": embedder,
            "languageModel": language_model,
            "dim": plug.query.in_features,
            "hiddenSize": plug.hidden,
            "projectorWidth": config.projector_width,
            "personaRows": config.persona_rows,
            "instructionRows": config.instruction_rows,
            "instructionRank": plug.instruction_rank,
            "normalizesQuery": plug.normalizes_query,
            **({"withoutOutputs": list(config.without_outputs)} if config.without_outputs else {}),
            "tasks": list(plug.tasks),
            **unigram_block(adaptations or {}),
            "gateThreshold": GATE_THRESHOLD,
            "weights": "plug.safetensors",
        },
    )


def check_same_model(run: RunDirectory, package: Path) -> None:
    """Raises unless the run's language model is the one of the package, weight by weight."""
    trained = round_to_bfloat16(load_language_model(run.language_model())).state_dict()
    packaged = shipped_language_model(package).state_dict()
    different = [name for name in packaged if not torch.equal(packaged[name], trained[name])]
    if different:
        raise ValueError(
            f"{package} is not the model that this plug was trained on: {len(different)} tensors differ, first "
            f"{different[0]}. Export the run's language model first, or train the plug on the package's model."
        )
