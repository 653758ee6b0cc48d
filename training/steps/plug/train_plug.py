"""Trains the plug of a frozen language model on users B (PPlug, arXiv 2409.11901, section 3.3).

First the persona is trained on the next-token loss of the users' answers, with random parts of the history dropped, and
then the gate on the mixture g · p(y | persona) + (1 − g) · p(y | none), with the users' own histories and those of
other users. The gate comes second because its targets need a finished persona. The rows never learn from other users'
histories.

`accelerate launch -m training.steps.plug.train_plug …` trains on several GPUs; an interrupted run goes on from its
checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.core.machine import prepare_machine
from training.core.optimizers import TimeSchedule, set_rate
from training.core.processes import Processes, start_processes
from training.data.samples import batches_by_length
from training.data.splits import is_tuning_holdout
from training.data.users import SHIPPED_TASKS, training_users
from training.data.vector_store import VectorStore
from training.persona.frozen_model import DTYPES, FrozenModel, frozen_of_run
from training.persona.persona_rows import rows_and_gate
from training.persona.plug import Plug
from training.persona.soft_prompt import log_likelihood
from training.steps.drawn_answers import DrawnAnswers
from training.steps.plug.batches import Batches, batch_gradients
from training.steps.plug.estimate import estimate
from training.steps.plug.plug_config import PlugConfig, create_plug, fix_parts, optimizer_of
from training.steps.plug.progress import Checkpoint
from training.steps.plug.start import average_with_start, start_from, start_path
from training.steps.plug.train_gate import train_gate
from training.steps.plug.user_samples import UserSamples, build_user_samples, spread_queries


@dataclass
class Training:
    """What a training needs: models, the users' samples by task, held-out queries by task, processes."""

    frozen: FrozenModel
    plug: Plug
    users: dict[str, list[UserSamples]]
    held_out: dict[str, list[tuple[UserSamples, int]]]
    config: PlugConfig
    processes: Processes
    answers: DrawnAnswers
    start: dict[str, Tensor]  # the plug's weights before the first step


def prepare(directory: Path, config: PlugConfig, model_path: Path | None = None) -> Training:
    """Loads the language model, starts a plug at its embeddings, and lays out the prompts of users B."""
    torch.manual_seed(config.seed)
    processes, device = start_processes(config.device)
    frozen = frozen_of_run(directory, config.llm, model_path, device, config.dtype)
    store = VectorStore(directory / "embeddings")
    table = frozen.embedding_rows()
    plug = create_plug(config, table.shape[1])
    sized = table if config.calibrates_rows else table / table.std()
    plug.start_from_embeddings(sized, torch.Generator().manual_seed(config.seed))
    answers = DrawnAnswers.of_run(directory, frozen.tokenizer, config.gold_share, frozen.form.end, config.cross_fitted)
    start = start_path(directory, config, model_path)
    if start is not None:
        processes.say(f"starts from {start}: {', '.join(start_from(plug, start))}")
    elif config.start != "none" and config.persona_rows and answers.start(plug, table):
        processes.say("starts at the linear head")
    fix_parts(plug, config)
    sizes = (config.instruction_rows, config.persona_rows)
    users, held_out = {}, {}
    for task in config.tasks:
        samples = build_user_samples(
            [user for split in config.splits for user in training_users(task, split)],
            frozen.tokenizer,
            store,
            sizes,
            config.maximum_prompt,
            frozen.form,
        )
        users[task] = [user for user in samples if not is_tuning_holdout(user.user.id)]
        kept_apart = [user for user in samples if is_tuning_holdout(user.user.id)]
        held_out[task] = spread_queries(kept_apart, config.held_out_queries)
        processes.say(
            f"{task}: {len(users[task])} users, held out {len(kept_apart)} with {len(held_out[task])} queries"
        )
    start = copy.deepcopy(plug.state_dict())
    return Training(frozen, plug, users, held_out, config, processes, answers, start)


@torch.no_grad()
def held_out_loss(training: Training, task: int) -> float:
    """Mean negative log-likelihood of an answer with the whole true history; each process measures its share."""
    config, plug = training.config, training.plug
    entries = training.held_out[config.tasks[task]]
    plug.eval()
    total = torch.zeros(1)
    lengths = [len(user.with_rows[index].sample) for user, index in entries]
    for batch in training.processes.share(list(batches_by_length(lengths, config.batch_tokens, random.Random(0)))):
        chosen = [entries[position] for position in batch]
        queries = [user.query(index, range(index)) for user, index in chosen]
        rows, _ = rows_and_gate(plug, task, queries, config.without_outputs)
        samples = [user.with_rows[index] for user, index in chosen]
        total -= log_likelihood(training.frozen.model, samples, rows, config.dtype == "bfloat16").sum()
    plug.train()
    return float(training.processes.sum(total)) / len(entries)


