"""Trains the plug of a frozen language model on users B (PPlug, arXiv 2409.11901, section 3.3).

First the persona: next-token loss of her answer, over all users, with random parts of the history dropped. Then the
gate, on the mixture g · p(y | persona) + (1 − g) · p(y | none), with true histories and those of other users. The
gate comes second because its targets need a finished persona; the rows never learn from other users' histories,
which would only blur them.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from training.data import SHIPPED_TASKS, training_users
from training.embed_histories import VectorStore
from training.embedder import DIM
from training.frozen_model import DTYPES, load_frozen, load_nano
from training.gate import train_gate
from training.histories import collate_histories
from training.optimizers import TimeSchedule, set_rate
from training.persona import Plug
from training.plug_data import UserSamples, build_user_samples, spread_queries, training_batches
from training.samples import batches_by_length
from training.soft_prompt import log_likelihood
from training.splits import is_tuning_holdout


@dataclass(frozen=True)
class PlugConfig:
    """Sizes, rates and shares. `task_shares`: how often a batch is of each task."""

    tasks: tuple[str, ...] = SHIPPED_TASKS
    llm: str = ""  # folder or name of any Hugging Face causal LM with its own tokenizer; "" is the run's nano model
    device: str = "cpu"  # of the frozen language model
    dtype: str = "bfloat16"  # of its weights and matrix products; float32 where exactness matters more than time
    minutes: float = 14.0
    persona_rows: int = 4
    instruction_rows: int = 4
    projector_width: int = 256
    temperature: float = 10.0
    rate: float = 0.002
    query_rate: float = 0.0005
    weight_decay: float = 0.01
    dropout: float = 0.1
    batch_tokens: int = 2048
    maximum_prompt: int = 256
    items_per_user: int = 100
    task_shares: dict[str, float] = field(
        default_factory=lambda: {"news_category": 0.6, "news_headline": 0.22, "paper_title": 0.18}
    )
    held_out_queries: int = 120
    gate_queries: int = 400
    evaluations: int = 8
    seed: int = 0


def create_plug(config: PlugConfig, hidden: int) -> Plug:
    """A plug of the configured sizes."""
    sizes = (config.projector_width, config.persona_rows, config.instruction_rows)
    return Plug(DIM, hidden, *sizes, config.tasks, config.temperature)


def persona_rows(plug: Plug, task: int, persona) -> torch.Tensor:
    """Rows [b, instruction + persona, hidden] in the order of the prompt: I, then P."""
    return torch.cat([plug.instruction[task].expand(persona.rows.shape[0], -1, -1), persona.rows], dim=1)


def endless_batches(users: list[UserSamples], config: PlugConfig, seed: int):
    """Pass after pass over the users of one task."""
    epoch = 0
    while True:
        yield from training_batches(
            users, config.items_per_user, config.batch_tokens, random.Random(seed * 1000 + epoch)
        )
        epoch += 1


@torch.no_grad()
def held_out_loss(model, plug: Plug, task: int, entries, batch_tokens: int, use_bfloat16: bool = True) -> float:
    """Mean negative log-likelihood of an answer with the whole true history."""
    plug.eval()
    total = 0.0
    for batch in batches_by_length(
        [len(user.with_rows[index].sample) for user, index in entries], batch_tokens, random.Random(0)
    ):
        chosen = [entries[position] for position in batch]
        histories = collate_histories([user.query(index, range(index)) for user, index in chosen])
        rows = persona_rows(plug, task, plug(task, histories))
        samples = [user.with_rows[index] for user, index in chosen]
        total -= float(log_likelihood(model, samples, rows, use_bfloat16).sum())
    plug.train()
    return total / len(entries)


def optimizer_of(plug: Plug, config: PlugConfig) -> torch.optim.Optimizer:
    """AdamW; the query head moves slowly from the identity, scalars and rows are not decayed."""
    decayed = [plug.projector_in.weight, plug.projector_out.weight]
    free = [plug.projector_in.bias, plug.projector_out.bias, plug.instruction, plug.log_temperature, plug.raw_decay]
    groups = [
        {"params": decayed, "peak": config.rate, "weight_decay": config.weight_decay},
        {"params": free, "peak": config.rate, "weight_decay": 0.0},
        {"params": [plug.query.weight], "peak": config.query_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98))


def train_plug(directory: Path, config: PlugConfig, model_path: Path | None = None) -> Path:
    """Trains on users B, keeps the weights that are best on held-out users B, task by task; returns plug.pt."""
    torch.manual_seed(config.seed)
    frozen = (
        load_frozen(config.llm, config.device, config.dtype)
        if config.llm
        else load_nano(directory, model_path, config.device, config.dtype)
    )
    model, use_bfloat16 = frozen.model, config.dtype == "bfloat16"
    store = VectorStore(directory / "embeddings")
    table = frozen.embedding_rows()
    plug = create_plug(config, table.shape[1])
    plug.start_from_embeddings(table, torch.Generator().manual_seed(config.seed))

    sizes = (config.instruction_rows, config.persona_rows)
    training, held_out = {}, {}
    for task in config.tasks:
        users = training_users(task, "train_b")
        samples = build_user_samples(users, frozen.tokenizer, store, sizes, config.maximum_prompt, frozen.form)
        training[task] = [user for user in samples if not is_tuning_holdout(user.user.id)]
        kept_apart = [user for user in samples if is_tuning_holdout(user.user.id)]
        held_out[task] = spread_queries(kept_apart, config.held_out_queries)
        print(
            f"{task}: {len(training[task])} users, held out {len(kept_apart)} with {len(held_out[task])} queries",
            flush=True,
        )

    optimizer = optimizer_of(plug, config)
    schedule = TimeSchedule(config.minutes * 60, warm_up_share=0.03, decay_share=0.6)
    streams = {task: endless_batches(training[task], config, config.seed) for task in config.tasks}
    chooser = random.Random(config.seed)
    shares = [config.task_shares[task] for task in config.tasks]
    best, best_loss, history = copy.deepcopy(plug.state_dict()), float("inf"), []
    elapsed, step, next_evaluation = 0.0, 0, 0.0
    recent: dict[str, list[float]] = {task: [] for task in config.tasks}

    def evaluate() -> None:
        nonlocal best, best_loss
        losses = {
            task: held_out_loss(model, plug, index, held_out[task], config.batch_tokens, use_bfloat16)
            for index, task in enumerate(config.tasks)
        }
        # Logarithms, so that a category's 1 nat counts as much as a title's 50: what matters is the relative gain.
        mean = sum(share * math.log(losses[task]) for share, task in zip(shares, config.tasks, strict=True))
        temperatures = [round(value, 2) for value in plug.temperature().tolist()]
        decays = [round(value, 3) for value in plug.decay().tolist()]
        trained = {task: round(sum(values) / max(1, len(values)), 3) for task, values in recent.items()}
        history.append({"minutes": elapsed / 60, "step": step, **losses})
        print(
            f"{elapsed / 60:.1f} min  step {step}  held out {losses}  trained {trained}  τ {temperatures}  λ {decays}",
            flush=True,
        )
        for values in recent.values():
            values.clear()
        if mean < best_loss:
            best, best_loss = copy.deepcopy(plug.state_dict()), mean

    while not schedule.is_over(elapsed):
        if elapsed >= next_evaluation:
            next_evaluation += schedule.budget / config.evaluations
            evaluate()
        started = time.monotonic()
        set_rate([optimizer], schedule.factor(elapsed))
        task = chooser.choices(config.tasks, shares)[0]
        index = config.tasks.index(task)
        samples, queries = next(streams[task])
        rows = persona_rows(plug, index, plug(index, collate_histories(queries), config.dropout))
        likelihood = log_likelihood(model, samples, rows, use_bfloat16)
        loss = -likelihood.sum() / sum(len(entry.sample.answer) for entry in samples)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plug.parameters(), 1.0)
        optimizer.step()
        recent[task].append(-float(likelihood.detach().mean()))
        elapsed += time.monotonic() - started
        step += 1
    evaluate()
    plug.load_state_dict(best)
    gate_report = train_gate(model, plug, training, config.gate_queries, config.batch_tokens, config.seed)
    path = directory / "plug.pt"
    torch.save({"plug": plug.state_dict(), "config": asdict(config), "hidden": table.shape[1]}, path)
    (directory / "language-model.json").write_text(json.dumps(frozen.manifest_block(), indent=1))
    (directory / "plug.json").write_text(
        json.dumps({"best": best_loss, "steps": step, "history": history, "gate": gate_report}, indent=1)
    )
    return path


def load_plug(path: Path) -> tuple[Plug, PlugConfig]:
    """A trained plug with its config."""
    saved = torch.load(path, weights_only=True)
    config = PlugConfig(**saved["config"])
    plug = create_plug(config, saved["hidden"])
    plug.load_state_dict(saved["plug"])
    return plug.eval(), config


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--llm", default="", help="any Hugging Face causal LM with its tokenizer; default RUN/tuned")
    parser.add_argument("--model", type=Path, default=None, help="other weights for the tokenizer of the run")
    parser.add_argument("--minutes", type=float, default=PlugConfig.minutes)
    parser.add_argument("--tasks", nargs="+", default=list(SHIPPED_TASKS))
    parser.add_argument("--device", default=PlugConfig.device, help="where the language model runs: cpu, cuda, …")
    parser.add_argument("--dtype", choices=DTYPES, default=PlugConfig.dtype)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train_plug(
        arguments.run_directory,
        PlugConfig(
            llm=arguments.llm,
            minutes=arguments.minutes,
            tasks=tuple(arguments.tasks),
            device=arguments.device,
            dtype=arguments.dtype,
        ),
        arguments.model,
    )


if __name__ == "__main__":
    main()
