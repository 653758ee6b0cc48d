"""Training samples (prompt ids, answer ids) and batches of similar length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

IGNORED = -100


@dataclass(frozen=True)
class Sample:
    """One prompt with its answer."""

    task: str
    prompt: list[int]
    answer: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def batches_by_length(lengths: Sequence[int], maximum_tokens: int, order: random.Random) -> Iterator[list[int]]:
    """Indices in batches of similar length with at most `maximum_tokens` padded tokens, in random order."""
    by_length = sorted(range(len(lengths)), key=lambda index: lengths[index] * order.uniform(0.9, 1.1))
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for index in by_length:
        longest_with = max(longest, lengths[index])
        if current and longest_with * (len(current) + 1) > maximum_tokens:
            batches.append(current)
            current, longest_with = [], lengths[index]
        current.append(index)
        longest = longest_with
    if current:
        batches.append(current)
    order.shuffle(batches)
    return iter(batches)


def collate(samples: Sequence[Sample], multiple: int = 16) -> tuple[Tensor, Tensor]:
    """Right-padded ids [batch, length] and targets [batch, length] (the answer only, shifted by one; else IGNORED).

    Padding stands to the right under a causal mask, so no attention mask is needed.
    """
    length = -(-max(len(sample) for sample in samples) // multiple) * multiple
    ids = torch.zeros(len(samples), length, dtype=torch.int64)
    targets = torch.full((len(samples), length), IGNORED, dtype=torch.int64)
    for row, sample in enumerate(samples):
        start, end = len(sample.prompt), len(sample)
        ids[row, :end] = torch.tensor(sample.prompt + sample.answer)
        targets[row, start - 1 : end - 1] = torch.tensor(sample.answer)
    return ids, targets


def until_said(bias: Tensor, tokens: Tensor, sample_of: Tensor) -> Tensor:
    """Bias [answer tokens, vocabulary], set to 0 for tokens that occur earlier in the same sample's answer."""
    left = bias.clone()
    for place, sample in enumerate(sample_of.tolist()):
        left[place, tokens[:place][sample_of[:place] == sample]] = 0.0
    return left


def answer_log_likelihood(head: nn.Module, hidden: Tensor, targets: Tensor, bias: Tensor | None = None) -> Tensor:
    """Sum of log p over each sample's answer tokens, [batch]; logits are computed at those positions only.

    `bias` [batch, vocabulary] is added to a sample's logits, of each token until it occurs in the answer.
    """
    is_answer = targets != IGNORED  # [batch, length]
    logits = head(hidden[is_answer]).float()  # [answer tokens, vocabulary]
    sample_of = is_answer.nonzero()[:, 0]
    if bias is not None:
        logits = logits + until_said(bias.to(logits)[sample_of], targets[is_answer], sample_of)
    losses = functional.cross_entropy(logits, targets[is_answer], reduction="none")
    return torch.zeros(hidden.shape[0], dtype=losses.dtype, device=losses.device).index_add(0, sample_of, -losses)
