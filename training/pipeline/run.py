"""Every step, from text to model packages: `python -m training.pipeline.run --config configs/nano.toml`.

corpus → pretrain → task_tune → embed → linear_head → distill → plug → unigram_adaptation → evaluate → export. A step is
skipped when it and every step before it finished earlier with the same settings; an interrupted step goes on from its
checkpoint. `--only` and `--from` pick steps; `--steps-scale 0.05` tries the whole chain in a few minutes.

`base` in a config names another run whose results this one takes over, so that a control differs in one step and shares
the rest; `steps` then lists the steps of this run.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from training.core.artifacts import write_atomically
from training.core.machine import prepare_machine
from training.core.run_directory import STEPS, RunDirectory, follows
from training.data.corpus import CorpusConfig, build_corpus
from training.pipeline.export import ExportConfig, export
from training.pipeline.settings import config_of, load_settings, settings_hash
from training.steps.distill.distill import distill
from training.steps.distill.prompt_streams import DistillConfig
from training.steps.embed_histories import embed_histories
from training.steps.evaluate import evaluate_run
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.train_plug import train_plug
from training.steps.pretrain import PretrainConfig, pretrain
from training.steps.task_tune import TaskTuneConfig, task_tune
from training.steps.unigram_adaptation import UnigramAdaptationConfig, fit_unigram_adaptation

DONE = "done.json"
# Without these a base's step has not run; what else a step writes not every run has.
REQUIRED_OF_BASE = ("corpus", "pretrained", "task_tuned", "embeddings", "linear_heads", "plug_start", "plug")


def link_base(run: RunDirectory, base: Mapping[str, Any], own_steps: Sequence[str]) -> None:
    """Links what the base run has made into this run's directory. Only `embed` may go on there: its store grows."""
    source = RunDirectory(base["run_directory"])
    both = sorted(step for step in set(base["steps"]) & set(own_steps) if not STEPS[step].grows)
    if both:
        raise ValueError(f"steps {both} are taken from the base and run too. Name each of them once.")
    for step in base["steps"]:
        for name in STEPS[step].writes:
            artifact, target = getattr(run, name), getattr(source, name)
            if not target.exists():
                if name in REQUIRED_OF_BASE:
                    raise FileNotFoundError(f"{target.path} is missing. Run step {step} of the base first.")
                continue
            if artifact.exists() and not artifact.path.is_symlink():
                raise FileExistsError(
                    f"{artifact.path} is this run's own. Remove it, or take {step} out of base.steps."
                )
            artifact.remove()
            artifact.path.symlink_to(target.path.resolve())


def check_language_model(run: RunDirectory, chosen: Sequence[str]) -> None:
    """Raises before the first step if the steps that follow need a language model and there is none."""
    if "task_tune" not in chosen and {"distill", "plug"} & set(chosen):
        run.language_model()


def scaled(steps: int, scale: float) -> int:
    """A number of steps for a rehearsal."""
    return math.ceil(steps * scale)


def build_steps(
    settings: Mapping[str, Any], run: RunDirectory, models: Path, scale: float
) -> dict[str, Callable[[], object]]:
    """A function without arguments for every step."""
    corpus_config = config_of(CorpusConfig, settings.get("corpus", {}))
    pretrain_config = config_of(PretrainConfig, settings.get("pretrain", {}))
    task_tune_config = config_of(TaskTuneConfig, settings.get("task_tune", {}))
    linear_head_config = config_of(LinearHeadConfig, settings.get("linear_head", {}))
    distill_config = config_of(DistillConfig, settings.get("distill", {}))
    plug_config = config_of(PlugConfig, settings.get("plug", {}))
    unigram_adaptation_config = config_of(UnigramAdaptationConfig, settings.get("unigram_adaptation", {}))
    label_steps = distill_config.label_steps
    embed_settings = {name: tuple(values) for name, values in settings.get("embed", {}).items()}
    export_config = config_of(ExportConfig, settings.get("export", {}))

    return {
        "corpus": lambda: build_corpus(run, corpus_config),
        "pretrain": lambda: pretrain(run, replace(pretrain_config, steps=scaled(pretrain_config.steps, scale))),
        "task_tune": lambda: task_tune(run, replace(task_tune_config, steps=scaled(task_tune_config.steps, scale))),
        "embed": lambda: embed_histories(run, **embed_settings),
        "linear_head": lambda: fit_linear_heads(
            run, replace(linear_head_config, steps=scaled(linear_head_config.steps, scale))
        ),
        "distill": lambda: distill(
            run,
            replace(
                distill_config,
                steps=scaled(distill_config.steps, scale),
                label_steps=None if label_steps is None else scaled(label_steps, scale),
            ),
            plug_config,
        ),
        "plug": lambda: train_plug(run, replace(plug_config, steps=scaled(plug_config.steps, scale))),
        "unigram_adaptation": lambda: fit_unigram_adaptation(run, unigram_adaptation_config),
        "evaluate": lambda: evaluate_run(run, settings.get("evaluate", {}).get("tasks", plug_config.tasks)),
        "export": lambda: export(run, models, export_config),
    }


def run_steps(
    settings: Mapping[str, Any], run: RunDirectory, models: Path, chosen: Sequence[str], scale: float
) -> None:
    """Runs the chosen steps that are not done yet."""
    run.path.mkdir(parents=True, exist_ok=True)
    if "base" in settings:
        base = settings["base"]
        link_base(run, base, chosen)
        settings = {**settings, "base": {**base, "done": read_done(RunDirectory(base["run_directory"]))}}
    check_language_model(run, chosen)
    done = read_done(run)
    steps = build_steps(settings, run, models, scale)
    for number, step in enumerate(STEPS, start=1):
        wanted = settings_hash(step, {**settings, "scale": scale})
        if step not in chosen:
            continue
        if done.get(step) == wanted:
            print(f"[{number}/{len(STEPS)}] {step}: done before with these settings", flush=True)
            continue
        print(f"[{number}/{len(STEPS)}] {step}", flush=True)
        # Once the step writes, the results that later steps have made of its former ones are no longer valid.
        done = {name: value for name, value in done.items() if not follows(name, step)}
        write_atomically(run.path / DONE, done)
        steps[step]()
        done[step] = wanted
        write_atomically(run.path / DONE, done)


def read_done(run: RunDirectory) -> dict[str, str]:
    """The hash of the settings with which each step of a run has finished."""
    path = run.path / DONE
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run-directory", type=Path, default=None, help="overrides the config's run_directory")
    parser.add_argument("--base", default=None, help="overrides the run directory of the config's base")
    parser.add_argument("--models", type=Path, default=None, help="overrides the config's models folder")
    parser.add_argument("--only", nargs="+", choices=list(STEPS), default=None)
    parser.add_argument("--from", dest="first", choices=list(STEPS), default=None)
    parser.add_argument("--steps-scale", type=float, default=1.0, help="share of every number of training steps")
    arguments = parser.parse_args()
    settings = load_settings(arguments.config)
    prepare_machine(settings.get("threads", torch.get_num_threads()))
    if arguments.base is not None:
        settings["base"]["run_directory"] = arguments.base
    names = [step for step in STEPS if step in settings.get("steps", STEPS)]
    chosen = arguments.only or names[names.index(arguments.first) if arguments.first else 0 :]
    run = RunDirectory(arguments.run_directory or settings["run_directory"])
    run_steps(settings, run, arguments.models or Path(settings["models"]), chosen, arguments.steps_scale)


if __name__ == "__main__":
    main()
