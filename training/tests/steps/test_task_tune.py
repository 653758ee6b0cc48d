"""Task tuning: which tasks and users, when a task is stopped, what the report says, regularisation by task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.core.run_directory import RunDirectory
from training.data.samples import Sample, collate
from training.data.splits import is_tuning_holdout, split_of_user
from training.data.task_samples import held_out_samples, sample_of, tuning_users
from training.data.tokenizer import TextTokenizer, train_tokenizer
from training.data.users import load_users
from training.steps.regularisation import drop, training_loss
from training.steps.task_tune import EarlyStopping, TaskTuneConfig, task_tune
from training.tests.tiny_run import WORDS, used_data, write_data

SIZES = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
TASKS = ("news_category", "movie_tag")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    """A run with a tokenizer and a random model, and invented users of all tasks."""
    write_data(tmp_path / "data", users=40)
    run = RunDirectory(tmp_path / "run")
    train_tokenizer([" ".join(WORDS), "Politics Travel Tech"] * 3, run.tokenizer, 330)
    small_model().save_pretrained(run.pretrained.path)
    with used_data(tmp_path / "data"):
        yield run


def small_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2, intermediate_size=48, tie_word_embeddings=True))


def test_tasks_and_splits_decide_who_is_learned_from(run: RunDirectory) -> None:
    names = {user.id for user in tuning_users(TASKS, ("train_a",), False)}
    both = tuning_users(TASKS, ("train_a", "train_b"), False)
    assert {split_of_user(name) for name in names} == {"train_a"}
    assert {split_of_user(user.id) for user in both} == {"train_a", "train_b"}
    assert {user.task for user in both} == set(TASKS)
    assert not any(is_tuning_holdout(user.id) for user in both)
    assert all(is_tuning_holdout(user.id) for user in tuning_users(TASKS, ("train_a", "train_b"), True))


def test_the_report_names_the_best_evaluation_and_every_number_of_retrieved_items(run: RunDirectory) -> None:
    config = TaskTuneConfig(
        tasks=TASKS, steps=24, evaluations=3, held_out_samples=8, reported_samples=4, batch_tokens=2000, patience=0
    )
    task_tune(run, config)
    report = run.task_tune_report.read()
    best = report["history"][report["best_evaluation"]]
    assert {task: best[task] for task in TASKS} == report["kept"]
    assert list(report["retrieved"]) == ["0", "1", "2", "3", "4"]
    assert all(set(losses) == set(TASKS) for losses in report["retrieved"].values())
    for task in TASKS:
        at_best = report["history"][report["best_evaluation_of"][task]][task]
        assert at_best == min(entry[task] for entry in report["history"]) < report["history"][0][task]
    assert (run.language_model() / "config.json").exists()


def test_a_task_is_stopped_when_it_gains_no_more() -> None:
    stopping = EarlyStopping(TASKS, patience=2)
    curve = [(3.0, 3.0), (2.0, 2.5), (2.1, 2.0), (2.2, 1.5), (1.9, 1.4)]
    best, stopped = [], []
    for first, second in curve:
        best.append(stopping.record({TASKS[0]: first, TASKS[1]: second}))
        stopped.append(stopping.stopped())
    assert best == [True] * 5
    assert stopped == [set(), set(), set(), {"news_category"}, set()]
    assert (stopping.best_evaluation, stopping.best_evaluation_of) == (4, dict.fromkeys(TASKS, 4))
    assert not stopping.record({TASKS[0]: 5.0, TASKS[1]: 1.3})
    assert stopping.best_evaluation == 4 and stopping.best_evaluation_of == {"news_category": 4, "movie_tag": 5}


def test_tuning_ends_when_no_task_gains(run: RunDirectory) -> None:
    config = TaskTuneConfig(
        tasks=TASKS, steps=36_000, evaluations=36_000, patience=1, muon_rate=0.0, adam_rate=0.0, weight_decay=0.0,
        held_out_samples=2, reported_samples=1,
    )  # fmt: skip
    task_tune(run, config)  # without a gain it ends after the first evaluation
    report = run.task_tune_report.read()
    assert report["best_evaluation"] == 0 and len(report["history"]) <= 4


def test_retrieved_items_are_earlier_ones_of_the_same_user(run: RunDirectory) -> None:
    tokenizer = TextTokenizer(run.tokenizer)
    user = next(user for user in load_users("movie_tag") if split_of_user(user.id) == "train_a")
    prompt = tokenizer.decode(sample_of(tokenizer, user, 3, 2, True, 512).prompt)
    shown = [item.id for item in user.items if item.input in prompt]
    assert len(shown) == 3 and user.items[3].id in shown and prompt.endswith(f"{user.items[3].input}<|assistant|>")
    assert all(user.items.index(item) <= 3 for item in user.items if item.id in shown)
    short = sample_of(tokenizer, user, 3, 4, True, 60)
    assert len(short) <= 60


def test_held_out_samples_are_spread_over_the_task(run: RunDirectory) -> None:
    tokenizer = TextTokenizer(run.tokenizer)
    users = tuning_users(TASKS, ("train_a", "train_b"), True)
    samples = held_out_samples(tokenizer, TASKS, users, 5, 0, 512)
    assert [sum(sample.task == task for sample in samples) for task in TASKS] == [5, 5]


def test_smoothing_and_dropout_touch_their_task_alone() -> None:
    model = small_model()
    samples = [Sample("movie_tag", [1, 5, 9], [7, 8, 0]), Sample("news_category", [1, 6], [4, 0])]
    ids, targets = collate(samples)
    plain = training_loss(model, samples, ids, targets, {}, {})
    torch.testing.assert_close(training_loss(model, samples, ids, targets, {}, {"paper_title": 0.5}), plain)
    only = [samples[1]]
    ids_of_one, targets_of_one = collate(only)
    hidden = model.model(input_ids=ids_of_one).last_hidden_state
    log_probabilities = model.lm_head(hidden).log_softmax(dim=-1)[0, 1:3]
    gold = -log_probabilities[[0, 1], [4, 0]]
    expected = (0.8 * gold - 0.2 * log_probabilities.mean(dim=-1)).mean()
    found = training_loss(model, only, ids_of_one, targets_of_one, {}, {"news_category": 0.2})
    torch.testing.assert_close(found, expected)
    torch.manual_seed(0)
    values = drop(torch.ones(2, 500, 40), torch.tensor([0.25, 0.0]))
    assert sorted(values[0].unique().tolist()) == [0.0, pytest.approx(4 / 3)] and bool((values[1] == 1).all())
    assert float(values[0].mean()) == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(training_loss(model, samples, ids, targets, {"movie_tag": 0.5}, {}), plain)
