"""Every step, from text to model packages: `python -m training.pipeline.run --config configs/nano.toml`.

corpus → pretrain → task_tune → embed → linear_head → distill → plug → unigram_adaptation → evaluate → export. A step is
skipped when it and every step before it finished earlier with the same settings; an interrupted pre-training goes on
from its checkpoint. `--only` and `--from` pick steps; `--minutes-scale 0.05` tries the whole chain in a few minutes.

`base` in a config names another run whose results this one takes over, so that a control differs in one step and shares
the rest; `steps` then lists the steps of this run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from training.core.machine import prepare_machine
from training.data.corpus import CorpusConfig, build_corpus
from training.pipeline.export import PARTS, export
from training.steps.distill.distill import distill
from training.steps.distill.prompt_streams import DistillConfig
from training.steps.embed_histories import embed_histories
from training.steps.evaluate import evaluate, evaluator_of_run
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.steps.plug.train_plug import PlugConfig, train_plug
from training.steps.pretrain import PretrainConfig, pretrain
from training.steps.task_tune import TaskTuneConfig, task_tune
from training.steps.unigram_adaptation import UnigramAdaptationConfig, fit_unigram_adaptation

# Each step with the steps whose results it reads: their settings are part of its hash.
DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "corpus": (),
    "pretrain": ("corpus",),
    "task_tune": ("pretrain",),
    "embed": (),
    "linear_head": ("embed",),
    "distill": ("task_tune", "linear_head"),
    "plug": ("distill",),
    "unigram_adaptation": ("plug",),
    "evaluate": ("unigram_adaptation",),
    "export": ("evaluate",),
}

# What each step writes into the run directory. Reports may be missing, as in the run of an unpacked model.
ARTIFACTS: dict[str, tuple[str, ...]] = {
    "corpus": ("corpus",),
    "pretrain": ("pretrained", "pretrain.json"),
    "task_tune": ("tuned", "task-tune.json"),
    "embed": ("embeddings",),
    "linear_head": ("linear-heads.pt",),
    "distill": ("tuned", "plug-start.pt", "distill.json"),
    "plug": ("plug.pt", "plug.json"),
    "unigram_adaptation": ("unigram-adaptation.pt", "unigram-adaptation.json"),
}


def config_of(kind: type, table: dict):
    """A step's dataclass from its TOML table; an unknown key is an error, not a silent default."""
    unknown = set(table) - set(kind.__dataclass_fields__)
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {sorted(unknown)}. Known: {sorted(kind.__dataclass_fields__)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def settings_hash(step: str, settings: dict) -> str:
    """Hash of a step's table and, through DEPENDENCIES, of everything before it; of a base's step, the base's hash."""
    base = settings.get("base", {})
    if step in base.get("steps", ()) and step not in settings.get("steps", ()):
        return base.get("done", {}).get(step, f"{step} of {base['run_directory']}")
    before = [settings_hash(dependency, settings) for dependency in DEPENDENCIES[step]]
    text = json.dumps([step, settings.get(step, {}), settings.get("scale", 1.0), before], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def link_base(directory: Path, base: dict, own_steps: list[str]) -> None:
    """Links what the base run has made into this run's directory. Only `embed` may go on there: its store grows."""
    source = Path(base["run_directory"])
    both = sorted(set(base["steps"]) & set(own_steps) - {"embed"})
    if both:
        raise ValueError(f"steps {both} are taken from the base and run too. Name each of them once.")
    if "distill" in own_steps and "task_tune" in base["steps"]:
        raise ValueError("distill rewrites what task_tune made. Run both here, or take both from the base.")
    for step in base["steps"]:
        for name in ARTIFACTS[step]:
            target, link = (source / name).resolve(), directory / name
            if not target.exists():
                if name.endswith(".json"):
                    continue
                raise FileNotFoundError(f"{source / name} is missing. Run step {step} of the base first.")
            if link.exists() and not link.is_symlink():
                raise FileExistsError(f"{link} is this run's own. Remove it, or take {step} out of base.steps.")
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def check_language_model(directory: Path, chosen: list[str]) -> None:
    """Raises before the first step if the steps that follow need a language model and there is none."""
    is_made = "task_tune" in chosen or any((directory / name).exists() for name in ("tuned", "task-tuned"))
    if not is_made and {"distill", "plug"} & set(chosen):
        raise FileNotFoundError(
            f"{directory / 'tuned'} is missing. "
            "Run step task_tune first, or training.pipeline.unpack for a model that ships."
        )


def follows(later: str, step: str) -> bool:
    """Whether a step is `step` or reads, directly or not, what `step` writes."""
    return later == step or any(follows(before, step) for before in DEPENDENCIES[later])


def write_atomically(path: Path, content: dict) -> None:
    """Writes JSON so that an interrupted write leaves the former file."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1))
    partial.replace(path)


def build_steps(settings: dict, directory: Path, models: Path, scale: float) -> dict[str, Callable[[], object]]:
    """A function without arguments for every step."""
    pretrain_config = config_of(PretrainConfig, settings.get("pretrain", {}))
    task_tune_config = config_of(TaskTuneConfig, settings.get("task_tune", {}))
    linear_head_config = config_of(LinearHeadConfig, settings.get("linear_head", {}))
    distill_config = config_of(DistillConfig, settings.get("distill", {}))
    plug_config = config_of(PlugConfig, settings.get("plug", {}))
    unigram_adaptation_config = config_of(UnigramAdaptationConfig, settings.get("unigram_adaptation", {}))
    export_settings = settings.get("export", {})
    embed_settings = {name: tuple(values) for name, values in settings.get("embed", {}).items()}

    def run_evaluation() -> None:
        tasks = settings.get("evaluate", {}).get("tasks", list(plug_config.tasks))
        results = evaluate(*evaluator_of_run(directory), tasks)
        (directory / "evaluate-dev.json").write_text(json.dumps(results, indent=1))

    def run_export() -> None:
        library = export_settings.get("library")
        sample = export_settings.get("sample")
        export(
            directory,
            models,
            Path(export_settings.get("model_config", pretrain_config.model_config)),
            Path(library) if library else None,
            Path(export_settings.get("embedder", "models/all-minilm-l6-v2")),
            Path(sample) if sample else None,
            export_settings.get("parts", PARTS),
            export_settings.get("language_model_name", "nano-llm"),
            export_settings.get("plug_name", "plug"),
            Path(export_settings["language_model"]) if "language_model" in export_settings else None,
        )

    return {
        "corpus": lambda: build_corpus(directory / "corpus", config_of(CorpusConfig, settings.get("corpus", {}))),
        "pretrain": lambda: pretrain(directory, replace(pretrain_config, minutes=pretrain_config.minutes * scale)),
        "task_tune": lambda: task_tune(directory, replace(task_tune_config, minutes=task_tune_config.minutes * scale)),
        "embed": lambda: embed_histories(directory / "embeddings", **embed_settings),
        "linear_head": lambda: fit_linear_heads(
            directory, replace(linear_head_config, steps=math.ceil(linear_head_config.steps * scale))
        ),
        "distill": lambda: distill(
            directory,
            replace(
                distill_config,
                minutes=distill_config.minutes * scale,
                label_minutes=distill_config.label_minutes * scale,
            ),
            plug_config,
        ),
        "plug": lambda: train_plug(
            directory,
            replace(plug_config, minutes=plug_config.minutes * scale, steps=math.ceil(plug_config.steps * scale)),
        ),
        "unigram_adaptation": lambda: fit_unigram_adaptation(directory, unigram_adaptation_config),
        "evaluate": run_evaluation,
        "export": run_export,
    }


def run(settings: dict, directory: Path, models: Path, chosen: list[str], scale: float) -> None:
    """Runs the chosen steps that are not done yet."""
    directory.mkdir(parents=True, exist_ok=True)
    if "base" in settings:
        link_base(directory, settings["base"], chosen)
        base_done = Path(settings["base"]["run_directory"]) / "done.json"
        known = json.loads(base_done.read_text()) if base_done.exists() else {}
        settings = {**settings, "base": {**settings["base"], "done": known}}
    check_language_model(directory, chosen)
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
        # Once the step writes, the results that later steps have made of its former ones are no longer valid.
        done = {name: value for name, value in done.items() if not follows(name, step)}
        write_atomically(done_path, done)
        steps[step]()
        done[step] = wanted
        write_atomically(done_path, done)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run-directory", type=Path, default=None, help="overrides the config's run_directory")
    parser.add_argument("--base", default=None, help="overrides the run directory of the config's base")
    parser.add_argument("--models", type=Path, default=None, help="overrides the config's models folder")
    parser.add_argument("--only", nargs="+", choices=list(DEPENDENCIES), default=None)
    parser.add_argument("--from", dest="first", choices=list(DEPENDENCIES), default=None)
    parser.add_argument("--minutes-scale", type=float, default=1.0)
    arguments = parser.parse_args()
    settings = tomllib.loads(arguments.config.read_text())
    prepare_machine(settings.get("threads", torch.get_num_threads()))
    if arguments.base is not None:
        settings["base"]["run_directory"] = arguments.base
    names = [step for step in DEPENDENCIES if step in settings.get("steps", DEPENDENCIES)]
    chosen = arguments.only or names[names.index(arguments.first) if arguments.first else 0 :]
    directory = arguments.run_directory or Path(settings["run_directory"])
    run(settings, directory, arguments.models or Path(settings["models"]), chosen, arguments.minutes_scale)


if __name__ == "__main__":
    main()
