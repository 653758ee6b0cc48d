"""Measures what each part of the plug is worth: variants that lack one part are trained and compared on dev users.

`python -m training.pipeline.ablation --base RUN --run-directory DIR --config configs/nano.toml`. "full" is the plug of
the config; every variant has its steps, seed and users. Finished variants are kept, so an interrupted table goes on.
Writes ablation.json and ablation.md. PPlug as published (arXiv 2409.11901) is a variant too. The gate is not a part
that is trained here: every variant is measured with the gate open.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from training.core.artifacts import write_atomically
from training.core.intervals import clustered_interval
from training.core.machine import prepare_machine
from training.core.run_directory import RunDirectory
from training.data.users import SHIPPED_TASKS, users_of_split
from training.data.vector_store import Vectors
from training.pipeline.settings import config_of, load_settings
from training.steps.evaluate import Evaluator, evaluator_of_run, format_report, report
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.train_plug import train_plug
from training.steps.plug.user_samples import build_user_samples

# What a variant takes from the base.
BASE_ARTIFACTS = ("corpus", "task_tuned", "distilled", "embeddings", "linear_heads", "plug_start")
OPEN = "persona, gate open"
# Without a start there is no mean with it; variants with other sizes cannot start at the head.
AFRESH = {"start": "none", "start_share": 0.0, "keeps_last": False}
LABELS = {**AFRESH, "gold_share": 1.0}
NO_HISTORY = {**LABELS, "persona_rows": 0, "instruction_rows": 8, "has_gate": False}

# The fields of PlugConfig in which each variant differs from the full plug; `unigram_adaptation` is no field of it.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "full": {},
    "without unigram adaptation": {"unigram_adaptation": False},
    "no mean with its start": {"start_share": 0.0},
    "labels instead of drawn answers": {"gold_share": 1.0},
    "instruction rows do not follow the query": {"instruction_rank": 0},
    "no outputs in the values": {"without_outputs": "all"},
    "query head fixed at the identity": {"fixed_query": True},
    "temperature fixed at 1": {"temperature": 1.0, "fixed_temperature": True},
    "no part of the history dropped": {"intact_share": 1.0},
    "no short histories": {"short_share": 0.0},
    "no dropout": {"dropout": 0.0},
    "afresh": AFRESH,
    "afresh, from labels alone": LABELS,
    "afresh, rows of another size than embeddings": {**AFRESH, "calibrates_rows": False},
    "afresh, one persona row": {**AFRESH, "persona_rows": 1},
    "afresh, one instruction row": {**AFRESH, "instruction_rows": 1},
    "afresh, projector of 64": {**AFRESH, "projector_width": 64},
    "no history (instruction rows alone)": NO_HISTORY,
    "constant rows alone": {**NO_HISTORY, "instruction_rank": 0},
    "PPlug as published": {
        **LABELS,
        "persona_rows": 1,
        "instruction_rows": 1,
        "instruction_rank": 0,
        "temperature": 1.0,
        "fixed_temperature": True,
        "normalizes_query": True,
        "has_gate": False,
        "without_outputs": "labels",
        "intact_share": 1 / 11,
        "short_share": 0.0,
        "dropout": 0.0,
        "unigram_adaptation": False,
    },
}


def variant_config(full: PlugConfig, changes: Mapping[str, Any]) -> PlugConfig:
    """The config of a variant; `without_outputs` "all" or "labels" stands for the tasks that it means."""
    fields = {name: value for name, value in changes.items() if name != "unigram_adaptation"}
    if "without_outputs" in fields:
        labels = {"news_category", "movie_tag", "movie_rating"}
        wanted = set(full.tasks) if fields["without_outputs"] == "all" else labels
        fields["without_outputs"] = tuple(task for task in full.tasks if task in wanted)
    return replace(full, **fields)


def take_over(base: RunDirectory, run: RunDirectory, name: str) -> None:
    """Links an artifact of the base into a variant's directory, where the base has it."""
    artifact, target = getattr(run, name), getattr(base, name)
    artifact.remove()
    if target.exists():
        artifact.path.symlink_to(target.path.resolve())


