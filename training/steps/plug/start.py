"""The weights that a plug's training starts from, and their mean with the trained ones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.core.artifacts import TensorFile
from training.core.run_directory import RunDirectory
from training.persona.plug import Plug
from training.steps.plug.plug_config import PlugConfig

TASK_PARTS = ("instruction", "instruction_out", "log_temperature", "center")  # of a plug: one a task


def start_file(run: RunDirectory, config: PlugConfig, model_path: Path | None) -> TensorFile | None:
    """The plug to start from: the named file, else what distillation has left for the run's own model, else none."""
    if config.start == "none":
        return None
    if config.start:
        found = TensorFile(Path(config.start))
        if not found.exists():
            raise FileNotFoundError(f'{config.start} (start) is missing. Name a plug.pt, or "none".')
        return found
    return run.plug_start if run.plug_start.exists() and not config.llm and model_path is None else None


@torch.no_grad()
def start_from(plug: Plug, saved: Mapping[str, Any]) -> list[str]:
    """Takes over what fits of a trained plug, tasks by name; returns what was taken. Other sizes start afresh."""
    rows = [(saved["config"]["tasks"].index(t), n) for n, t in enumerate(plug.tasks) if t in saved["config"]["tasks"]]
    taken = []
    for name, ours in plug.state_dict().items():
        theirs = saved["plug"].get(name)
        is_by_task = name in TASK_PARTS
        if theirs is None or ours.shape[is_by_task:] != theirs.shape[is_by_task:]:
            continue
        if is_by_task:
            for source, target in rows:
                ours[target] = theirs[source]
        else:
            ours.copy_(theirs)
        taken.append(name)
    return taken


@torch.no_grad()
def average_with_start(plug: Plug, start: dict[str, Tensor], share: float, distilled_tasks: Container[str]) -> None:
    """Averages the plug with its start, with weight `share`, to keep what distillation has taught.

    The parts of a task without a head stay as trained, since they had no useful start.
    """
    distilled = [index for index, task in enumerate(plug.tasks) if task in distilled_tasks]
    for name, ours in plug.state_dict().items():
        if name.startswith("gate") or torch.equal(ours, start[name]):
            continue
        if name in TASK_PARTS:
            ours[distilled] = torch.lerp(ours[distilled], start[name][distilled], share)
        else:
            ours.lerp_(start[name], share)
