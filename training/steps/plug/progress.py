"""How far a plug's training has come."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch

from training.persona.plug import Plug


@dataclass
class Progress:
    """Steps and evaluations so far, the best weights with their score, and every evaluation."""

    step: int = 0
    evaluations_done: int = 0
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