def train_variant(
    base: RunDirectory, run: RunDirectory, config: PlugConfig, has_unigram_adaptation: bool
) -> dict[str, dict]:
    """Trains and measures a variant in a directory that links to the base's model, vectors and unigram adaptation."""
    run.path.mkdir(parents=True, exist_ok=True)
    for name in BASE_ARTIFACTS:
        take_over(base, run, name)
    train_plug(run, replace(config, has_gate=False))  # all variants are measured with the gate open
    if has_unigram_adaptation and config.persona_rows:
        take_over(base, run, "unigram_adaptation")
    evaluator, vectors = evaluator_of_run(run)
    return {task: measure(evaluator, vectors, task) for task in config.tasks}


def measure(evaluator: Evaluator, vectors: Vectors, task: str) -> dict[str, object]:
    """The report on dev users, and with the gate open each query's loss and asker: variants are compared by pairs."""
    users = build_user_samples(users_of_split(task, "dev"), evaluator.tokenizer, vectors, evaluator.rows, None)
    measured = evaluator.measure(task, users)
    result = report(task, measured)
    print(format_report(result), flush=True)
    return {**result, "losses": measured.losses[OPEN], "askers": measured.users}


def table(results: Mapping[str, Mapping[str, dict]]) -> str:
    """The variants as Markdown, one table for each task, gate open: negative log-likelihood (nats an answer) and
    accuracy.
    """
    lines = []
    for task in next(iter(results.values()), {}):
        first = next(iter(results.values()))[task]
        none, has_choices = first["loss"]["none"]["mean"], OPEN in first["accuracy"]
        lines += [
            f"`{task}`: {first['queries']} queries of {first['users']} dev users, without a persona {none:.3f} nats",
            "",
            f"| plug | NLL | less full [95 %] | less another's history [95 %] |{' accuracy |' if has_choices else ''}",
            f"|---|---|---|---|{'---|' if has_choices else ''}",
        ]
        for name, tasks in results.items():
            result = tasks[task]
            accuracy = f" {result['accuracy'][OPEN]['mean']:.3f} |" if has_choices else ""
            others = shown(result["difference"][f"{OPEN} - shuffled, gate open"])
            if "full" in results and name != "full":
                pairs = zip(result["losses"], results["full"][task]["losses"], strict=True)
                change = shown(vars(clustered_interval([ours - full for ours, full in pairs], result["askers"])))
            else:
                change = "–"
            lines.append(f"| {name} | {result['loss'][OPEN]['mean']:.3f} | {change} | {others} |{accuracy}")
        lines.append("")
    return "\n".join(lines)


def shown(interval: Mapping[str, float]) -> str:
    """An interval as text."""
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]".replace("-", "−")


def ablate(base: RunDirectory, directory: Path, full: PlugConfig, names: list[str]) -> dict[str, dict]:
    """Trains the variants that are not done yet and writes the table after each."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "ablation.json"
    trained = hashlib.sha256((base.language_model() / "model.safetensors").read_bytes()).hexdigest()
    settings = json.loads(json.dumps({"base": trained[:16], **asdict(full)}))  # tuples as lists, as in the file
    known = json.loads(path.read_text()) if path.exists() else {"settings": settings, "variants": {}}
    if known["settings"] != settings:
        raise ValueError(f"{path} was made with other settings or of another base. Give another --run-directory.")
    results = known["variants"]
    for name in names:
        if name in results:
            continue
        print(f"variant {names.index(name) + 1} of {len(names)}: {name}", flush=True)
        run = RunDirectory(directory / name.replace(" ", "-").replace("(", "").replace(")", ""))
        changes = VARIANTS[name]
        has_unigram_adaptation = bool(changes.get("unigram_adaptation", True))
        results[name] = train_variant(base, run, variant_config(full, changes), has_unigram_adaptation)
        write_atomically(path, known)
        (directory / "ablation.md").write_text(table(results))
    return results


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a run with corpus, tuned model and embeddings")
    parser.add_argument("--run-directory", type=Path, required=True)
    parser.add_argument(
        "--config", type=Path, default=Path("configs/nano.toml"), help="its table [plug] is the full plug"
    )
    parser.add_argument("--tasks", nargs="+", default=None, choices=SHIPPED_TASKS, help="fewer than the config has")
    parser.add_argument("--steps", type=int, default=None, help="fewer than the config has")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    full = config_of(PlugConfig, load_settings(arguments.config)["plug"])
    full = replace(full, tasks=tuple(arguments.tasks or full.tasks), steps=arguments.steps or full.steps)
    print(table(ablate(RunDirectory(arguments.base), arguments.run_directory, full, arguments.variants)))


if __name__ == "__main__":
    main()
