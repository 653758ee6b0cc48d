"""Teaches the language model the tasks on users A: the honest baseline "none".

Most samples are plain prompts; a share carries one to four retrieved items of the same user, found among her earlier
items, so that retrieval in the prompt works too. The loss is on the answer only. Every so often the loss of held-out
users A decides which weights are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.data import SHIPPED_TASKS, User, training_users
from training.language_model import load_language_model
from training.optimizers import TimeSchedule, create_optimizers, set_rate
from training.prompts import answer_ids, plain_prompt_ids
from training.retrieval import bm25_items, recent_items
from training.samples import IGNORED, Sample, answer_log_likelihood, batches_by_length, collate
from training.splits import is_tuning_holdout
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class TaskTuneConfig:
    """Rates and shares. `repeats`: how often a task's users occur in one pass; 0.5 is every second one, at random."""

    minutes: float = 12.0
    muon_rate: float = 0.0015
    adam_rate: float = 0.0006
    weight_decay: float = 0.05
    batch_tokens: int = 4096
    retrieval_share: float = 0.2
    maximum_retrieved: int = 4
    maximum_length: int = 512
    repeats: dict[str, float] = field(
        default_factory=lambda: {"news_category": 3, "news_headline": 2, "paper_title": 0.5}
    )
    evaluations: int = 6
    seed: int = 0


def build_samples(
    tokenizer: TextTokenizer, users: list[User], config: TaskTuneConfig, order: random.Random, share: float
) -> list[Sample]:
    """One sample an item; a share of them with retrieved items, as many as fit into the longest length."""
    samples = []
    for user in users:
        for index, item in enumerate(user.items):
            answer = answer_ids(tokenizer, item.output)
            count = order.randint(1, config.maximum_retrieved) if order.random() < share else 0
            history = user.items[:index]
            # BM25 over all of a long history costs more than the model's step: its last 100 items do.
            choose = bm25_items if order.random() < 0.5 else None
            retrieved = choose(item.input, history[-100:], count) if choose and count else recent_items(history, count)
            prompt = plain_prompt_ids(tokenizer, user.task, item.input, retrieved)
            while retrieved and len(prompt) + len(answer) > config.maximum_length:
                retrieved = retrieved[:-1]
                prompt = plain_prompt_ids(tokenizer, user.task, item.input, retrieved)
            samples.append(Sample(user.task, prompt[: config.maximum_length - len(answer)], answer))
    return samples


def users_a(is_held_out: bool) -> list[User]:
    """Users A of every shipped task: those that train, or those held out for early stopping."""
    users = [user for task in SHIPPED_TASKS for user in training_users(task, "train_a")]
    return [user for user in users if is_tuning_holdout(user.id) == is_held_out]


@torch.no_grad()
def held_out_loss(model, samples: list[Sample], config: TaskTuneConfig) -> dict[str, float]:
    """Mean negative log-likelihood of an answer token, by task."""
    sums = {task: [0.0, 0] for task in SHIPPED_TASKS}
    for batch in batches_by_length([len(sample) for sample in samples], config.batch_tokens, random.Random(0)):
        chosen = [samples[index] for index in batch]
        ids, targets = collate(chosen)
        with torch.autocast("cpu", torch.bfloat16):
            likelihoods = answer_log_likelihood(
                model.lm_head, model.model(input_ids=ids, use_cache=False).last_hidden_state, targets
            )
        for sample, likelihood in zip(chosen, likelihoods.tolist(), strict=True):
            sums[sample.task][0] -= likelihood
            sums[sample.task][1] += len(sample.answer)
    return {task: total / max(1, count) for task, (total, count) in sums.items()}


def thin_out(samples: list[Sample], per_task: int) -> list[Sample]:
    """At most `per_task` samples of every task, evenly spaced."""
    chosen = []
    for task in SHIPPED_TASKS:
        of_task = [sample for sample in samples if sample.task == task]
        chosen += of_task[:: max(1, len(of_task) // per_task)][:per_task]
    return chosen


def task_tune(directory: Path, config: TaskTuneConfig, source: Path | None = None) -> Path:
    """Tunes the pre-trained model of the run directory (or `source`) and returns the folder of the best weights."""
    finished = directory / "tuned"
    torch.manual_seed(config.seed)
    tokenizer = TextTokenizer(directory / "corpus" / "tokenizer.json")
    model = load_language_model(source or directory / "pretrained")
    optimizers = create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    schedule = TimeSchedule(config.minutes * 60, warm_up_share=0.03, decay_share=0.6)
    held_out = thin_out(build_samples(tokenizer, users_a(True), config, random.Random(1), 0.0), 100)
    users = users_a(False)

    elapsed, epoch, step, best, history = 0.0, 0, 0, float("inf"), []
    next_evaluation = schedule.budget / config.evaluations
    kept: dict[str, float] = {}

    def evaluate() -> None:
        nonlocal best, kept
        losses = held_out_loss(model, held_out, config)
        # Logarithms: a category's token costs a fifth of a title's, and its overfitting must not hide behind titles.
        mean = sum(math.log(loss) for loss in losses.values()) / len(losses)
        history.append({"minutes": elapsed / 60, "epoch": epoch, **losses})
        print(f"{elapsed / 60:.1f} min  held out {mean:.4f}  {losses}", flush=True)
        if mean < best:
            best, kept = mean, losses
            model.save_pretrained(finished)

    evaluate()
    while not schedule.is_over(elapsed):
        order = random.Random(config.seed * 1000 + epoch)
        passes = [user for user in users for _ in range(int(config.repeats[user.task] + order.random()))]
        samples = build_samples(tokenizer, passes, config, order, config.retrieval_share)
        for batch in batches_by_length([len(sample) for sample in samples], config.batch_tokens, order):
            started = time.monotonic()
            set_rate(optimizers, schedule.factor(elapsed))
            ids, targets = collate([samples[index] for index in batch])
            with torch.autocast("cpu", torch.bfloat16):
                hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
                loss = -answer_log_likelihood(model.lm_head, hidden, targets).sum() / (targets != IGNORED).sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            elapsed += time.monotonic() - started
            if step % 20 == 0:
                left = (schedule.budget - elapsed) / 60
                speed = ids.numel() / (time.monotonic() - started)
                print(
                    f"step {step}  epoch {epoch}  loss {loss.item():.3f}  {speed:.0f} tokens/s  {left:.1f} min left",
                    flush=True,
                )
            if elapsed > next_evaluation:
                next_evaluation += schedule.budget / config.evaluations
                evaluate()
            if schedule.is_over(elapsed):
                break
        epoch += 1
    evaluate()
    report = {"steps": step, "epochs": epoch, "kept": kept, "history": history}
    (directory / "task-tune.json").write_text(json.dumps(report, indent=1))
    return finished


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--source", type=Path, default=None, help="a checkpoint folder other than RUN/pretrained")
    parser.add_argument("--minutes", type=float, default=TaskTuneConfig.minutes)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    task_tune(arguments.run_directory, TaskTuneConfig(minutes=arguments.minutes), arguments.source)


if __name__ == "__main__":
    main()
