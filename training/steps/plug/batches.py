"""One step of a plug's training: the batch that is next, and the gradients of its loss, over all processes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import torch
from transformers import PreTrainedModel

from training.core.processes import Processes
from training.persona.histories import Query
from training.persona.persona_rows import rows_and_gate
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample, log_likelihood
from training.steps.drawn_answers import DrawnAnswers
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.user_samples import UserSamples, training_batches


class Batches:
    """Endless batches of all tasks, in an order that depends on the seed alone: the same in every process."""

    def __init__(
        self, users: Mapping[str, list[UserSamples]], config: PlugConfig, answers: DrawnAnswers | None = None
    ) -> None:
        empty = [task for task in config.tasks if not users[task]]
        if empty:
            raise ValueError(f"{', '.join(empty)}: no training users. Leave the task out.")
        self._config, self._answers, self._number = config, answers, 0
        self._chooser = random.Random(config.seed)
        self._shares = [config.task_shares[task] for task in config.tasks]
        self._streams = [self._passes(users[task]) for task in config.tasks]

    def _passes(self, users: list[UserSamples]) -> Iterator[tuple[list[SlotSample], list[Query]]]:
        config, epoch = self._config, 0
        while True:
            order = random.Random(config.seed * 1000 + epoch)
            yield from training_batches(
                users, config.items_per_user, config.batch_tokens, order, config.intact_share, config.short_share
            )
            epoch += 1

    def _labelled(self) -> tuple[int, list[SlotSample], list[Query]]:
        task = self._chooser.choices(range(len(self._streams)), self._shares)[0]
        self._number += 1
        return (task, *next(self._streams[task]))

    def next(self) -> tuple[int, list[SlotSample], list[Query]]:
        """Task index, samples and queries of the next batch, with answers as they are to be learned."""
        task, samples, queries = self._labelled()
        if self._answers is not None:
            seed = self._config.seed * 1_000_003 + self._number
            samples = self._answers.draw(self._config.tasks[task], samples, queries, seed)
        return task, samples, queries

    def skip(self, count: int) -> None:
        """Passes over batches that an earlier start has seen."""
        for _ in range(count):
            self._labelled()


def batch_gradients(
    model: PreTrainedModel,
    plug: Plug,
    batch: tuple[int, list[SlotSample], list[Query]],
    config: PlugConfig,
    processes: Processes,
) -> float:
    """Sets the gradients of the batch's loss per answer token and returns its mean negative log-likelihood (nats).

    Each process runs its share of the samples; the loss is divided by the answer tokens of the whole batch before the
    gradients are summed, so that long answers count the same wherever they happen to lie.
    """
    task, samples, queries = batch
    tokens = sum(len(entry.sample.answer) for entry in samples)
    own, asked = processes.share(samples), processes.share(queries)
    total = torch.zeros(1)
    if own:  # a small batch may leave nothing for the last processes
        rows, _ = rows_and_gate(plug, task, asked, config.without_outputs, config.dropout)
        likelihood = log_likelihood(model, own, rows, config.dtype == "bfloat16")
        (-likelihood.sum() / tokens).backward()
        total -= likelihood.detach().sum()
    processes.sum_gradients(plug.parameters())
    return float(processes.sum(total)) / len(samples)
