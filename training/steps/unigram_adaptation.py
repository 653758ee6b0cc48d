"""Fits the unigram adaptation of a plug: `python -m training.steps.unigram_adaptation --run-directory RUN`.

p is counted in the outputs of all training users. β and μ are the point of a grid with the least mean loss of the gold
output over queries of `split`, with the rows and attention weights of the trained plug, all earlier items as history
and the gate left out. If no β > 0 beats the plug alone, β is 0. Tasks in free text whose outputs enter the persona are
adapted, or those that are named: among fixed choices the adaptation raises what the user often answers (tags of films),
which rows that start at a linear head may know already. Then the gate is trained once more, since it decides on the
adapted answers. Works for the plug of any language model, over the vocabulary of its logits.

β and μ are fitted on all users of the split. Fitted on the three headline writers held out of the plug's training
(β = .7, μ = 300) they cost dev users .4 nats, where β = .6, μ = 1000 gains 1.2. A language model that was tuned on the
outputs of users B expects their words already; then `split` must be "dev".
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.core.machine import prepare_machine
from training.core.run_directory import RunDirectory
from training.data.prompts import TASK_PROMPTS, answer_ids
from training.data.samples import IGNORED, batches_by_length
from training.data.splits import Split
from training.data.task_samples import tuning_users
from training.data.users import User, training_users, users_of_split
from training.data.vector_store import VectorStore
from training.persona.frozen_model import FrozenModel, frozen_of_run
from training.persona.persona_rows import persona_of_queries, persona_rows
from training.persona.plug import Plug
from training.persona.soft_prompt import answer_states
from training.persona.unigram_adaptation import (
    UnigramAdaptation,
    background_of,
    read_unigram_tensors,
    token_counts,
    unigram_tensors,
)
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.saved_plug import gate_content, load_plug
from training.steps.plug.train_gate import train_gate
from training.steps.plug.user_samples import UserSamples, build_user_samples, spread_queries


@dataclass(frozen=True)
class UnigramAdaptationConfig:
    """The grid, and how many queries of each task are asked, equally many of each user."""

    queries: int = 500
    split: Split = "train_b"  # "dev" where the language model was tuned on the outputs of users B
    tasks: tuple[str, ...] | None = None  # those with answers in free text
    strengths: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    masses: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)


class GridLosses:
    """Sums of the gold answers' losses without a bias and at every point of the grid."""

    def __init__(self, background: np.ndarray, config: UnigramAdaptationConfig) -> None:
        self._points = [
            UnigramAdaptation(background, strength, mass) for strength in config.strengths for mass in config.masses
        ]
        self._without, self._with, self._queries = 0.0, np.zeros(len(self._points)), 0

    def add(self, logits: Tensor, targets: Tensor, tokens: np.ndarray, counts: np.ndarray) -> None:
        """Adds a query: logits [t, vocabulary] and ids [t] of its answer, tokens and counts of its history."""
        scores = logits.float().log_softmax(dim=-1).cpu()
        targets = targets.cpu()
        raised = np.stack([point.bias(tokens, counts) for point in self._points])  # [points, s]
        places = np.searchsorted(tokens, targets.numpy()).clip(max=len(tokens) - 1)
        is_new = ~(
            np.tril(targets.numpy()[:, None] == targets.numpy()[None], -1).any(axis=1)
        )  # not earlier in the answer
        gained = np.where((tokens[places] == targets.numpy()) & is_new, raised[:, places], 0.0)  # [points, t]
        # Only the tokens of the history change: Σ_w P(w) e^bias = 1 + Σ_s P(s) (e^bias − 1).
        seen = scores[:, torch.from_numpy(tokens)].exp().double().numpy()  # [t, s]
        said = np.cumsum(targets.numpy()[:, None] == tokens[None], axis=0) > 0
        seen[1:][said[:-1]] = 0.0  # its bias ends once it has occurred
        mass = np.log1p(seen @ np.expm1(raised).T)  # [t, points]
        loss = -float(scores.gather(1, targets[:, None]).double().sum())
        self._without += loss
        self._with += loss - gained.sum(axis=1) + mass.sum(axis=0)
        self._queries += 1

    def best(self) -> tuple[UnigramAdaptation, dict[str, float]]:
        """The point of the least loss, with β = 0 if no point beats the loss without a bias, and the mean losses in
        nats.
        """
        lowest = int(self._with.argmin())
        point, after = self._points[lowest], float(self._with[lowest])
        if after >= self._without:
            point, after = replace(point, strength=0.0), self._without
        found = {"strength": point.strength, "mass": point.mass, "queries": self._queries}
        return point, {**found, "before": self._without / self._queries, "after": after / self._queries}


def adapted_tasks(config: PlugConfig, named: Sequence[str] | None = None) -> list[str]:
    """The plug's tasks in free text, or those named; only tasks whose outputs may enter the persona."""
    if named is None:
        free = [task for task in config.tasks if not TASK_PROMPTS[task].choices]
        return [task for task in free if task not in config.without_outputs] if config.persona_rows else []
    if not config.persona_rows:
        raise ValueError(
            f"{', '.join(named)}: unigram adaptation needs persona rows, and the plug has 0. Leave the step out."
        )
    for task in named:
        if task not in config.tasks or task in config.without_outputs:
            why = "its outputs stay out of the persona" if task in config.tasks else "the plug does not have it"
            raise ValueError(f"{task} cannot have unigram adaptation: {why}. Name others, or leave tasks out.")
    return list(named)


