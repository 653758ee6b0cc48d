"""Trains the gate of a finished persona, which decides whether its rows or the prompt of "none" is used.

For the asker's own history the loss is −log(g · p(y | persona) + (1 − g) · p(y | none)). The history of another user
must leave the answer of "none", so its loss is −log(1 − g), also where such rows help, since that gain is adaptation to
the task and not to the user. The weight of the second loss was chosen on dev users of news_category: with 1, 0.5, 0.25
and 0.1 the gate opened for 51, 62, 73 and 83 % of own and for 7, 13, 24 and 38 % of others' histories. The persona is
fixed, so both probabilities are computed once, and the gate learns in seconds on all pairs at once.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from training.data.samples import batches_by_length
from training.persona.gate import GATE_THRESHOLD
from training.persona.histories import collate_histories
from training.persona.plug import Plug
from training.persona.soft_prompt import log_likelihood
from training.persona.unigram_adaptation import UnigramAdaptation, bias_of_histories
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.user_samples import UserSamples, spread_queries

STEPS = 600  # of AdamW, over all pairs at once


@torch.no_grad()
def gate_pairs(
    model: PreTrainedModel,
    plug: Plug,
    task: int,
    users: list[UserSamples],
    config: PlugConfig,
    order: random.Random,
    adaptation: UnigramAdaptation | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features [n, 6], log p(y | persona) [n], log p(y | none) [n], and whether the history is the asker's [n].

    Histories are cut to a random length, so that the gate also meets short ones.
    """
    if len(users) < 2:
        raise ValueError(
            f"{plug.tasks[task]}: the gate needs histories of other users, and there is {len(users)} user."
        )
    entries = spread_queries(users, config.gate_queries)
    use_bfloat16 = config.dtype == "bfloat16"
    features, with_persona, without, own = [], [], [], []
    lengths = [len(user.with_rows[index].sample) for user, index in entries]
    for batch in batches_by_length(lengths, config.batch_tokens, order):
        chosen = [entries[position] for position in batch]
        none = log_likelihood(model, [user.plain[index] for user, index in chosen], None, use_bfloat16)
        for is_own in (True, False):
            histories, answers = [], []
            for user, index in chosen:
                other = user if is_own else order.choice([candidate for candidate in users if candidate is not user])
                available = index if is_own else len(other.user.items)
                kept = min(available, max(1, round(2 ** order.uniform(0, 9))))
                histories.append(user.query(index, range(available - kept, available), other))
                answers.append(other.answers(range(available - kept, available)))
            persona = plug(task, collate_histories(histories, plug.tasks[task] not in config.without_outputs))
            rows = torch.cat([persona.instruction, persona.rows], dim=1)
            features.append(persona.features)
            samples = [user.with_rows[index] for user, index in chosen]
            bias = None if adaptation is None else bias_of_histories(adaptation, answers, persona.weights)
            with_persona.append(log_likelihood(model, samples, rows, use_bfloat16, bias))
            without.append(none)
            own.append(torch.full((len(chosen),), is_own))
    return torch.cat(features), torch.cat(with_persona), torch.cat(without), torch.cat(own)


def train_gate(
    model: PreTrainedModel,
    plug: Plug,
    users: Mapping[str, list[UserSamples]],
    config: PlugConfig,
    adaptations: Mapping[str, UnigramAdaptation] | None = None,
) -> dict[str, float]:
    """Fits the gate's two layers; returns how often it opens for own and for other histories.

    With `adaptations` the persona includes the bias of unigram adaptation.
    """
    plug.eval()
    for index, task in enumerate(plug.tasks):
        inputs = np.concatenate([user.vectors.inputs for user in users[task]])
        plug.center[index] = torch.from_numpy(inputs.mean(axis=0))
    order = random.Random(config.seed)
    parts = [
        gate_pairs(model, plug, index, users[task], config, order, (adaptations or {}).get(task))
        for index, task in enumerate(plug.tasks)
    ]
    features, with_persona, without, own = (torch.cat(column) for column in zip(*parts, strict=True))
    torch.manual_seed(config.seed)
    # Features differ in scale: the first layer starts as if they were standardised.
    mean, spread = features.mean(dim=0), features.std(dim=0).clamp_min(1e-3)
    with torch.no_grad():
        plug.gate_in.weight.normal_(std=0.4).div_(spread)
        plug.gate_in.bias.copy_(-plug.gate_in.weight @ mean)
    parameters = [*plug.gate_in.parameters(), *plug.gate_out.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01)
    for _ in range(STEPS):
        logits = plug.gate_out(torch.tanh(plug.gate_in(features)))[:, 0]
        mixture = torch.logaddexp(
            functional.logsigmoid(logits) + with_persona, functional.logsigmoid(-logits) + without
        )
        shut = functional.logsigmoid(-logits)
        loss = -(mixture[own].mean() + config.gate_others_weight * shut[~own].mean())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        is_open = torch.sigmoid(plug.gate_out(torch.tanh(plug.gate_in(features)))[:, 0]) >= GATE_THRESHOLD
    report = {
        "pairs": int(own.numel()),
        "open_for_own": float(is_open[own].float().mean()),
        "open_for_others": float(is_open[~own].float().mean()),
        "gain_own": float((with_persona - without)[own].mean()),
        "gain_others": float((with_persona - without)[~own].mean()),
    }
    print(f"gate: {report}", flush=True)
    return report
