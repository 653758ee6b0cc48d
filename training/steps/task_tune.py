"""Tunes the language model on the tasks, on users A, and on users B too where the plug does not learn their labels.

Most samples are plain prompts; a share of them holds one to four earlier items of the same user, so that the model can
use retrieved items too. The loss is on the answer only. At every evaluation the loss of held-out users decides which
weights are kept, and which tasks are no longer trained because they begin to be memorised.
"""

from __future__ import annotations

import argparse
import copy
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from training.core.language_model import load_language_model
from training.core.machine import prepare_machine
from training.core.optimizers import Schedule, create_optimizers, set_rate
from training.core.run_directory import RunDirectory
from training.data.samples import Sample, answer_log_likelihood, batches_by_length, collate
from training.data.splits import Split
from training.data.task_samples import build_samples, held_out_samples, tuning_users
from training.data.tokenizer import TextTokenizer
from training.data.users import ALL_TASKS, SHIPPED_TASKS
from training.steps.regularisation import training_loss


@dataclass(frozen=True)
class TaskTuneConfig:
    """Rates and shares. `repeats`: how often a task's users occur in one pass; 0.5 is every second one, at random."""

    tasks: tuple[str, ...] = SHIPPED_TASKS
    splits: tuple[Split, ...] = ("train_a",)  # with train_b the model sees the plug's users too
    steps: int = 1300  # at most
    muon_rate: float = 0.0015
    adam_rate: float = 0.0006
    weight_decay: float = 0.05
    dropout: dict[str, float] = field(default_factory=dict)  # by task, on embeddings and last hidden states
    label_smoothing: dict[str, float] = field(default_factory=dict)  # by task
    patience: int = 2  # evaluations without a gain after which a task is not trained any further; 0: never
    batch_tokens: int = 4096
    retrieval_share: float = 0.2
    maximum_retrieved: int = 4
    maximum_length: int = 512
    repeats: dict[str, float] = field(
        default_factory=lambda: {
            "news_category": 3,
            "news_headline": 2,
            "paper_title": 0.5,
            "movie_rating": 0.5,
            "movie_tag": 3,
        }
    )
    evaluations: int = 6
    held_out_samples: int = 100  # a task
    reported_samples: int = 40  # a task and number of retrieved items, at the end
    seed: int = 0


class EarlyStopping:
    """Which evaluation was best, over all tasks and for each; which tasks have stopped gaining."""

    def __init__(self, tasks: tuple[str, ...], patience: int) -> None:
        self._patience = patience
        self.count = 0
        self.best_score, self.best_evaluation = float("inf"), -1
        self.best_loss = dict.fromkeys(tasks, float("inf"))
        self.best_evaluation_of = dict.fromkeys(tasks, -1)

    def record(self, losses: dict[str, float]) -> bool:
        """Takes an evaluation; True when it is the best over all tasks.

        The score is a mean of logarithms: a category's token has a fifth of the loss of a title's, and must count as
        much.
        """
        for task, loss in losses.items():
            if loss < self.best_loss[task]:
                self.best_loss[task], self.best_evaluation_of[task] = loss, self.count
        score = sum(math.log(loss) for loss in losses.values()) / len(losses)
        is_best = score < self.best_score
        if is_best:
            self.best_score, self.best_evaluation = score, self.count
        self.count += 1
        return is_best

    def stopped(self) -> set[str]:
        """Tasks whose held-out loss has not fallen for `patience` evaluations."""
        if self._patience == 0:
            return set()
        return {task for task, best in self.best_evaluation_of.items() if self.count - 1 - best >= self._patience}


@torch.no_grad()
def held_out_loss(model: PreTrainedModel, samples: Sequence[Sample], batch_tokens: int) -> dict[str, float]:
    """Mean negative log-likelihood of an answer token, by task."""
    sums: dict[str, list[float]] = {}
    for batch in batches_by_length([len(sample) for sample in samples], batch_tokens, random.Random(0)):
        chosen = [samples[index] for index in batch]
        ids, targets = collate(chosen)
        with torch.autocast("cpu", torch.bfloat16):
            likelihoods = answer_log_likelihood(
                model.lm_head, model.model(input_ids=ids, use_cache=False).last_hidden_state, targets
            )
        for sample, likelihood in zip(chosen, likelihoods.tolist(), strict=True):
            entry = sums.setdefault(sample.task, [0.0, 0])
            entry[0] -= likelihood
            entry[1] += len(sample.answer)
    return {task: total / max(1, count) for task, (total, count) in sorted(sums.items())}


