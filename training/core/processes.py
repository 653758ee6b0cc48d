"""The processes that train one plug together, as `accelerate launch` starts them; one process without a launcher.

Every process goes through the same seeded batches and computes its share of each. Gradients are summed, so a step does
not depend on the number of processes, except for dropout: each process draws its own mask.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Processes:
    """This process among `count`; `device` is where tensors must lie to be exchanged."""

    index: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.index == 0

    def say(self, text: str) -> None:
        """Prints, once for all processes."""
        if self.is_main:
            print(text, flush=True)

    def share(self, entries: Sequence[Entry]) -> list[Entry]:
        """Every count-th entry, from this process's place on; shares are disjoint and cover all."""
        return list(entries[self.index :: self.count])

    def sum(self, values: Tensor) -> Tensor:
        """Sum over processes of a float tensor, on the CPU; every process gets the same bits."""
        if self.count == 1:
            return values
        exchanged = values.detach().to(self.device)
        distributed.all_reduce(exchanged)
        return exchanged.cpu()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its sum over processes. A missing gradient counts as zero."""
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        if self.count == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        total = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for parameter, piece in zip(trained, total.split([p.numel() for p in trained]), strict=True):
            parameter.grad = piece.view_as(parameter).clone()


def start_processes(device: str) -> tuple[Processes, str]:
    """The processes that `accelerate launch` started, and this one's device; without a launcher, one process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(), device
    from accelerate import PartialState  # only where several processes run

    state = PartialState(cpu=device == "cpu")
    return Processes(state.process_index, state.num_processes, str(state.device)), str(state.device)
