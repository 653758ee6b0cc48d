"""Teaches the language model to read soft rows, by distillation from linear heads: the second half of task tuning.

A frozen model of a few million parameters makes little use of rows that it never met in training, so the model and a
first plug are trained together. Where a task has linear heads (`training.steps.linear_head`) the plug starts at one of
them, and the prompts with rows have the heads' answers as targets (`distillation_batches`). Since these answers are not
the users' own, prompts without text may come from users B too. A task without heads is trained on the users' own
answers; a part of the text is left out of half of its prompts, since the model would otherwise keep reading the text
alone. Plain prompts, with and without retrieved items, keep "none" what it was. After `label_steps` only distillation
goes on, since labels would be memorised, and plain prompts keep the model at its answers of that moment. Afterwards the
model is frozen, and `training.steps.plug.train_plug` trains the plug on users B. A model that can read rows already,
such as the one that ships, may stay as it is (`tunes_model`): then only a new plug learns.

`python -m training.steps.distill.distill --run-directory RUN` reads RUN/task-tuned and writes RUN/distilled, unless the
model stays as it is, and RUN/plug-start.pt, from which the plug's training starts.
"""

from __future__ import annotations

import argparse
import copy
import math
import random
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.core.checkpoint import Checkpoint
from training.core.language_model import embedding_table, load_language_model
from training.core.machine import prepare_machine
from training.core.optimizers import Schedule, create_optimizers, set_rate
from training.core.run_directory import RunDirectory
from training.data.samples import batches_by_length
from training.data.tokenizer import TextTokenizer
from training.data.users import ALL_TASKS, SHIPPED_TASKS
from training.data.vector_store import VectorStore
from training.persona.histories import collate_histories
from training.persona.persona_rows import persona_rows, rows_and_gate
from training.persona.soft_prompt import divergence, log_likelihood, spread_log_likelihood
from training.steps.distill.distillation_batches import DistillationBatch
from training.steps.distill.prompt_streams import DistillConfig, PromptStreams, RowBatch, plain_prompts
from training.steps.drawn_answers import DrawnAnswers
from training.steps.plug.plug_config import PlugConfig, create_plug, optimizer_of
from training.steps.plug.saved_plug import plug_content


@torch.no_grad()
def average_with_before(model: PreTrainedModel, before: Mapping[str, Tensor], share: float) -> None:
    """Averages a model with its weights of before, with weight `share` for those (as WiSE-FT, arXiv 2109.01903)."""
    for name, parameter in model.named_parameters():
        parameter.lerp_(before[name], share)


