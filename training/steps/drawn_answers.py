"""Answers drawn from a linear head, so that a plug does not memorise the labels of a few users.

A task with fixed choices has about sixty users and one label for each item. In every pass the answer is drawn anew
from (1 − g) · p + g · label, where p is given by the head over all users. Unlike a label this tells how certain an
answer is. In expectation the loss is the cross-entropy with that mixture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from training.core.run_directory import RunDirectory
from training.data.prompts import answer_ids
from training.data.tokenizer import END, TextTokenizer
from training.persona.histories import Query
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample
from training.steps.linear_head import CrossFittedHeads, choice_logits, has_room, load_linear_heads, start_from_head


class DrawnAnswers:
    """Replaces the answers of samples; tasks without heads keep theirs."""

    def __init__(
        self, heads: Mapping[str, CrossFittedHeads], tokenizer: TextTokenizer, gold_share: float, end: int = END
    ) -> None:
        self.heads, self._gold_share = heads, gold_share
        self.answers = {task: [answer_ids(tokenizer, c, end) for c in head.choices] for task, head in heads.items()}
        self._number = {
            task: {tuple(ids): index for index, ids in enumerate(answers)} for task, answers in self.answers.items()
        }

    @staticmethod
    def of_run(run: RunDirectory, tokenizer: TextTokenizer, gold_share: float, end: int = END) -> DrawnAnswers:
        """With the heads of a run; without heads where the run has none or only labels are wanted."""
        heads = load_linear_heads(run) if gold_share < 1 else {}
        return DrawnAnswers(heads, tokenizer, gold_share, end)

    def __contains__(self, task: str) -> bool:
        """Whether the task's answers are drawn."""
        return task in self.heads

    def start(self, plug: Plug, table: Tensor) -> bool:
        """Starts the plug at the head of its first task that has one of its size; whether there was one."""
        for task in plug.tasks:
            if task in self.heads and has_room(plug, self.heads[task]):
                start_from_head(plug, self.heads[task], [ids[:-1] for ids in self.answers[task]], table)
                return True
        return False

    @torch.no_grad()
    def draw(self, task: str, samples: Sequence[SlotSample], queries: Sequence[Query], seed: int) -> list[SlotSample]:
        """The samples with drawn answers; the draw depends on `seed` alone."""
        if task not in self.heads:
            return list(samples)
        said = choice_logits(self.heads[task].whole, queries).softmax(dim=1)
        mixture = (1 - self._gold_share) * said
        for row, entry in enumerate(samples if self._gold_share else ()):
            gold = self._number[task].get(tuple(entry.sample.answer))
            if gold is None:
                raise ValueError(f"{task}: an answer is none of the {mixture.shape[1]} choices. Fit the heads anew.")
            mixture[row, gold] += self._gold_share
        drawn = torch.multinomial(mixture, 1, generator=torch.Generator().manual_seed(seed))[:, 0].tolist()
        answers = self.answers[task]
        return [
            SlotSample(replace(entry.sample, answer=answers[choice]), entry.slot)
            for entry, choice in zip(samples, drawn, strict=True)
        ]
