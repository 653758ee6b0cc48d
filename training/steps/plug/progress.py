"""How far a plug's training has come, kept on disk, so that an interrupted run goes on where it was."""

from __future__ import annotations

import copy
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from training.persona.plug import Plug
from training.steps.plug.plug_config import PlugConfig


@dataclass
class Progress:
    """Steps and training seconds so far, the best weights with their score, and every evaluation."""

    step: int = 0
    elapsed: float = 0.0
    next_evaluation: float = 0.0
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_score: float = float("inf")
    best_evaluation: int = -1
    history: list[dict] = field(default_factory=list)

    def record(self, plug: Plug, score: float, entry: dict) -> None:
        """Adds an evaluation and keeps the weights when they are the best so far (lower is better)."""
        self.history.append(entry)
        if score < self.best_score:
            self.best, self.best_score = copy.deepcopy(plug.state_dict()), score
            self.best_evaluation = len(self.history) - 1


class Checkpoint:
    """One file in the run directory, replaced atomically, removed when the run is finished."""

    def __init__(self, path: Path, config: PlugConfig) -> None:
        self._path = path
        # The device may change between two starts, the rest decides what is trained.
        self._settings = {name: value for name, value in asdict(config).items() if name != "device"}

    def save(self, plug: Plug, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Writes weights, optimizer and progress."""
        state = {"plug": plug.state_dict(), "optimizer": optimizer.state_dict(), "progress": vars(progress)}
        partial = self._path.with_suffix(".partial")
        torch.save({**state, "settings": self._settings}, partial)
        os.replace(partial, self._path)

    def load(self, plug: Plug, optimizer: torch.optim.Optimizer) -> Progress:
        """Takes up an interrupted run of the same settings; otherwise a fresh start."""
        if not self._path.exists():
            return Progress()
        saved = torch.load(self._path, weights_only=True)
        if saved["settings"] != self._settings:
            print(f"{self._path.name} is of other settings: training starts anew", flush=True)
            return Progress()
        plug.load_state_dict(saved["plug"])
        optimizer.load_state_dict(saved["optimizer"])
        return Progress(**saved["progress"])

    def remove(self) -> None:
        """Deletes the file."""
        self._path.unlink(missing_ok=True)
