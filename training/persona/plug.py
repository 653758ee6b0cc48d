"""The plug: from a history's vectors to persona rows, and the gate that decides whether to use them.

PPlug (arXiv 2409.11901, section 3) with five changes: a temperature per task (without one unit vectors give nearly
uniform weights) and an optional recency decay, the second projector layer taken out of the sum (equal, since the
weights sum to one), outputs embedded beside inputs, instruction rows that follow the query, and a gate. The TypeScript
package computes the same in src/persona/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.persona.gate import GATE_FEATURES, centred_cosines, gate_features
from training.persona.history_batch import HistoryBatch

GATE_WIDTH = 16
DEFAULT_TASK = "default"


@dataclass(frozen=True)
class Persona:
    """What the plug makes of a batch: instruction [b, i, hidden], rows [b, k, hidden], gate logits [b], weights [b, n],
    features [b, 6]."""

    instruction: Tensor
    rows: Tensor
    gate_logits: Tensor
    weights: Tensor
    features: Tensor

    @property
    def gate(self) -> Tensor:
        """Gate in [0, 1], [b]; an empty history has logit −inf and therefore exactly 0."""
        return torch.sigmoid(self.gate_logits)


class Plug(nn.Module):
    """Query head W, projector A, a, B, b, and per task: instruction rows I(x), temperature τ, decay λ; one gate.

    I(x) = I + C·D·x with D of `instruction_rank` rows follows the query and is the same for every user.
    Rank 0 is PPlug's constant I. With `normalizes_query` W·x is brought to length 1, as PPlug's query encoder does.
    `center` is the mean vector of a task's texts; the gate compares query and items without it.
    """

    def __init__(
        self,
        dim: int,
        hidden: int,
        width: int,
        persona_rows: int,
        instruction_rows: int,
        tasks: Sequence[str],
        temperature: float,
        instruction_rank: int = 0,
        normalizes_query: bool = False,
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.persona_rows, self.instruction_rows, self.hidden = persona_rows, instruction_rows, hidden
        self.instruction_rank, self.normalizes_query = instruction_rank, normalizes_query
        self.query = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.query.weight)
        self.projector_in = nn.Linear(2 * dim, width)
        self.projector_out = nn.Linear(width, persona_rows * hidden)
        self.instruction = nn.Parameter(torch.zeros(len(self.tasks), instruction_rows, hidden))
        # A plug with constant instruction rows has no such tensors in its file.
        self.instruction_in = nn.Linear(dim, instruction_rank, bias=False) if instruction_rank else None
        self.instruction_out = (
            nn.Parameter(torch.zeros(len(self.tasks), instruction_rows * hidden, instruction_rank))
            if instruction_rank
            else None
        )
        self.log_temperature = nn.Parameter(torch.full((len(self.tasks),), float(temperature)).log())
        # Not trained: on dev users a learned decay gained 0.000 nats a category and 0.011 a headline.
        self.decay: Tensor
        self.register_buffer("decay", torch.zeros(len(self.tasks)))
        self.center: Tensor
        self.register_buffer("center", torch.zeros(len(self.tasks), dim))
        self.gate_in = nn.Linear(GATE_FEATURES, GATE_WIDTH)
        self.gate_out = nn.Linear(GATE_WIDTH, 1)

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False) -> Any:
        """As of any module; an older file without a center leaves it as it is."""
        return super().load_state_dict({"center": self.center, **state_dict}, strict, assign)

    def query_path(self) -> tuple[nn.Linear, nn.Parameter]:
        """D and C of the instruction rows that follow the query."""
        if self.instruction_in is None or self.instruction_out is None:
            raise ValueError("instruction_rank is 0: the instruction rows are constant. Give the plug a rank.")
        return self.instruction_in, self.instruction_out

    @torch.no_grad()
    def start_from_embeddings(self, table: Tensor, generator: torch.Generator) -> None:
        """Starts I and b at token embeddings of the model, and B at a spread of their size.

        PPlug's code multiplies rows by the embedding norm of its LLM; rows that start at embeddings need no such
        constant.
        """

        def rows(count: int) -> Tensor:
            return table[torch.randint(4, table.shape[0] // 2, (count,), generator=generator)].float()

        for index in range(len(self.tasks)):
            self.instruction[index] = rows(self.instruction_rows)
        if self.persona_rows:
            self.projector_out.bias.copy_(rows(self.persona_rows).flatten())
        spread = table.float().std()
        nn.init.normal_(
            self.projector_in.weight, std=1.0, generator=generator
        )  # unit vectors: each entry is about 1/√d
        nn.init.normal_(
            self.projector_out.weight, std=float(spread) / self.projector_in.out_features**0.5, generator=generator
        )
        if self.instruction_in is not None and self.instruction_out is not None:
            nn.init.normal_(self.instruction_in.weight, std=0.3, generator=generator)
            nn.init.normal_(self.instruction_out, std=float(spread) / self.instruction_rank**0.5, generator=generator)

    def temperature(self) -> Tensor:
        """τ > 0 of every task."""
        return self.log_temperature.exp()

    def instruction_of(self, task: int, x: Tensor, dropout: float = 0.0) -> Tensor:
        """I(x) of queries x [b, d]: [b, i, hidden]."""
        constant = self.instruction[task].expand(x.shape[0], -1, -1)
        if self.instruction_in is None or self.instruction_out is None:
            return constant
        read = functional.dropout(self.instruction_in(x), dropout, self.training)  # [b, r]
        return constant + (read @ self.instruction_out[task].T).view_as(constant)

    def forward(self, task: int, batch: HistoryBatch, dropout: float = 0.0) -> Persona:
        """Persona rows and gate of a batch of one task."""
        is_empty = ~batch.mask.any(dim=1)  # [b]
        head = self.query(batch.x)
        if self.normalizes_query:
            head = functional.normalize(head, dim=-1)
        scores = self.temperature()[task] * torch.einsum("bd,bnd->bn", head, batch.h) - self.decay[task] * batch.age
        # An empty history gets one item of zeros, so that its weights are not NaN; its gate is closed below.
        mask = batch.mask | (is_empty[:, None] & (torch.arange(batch.mask.shape[1]) == 0))
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)  # [b, n]
        z = functional.gelu(self.projector_in(torch.cat([batch.h, batch.o], dim=-1)), approximate="tanh")  # [b, n, m]
        pooled = functional.dropout(torch.einsum("bn,bnm->bm", weights, z), dropout, self.training)
        rows = self.projector_out(pooled).view(pooled.shape[0], self.persona_rows, self.hidden)
        features = gate_features(centred_cosines(batch, self.center[task]), weights, mask)
        logits = self.gate_out(torch.tanh(self.gate_in(features)))[:, 0].masked_fill(is_empty, float("-inf"))
        return Persona(self.instruction_of(task, batch.x, dropout), rows, logits, weights, features)

    @torch.no_grad()
    def round_to_half(self) -> Plug:
        """Rounds every matrix to float16, as it is stored, so that measurements are of the weights that ship."""
        matrices = [self.query.weight, self.projector_in.weight, self.projector_out.weight, self.instruction]
        if self.instruction_in is not None and self.instruction_out is not None:
            matrices += [self.instruction_in.weight, self.instruction_out]
        for matrix in matrices:
            matrix.copy_(matrix.half().to(matrix.dtype))
        return self

    def export_tensors(self) -> dict[str, Tensor]:
        """Tensors by their names in plug.safetensors, matrices float16; `default` is the mean of the tasks."""
        tensors = {
            "query.weight": self.query.weight,
            "projector.0.weight": self.projector_in.weight,
            "projector.0.bias": self.projector_in.bias,
            "projector.1.weight": self.projector_out.weight,
            "projector.1.bias": self.projector_out.bias,
            "gate.0.weight": self.gate_in.weight,
            "gate.0.bias": self.gate_in.bias,
            "gate.1.weight": self.gate_out.weight,
            "gate.1.bias": self.gate_out.bias,
        }
        if self.instruction_in is not None:
            tensors["instruction_query.weight"] = self.instruction_in.weight
        temperature, decay = self.temperature(), self.decay
        for index, task in enumerate([*self.tasks, DEFAULT_TASK]):
            is_known = task != DEFAULT_TASK
            tensors[f"instruction.{task}"] = self.instruction[index] if is_known else self.instruction.mean(dim=0)
            tensors[f"temperature.{task}"] = (temperature[index] if is_known else temperature.mean()).reshape(1)
            if self.instruction_out is not None:
                out = self.instruction_out
                tensors[f"instruction_query.{task}"] = out[index] if is_known else out.mean(dim=0)
            tensors[f"decay.{task}"] = (decay[index] if is_known else decay.mean()).reshape(1)
            if self.center.any():  # set when the gate is trained
                tensors[f"center.{task}"] = self.center[index] if is_known else self.center.mean(dim=0)
        return {
            name: tensor.detach()
            .to(torch.float16 if tensor.ndim == 2 and "gate" not in name else torch.float32)
            .contiguous()
            .clone()
            for name, tensor in tensors.items()
        }
