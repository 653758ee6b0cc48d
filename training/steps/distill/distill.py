"""Teaches the language model to read soft rows, by distillation from linear heads: the second half of task tuning.

A frozen model of a few million parameters makes little use of rows that it never met in training, so the model and a
first plug are trained together. Where a task has linear heads (`training.steps.linear_head`) the plug starts at one of
them, and the prompts with rows have the heads' answers as targets (`distillation_batches`). Since these answers are not
the users' own, prompts without text may come from users B too. A task without heads is trained on the users' own
answers; a part of the text is left out of half of its prompts, since the model would otherwise keep reading the text
alone. Plain prompts, with and without retrieved items, keep "none" what it was. After `label_minutes` only distillation
goes on, since labels would be memorised, and plain prompts keep the model at its answers of that moment. Afterwards the
model is frozen, and `training.steps.plug.train_plug` trains the plug on users B. A model that can read rows already,
such as the one that ships, may stay as it is (`tunes_model`): then only a new plug learns.

`python -m training.steps.distill.distill --run-directory RUN` moves RUN/tuned to RUN/task-tuned, goes on from there,
and writes RUN/tuned anew, and RUN/plug-start.pt, from which the plug's training starts.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training.core.language_model import load_language_model
from training.core.machine import prepare_machine
from training.core.optimizers import TimeSchedule, create_optimizers, set_rate
from training.data.samples import batches_by_length
from training.data.tokenizer import TextTokenizer
from training.data.users import ALL_TASKS, SHIPPED_TASKS
from training.data.vector_store import VectorStore
from training.persona.histories import collate_histories
from training.persona.persona_rows import rows_and_gate
from training.persona.soft_prompt import divergence, log_likelihood, spread_log_likelihood
from training.steps.distill.distillation_batches import DistillationBatch
from training.steps.distill.prompt_streams import DistillConfig, PromptStreams, plain_batches
from training.steps.drawn_answers import DrawnAnswers
from training.steps.plug.plug_config import PlugConfig, create_plug, optimizer_of


def average_with_before(tuned: Path, before: Path, share: float) -> None:
    """Averages a tuned model with the one before, with weight `share` (as WiSE-FT, arXiv 2109.01903)."""
    model, start = load_language_model(tuned), load_language_model(before).state_dict()
    with torch.no_grad():
        for name, ours in model.named_parameters():  # a state_dict would name tied weights twice
            ours.lerp_(start[name], share)
    model.save_pretrained(tuned)


def set_aside(directory: Path) -> Path:
    """Moves RUN/tuned to RUN/task-tuned unless that is there already; returns RUN/task-tuned."""
    source = directory / "task-tuned"
    if not source.exists():
        if (directory / "tuned").is_symlink():
            raise ValueError(
                f"{directory / 'tuned'} belongs to another run. Copy it here, so that this run may change it."
            )
        (directory / "tuned").rename(source)
    return source


def distill(directory: Path, config: DistillConfig, plug_config: PlugConfig) -> Path:
    """Tunes model and first plug together; keeps the weights that are best on held-out users A, with and without."""
    torch.manual_seed(config.seed)
    tokenizer = TextTokenizer(directory / "corpus" / "tokenizer.json")
    source = set_aside(directory) if config.tunes_model else directory / "tuned"
    (directory / "plug.checkpoint.pt").unlink(missing_ok=True)  # belongs to a plug of the former model
    model = load_language_model(source).requires_grad_(config.tunes_model)
    store = VectorStore(directory / "embeddings")
    plug_config = replace(
        plug_config,
        tasks=config.tasks,
        rate=config.plug_rate,
        reading_rate=config.reading_rate,
        query_rate=config.query_rate,
    )
    plug = create_plug(plug_config, model.config.hidden_size)
    plug.start_from_embeddings(model.get_input_embeddings().weight.detach(), torch.Generator().manual_seed(config.seed))
    answers = DrawnAnswers.of_run(directory, tokenizer, gold_share=0.0)
    answers.start(plug, model.get_input_embeddings().weight.detach())
    streams = [PromptStreams(task, tokenizer, store, plug_config, config, answers) for task in config.tasks]
    if config.label_minutes < config.minutes and not any(stream.has_head for stream in streams):
        raise ValueError(
            f"label_minutes is {config.label_minutes}, and no task has a linear head. Run linear_head first."
        )
    plain = plain_batches(tokenizer, config.tasks, config)
    optimizers: list[torch.optim.Optimizer] = [optimizer_of(plug, plug_config)]
    if config.tunes_model:
        optimizers += create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    row_share = config.row_share if config.tunes_model else 1.0  # a plug learns nothing from plain prompts
    schedule = TimeSchedule(config.minutes * 60, warm_up_share=0.05, decay_share=0.7)
    chooser = random.Random(config.seed)
    shares = [config.task_shares[task] for task in config.tasks]
    elapsed, step, next_evaluation, best, history = 0.0, 0, 0.0, math.inf, []
    before = None  # the model when the labels end

    @torch.no_grad()
    def evaluate() -> None:
        nonlocal best
        plug.eval()
        losses = {}
        for index, task in enumerate(config.tasks):
            sums = {"none": 0.0, "rows": 0.0}
            lengths = [len(user.with_rows[i].sample) for user, i in streams[index].held_out]
            for batch in batches_by_length(lengths, config.batch_tokens, random.Random(0)):
                chosen = [streams[index].held_out[position] for position in batch]
                rows, _ = rows_and_gate(plug, index, [user.query(i, range(i)) for user, i in chosen])
                sums["none"] -= float(log_likelihood(model, [user.plain[i] for user, i in chosen], None).sum())
                sums["rows"] -= float(log_likelihood(model, [user.with_rows[i] for user, i in chosen], rows).sum())
            losses[task] = {name: total / len(streams[index].held_out) for name, total in sums.items()}
        plug.train()
        score = sum(math.log(loss) for pair in losses.values() for loss in pair.values())
        history.append({"minutes": elapsed / 60, "step": step, "losses": losses})
        print(f"{elapsed / 60:.1f} min  step {step}  {'best so far' if score < best else ''} {losses}", flush=True)
        if score < best:
            best = score
            if config.tunes_model:
                model.save_pretrained(directory / "tuned")
            torch.save(
                {"plug": plug.state_dict(), "config": asdict(plug_config), "hidden": plug.hidden},
                directory / "plug-start.pt",
            )

    while not schedule.is_over(elapsed):
        if elapsed >= next_evaluation:
            next_evaluation += schedule.budget / config.evaluations
            evaluate()
        started = time.monotonic()
        set_rate(optimizers, schedule.factor(elapsed))
        if before is None and elapsed >= config.label_minutes * 60:
            before = copy.deepcopy(model).requires_grad_(False)
            shares = [share if stream.has_head else 0.0 for share, stream in zip(shares, streams, strict=True)]
        rows = None
        if chooser.random() < row_share:
            index = chooser.choices(range(len(config.tasks)), shares)[0]
            batch = streams[index].next(chooser)
            # There is no limit to the queries of distillation, so it needs no dropout.
            is_distillation = isinstance(batch, DistillationBatch)
            samples, queries = (batch.samples, batch.queries) if is_distillation else batch
            persona = plug(index, collate_histories(queries), 0.0 if is_distillation else plug_config.dropout)
            rows = torch.cat([persona.instruction, persona.rows], dim=1)
        else:
            samples, is_distillation = next(plain), False
        if is_distillation:
            losses = -spread_log_likelihood(model, samples, rows, batch.first_tokens, batch.shares)
        elif rows is None and before is not None:
            losses = divergence(model, before, samples)
        else:
            losses = -log_likelihood(model, samples, rows)
        (losses.sum() / sum(len(entry.sample.answer) for entry in samples)).backward()
        torch.nn.utils.clip_grad_norm_([*model.parameters(), *plug.parameters()], 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        elapsed += time.monotonic() - started
        step += 1
    evaluate()
    if config.before_share and config.tunes_model:
        average_with_before(directory / "tuned", source, config.before_share)
    (directory / "distill.json").write_text(json.dumps({"steps": step, "history": history}, indent=1))
    return directory / "tuned"


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--minutes", type=float, default=DistillConfig.minutes)
    parser.add_argument("--tasks", nargs="+", choices=ALL_TASKS, default=list(SHIPPED_TASKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    distill(
        arguments.run_directory,
        DistillConfig(minutes=arguments.minutes, tasks=tuple(arguments.tasks)),
        PlugConfig(tasks=tuple(arguments.tasks)),
    )


if __name__ == "__main__":
    main()