class Distillation:
    """Model and first plug that learn together, and how far they have come."""

    def __init__(self, run: RunDirectory, config: DistillConfig, plug_config: PlugConfig) -> None:
        torch.manual_seed(config.seed)
        tokenizer, store = TextTokenizer(run.tokenizer), VectorStore(run.embeddings.path)
        self.config = config
        self.plug_config = replace(
            plug_config,
            tasks=config.tasks,
            rate=config.plug_rate,
            reading_rate=config.reading_rate,
            query_rate=config.query_rate,
        )
        self.model = load_language_model(run.language_model()).requires_grad_(config.tunes_model)
        table = embedding_table(self.model).weight.detach()
        self.plug = create_plug(self.plug_config, table.shape[1])
        self.plug.start_from_embeddings(table, torch.Generator().manual_seed(config.seed))
        answers = DrawnAnswers.of_run(run, tokenizer, gold_share=0.0)
        answers.start(self.plug, table)
        self.streams = [
            PromptStreams(task, tokenizer, store, self.plug_config, config, answers) for task in config.tasks
        ]
        if config.label_end < config.steps and not any(stream.has_head for stream in self.streams):
            raise ValueError(
                f"label_steps is {config.label_steps} of {config.steps}, and none of {', '.join(config.tasks)} has a "
                "linear head. Run linear_head first."
            )
        self.plain = plain_prompts(tokenizer, config)
        self.optimizers: list[torch.optim.Optimizer] = [optimizer_of(self.plug, self.plug_config)]
        if config.tunes_model:
            rates = (config.muon_rate, config.adam_rate, config.weight_decay)
            self.optimizers += create_optimizers(self.model, *rates)
        self.schedule = Schedule(config.steps, warm_up_share=0.05, decay_share=0.7)
        self.chooser = random.Random(config.seed)
        self.before: PreTrainedModel | None = None  # the model when the labels end
        self.step, self.evaluations_done = 0, 0
        self.best_score = math.inf
        self.best: dict[str, dict[str, Tensor]] = {}
        self.history: list[dict[str, Any]] = []

    @torch.no_grad()
    def evaluate(self) -> None:
        """Measures the held-out queries with rows and without, and keeps the weights when they are the best so far."""
        self.plug.eval()
        losses = {}
        for index, task in enumerate(self.config.tasks):
            held_out = self.streams[index].held_out
            sums = {"none": 0.0, "rows": 0.0}
            lengths = [len(user.with_rows[i].sample) for user, i in held_out]
            for batch in batches_by_length(lengths, self.config.batch_tokens, random.Random(0)):
                chosen = [held_out[position] for position in batch]
                rows, _ = rows_and_gate(self.plug, index, [user.query(i, range(i)) for user, i in chosen])
                sums["none"] -= float(log_likelihood(self.model, [user.plain[i] for user, i in chosen], None).sum())
                with_rows = [user.with_rows[i] for user, i in chosen]
                sums["rows"] -= float(log_likelihood(self.model, with_rows, rows).sum())
            losses[task] = {name: total / len(held_out) for name, total in sums.items()}
        self.plug.train()
        score = sum(math.log(loss) for pair in losses.values() for loss in pair.values())
        self.history.append({"step": self.step, "losses": losses})
        print(f"step {self.step}  {'best so far' if score < self.best_score else ''} {losses}", flush=True)
        if score < self.best_score:
            self.best_score = score
            self.best = {"plug": copy.deepcopy(self.plug.state_dict())}
            if self.config.tunes_model:
                self.best["model"] = copy.deepcopy(self.model.state_dict())

    def next_row_batch(self) -> tuple[int, RowBatch | DistillationBatch]:
        """A task and a batch of its prompts with rows; once the labels have ended, of the tasks with a head."""
        shares = [
            0.0 if self.before is not None and not stream.has_head else self.config.task_shares[task]
            for task, stream in zip(self.config.tasks, self.streams, strict=True)
        ]
        index = self.chooser.choices(range(len(shares)), shares)[0]
        return index, self.streams[index].next(self.chooser)

    def loss(self) -> Tensor:
        """The loss of an answer token in the next batch."""
        # A plug learns nothing from plain prompts.
        if self.chooser.random() < (self.config.row_share if self.config.tunes_model else 1.0):
            index, batch = self.next_row_batch()
            is_distillation = isinstance(batch, DistillationBatch)
            # There is no limit to the queries of distillation, so it needs no dropout.
            dropout = 0.0 if is_distillation else self.plug_config.dropout
            rows = persona_rows(self.plug(index, collate_histories(batch.queries), dropout))
            samples = batch.samples
            if isinstance(batch, DistillationBatch):
                losses = -spread_log_likelihood(self.model, samples, rows, batch.first_tokens, batch.shares)
            else:
                losses = -log_likelihood(self.model, samples, rows)
        else:
            samples = self.plain.next()
            if self.before is not None:
                losses = divergence(self.model, self.before, samples)
            else:
                losses = -log_likelihood(self.model, samples, None)
        return losses.sum() / sum(len(entry.sample.answer) for entry in samples)

    def advance(self) -> None:
        """One step of both."""
        set_rate(self.optimizers, self.schedule.factor(self.step))
        if self.before is None and self.step >= self.config.label_end:
            self.before = copy.deepcopy(self.model).requires_grad_(False)
        self.loss().backward()
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.plug.parameters()], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def train(self, checkpoint: Checkpoint) -> None:
        """All steps that are left, with an evaluation every so often and at the end."""
        while self.step < self.config.steps:
            if self.step >= self.evaluations_done * self.config.steps / self.config.evaluations:
                self.evaluations_done += 1
                self.evaluate()
            self.advance()
            checkpoint.save_if_due(self.state)
        self.evaluate()

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, so that the same steps follow."""
        return {
            "plug": self.plug.state_dict(),
            "model": self.model.state_dict(),
            "before": None if self.before is None else self.before.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "random": torch.get_rng_state(),
            "chooser": self.chooser.getstate(),
            "streams": [stream.taken for stream in self.streams],
            "plain": self.plain.taken,
            "progress": (self.step, self.evaluations_done, self.best_score),
            "best": self.best,
            "history": self.history,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Goes back to the state of a checkpoint."""
        self.plug.load_state_dict(saved["plug"])
        self.model.load_state_dict(saved["model"])
        if saved["before"] is not None:
            self.before = copy.deepcopy(self.model).requires_grad_(False)
            self.before.load_state_dict(saved["before"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        torch.set_rng_state(saved["random"])
        self.chooser.setstate(saved["chooser"])
        for stream, taken in zip(self.streams, saved["streams"], strict=True):
            stream.skip(taken)
        self.plain.skip(saved["plain"])
        self.step, self.evaluations_done, self.best_score = saved["progress"]
        self.best, self.history = saved["best"], saved["history"]


def distill(run: RunDirectory, config: DistillConfig, plug_config: PlugConfig) -> None:
    """Trains model and first plug together and writes the weights that are best on held-out users A."""
    run.begin("distill")
    checkpoint = run.checkpoint("distill", {"distill": asdict(config), "plug": asdict(plug_config)})
    distillation = Distillation(run, config, plug_config)
    if saved := checkpoint.load():
        distillation.restore(saved)
        print(f"goes on at step {distillation.step}", flush=True)
    distillation.train(checkpoint)
    if config.tunes_model:
        model = distillation.model
        model.load_state_dict(distillation.best["model"])
        average_with_before(model, load_language_model(run.task_tuned.path).state_dict(), config.before_share)
        with run.distilled.writing() as folder:
            model.save_pretrained(folder)
    distillation.plug.load_state_dict(distillation.best["plug"])
    run.plug_start.write(plug_content(distillation.plug, distillation.plug_config))
    run.distill_report.write({"steps": distillation.step, "history": distillation.history})
    checkpoint.remove()


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--steps", type=int, default=DistillConfig.steps)
    parser.add_argument("--tasks", nargs="+", choices=ALL_TASKS, default=list(SHIPPED_TASKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    distill(
        RunDirectory(arguments.run_directory),
        DistillConfig(steps=arguments.steps, tasks=tuple(arguments.tasks)),
        PlugConfig(tasks=tuple(arguments.tasks)),
    )


if __name__ == "__main__":
    main()
