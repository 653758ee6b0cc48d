"""The rows that a plug puts into a prompt, of queries with their histories."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.persona.histories import Query, collate_histories
from training.persona.plug import Persona, Plug


def persona_rows(persona: Persona) -> Tensor:
    """Rows [b, instruction + persona, hidden] in the order of the prompt: I, then P."""
    return torch.cat([persona.instruction, persona.rows], dim=1)


def persona_of_queries(
    plug: Plug, task: int, queries: Sequence[Query], without_outputs: Sequence[str] = (), dropout: float = 0.0
) -> Persona:
    """What the plug makes of queries of one task; weights [b, n] stand in the order of each query's last items."""
    return plug(task, collate_histories(queries, plug.tasks[task] not in without_outputs), dropout)


def rows_and_gate(
    plug: Plug, task: int, queries: Sequence[Query], without_outputs: Sequence[str] = (), dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Rows [b, instruction + persona, hidden] and gate [b] of queries of one task.

    Without persona rows histories do not count and the gate is open.
    """
    if plug.persona_rows == 0:
        x = torch.stack([torch.from_numpy(query.x) for query in queries])
        return plug.instruction_of(task, x, dropout), torch.ones(len(queries))
    persona = persona_of_queries(plug, task, queries, without_outputs, dropout)
    return persona_rows(persona), persona.gate
