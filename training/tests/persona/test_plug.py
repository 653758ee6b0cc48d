"""The plug's maths against its definition, written out by hand for one query."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from training.golden.reference import HistoryItem, days_between, persona_of
from training.persona.gate import centred_cosines, gate_features
from training.persona.histories import dropped
from training.persona.history_batch import HistoryBatch
from training.persona.plug import Plug

TASKS = ("news_category", "news_headline")


def small_plug(**parts) -> Plug:
    torch.manual_seed(0)
    plug = Plug(
        dim=6, hidden=8, width=5, persona_rows=2, instruction_rows=3, tasks=TASKS, temperature=7.0, **parts
    ).eval()
    plug.decay.fill_(0.3)
    plug.start_from_embeddings(torch.randn(40, 8), torch.Generator().manual_seed(1))
    return plug.round_to_half()


def unit(size: int, seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def items(count: int) -> list[HistoryItem]:
    return [HistoryItem(f"i{n}", f"2024-01-{n + 1:02d}", unit(6, n), unit(6, 100 + n)) for n in range(count)]


def test_rows_follow_the_definition() -> None:
    plug, history, x = small_plug(), items(4), unit(6, 50)
    result = persona_of(plug, "news_headline", x, history, "2024-02-01")
    tensors = {name: tensor.double() for name, tensor in plug.export_tensors().items()}
    query = tensors["query.weight"] @ torch.tensor(x).double()
    scores, projected = [], []
    for item in history:
        age = math.log1p(days_between(item.date, "2024-02-01"))
        score = (
            tensors["temperature.news_headline"] * (query @ torch.tensor(item.h).double())
            - tensors["decay.news_headline"] * age
        )
        scores.append(float(score))
        joined = torch.tensor(np.concatenate([item.h, item.o])).double()
        before = tensors["projector.0.weight"] @ joined + tensors["projector.0.bias"]
        projected.append(0.5 * before * (1 + torch.tanh(math.sqrt(2 / math.pi) * (before + 0.044715 * before**3))))
    weights = torch.tensor(scores, dtype=torch.float64).softmax(dim=0)
    pooled = sum(weight * z for weight, z in zip(weights, projected, strict=True))
    rows = (tensors["projector.1.weight"] @ pooled + tensors["projector.1.bias"]).view(2, 8)
    torch.testing.assert_close(result.weights, weights, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(result.rows, rows, rtol=1e-6, atol=1e-9)


def test_padding_does_not_change_a_persona() -> None:
    plug = small_plug()
    x, h, o = (torch.tensor(np.stack([unit(6, n) for n in seeds])) for seeds in ((1, 2), range(5), range(10, 15)))
    alone = HistoryBatch(x[:1], h[None, :3], o[None, :3], torch.zeros(1, 3), torch.ones(1, 3, dtype=torch.bool))
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    together = HistoryBatch(x, h.expand(2, 5, 6), o.expand(2, 5, 6), torch.zeros(2, 5), mask)
    torch.testing.assert_close(plug(0, alone).rows[0], plug(0, together).rows[0])
    torch.testing.assert_close(plug(0, alone).features[0], plug(0, together).features[0])


def test_an_empty_history_closes_the_gate_exactly() -> None:
    empty = HistoryBatch(
        torch.ones(1, 6),
        torch.zeros(1, 1, 6),
        torch.zeros(1, 1, 6),
        torch.zeros(1, 1),
        torch.zeros(1, 1, dtype=torch.bool),
    )
    persona = small_plug()(0, empty)
    assert persona.gate.tolist() == [0.0]
    assert torch.isfinite(persona.rows).all()


def test_gate_features_of_one_item() -> None:
    features = gate_features(torch.tensor([[0.5]]), torch.tensor([[1.0]]), torch.tensor([[True]]))
    expected = torch.tensor([[math.log(2) / 5, 0.5, 0.5, 0.0, 1.0, 0.5]])
    torch.testing.assert_close(features, expected)


def test_the_gate_compares_what_a_task_has_not_in_common() -> None:
    x, h = torch.tensor([[1.0, 2.0]]), torch.tensor([[[1.0, 5.0], [1.0, -3.0], [4.0, 0.0], [1.0, 0.0]]])
    batch = HistoryBatch(x, h, h, torch.zeros(1, 4), torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(centred_cosines(batch, torch.tensor([1.0, 0.0])), torch.tensor([[1.0, -1.0, 0.0, 0.0]]))
    torch.testing.assert_close(
        centred_cosines(batch, torch.zeros(2)), torch.nn.functional.cosine_similarity(x[:, None], h, dim=-1)
    )


def test_an_unknown_task_uses_the_means() -> None:
    plug = small_plug()
    plug.center.normal_()
    x, history = unit(6, 3), items(2)
    mean = plug.export_tensors()["center.default"].numpy()
    torch.testing.assert_close(plug.center.mean(dim=0).numpy(), mean)
    left = [(item.h - mean) @ (x - mean) / np.linalg.norm(item.h - mean) / np.linalg.norm(x - mean) for item in history]
    assert float(persona_of(plug, "something else", x, history, "2024-02-01").features[1]) == pytest.approx(max(left))
    tensors = plug.export_tensors()
    torch.testing.assert_close(tensors["temperature.default"], plug.temperature().mean().reshape(1))
    result = persona_of(plug, "something else", unit(6, 3), items(2), "2024-02-01")
    torch.testing.assert_close(result.instruction.float(), tensors["instruction.default"].float())


def test_instruction_rows_follow_the_query() -> None:
    plug = small_plug(instruction_rank=2)
    tensors = {name: tensor.double() for name, tensor in plug.export_tensors().items()}
    for task in ("news_headline", "something else"):
        x = unit(6, 3)
        stored = task if task in TASKS else "default"
        read = tensors["instruction_query.weight"] @ torch.tensor(x).double()
        expected = tensors[f"instruction.{stored}"] + (tensors[f"instruction_query.{stored}"] @ read).view(3, 8)
        result = persona_of(plug, task, x, items(2), "2024-02-01")
        torch.testing.assert_close(result.instruction, expected, rtol=1e-6, atol=1e-9)


def test_a_normalised_query_makes_scores_cosines() -> None:
    history, x = items(3), unit(6, 7)
    loud, quiet = small_plug(normalizes_query=True), small_plug(normalizes_query=True)
    with torch.no_grad():
        loud.query.weight.mul_(100)
    weights = [persona_of(plug, "news_headline", x, history, "2024-02-01").weights for plug in (loud, quiet)]
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_dropping_keeps_at_least_one_item_in_order(count: int) -> None:
    for seed in range(20):
        kept = dropped(range(count), random.Random(seed))
        assert kept == sorted(kept)
        assert math.floor(count / 2) <= len(kept) <= count and kept


def test_days_are_fractional_and_never_negative() -> None:
    assert days_between("2024-01-01", "2024-01-02T12:00:00Z") == 1.5
    assert days_between("2024-01-05", "2024-01-02") == 0.0
    assert days_between(None, "2024-01-02") == 0.0
