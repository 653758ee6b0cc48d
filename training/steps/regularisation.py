"""Dropout and label smoothing by task, since small tasks are memorised long before the large ones are learned.

Both are applied per sample, since a batch mixes tasks. With neither the loss is the plain one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from training.data.samples import IGNORED, Sample, answer_log_likelihood


def shares_of(samples: Sequence[Sample], by_task: Mapping[str, float]) -> Tensor:
    """Each sample's share by its task, [batch]; 0 for a task without an entry."""
    return torch.tensor([by_task.get(sample.task, 0.0) for sample in samples])


def drop(values: Tensor, shares: Tensor) -> Tensor:
    """Sets a share of each sample's numbers to zero and scales the rest; values [batch, length, hidden]."""
    kept = (1 - shares).to(values).view(-1, 1, 1)
    return values * torch.bernoulli(kept.float().expand_as(values)).to(values) / kept


def smoothed_losses(head: nn.Module, hidden: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
    """Each sample's summed loss over its answer, with `smoothing` [batch] of the target spread evenly; [batch]."""
    is_answer = targets != IGNORED
    log_probabilities = functional.log_softmax(head(hidden[is_answer]).float(), dim=-1)  # [answer tokens, vocabulary]
    sample_of = is_answer.nonzero()[:, 0]
    share = smoothing[sample_of]
    gold = -log_probabilities.gather(1, targets[is_answer][:, None])[:, 0]
    losses = (1 - share) * gold - share * log_probabilities.mean(dim=-1)
    return torch.zeros(hidden.shape[0]).index_add(0, sample_of, losses)


def training_loss(
    model: PreTrainedModel,
    samples: Sequence[Sample],
    ids: Tensor,
    targets: Tensor,
    dropout: Mapping[str, float],
    smoothing: Mapping[str, float],
) -> Tensor:
    """Mean loss of an answer token; dropout acts on the embeddings and on the last hidden states."""
    dropped = shares_of(samples, dropout)
    if bool(dropped.any()):
        embeddings = drop(model.get_input_embeddings()(ids), dropped)
        hidden = drop(model.model(inputs_embeds=embeddings, use_cache=False).last_hidden_state, dropped)
    else:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    spread = shares_of(samples, smoothing)
    if bool(spread.any()):
        losses = smoothed_losses(model.lm_head, hidden, targets, spread)
    else:
        losses = -answer_log_likelihood(model.lm_head, hidden, targets)
    return losses.sum() / (targets != IGNORED).sum()
