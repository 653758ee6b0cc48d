"""Batches for distillation: the language model learns to answer soft rows as a linear head answers their vectors.

The users' items are too few to learn from them how to read rows. A head gives a distribution over the choices for any
vectors, also for a mixture of two inputs over a part of any user's history. So any number of queries can be made, each
with the head's distribution as its target. A prompt consists of the rows alone, or has the text of an unmixed query.
Each batch asks one head at random, the one over all users or one of the folds: the model learns their mean, which is
.03 nats better on dev users than any of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from training.persona.histories import Query
from training.persona.soft_prompt import SlotSample
from training.steps.linear_head import CrossFittedHeads, choice_logits
from training.steps.plug.user_samples import UserSamples


@dataclass(frozen=True)
class DistillationBatch:
    """Prompts with drawn answers, their queries, and the head's share [b, t] of each first token [t]."""

    samples: list[SlotSample]
    queries: list[Query]
    first_tokens: Tensor
    shares: Tensor


class DistillationBatches:
    """Endless batches of one task. `answers`: the token ids of every choice, with the end token."""

    def __init__(
        self,
        heads: CrossFittedHeads,
        answers: Sequence[Sequence[int]],
        users: Sequence[UserSamples],
        batch: int,
        history: int = 64,
        mixed_share: float = 0.5,
        other_user_share: float = 0.3,
    ) -> None:
        self._heads, self._answers = (heads.whole, *heads.folds), [list(ids) for ids in answers]
        self._users, self._batch = users, batch
        self._history, self._mixed_share, self._other_user_share = history, mixed_share, other_user_share
        first = sorted({ids[0] for ids in self._answers})
        self._first_tokens = torch.tensor(first)
        self._membership = torch.tensor([[float(ids[0] == token) for token in first] for ids in self._answers])

    def _query(self, order: random.Random) -> tuple[SlotSample, Query]:
        user = order.choice(self._users)
        index = order.randrange(1, len(user.with_rows))
        whose, before = user, index
        if order.random() < self._other_user_share:
            whose = order.choice(self._users)
            before = len(whose.with_rows)
        count = min(self._history, round(before ** order.random()))
        start = order.randrange(0, before - count + 1)
        query = user.query(index, range(start, start + count), whose)
        if order.random() < self._mixed_share:
            other = order.choice(self._users)
            share = order.random()
            mixed = share * query.x + (1 - share) * other.vectors.inputs[order.randrange(len(other.with_rows))]
            query = replace(query, x=(mixed / np.linalg.norm(mixed)).astype(np.float32))
        return user.with_rows[index], query

    def next(self, order: random.Random) -> DistillationBatch:
        """The next batch; it depends on `order` alone."""
        pairs = [self._query(order) for _ in range(self._batch)]
        queries = [query for _, query in pairs]
        with torch.no_grad():
            said = choice_logits(order.choice(self._heads), queries).softmax(dim=1)
        generator = torch.Generator().manual_seed(order.getrandbits(32))
        drawn = torch.multinomial(said, 1, generator=generator)[:, 0].tolist()
        samples = [
            SlotSample(replace(entry.sample, answer=self._answers[choice]), entry.slot)
            for (entry, _), choice in zip(pairs, drawn, strict=True)
        ]
        return DistillationBatch(samples, queries, self._first_tokens, said @ self._membership)
