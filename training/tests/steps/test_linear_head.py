"""The linear head in the language model's place: cross-fitting, drawn answers, and a plug that starts at it."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.data.embedder import DIM
from training.data.samples import Sample
from training.data.users import Item, User
from training.persona.histories import UserVectors, collate_histories
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample
from training.steps.distill.distillation_batches import DistillationBatches
from training.steps.drawn_answers import DrawnAnswers
from training.steps.linear_head import (
    CrossFittedHeads,
    LabelledUser,
    LinearHeadConfig,
    choice_logits,
    cross_fit,
    fit_head,
    has_room,
    start_from_head,
)
from training.steps.plug.user_samples import UserSamples

CHOICES = ("red", "green", "blue")
SMALL = LinearHeadConfig(folds=3, steps=60, width=8, rank=4, batch=16)


def users(count: int = 6, items: int = 12) -> list[LabelledUser]:
    """Every choice has a direction; a third of each vector is noise."""
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(DIM, 6)))[0].T.astype(np.float32)
    made = []
    for number in range(count):
        labels = tuple(int(label) for label in random.integers(0, 3, items))
        inputs = np.stack([directions[label] for label in labels]) + 0.02 * random.normal(size=(items, DIM))
        outputs = np.stack([directions[3 + label] for label in labels])
        vectors = UserVectors(inputs.astype(np.float32), outputs.astype(np.float32), np.arange(items))
        content = tuple(Item(str(i), "2020-01-01", f"text {i}", CHOICES[label]) for i, label in enumerate(labels))
        made.append(LabelledUser(User(f"user {number}", "colours", content), vectors, labels))
    return made


def test_the_head_of_a_fold_has_not_seen_its_users() -> None:
    everyone = users()
    heads = cross_fit("colours", everyone, CHOICES, SMALL)
    moved = tuple((label + 1) % 3 for label in everyone[1].labels)
    changed = cross_fit("colours", [*everyone[:1], replace(everyone[1], labels=moved), *everyone[2:]], CHOICES, SMALL)
    assert torch.equal(heads.folds[1].projector_out.weight, changed.folds[1].projector_out.weight)
    assert not torch.equal(heads.folds[0].projector_out.weight, changed.folds[0].projector_out.weight)
    assert not torch.equal(heads.whole.projector_out.weight, changed.whole.projector_out.weight)


def test_heads_answer_well_for_users_they_have_not_seen() -> None:
    everyone = users()
    heads = cross_fit("colours", everyone, CHOICES, replace(SMALL, steps=100))
    right = 0
    for position, user in enumerate(everyone):
        asked = [user.query(index, range(index)) for index in range(1, 12)]
        found = choice_logits(heads.folds[position % 3], asked).argmax(dim=1).tolist()
        right += sum(label == expected for label, expected in zip(found, user.labels[1:], strict=True))
    assert right / (11 * len(everyone)) > 0.9


def test_a_small_task_is_not_gone_through_more_often_than_asked() -> None:
    everyone = users()  # 6 x 11 queries: 4 batches of 16 and two left
    twice = fit_head("colours", 3, everyone, replace(SMALL, steps=60, passes=2), 0)
    as_steps = fit_head("colours", 3, everyone, replace(SMALL, steps=9), 0)
    assert torch.equal(twice.projector_out.weight, as_steps.projector_out.weight)
    fewer = fit_head("colours", 3, everyone, replace(SMALL, steps=5, passes=2), 0)
    assert not torch.equal(twice.projector_out.weight, fewer.projector_out.weight)


def test_a_plug_that_starts_at_the_head_carries_its_logits_in_its_rows() -> None:
    everyone = users()
    heads = cross_fit("colours", everyone, CHOICES, SMALL)
    table = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))[0]  # orthonormal words
    plug = Plug(DIM, 16, 12, 2, 3, ("other", "colours"), temperature=5.0, instruction_rank=6).eval()
    with torch.no_grad():
        plug.projector_out.weight.zero_()
        plug.projector_out.bias.zero_()
        plug.instruction_out.zero_()
    start_from_head(plug, heads, [[4], [7], [9]], table)
    queries = [everyone[0].query(6, range(6)), everyone[2].query(3, range(3))]
    persona = plug(1, collate_histories(queries))
    rows = persona.instruction[:, 0] + persona.rows[:, 1]
    assert torch.allclose(rows @ table[[4, 7, 9]].T / 0.3, choice_logits(heads.whole, queries), atol=1e-4)
    assert not has_room(Plug(DIM, 16, 4, 2, 3, ("colours",), 5.0, 6), heads)
    assert has_room(Plug(DIM, 16, 8, 2, 3, ("colours",), 5.0, 0), heads)


class WordTokenizer:
    """One id a word."""

    def encode(self, text: str) -> list[int]:
        return [CHOICES.index(text) + 10]


def test_drawn_answers_follow_the_head_and_the_label() -> None:
    everyone = users()
    heads = cross_fit("colours", everyone, CHOICES, SMALL)
    flat = CrossFittedHeads("colours", CHOICES, (), heads.whole)
    queries = [everyone[0].query(6, range(6))] * 2000
    samples = [SlotSample(Sample("colours", [1, 2], [10, 0]), 1)] * 2000
    answers = DrawnAnswers({"colours": flat}, WordTokenizer(), 0.5)
    drawn = answers.draw("colours", samples, queries, 3)
    share = sum(entry.sample.answer == [10, 0] for entry in drawn) / 2000
    expected = 0.5 + 0.5 * float(choice_logits(heads.whole, queries[:1]).softmax(dim=1)[0, 0])
    assert abs(share - expected) < 0.04
    assert [e.sample.answer for e in answers.draw("colours", samples, queries, 3)] == [e.sample.answer for e in drawn]
    assert answers.draw("unknown", samples, queries, 3) == samples
    unknown = [SlotSample(Sample("colours", [1, 2], [99, 0]), 1)]  # none of the choices
    with pytest.raises(ValueError, match="colours.* 3 choices"):
        answers.draw("colours", unknown, queries[:1], 3)
    alone = DrawnAnswers({"colours": flat}, WordTokenizer(), 0.0)
    assert alone.draw("colours", unknown, queries[:1], 3)[0].sample.answer in ([10, 0], [11, 0], [12, 0])


def test_distillation_asks_the_heads_over_mixed_queries() -> None:
    everyone = users()
    heads = cross_fit("colours", everyone, CHOICES, SMALL)
    prompts = tuple(SlotSample(Sample("colours", [1, 2, 3], [10, 0]), 1) for _ in range(12))
    samples = [UserSamples(user.user, user.vectors, prompts, prompts) for user in everyone]
    batches = DistillationBatches(heads, [[10, 0], [10, 5, 0], [12, 0]], samples, batch=200, history=5)
    batch = batches.next(random.Random(1))
    opinions = [choice_logits(head, batch.queries).softmax(dim=1) for head in (heads.whole, *heads.folds)]
    (said,) = [one for one in opinions if torch.allclose(batch.shares[:, 1], one[:, 2], atol=1e-6)]
    assert batch.first_tokens.tolist() == [10, 12]
    assert torch.allclose(batch.shares, torch.stack([said[:, 0] + said[:, 1], said[:, 2]], dim=1), atol=1e-6)
    assert all(1 <= len(query.items) <= 5 for query in batch.queries)
    drawn = sum(entry.sample.answer == [12, 0] for entry in batch.samples) / 200
    assert abs(drawn - float(said[:, 2].mean())) < 0.1
    asked = {
        number
        for seed in range(12)
        for batch in [batches.next(random.Random(seed))]
        for number, head in enumerate((heads.whole, *heads.folds))
        if torch.allclose(batch.shares[:, 1], choice_logits(head, batch.queries).softmax(dim=1)[:, 2], atol=1e-6)
    }
    assert len(asked) > 1
    again = batches.next(random.Random(1))
    assert torch.equal(again.shares, batch.shares) and again.samples == batch.samples
