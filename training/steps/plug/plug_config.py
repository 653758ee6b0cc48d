"""The settings of a plug's training, and the parts of a plug that they switch off.

The controls are plugs too: `persona_rows = 0` leaves only instruction rows and shows what a soft prompt brings without
a history; `fixed_temperature`, `has_gate`, `without_outputs` and `intact_share` together make PPlug as
published.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.data.embedder import DIM
from training.data.splits import Split
from training.data.users import SHIPPED_TASKS
from training.persona.plug import Plug

ALWAYS_OPEN = 20.0  # gate logit of a plug without a gate: sigmoid is 1 in float32, so the file format stays the same


@dataclass(frozen=True)
class PlugConfig:
    """The settings of a plug's training."""

    # Who trains it, and for how long.
    tasks: tuple[str, ...] = SHIPPED_TASKS
    splits: tuple[Split, ...] = ("train_b",)
    task_shares: dict[str, float] = field(  # how often a batch is of each task
        default_factory=lambda: {
            "news_category": 0.6,
            "news_headline": 0.22,
            "paper_title": 0.18,
            "movie_rating": 0.3,
            "movie_tag": 0.2,
        }
    )
    steps: int = 300
    seed: int = 0

    # The language model that it is for.
    llm: str = ""  # folder or name of any Hugging Face causal LM with its own tokenizer; "" is that of the run
    device: str = "cpu"
    dtype: str = "bfloat16"  # of its weights and matrix products; float32 where exactness matters more than time

    # The plug itself.
    persona_rows: int = 4
    instruction_rows: int = 4
    instruction_rank: int = 64  # of the part of I that follows the query; 0 is PPlug's constant I
    normalizes_query: bool = False  # W·x of length 1, as published
    projector_width: int = 256
    temperature: float = 10.0
    fixed_temperature: bool = False
    fixed_query: bool = False  # W stays the identity: weights by cosine alone
    without_outputs: tuple[str, ...] = ()  # tasks whose outputs do not enter the persona
    has_gate: bool = True

    # Where it starts, and which weights are kept.
    # A plug.pt to start from; "": RUN/plug-start.pt or a linear head, where there is one; "none": afresh.
    start: str = ""
    calibrates_rows: bool = True  # rows start at the size of the model's embeddings; False: at a spread of 1
    start_share: float = 0.0  # weight of the start in the mean that is the result; not of tasks without a head
    keeps_last: bool = False  # not the best: a head over all users has seen the held-out ones too

    # What it learns from.
    gold_share: float = 0.5  # of an answer's target, where the run has linear heads; 1: the labels alone
    intact_share: float = 0.0  # of the samples, those with the whole history; from the others 0–50 % are dropped
    short_share: float = 0.0  # of the samples, those with a few of the last items only
    items_per_user: int = 100
    maximum_prompt: int = 256
    batch_tokens: int = 2048  # of all processes together

    # Rates.
    rate: float = 0.002
    query_rate: float = 0.0005
    reading_rate: float = 0.0  # of what reads vectors (projector's and I's first layer); 0: as `rate`
    weight_decay: float = 0.01
    warm_up_share: float = 0.03
    decay_share: float = 0.6
    dropout: float = 0.3

    # Evaluations on held-out users, and the gate.
    evaluations: int = 8
    held_out_queries: int = 120
    gate_queries: int = 400
    gate_others_weight: float = 0.2  # of another user's history in the gate's loss


def create_plug(config: PlugConfig, hidden: int) -> Plug:
    """A plug of the configured sizes."""
    sizes = (config.projector_width, config.persona_rows, config.instruction_rows)
    return Plug(DIM, hidden, *sizes, config.tasks, config.temperature, config.instruction_rank, config.normalizes_query)


@torch.no_grad()
def fix_parts(plug: Plug, config: PlugConfig) -> None:
    """Takes what the config switches off out of the training: temperature, query head, decay, gate, unused parts."""
    if config.fixed_temperature:
        plug.log_temperature.fill_(math.log(config.temperature)).requires_grad_(False)
    if config.fixed_query:
        torch.nn.init.eye_(plug.query.weight.requires_grad_(False))
    if not config.has_gate:
        plug.gate_out.weight.zero_()
        plug.gate_out.bias.fill_(ALWAYS_OPEN)
    if set(config.without_outputs) >= set(config.tasks):
        # No output ever reaches these columns: as zeros they leave outputs out in every runtime, without being told.
        plug.projector_in.weight[:, plug.query.in_features :] = 0
    if config.persona_rows == 0:
        for layer in (plug.query, plug.projector_in, plug.projector_out):
            layer.requires_grad_(False)
        plug.log_temperature.requires_grad_(False)


def optimizer_of(plug: Plug, config: PlugConfig) -> torch.optim.Optimizer:
    """AdamW; the query head moves slowly from the identity, scalars and rows are not decayed."""
    reading: list[Tensor] = [plug.projector_in.weight]
    decayed: list[Tensor] = [plug.projector_out.weight]
    if plug.instruction_in is not None and plug.instruction_out is not None:
        reading, decayed = [*reading, plug.instruction_in.weight], [*decayed, plug.instruction_out]
    free: list[Tensor] = [plug.projector_in.bias, plug.projector_out.bias, plug.instruction, plug.log_temperature]
    groups: list[tuple[list[Tensor], float, float]] = [
        (reading, config.reading_rate or config.rate, config.weight_decay),
        (decayed, config.rate, config.weight_decay),
        (free, config.rate, 0.0),
        ([plug.query.weight], config.query_rate, 0.0),
    ]
    trained = [
        {"params": [p for p in parameters if p.requires_grad], "peak": peak, "weight_decay": weight_decay}
        for parameters, peak, weight_decay in groups
        if any(p.requires_grad for p in parameters)
    ]
    return torch.optim.AdamW(trained, lr=config.rate, betas=(0.9, 0.98))