def training_background(task: str, frozen: FrozenModel) -> np.ndarray:
    """Each token's share in the outputs of the training users A and B, [vocabulary]."""
    users = training_users(task, "train_a") + training_users(task, "train_b")
    vocabulary = frozen.model.get_output_embeddings().weight.shape[0]
    outputs = (item.output for user in users for item in user.items)
    return background_of((answer_ids(frozen.tokenizer, output, frozen.form.end) for output in outputs), vocabulary)


@torch.no_grad()
def fit_task(
    frozen: FrozenModel,
    plug: Plug,
    task: int,
    users: Sequence[UserSamples],
    background: np.ndarray,
    config: UnigramAdaptationConfig,
    batch_tokens: int = 2048,
) -> tuple[UnigramAdaptation, dict[str, float]]:
    """β and μ of one task on queries of the users."""
    entries = spread_queries(users, config.queries)
    if not entries:
        raise ValueError(f"{plug.tasks[task]}: no users to fit on. Leave the task or the step out.")
    losses, done = GridLosses(background, config), 0
    lengths = [len(user.with_rows[index].sample) for user, index in entries]
    for batch in batches_by_length(lengths, batch_tokens, random.Random(0)):
        chosen = [entries[position] for position in batch]
        persona = persona_of_queries(plug, task, [user.query(index, range(index)) for user, index in chosen])
        samples = [user.with_rows[index] for user, index in chosen]
        hidden, targets = answer_states(frozen.model, samples, persona_rows(persona), False)
        for row, (user, index) in enumerate(chosen):
            is_answer = targets[row] != IGNORED
            logits = frozen.model.get_output_embeddings()(hidden[row][is_answer])
            answers = user.answers(range(index))
            words = token_counts(answers, persona.weights[row, : len(answers)].tolist())
            losses.add(logits, targets[row][is_answer], *words)
        if done // 100 != (done + len(batch)) // 100:
            print(f"{plug.tasks[task]}: {done + len(batch)} of {len(entries)} queries", flush=True)
        done += len(batch)
    return losses.best()


def users_to_fit(task: str, split: Split) -> list[User]:
    """The users whose queries are asked: training users without measured items, or dev users."""
    if split == "test":
        raise ValueError("split is test: nothing is fitted on users of the last measurement. Use train_b or dev.")
    return users_of_split(task, "dev") if split == "dev" else training_users(task, split)


def fit_unigram_adaptation(
    run: RunDirectory, config: UnigramAdaptationConfig, model_path: Path | None = None, device: str | None = None
) -> dict[str, dict[str, float]]:
    """Fits every adapted task, trains the gate again, and writes both with a report, which it returns by task.

    A plug without adapted tasks gets no files. An interrupted run goes on after the last task that it has saved.
    """
    run.begin("unigram_adaptation")
    plug, plug_config = load_plug(run)
    tasks = adapted_tasks(plug_config, config.tasks)
    if not tasks:
        print("no unigram adaptation: the plug has no persona rows, or no task in free text", flush=True)
        return {}
    frozen = frozen_of_run(run, plug_config.llm, model_path, device or plug_config.device, plug_config.dtype)
    store = VectorStore(run.embeddings.path)
    sizes = (plug_config.instruction_rows, plug_config.persona_rows)

    def samples(users: Sequence[User]) -> list[UserSamples]:
        return build_user_samples(users, frozen.tokenizer, store, sizes, plug_config.maximum_prompt, frozen.form)

    checkpoint = run.checkpoint("unigram_adaptation", asdict(config))
    fitted: dict[str, dict[str, Any]] = checkpoint.load() or {}
    for task in tasks:
        if task in fitted:
            continue
        users = samples(users_to_fit(task, config.split))
        background = training_background(task, frozen)
        found, report = fit_task(frozen, plug, plug.tasks.index(task), users, background, config)
        report["users"] = len(users)
        print(f"{task}: {report}", flush=True)
        fitted[task] = {
            "background": torch.from_numpy(background),
            "strength": found.strength,
            "mass": found.mass,
            "report": report,
        }
        checkpoint.save_if_due(lambda: fitted)
    adaptations = {
        task: UnigramAdaptation(entry["background"].numpy(), entry["strength"], entry["mass"])
        for task, entry in fitted.items()
    }
    gate_report = None
    if plug_config.has_gate:
        users_of = {task: samples(tuning_users([task], plug_config.splits, is_held_out=False)) for task in plug.tasks}
        gate_report = train_gate(frozen.model, plug, users_of, plug_config, adaptations)
        run.gate.write(gate_content(plug))
    run.unigram_adaptation.write(unigram_tensors(adaptations))
    reports = {task: entry["report"] for task, entry in fitted.items()}
    run.unigram_adaptation_report.write({"tasks": reports, "gate": gate_report})
    checkpoint.remove()
    return reports


def load_unigram_adaptation(run: RunDirectory) -> dict[str, UnigramAdaptation]:
    """The unigram adaptation of a run by task; empty where the run has none."""
    return read_unigram_tensors(run.unigram_adaptation.read()) if run.unigram_adaptation.exists() else {}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--model", type=Path, default=None, help="other weights for the tokenizer of the run")
    parser.add_argument("--queries", type=int, default=UnigramAdaptationConfig.queries, help="of each task")
    parser.add_argument("--split", choices=["train_b", "dev"], default=UnigramAdaptationConfig.split)
    parser.add_argument("--device", default=None, help="where the language model runs; default: as for the plug")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    config = UnigramAdaptationConfig(queries=arguments.queries, split=arguments.split)
    fit_unigram_adaptation(RunDirectory(arguments.run_directory), config, arguments.model, arguments.device)


if __name__ == "__main__":
    main()
