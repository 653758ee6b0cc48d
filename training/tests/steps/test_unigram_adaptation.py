"""Unigram adaptation: the formula by hand, the background, the fit, and what of it is exported."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from training.core.run_directory import RunDirectory
from training.data.samples import answer_log_likelihood, until_said
from training.golden.reference import HistoryItem, PersonaResult, Reference
from training.golden.unigram_adaptation import golden_unigram_adaptation
from training.golden.writer import GoldenWriter
from training.package.export import export_plug
from training.package.shipped import shipped_plug, shipped_unigram_adaptation
from training.persona.plug import Plug
from training.persona.unigram_adaptation import (
    MOST_COUNTED,
    UnigramAdaptation,
    background_of,
    bias_of_histories,
    token_counts,
    unigram_tensors,
)
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.saved_plug import load_plug
from training.steps.plug.train_plug import train_plug
from training.steps.unigram_adaptation import (
    GridLosses,
    UnigramAdaptationConfig,
    adapted_tasks,
    fit_unigram_adaptation,
    load_unigram_adaptation,
)
from training.tests.tiny_models import FAMILIES, write_tiny_model
from training.tests.tiny_run import used_data, write_data, write_vectors

BACKGROUND = np.array([0.4, 0.2, 0.2, 0.1, 0.1], np.float32)


def test_the_bias_follows_the_formula() -> None:
    tokens, counts = token_counts([[3, 1, 3], [1]], [0.75, 0.25])
    assert tokens.tolist() == [1, 3]
    assert counts.tolist() == [2 * (0.75 + 0.25), 2 * 0.75 * 2]
    bias = UnigramAdaptation(BACKGROUND, 0.5, 10.0).bias_of_history([[3, 1, 3], [1]], [0.75, 0.25]).tolist()
    assert bias[0] == bias[2] == bias[4] == 0.0  # never written
    assert bias[1] == pytest.approx(0.5 * math.log(1 + 2 / (10 * 0.2)), rel=1e-6)
    assert bias[3] == pytest.approx(0.5 * math.log(1 + 3 / (10 * 0.1)), rel=1e-6)


def test_a_batch_takes_each_history_with_its_own_weights() -> None:
    adaptations = UnigramAdaptation(BACKGROUND, 0.5, 10.0)
    weights = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    found = bias_of_histories(adaptations, [[[2]], [[1], [4]]], weights)
    assert torch.equal(found[0], adaptations.bias_of_history([[2]], [1.0]))
    assert torch.equal(found[1], adaptations.bias_of_history([[1], [4]], [0.25, 0.75]))
    with pytest.raises(ValueError, match="2 answers.* 1 weight"):
        token_counts([[1], [2]], [1.0])
    assert not adaptations.bias_of_history([], []).any()


def test_of_a_long_history_the_heaviest_items_count() -> None:
    light, heavy = [0.5 / MOST_COUNTED / 4] * MOST_COUNTED, [0.5 / MOST_COUNTED * 7 / 4] * MOST_COUNTED
    tokens, counts = token_counts([[2]] * MOST_COUNTED + [[1]] * MOST_COUNTED, light + heavy)
    assert tokens.tolist() == [1]
    assert counts.tolist() == pytest.approx([7 / 4 * MOST_COUNTED])


def test_the_background_is_a_distribution_over_the_whole_vocabulary() -> None:
    found = background_of([[1, 1, 2], [2]], 6)
    assert found.dtype == np.float32 and found.shape == (6,) and bool((found > 0).all())
    assert found.sum() == pytest.approx(1.0)
    assert found[1] == pytest.approx(2.5 / 7) and found[0] == pytest.approx(0.5 / 7)


def test_a_bias_joins_the_logits_of_its_sample_until_its_token_is_said() -> None:
    torch.manual_seed(0)
    head, hidden = torch.nn.Linear(3, 5), torch.randn(2, 3, 3)
    targets, bias = torch.tensor([[1, -100, -100], [4, 2, 4]]), torch.randn(2, 5)
    found = answer_log_likelihood(head, hidden, targets, bias)
    left = bias[:, None].repeat(1, 3, 1)
    left[1, 1:, 4] = 0.0
    left[1, 2:, 2] = 0.0
    scores = (head(hidden) + left).log_softmax(dim=-1)
    torch.testing.assert_close(found[0], scores[0, 0, 1])
    torch.testing.assert_close(found[1], scores[1, 0, 4] + scores[1, 1, 2] + scores[1, 2, 4])


def test_the_grid_finds_what_adding_the_bias_to_the_logits_costs() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 5), torch.tensor([3, 1, 3])
    losses = GridLosses(BACKGROUND, UnigramAdaptationConfig(strengths=(0.7,), masses=(5.0,)))
    losses.add(logits, targets, *token_counts([[3, 1]], [1.0]))
    point, report = losses.best()
    bias = UnigramAdaptation(BACKGROUND, 0.7, 5.0).bias_of_history([[3, 1]], [1.0])
    biased = logits + until_said(bias.repeat(3, 1), targets, torch.zeros(3))
    expected = torch.nn.functional.cross_entropy(biased, targets, reduction="sum")
    assert report["after"] == pytest.approx(float(expected), rel=1e-5) and report["after"] < report["before"]
    assert (point.strength, point.mass, report["queries"]) == (0.7, 5.0, 1)


def test_a_bias_that_only_harms_is_not_taken() -> None:
    losses = GridLosses(BACKGROUND, UnigramAdaptationConfig())
    losses.add(
        torch.zeros(2, 5), torch.tensor([0, 2]), *token_counts([[3, 4]], [1.0])
    )  # the history holds other tokens
    point, report = losses.best()
    assert point.strength == 0.0 and point.mass > 0
    assert report["after"] == report["before"] == pytest.approx(2 * math.log(5))


def test_only_free_text_whose_outputs_count_is_adapted() -> None:
    assert adapted_tasks(PlugConfig()) == ["news_headline", "paper_title"]
    assert adapted_tasks(PlugConfig(without_outputs=("paper_title",))) == ["news_headline"]
    assert adapted_tasks(PlugConfig(persona_rows=0)) == []


def test_other_tasks_can_be_named() -> None:
    assert adapted_tasks(PlugConfig(), ["news_category"]) == ["news_category"]
    with pytest.raises(ValueError, match="movie_tag"):
        adapted_tasks(PlugConfig(), ["movie_tag"])
    with pytest.raises(ValueError, match="news_category"):
        adapted_tasks(PlugConfig(without_outputs=("news_category",)), ["news_category"])
    with pytest.raises(ValueError, match="persona rows.* 0"):
        adapted_tasks(PlugConfig(persona_rows=0), ["news_category"])


@pytest.mark.parametrize("name", ["plug", "plug-pplug"])
def test_the_package_holds_them_and_gives_them_back(tmp_path: Path, name: str) -> None:
    config = PlugConfig(persona_rows=2, instruction_rows=1, instruction_rank=0, projector_width=4)
    plug = Plug(6, 8, 4, 2, 1, config.tasks, temperature=7.0)
    fitted = {"news_headline": UnigramAdaptation(BACKGROUND, 0.6, 1000.0)} if name == "plug" else {}
    export_plug(RunDirectory(tmp_path), tmp_path / "models", plug, config, "e", "l", name, fitted)
    package = tmp_path / "models" / name
    block = json.loads((package / "manifest.json").read_text())["plug"]
    found = shipped_unigram_adaptation(package)
    assert shipped_plug(package).tasks == config.tasks
    if name != "plug":
        assert "marginals" not in block and found == {}
        return
    assert block["marginals"] == {"tasks": ["news_headline"], "vocabularySize": 5}
    assert np.array_equal(found["news_headline"].background, BACKGROUND)
    assert (found["news_headline"].strength, found["news_headline"].mass) == (float(np.float32(0.6)), 1000.0)
    tensors = unigram_tensors(fitted)
    assert {key: (tuple(value.shape), value.dtype) for key, value in tensors.items()} == {
        "marginals.news_headline": ((5,), torch.float32),
        "marginal_strength.news_headline": ((1,), torch.float32),
        "marginal_mass.news_headline": ((1,), torch.float32),
    }


class Letters:
    """A tokenizer whose ids are the places of letters in the alphabet, from 3 on."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") + 3 for letter in text]


