"""What each part of the plug is worth: one training a row, each with one part off, measured on dev users.

`python -m training.ablation --base RUN --run-directory DIR --steps 250 --tasks news_category`. Every row has the same
steps, seed and users and starts at the base's linear head where it is large enough for it; rows that are done are kept,
so a stopped table goes on. Writes ablation.json and ablation.md. Published PPlug
(arXiv 2409.11901) is a row too. The gate needs no training of its own: "gate open" is in every row.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training.data import SHIPPED_TASKS
from training.evaluate import evaluate, evaluator_of_run
from training.machine import prepare_machine
from training.plug import train_plug
from training.plug_config import PlugConfig

BASE_PARTS = ("corpus", "tuned", "embeddings", "linear-heads.pt")  # what a row takes from the base run
LABELS = {"start": "none", "gold_share": 1.0}  # no linear head, neither to start at nor to learn from

# Each row by name: the fields of PlugConfig that differ from the full plug.
ROWS: Mapping[str, Mapping[str, object]] = {
    "full": {},
    "starts afresh": {"start": "none"},
    "starts afresh, learns from labels alone": LABELS,
    "instruction rows do not follow the query": {"instruction_rank": 0},
    "no outputs in the values": {"without_outputs": "all"},
    "temperature fixed at 1": {"temperature": 1.0, "fixed_temperature": True},
    "no recency decay": {"has_decay": False},
    "one persona row": {"persona_rows": 1},
    "one instruction row": {"instruction_rows": 1},
    "no part of the history dropped": {"intact_share": 1.0},
    "no dropout": {"dropout": 0.0},
    "projector of 64": {"projector_width": 64},
    "no history (instruction rows alone)": {**LABELS, "persona_rows": 0, "instruction_rows": 8, "has_gate": False},
    "constant rows alone": {
        **LABELS,
        "persona_rows": 0,
        "instruction_rows": 8,
        "instruction_rank": 0,
        "has_gate": False,
    },
    "PPlug as published": {
        **LABELS,
        "persona_rows": 1,
        "instruction_rows": 1,
        "instruction_rank": 0,
        "temperature": 1.0,
        "fixed_temperature": True,
        "normalizes_query": True,
        "has_decay": False,
        "has_gate": False,
        "without_outputs": "labels",
        "intact_share": 1 / 11,
        "dropout": 0.0,
    },
}


def row_config(full: PlugConfig, changes: Mapping[str, object]) -> PlugConfig:
    """The config of a row; `without_outputs` "all" or "labels" stands for the tasks that this means."""
    fields = dict(changes)
    if "without_outputs" in fields:
        labels = {"news_category", "movie_tag", "movie_rating"}
        wanted = set(full.tasks) if fields["without_outputs"] == "all" else labels
        fields["without_outputs"] = tuple(task for task in full.tasks if task in wanted)
    return replace(full, **fields)


def run_row(base: Path, directory: Path, config: PlugConfig) -> dict[str, dict]:
    """Trains and measures one row in a folder that borrows the base's language model and vectors."""
    directory.mkdir(parents=True, exist_ok=True)
    for part in BASE_PARTS:
        link = directory / part
        link.unlink(missing_ok=True)
        if (base / part).exists():
            link.symlink_to((base / part).resolve())
    train_plug(directory, config)
    return evaluate(*evaluator_of_run(directory), list(config.tasks))


def table(results: Mapping[str, Mapping[str, dict]]) -> str:
    """The rows as Markdown: negative log-likelihood (nats an answer) with and without a gate, accuracy, shuffled."""
    lines = [
        "| plug | task | NLL, gate open | accuracy | NLL with another's history | own − another's [95 %] |",
        "|---|---|---|---|---|---|",
    ]
    for name, tasks in results.items():
        for task, result in tasks.items():
            loss, accuracy = result["loss"], result["accuracy"].get("persona, gate open")
            gap = result["difference"]["persona, gate open - shuffled, gate open"]
            lines.append(
                f"| {name} | {task} | {loss['persona, gate open']['mean']:.3f} | "
                f"{format(accuracy['mean'], '.3f') if accuracy else '–'} | "
                f"{loss['shuffled, gate open']['mean']:.3f} | "
                f"{gap['mean']:.3f} [{gap['low']:.3f}, {gap['high']:.3f}] |"
            )
    return "\n".join(lines) + "\n"


def ablate(base: Path, directory: Path, full: PlugConfig, names: list[str]) -> dict[str, dict]:
    """Runs the rows that are not done yet and writes the table after each."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "ablation.json"
    settings = json.loads(json.dumps({"base": str(base.resolve()), **asdict(full)}))  # tuples as lists, as in the file
    known = json.loads(path.read_text()) if path.exists() else {"settings": settings, "rows": {}}
    if known["settings"] != settings:
        raise ValueError(f"{path} was made with other settings. Give another --run-directory, or those of before.")
    results = known["rows"]
    for name in names:
        if name in results:
            continue
        print(f"row {list(names).index(name) + 1} of {len(names)}: {name}", flush=True)
        folder = directory / name.replace(" ", "-").replace("(", "").replace(")", "")
        results[name] = run_row(base, folder, row_config(full, ROWS[name]))
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(path)
        (directory / "ablation.md").write_text(table(results))
    return results


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a run with corpus, tuned model and embeddings")
    parser.add_argument("--run-directory", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=["news_category"], choices=SHIPPED_TASKS)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    full = PlugConfig(tasks=tuple(arguments.tasks), steps=arguments.steps, evaluations=5, short_share=0.3)
    print(table(ablate(arguments.base, arguments.run_directory, full, arguments.rows)))


if __name__ == "__main__":
    main()
