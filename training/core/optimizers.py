"""Muon for the weight matrices, AdamW for embeddings and norms, and the learning-rate schedule.

Muon orthogonalises the momentum of each matrix. Over some thousand steps it needs fewer tokens than AdamW alone. The
schedule is warm-up, plateau, decay; unlike a cosine it can be told at any step to finish.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Schedule:
    """Learning-rate factor as a function of the steps done: linear warm-up, plateau, linear decay to zero."""

    steps: int
    warm_up_share: float = 0.02
    decay_share: float = 0.25
    decay_start: float | None = None  # another step than `decay_share` says

    def finish_from(self, step: int) -> None:
        """Starts the decay now, unless it has begun; the run then ends after the same share of its steps."""
        if step < self._decay_start:
            self.decay_start = step
            self.steps = min(self.steps, round(step / (1 - self.decay_share)))

    def factor(self, step: int) -> float:
        """Factor in [0, 1] on the peak learning rates."""
        warm_up = min(1.0, (step + 1) / (self.steps * self.warm_up_share + 1))
        decay = min(1.0, max(0.0, (self.steps - step) / max(self.steps - self._decay_start, 1e-9)))
        return warm_up * decay

    @property
    def _decay_start(self) -> float:
        return self.steps * (1 - self.decay_share) if self.decay_start is None else self.decay_start


def create_optimizers(
    model: nn.Module, muon_rate: float, adam_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Two optimizers that cover every trainable parameter once; each group remembers its peak rate as `peak`."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_matrix = parameter.ndim == 2 and "embed_tokens" not in name and "lm_head" not in name
            (matrices if is_matrix else others).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=muon_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    for optimizer, peak in zip(optimizers, (muon_rate, adam_rate), strict=True):
        for group in optimizer.param_groups:
            group["peak"] = peak
    return optimizers


def set_rate(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Sets every group's learning rate to its peak times `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