def test_golden_cases_hold_seen_and_unseen_tokens(tmp_path: Path) -> None:
    items = [HistoryItem(output, None, np.zeros(1), np.zeros(1), output) for output in ("abc", "cde")]
    empty = torch.zeros(0)
    persona = PersonaResult(items, empty, empty, torch.tensor([0.3, 0.7], dtype=torch.float64), 1.0, empty)
    names = ("one item", "three items", "twenty items", "undated items")
    adaptations = {"news_headline": UnigramAdaptation(np.full(60, 1 / 60, np.float32), 0.5, 100.0)}
    reference = Reference(None, Letters(), None, adaptations=adaptations)
    golden_unigram_adaptation(GoldenWriter(tmp_path), reference, dict.fromkeys(names, persona))
    cases = json.loads((tmp_path / "marginals.json").read_text())["cases"]
    assert [case["name"] for case in cases] == ["one item", "three items", "twenty items"]  # titles have no adaptation
    case = cases[0]
    bias = dict(zip(case["tokens"], case["bias"], strict=True))
    share = float(np.float32(1 / 60))
    both = 2 * (float(np.float32(0.3)) + float(np.float32(0.7)))
    assert bias[5] == pytest.approx(0.5 * math.log1p(both / (100 * share)), rel=1e-12)  # "c" stands in both
    assert sum(value == 0 for value in case["bias"]) == 12 and case["raised"] == 6
    assert case["total"] == pytest.approx(sum(case["bias"]))
    persona.items.clear()
    assert (
        reference.logit_bias("news_category", persona) is None and reference.logit_bias("news_headline", None) is None
    )


def test_the_plug_of_any_language_model_is_fitted(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    run = RunDirectory(tmp_path / "run")
    write_vectors(tmp_path / "data", run, "news_headline")
    llm = str(write_tiny_model("smollm", tmp_path / "llm"))
    config = PlugConfig(
        tasks=("news_headline",), llm=llm, dtype="float32", steps=1, batch_tokens=700, gate_queries=4, evaluations=1
    )
    with used_data(tmp_path / "data"):
        train_plug(run, config)
        before = run.plug.path.read_bytes()
        report = fit_unigram_adaptation(run, UnigramAdaptationConfig(queries=20))
        found = load_unigram_adaptation(run)["news_headline"]
        assert found.background.shape == (FAMILIES["smollm"]["vocab_size"],)
        # All users write the same three words, which a random model does not expect.
        assert found.strength > 0 and report["news_headline"]["after"] < report["news_headline"]["before"]
        # The gate is trained again, in a file of its own.
        assert run.plug.path.read_bytes() == before
        trained, gated = run.plug.read()["plug"], load_plug(run)[0].state_dict()
        assert {name for name in gated if not torch.equal(gated[name], trained[name])} <= set(run.gate.read())
        assert not torch.equal(gated["gate_in.weight"], trained["gate_in.weight"])
        train_plug(run, config)
        assert load_unigram_adaptation(run) == {} and not run.gate.exists()  # they were fitted for the former plug
