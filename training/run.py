"""Every step, from text to model packages: `python -m training.run --config configs/nano.toml`.

tokenizer and corpus → pretrain → task tuning → embed histories → train plug → evaluate → export. A step is skipped when
it finished before with the same settings, and so did everything before it; an interrupted pre-training goes on from
its checkpoint. `--only` and `--from` pick steps; `--minutes-scale 0.05` tries the whole chain in a few minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from training.corpus import CorpusConfig, build_corpus
from training.embed_histories import embed_histories
from training.evaluate import evaluate, evaluator_of_run
from training.export import export
from training.plug import PlugConfig, train_plug
from training.pretrain import PretrainConfig, pretrain
from training.task_tune import TaskTuneConfig, task_tune

# Each step with the steps whose results it reads: their settings are part of its hash.
DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "corpus": (),
    "pretrain": ("corpus",),
    "task_tune": ("pretrain",),
    "embed": (),
    "plug": ("task_tune", "embed"),
    "evaluate": ("plug",),
    "export": ("evaluate",),
}


def config_of(kind: type, table: dict):
    """A step's dataclass from its TOML table; an unknown key is an error, not a silent default."""
    unknown = set(table) - set(kind.__dataclass_fields__)
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {sorted(unknown)}. Known: {sorted(kind.__dataclass_fields__)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def settings_hash(step: str, settings: dict) -> str:
    """Hash of a step's table and, through DEPENDENCIES, of everything before it."""
    before = [settings_hash(dependency, settings) for dependency in DEPENDENCIES[step]]
    text = json.dumps([step, settings.get(step, {}), settings.get("scale", 1.0), before], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_steps(settings: dict, directory: Path, models: Path, scale: float) -> dict[str, Callable[[], object]]:
    """A function without arguments for every step."""
    pretraining = config_of(PretrainConfig, settings.get("pretrain", {}))
    tuning = config_of(TaskTuneConfig, settings.get("task_tune", {}))
    plugging = config_of(PlugConfig, settings.get("plug", {}))
    exporting = settings.get("export", {})

    def run_evaluation() -> None:
        tasks = settings.get("evaluate", {}).get("tasks", list(plugging.tasks))
        results = evaluate(*evaluator_of_run(directory), tasks)
        (directory / "evaluate-dev.json").write_text(json.dumps(results, indent=1))

    def run_export() -> None:
        library = exporting.get("library")
        sample = exporting.get("sample")
        export(
            directory,
            models,
            Path(exporting.get("model_config", pretraining.model_config)),
            Path(library) if library else None,
            Path(exporting.get("embedder", "models/all-minilm-l6-v2")),
            Path(sample) if sample else None,
        )

    return {
        "corpus": lambda: build_corpus(directory / "corpus", config_of(CorpusConfig, settings.get("corpus", {}))),
        "pretrain": lambda: pretrain(directory, replace(pretraining, minutes=pretraining.minutes * scale)),
        "task_tune": lambda: task_tune(directory, replace(tuning, minutes=tuning.minutes * scale)),
        "embed": lambda: embed_histories(directory / "embeddings"),
        "plug": lambda: train_plug(directory, replace(plugging, minutes=plugging.minutes * scale)),
        "evaluate": run_evaluation,
        "export": run_export,
    }


def run(settings: dict, directory: Path, models: Path, chosen: list[str], scale: float) -> None:
    """Runs the chosen steps that are not done yet."""
    directory.mkdir(parents=True, exist_ok=True)
    done_path = directory / "done.json"
    done: dict[str, str] = json.loads(done_path.read_text()) if done_path.exists() else {}
    steps = build_steps(settings, directory, models, scale)
    for number, step in enumerate(DEPENDENCIES, start=1):
        wanted = settings_hash(step, {**settings, "scale": scale})
        if step not in chosen:
            continue
        if done.get(step) == wanted:
            print(f"[{number}/{len(DEPENDENCIES)}] {step}: done before with these settings", flush=True)
            continue
        print(f"[{number}/{len(DEPENDENCIES)}] {step}", flush=True)
        steps[step]()
        done[step] = wanted
        done_path.write_text(json.dumps(done, indent=1))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run-directory", type=Path, default=None, help="overrides the config's run_directory")
    parser.add_argument("--models", type=Path, default=None, help="overrides the config's models folder")
    parser.add_argument("--only", nargs="+", choices=list(DEPENDENCIES), default=None)
    parser.add_argument("--from", dest="first", choices=list(DEPENDENCIES), default=None)
    parser.add_argument("--minutes-scale", type=float, default=1.0)
    arguments = parser.parse_args()
    settings = tomllib.loads(arguments.config.read_text())
    torch.set_num_threads(settings.get("threads", torch.get_num_threads()))
    names = list(DEPENDENCIES)
    chosen = arguments.only or names[names.index(arguments.first) if arguments.first else 0 :]
    directory = arguments.run_directory or Path(settings["run_directory"])
    run(settings, directory, arguments.models or Path(settings["models"]), chosen, arguments.minutes_scale)


if __name__ == "__main__":
    main()