def task_tune(run: RunDirectory, config: TaskTuneConfig, source: Path | None = None) -> None:
    """Tunes the pre-trained model of the run (or `source`) and writes the best weights and a report."""
    run.begin("task_tune")
    checkpoint = run.checkpoint("task_tune", asdict(config))
    torch.manual_seed(config.seed)
    tokenizer = TextTokenizer(run.tokenizer)
    model = load_language_model(source or run.pretrained.path)
    optimizers = create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    schedule = Schedule(config.steps, warm_up_share=0.03, decay_share=0.6)
    users = tuning_users(config.tasks, config.splits, is_held_out=False)
    watched = tuning_users(config.tasks, config.splits, is_held_out=True)

    def held_out(retrieved: int, per_task: int) -> list[Sample]:
        return held_out_samples(tokenizer, config.tasks, watched, per_task, retrieved, config.maximum_length)

    watched_samples = held_out(0, config.held_out_samples)
    stopping = EarlyStopping(config.tasks, config.patience)
    step, next_evaluation = 0, config.steps / config.evaluations
    epoch, position, stopped_before = 0, 0, stopping.stopped()  # batches of this epoch, tasks stopped at its start
    best: dict[str, torch.Tensor] = {}
    kept: dict[str, float] = {}
    history: list[dict[str, float]] = []

    def evaluate() -> None:
        nonlocal best, kept
        losses = held_out_loss(model, watched_samples, config.batch_tokens)
        history.append({"step": step, "epoch": epoch, **losses})
        is_best = stopping.record(losses)
        told = f"  no longer trained: {sorted(stopping.stopped())}" if stopping.stopped() else ""
        print(f"step {step}  {'best so far' if is_best else 'held out'}  {losses}{told}", flush=True)
        if is_best:
            best, kept = copy.deepcopy(model.state_dict()), losses

    def state() -> dict[str, Any]:
        return {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "random": torch.get_rng_state(),
            "stopping": vars(stopping),
            "progress": (step, next_evaluation, epoch, position, sorted(stopped_before)),
            "best": best,
            "kept": kept,
            "history": history,
        }

    def is_over() -> bool:
        return step >= config.steps or len(stopping.stopped()) == len(config.tasks)

    if saved := checkpoint.load():
        model.load_state_dict(saved["model"])
        for optimizer, values in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        torch.set_rng_state(saved["random"])
        vars(stopping).update(saved["stopping"])
        step, next_evaluation, epoch, position, stopped = saved["progress"]
        stopped_before, best, kept, history = set(stopped), saved["best"], saved["kept"], saved["history"]
        print(f"goes on at step {step}", flush=True)
    else:
        evaluate()
    while not is_over():
        order = random.Random(config.seed * 1000 + epoch)
        passes = [user for user in users for _ in range(int(config.repeats[user.task] + order.random()))]
        passes = [user for user in passes if user.task not in stopped_before]
        samples = build_samples(
            tokenizer, passes, order, config.retrieval_share, config.maximum_retrieved, config.maximum_length
        )
        batches = list(batches_by_length([len(sample) for sample in samples], config.batch_tokens, order))
        for batch in batches[position:]:
            position += 1
            chosen = [samples[index] for index in batch if samples[index].task not in stopping.stopped()]
            if not chosen:
                continue
            set_rate(optimizers, schedule.factor(step))
            ids, targets = collate(chosen)
            with torch.autocast("cpu", torch.bfloat16):
                loss = training_loss(model, chosen, ids, targets, config.dropout, config.label_smoothing)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            if step % 20 == 0:
                print(f"step {step} of {config.steps}  epoch {epoch}  loss {loss.item():.3f}", flush=True)
            if step > next_evaluation:
                next_evaluation += config.steps / config.evaluations
                evaluate()
            checkpoint.save_if_due(state)
            if is_over():
                break
        epoch, position, stopped_before = epoch + 1, 0, stopping.stopped()
    evaluate()
    model.load_state_dict(best)
    report = {
        "steps": step,
        "epochs": epoch,
        "kept": kept,
        "best_evaluation": stopping.best_evaluation,
        "best_evaluation_of": stopping.best_evaluation_of,
        "retrieved": {
            str(count): held_out_loss(model, held_out(count, config.reported_samples), config.batch_tokens)
            for count in range(config.maximum_retrieved + 1)
        },
        "history": history,
    }
    print(f"kept evaluation {stopping.best_evaluation}; by retrieved items: {report['retrieved']}", flush=True)
    with run.task_tuned.writing() as folder:
        model.save_pretrained(folder)
    run.task_tune_report.write(report)
    checkpoint.remove()


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--source", type=Path, default=None, help="a checkpoint folder other than RUN/pretrained")
    parser.add_argument("--steps", type=int, default=TaskTuneConfig.steps)
    parser.add_argument("--tasks", nargs="+", choices=ALL_TASKS, default=list(SHIPPED_TASKS))
    splits = ("train_a", "train_b")
    parser.add_argument("--splits", nargs="+", choices=splits, default=["train_a"], help="both: see training/README.md")
    parser.add_argument("--patience", type=int, default=TaskTuneConfig.patience)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    config = TaskTuneConfig(
        tasks=tuple(arguments.tasks),
        splits=tuple(arguments.splits),
        steps=arguments.steps,
        patience=arguments.patience,
    )
    task_tune(RunDirectory(arguments.run_directory), config, arguments.source)


if __name__ == "__main__":
    main()