def train(training: Training, directory: Path) -> Path:
    """Trains, keeps the weights that are best on held-out users B over all tasks, trains the gate; writes plug.pt."""
    config, plug, processes, model = training.config, training.plug, training.processes, training.frozen.model
    optimizer = optimizer_of(plug, config)
    checkpoint = Checkpoint(directory / "plug.checkpoint.pt", config)
    progress = checkpoint.load(plug, optimizer)
    if progress.step:
        processes.say(f"goes on at step {progress.step}, {progress.elapsed / 60:.1f} min")
    schedule = TimeSchedule(config.steps or config.minutes * 60, config.warm_up_share, config.decay_share)
    batches = Batches(training.users, config, training.answers)
    batches.skip(progress.step)
    recent: dict[str, list[float]] = {task: [] for task in config.tasks}
    last_checkpoint = progress.elapsed

    def reached() -> float:
        return progress.step if config.steps else progress.elapsed

    def evaluate() -> None:
        losses = {task: held_out_loss(training, index) for index, task in enumerate(config.tasks)}
        # Logarithms, so that a category's 1 nat counts as much as a title's 50: what matters is the relative gain.
        score = sum(config.task_shares[task] * math.log(losses[task]) for task in config.tasks)
        progress.record(plug, score, {"minutes": progress.elapsed / 60, "step": progress.step, **losses})
        temperatures = [round(value, 2) for value in plug.temperature().tolist()]
        decays = [round(value, 3) for value in plug.decay().tolist()]
        trained = {task: round(sum(values) / max(1, len(values)), 3) for task, values in recent.items()}
        processes.say(
            f"{progress.elapsed / 60:.1f} min  step {progress.step}  held out {losses}  trained {trained}  "
            f"τ {temperatures}  λ {decays}"
        )
        for values in recent.values():
            values.clear()

    while not schedule.is_over(reached()):
        if reached() >= progress.next_evaluation:
            progress.next_evaluation += schedule.budget / config.evaluations
            evaluate()
        started = time.monotonic()
        # Dropout follows from seed, step and process: a run that was interrupted draws what it would have drawn.
        torch.manual_seed((config.seed * 1_000_003 + progress.step) * processes.count + processes.index)
        set_rate([optimizer], schedule.factor(reached()))
        batch = batches.next()
        optimizer.zero_grad(set_to_none=True)
        loss = batch_gradients(model, plug, batch, config, processes)
        torch.nn.utils.clip_grad_norm_([p for p in plug.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        recent[config.tasks[batch[0]]].append(loss)
        # One clock for all: the schedule must not differ between processes.
        seconds = processes.sum(torch.tensor([time.monotonic() - started])) / processes.count
        progress.elapsed += float(seconds)
        progress.step += 1
        if progress.elapsed - last_checkpoint >= config.checkpoint_minutes * 60:
            last_checkpoint = progress.elapsed
            if processes.is_main:
                checkpoint.save(plug, optimizer, progress)
    evaluate()
    if not config.keeps_last:
        plug.load_state_dict(progress.best)
    if config.start_share:
        average_with_start(plug, training.start, config.start_share, training.answers)
    gate_report = None
    if config.has_gate and config.persona_rows > 0:
        gate_report = train_gate(model, plug, training.users, config)
    path = directory / "plug.pt"
    if processes.is_main:
        torch.save({"plug": plug.state_dict(), "config": asdict(config), "hidden": plug.hidden}, path)
        (directory / "unigram-adaptation.pt").unlink(
            missing_ok=True
        )  # it was fitted for the weights of the former plug
        report = {
            "best": progress.best_score,
            "best_evaluation": progress.best_evaluation,
            "steps": progress.step,
            "history": progress.history,
            "gate": gate_report,
        }
        (directory / "plug.json").write_text(json.dumps(report, indent=1))
        (directory / "language-model.json").write_text(json.dumps(training.frozen.manifest_block(), indent=1))
        checkpoint.remove()
    return path


def train_plug(directory: Path, config: PlugConfig, model_path: Path | None = None, is_dry_run: bool = False) -> Path:
    """Prints what the training will cost and, unless this is a dry run, trains; returns where plug.pt lies."""
    training = prepare(directory, config, model_path)
    for line in estimate(training.frozen.model, training.plug, training.users, config, training.processes):
        training.processes.say(line)
    return directory / "plug.pt" if is_dry_run else train(training, directory)


def load_plug(path: Path) -> tuple[Plug, PlugConfig]:
    """A trained plug with its config."""
    saved = torch.load(path, weights_only=True)
    config = PlugConfig(**saved["config"])
    plug = create_plug(config, saved["hidden"])
    plug.load_state_dict(saved["plug"])
    return plug.eval(), config


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--llm", default="", help="any Hugging Face causal LM with its tokenizer; default RUN/tuned")
    parser.add_argument("--model", type=Path, default=None, help="other weights for the tokenizer of the run")
    parser.add_argument("--minutes", type=float, default=PlugConfig.minutes)
    parser.add_argument("--steps", type=int, default=PlugConfig.steps, help="instead of minutes")
    parser.add_argument("--batch-tokens", type=int, default=PlugConfig.batch_tokens, help="of all processes together")
    parser.add_argument("--tasks", nargs="+", default=list(SHIPPED_TASKS))
    parser.add_argument("--device", default=PlugConfig.device, help="where the language model runs: cpu, cuda, …")
    parser.add_argument("--dtype", choices=DTYPES, default=PlugConfig.dtype)
    parser.add_argument("--dry-run", action="store_true", help="print tokens, memory and time, and stop")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    config = PlugConfig(
        llm=arguments.llm,
        minutes=arguments.minutes,
        steps=arguments.steps,
        batch_tokens=arguments.batch_tokens,
        tasks=tuple(arguments.tasks),
        device=arguments.device,
        dtype=arguments.dtype,
    )
    train_plug(arguments.run_directory, config, arguments.model, arguments.dry_run)


if __name__ == "__main__":
    main()
