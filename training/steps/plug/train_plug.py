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
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.core.machine import prepare_machine
from training.core.optimizers import Schedule, set_rate
from training.core.processes import Processes, start_processes
from training.core.run_directory import RunDirectory
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
from training.steps.plug.progress import Progress
from training.steps.plug.saved_plug import plug_content
from training.steps.plug.start import average_with_start, start_file, start_from
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


def prepare(run: RunDirectory, config: PlugConfig, model_path: Path | None = None) -> Training:
    """Loads the language model, starts a plug at its embeddings, and lays out the prompts of users B."""
    torch.manual_seed(config.seed)
    processes, device = start_processes(config.device)
    frozen = frozen_of_run(run, config.llm, model_path, device, config.dtype)
    store = VectorStore(run.embeddings.path)
    table = frozen.embedding_rows()
    plug = create_plug(config, table.shape[1])
    sized = table if config.calibrates_rows else table / table.std()
    plug.start_from_embeddings(sized, torch.Generator().manual_seed(config.seed))
    answers = DrawnAnswers.of_run(run, frozen.tokenizer, config.gold_share, frozen.form.end)
    start = start_file(run, config, model_path)
    if start is not None:
        processes.say(f"starts from {start.path}: {', '.join(start_from(plug, start.read()))}")
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
    return Training(frozen, plug, users, held_out, config, processes, answers, copy.deepcopy(plug.state_dict()))


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


def train(training: Training, run: RunDirectory) -> None:
    """Trains, keeps the weights that are best on held-out users B over all tasks, trains the gate; writes the plug."""
    config, plug, processes, model = training.config, training.plug, training.processes, training.frozen.model
    if processes.is_main:
        run.begin("plug")
    optimizer = optimizer_of(plug, config)
    # The device may change between two starts; everything else decides what is trained.
    settings = {name: value for name, value in asdict(config).items() if name != "device"}
    checkpoint = run.checkpoint("plug", settings)
    progress = Progress()
    if saved := checkpoint.load():
        plug.load_state_dict(saved["plug"])
        optimizer.load_state_dict(saved["optimizer"])
        progress = Progress(**saved["progress"])
        processes.say(f"goes on at step {progress.step}")
    schedule = Schedule(config.steps, config.warm_up_share, config.decay_share)
    batches = Batches(training.users, config, training.answers)
    batches.skip(progress.step)
    recent: dict[str, list[float]] = {task: [] for task in config.tasks}

    def evaluate() -> None:
        losses = {task: held_out_loss(training, index) for index, task in enumerate(config.tasks)}
        # Logarithms, so that a category's 1 nat counts as much as a title's 50: what matters is the relative gain.
        score = sum(config.task_shares[task] * math.log(losses[task]) for task in config.tasks)
        progress.record(plug, score, {"step": progress.step, **losses})
        trained = {task: round(sum(values) / max(1, len(values)), 3) for task, values in recent.items()}
        temperatures = [round(value, 2) for value in plug.temperature().tolist()]
        processes.say(f"step {progress.step}  held out {losses}  trained {trained}  τ {temperatures}")
        for values in recent.values():
            values.clear()

    def state() -> dict[str, Any]:
        return {"plug": plug.state_dict(), "optimizer": optimizer.state_dict(), "progress": vars(progress)}

    while progress.step < config.steps:
        if progress.step >= progress.evaluations_done * config.steps / config.evaluations:
            progress.evaluations_done += 1
            evaluate()
        # Dropout follows from seed, step and process: a run that was interrupted draws what it would have drawn.
        torch.manual_seed((config.seed * 1_000_003 + progress.step) * processes.count + processes.index)
        set_rate([optimizer], schedule.factor(progress.step))
        batch = batches.next()
        optimizer.zero_grad(set_to_none=True)
        loss = batch_gradients(model, plug, batch, config, processes)
        torch.nn.utils.clip_grad_norm_([p for p in plug.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        recent[config.tasks[batch[0]]].append(loss)
        progress.step += 1
        if processes.is_main:
            checkpoint.save_if_due(state)
    evaluate()
    if not config.keeps_last:
        plug.load_state_dict(progress.best)
    if config.start_share:
        average_with_start(plug, training.start, config.start_share, training.answers.heads)
    gate_report = None
    if config.has_gate and config.persona_rows > 0:
        gate_report = train_gate(model, plug, training.users, config)
    if processes.is_main:
        run.plug.write(plug_content(plug, config))
        run.plug_report.write(
            {
                "best": progress.best_score,
                "best_evaluation": progress.best_evaluation,
                "steps": progress.step,
                "history": progress.history,
                "gate": gate_report,
            }
        )
        run.language_model_block.write(training.frozen.manifest_block())
        checkpoint.remove()


def train_plug(run: RunDirectory, config: PlugConfig, model_path: Path | None = None, is_dry_run: bool = False) -> None:
    """Prints what the training will cost and, unless this is a dry run, trains."""
    training = prepare(run, config, model_path)
    for line in estimate(training.frozen.model, training.plug, training.users, config, training.processes):
        training.processes.say(line)
    if not is_dry_run:
        train(training, run)


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument(
        "--llm", default="", help="any Hugging Face causal LM with its tokenizer; default: that of the run"
    )
    parser.add_argument("--model", type=Path, default=None, help="other weights for the tokenizer of the run")
    parser.add_argument("--steps", type=int, default=PlugConfig.steps)
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
        steps=arguments.steps,
        batch_tokens=arguments.batch_tokens,
        tasks=tuple(arguments.tasks),
        device=arguments.device,
        dtype=arguments.dtype,
    )
    train_plug(RunDirectory(arguments.run_directory), config, arguments.model, arguments.dry_run)


if __name__ == "__main__":
    main()
