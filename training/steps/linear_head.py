"""A linear head that answers a task with fixed choices from the vectors alone, in place of the language model.

It is a plug whose embedding space are the choices, so that I(x) + P are their logits. It trains in a minute without a
language model. A plug starts at it, so that a language model only has to read logits from the rows, and it is the
teacher of distillation. One head is fitted on all users, and one without each fold of them: these are measured on the
users that they have not seen, and are teachers too.

`python -m training.steps.linear_head --run-directory RUN` writes RUN/linear-heads.pt.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from training.core.machine import prepare_machine
from training.core.optimizers import Schedule, set_rate
from training.core.run_directory import RunDirectory
from training.data.embedder import DIM
from training.data.splits import Split
from training.data.task_choices import choices_of
from training.data.users import User, training_users
from training.data.vector_store import VectorStore
from training.persona.histories import Query, UserVectors, collate_histories, dropped
from training.persona.plug import Plug


@dataclass(frozen=True)
class LinearHeadConfig:
    """Sizes and rates; `folds`: heads that are trained, each without its share of the users."""

    tasks: tuple[str, ...] = ("news_category",)
    splits: tuple[Split, ...] = ("train_a", "train_b")
    folds: int = 6
    steps: int = 350
    passes: float = math.inf  # at most; with too many, the head of a small task memorises its items
    batch: int = 48
    width: int = 256
    rank: int = 64  # of the query's own path
    temperature: float = 10.0
    rate: float = 0.002
    query_rate: float = 0.0002
    reading_rate: float = 0.01  # of the projector's first layer, whose inputs are a twentieth of 1
    instruction_rate: float = 0.03
    weight_decay: float = 0.01
    dropout: float = 0.3
    items_per_user: int = 100  # in one pass
    history: int = 160  # at most so many of the items before a query, in training
    seed: int = 0


@dataclass(frozen=True)
class LabelledUser:
    """A user's vectors and, for each item, the number of its choice (−1: none of them)."""

    user: User
    vectors: UserVectors
    labels: tuple[int, ...]

    def query(self, index: int, items: Sequence[int]) -> Query:
        """Item `index` as a query over `items` of the same user."""
        return Query(self.vectors.inputs[index], int(self.vectors.days[index]), self.vectors, items)


@dataclass(frozen=True)
class CrossFittedHeads:
    """Heads of one task: `folds[i]` has not seen the users of fold i, `whole` has seen all."""

    task: str
    choices: tuple[str, ...]
    folds: tuple[Plug, ...]
    whole: Plug


def label_users(users: Sequence[User], choices: Sequence[str], store: VectorStore) -> list[LabelledUser]:
    """Looks vectors and labels up."""
    number = {choice: index for index, choice in enumerate(choices)}
    return [
        LabelledUser(user, UserVectors.of(user, store), tuple(number.get(item.output, -1) for item in user.items))
        for user in users
    ]


def create_head(task: str, choices: int, config: LinearHeadConfig, seed: int) -> Plug:
    """A plug with one persona row and one instruction row of `choices` numbers."""
    torch.manual_seed(seed)
    head = Plug(DIM, choices, config.width, 1, 1, (task,), config.temperature, config.rank)
    with torch.no_grad():
        head.projector_in.weight.normal_(std=1.0)
        reading, writing = head.query_path()
        reading.weight.normal_(std=0.3)
        writing.normal_(std=0.5 / config.rank**0.5)
    return head


def choice_logits(head: Plug, queries: Sequence[Query], dropout: float = 0.0) -> Tensor:
    """Logits [b, choices] of the head: I(x) + P."""
    batch = collate_histories(queries)
    persona = head(0, batch, dropout)
    return head.instruction_of(0, batch.x)[:, 0] + persona.rows[:, 0]  # the query's path without dropout


def fit_head(task: str, choices: int, users: Sequence[LabelledUser], config: LinearHeadConfig, seed: int) -> Plug:
    """One head over all queries of the users, with thinned histories; cross-entropy, AdamW."""
    head = create_head(task, choices, config, seed)
    apart = {
        "query.weight": config.query_rate,
        "projector_in.weight": config.reading_rate,
        "instruction_in.weight": config.instruction_rate,
    }
    named = dict(head.named_parameters())
    others = [p for name, p in named.items() if name not in apart and not name.startswith("gate")]
    optimizer = torch.optim.AdamW(
        [{"params": others, "peak": config.rate}]
        + [{"params": [named[name]], "peak": rate} for name, rate in apart.items()],
        weight_decay=config.weight_decay,
    )
    known = [[index for index in range(1, len(user.labels)) if user.labels[index] >= 0] for user in users]
    queries_of_a_pass = sum(min(config.items_per_user, len(indices)) for indices in known)
    if not queries_of_a_pass:
        raise ValueError(f"{task}: no user has two items whose output is one of the {choices} choices.")
    steps = math.ceil(min(config.steps, config.passes * queries_of_a_pass / config.batch))
    schedule = Schedule(steps, warm_up_share=0.05, decay_share=0.6)
    order = random.Random(seed)
    waiting: list[tuple[LabelledUser, int]] = []
    for step in range(steps):
        if not waiting:
            for user, indices in zip(users, known, strict=True):
                chosen = order.sample(indices, min(config.items_per_user, len(indices)))
                waiting += [(user, index) for index in chosen]
            order.shuffle(waiting)
        taken, waiting = waiting[: config.batch], waiting[config.batch :]
        queries = [user.query(i, dropped(range(max(0, i - config.history), i), order)) for user, i in taken]
        labels = torch.tensor([user.labels[index] for user, index in taken])
        set_rate([optimizer], schedule.factor(step))
        loss = functional.cross_entropy(choice_logits(head, queries, config.dropout), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return head.eval().requires_grad_(False)


@torch.no_grad()
def measure(head: Plug, users: Sequence[LabelledUser], first_only: int | None = None) -> tuple[float, float, int]:
    """Accuracy, mean negative log-likelihood and count of the users' queries with their whole histories."""
    right, loss, count = 0.0, 0.0, 0
    for user in users:
        start = 1 if first_only is None else max(1, len(user.labels) - first_only)
        known = [index for index in range(start, len(user.labels)) if user.labels[index] >= 0]
        for offset in range(0, len(known), 64):
            part = known[offset : offset + 64]
            logits = choice_logits(head, [user.query(index, range(index)) for index in part])
            labels = torch.tensor([user.labels[index] for index in part])
            right += float((logits.argmax(dim=1) == labels).sum())
            loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
            count += len(part)
    return right / max(1, count), loss / max(1, count), count


def load_head(task: str, choices: int, config: LinearHeadConfig, state: dict[str, Tensor]) -> Plug:
    """A fitted head of these weights."""
    head = create_head(task, choices, config, 0)
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)


def cross_fit(
    task: str,
    users: Sequence[LabelledUser],
    choices: Sequence[str],
    config: LinearHeadConfig,
    fitted: list[dict[str, Tensor]] | None = None,
    on_fitted: Callable[[], object] = lambda: None,
) -> CrossFittedHeads:
    """A head for every fold, measured on the users that it has not seen, and one over all users.

    `fitted` holds the weights of the heads that an interrupted run has fitted; the others are added to it.
    """
    folds = min(config.folds, len(users))
    if folds < 2:
        raise ValueError(f"{task}: cross-fitting needs two users, and there is {len(users)}. Leave the task out.")
    fitted = [] if fitted is None else fitted
    for fold in range(len(fitted), folds + 1):  # the last one is fitted on all users
        seen = [user for position, user in enumerate(users) if position % folds != fold]
        head = fit_head(task, len(choices), seen, config, config.seed * 100 + fold)
        if fold < folds:
            accuracy, loss, count = measure(head, users[fold::folds], first_only=20)
            print(
                f"{task}: fold {fold + 1}/{folds}, {count} unseen queries: accuracy {accuracy:.3f}, {loss:.3f} nats",
                flush=True,
            )
        fitted.append(head.state_dict())
        on_fitted()
    *heads, whole = (load_head(task, len(choices), config, state) for state in fitted)
    return CrossFittedHeads(task, tuple(choices), tuple(heads), whole)


def fit_linear_heads(run: RunDirectory, config: LinearHeadConfig) -> None:
    """Fits the heads of every task and writes them; an interrupted run goes on after the last saved head."""
    run.begin("linear_head")
    checkpoint = run.checkpoint("linear_head", asdict(config))
    fitted: dict[str, list[dict[str, Tensor]]] = checkpoint.load() or {}
    store = VectorStore(run.embeddings.path)
    saved = []
    for task in config.tasks:
        choices = choices_of(task)
        if not choices:
            raise ValueError(
                f"{task} is answered in free text, and a head has a number for every choice. Leave it out."
            )
        users = label_users([user for split in config.splits for user in training_users(task, split)], choices, store)
        heads = cross_fit(
            task, users, choices, config, fitted.setdefault(task, []), lambda: checkpoint.save_if_due(lambda: fitted)
        )
        saved.append(
            {
                "task": task,
                "choices": list(choices),
                "folds": [head.state_dict() for head in heads.folds],
                "whole": heads.whole.state_dict(),
            }
        )
    run.linear_heads.write({"config": asdict(config), "heads": saved})
    checkpoint.remove()


def load_linear_heads(run: RunDirectory) -> dict[str, CrossFittedHeads]:
    """The heads of a run by task; empty where it has none."""
    if not run.linear_heads.exists():
        return {}
    saved = run.linear_heads.read()
    config = LinearHeadConfig(**saved["config"])
    heads = {}
    for entry in saved["heads"]:
        task, choices = entry["task"], tuple(entry["choices"])
        *folds, whole = (load_head(task, len(choices), config, state) for state in [*entry["folds"], entry["whole"]])
        heads[task] = CrossFittedHeads(task, choices, tuple(folds), whole)
    return heads


def has_room(plug: Plug, heads: CrossFittedHeads) -> bool:
    """Whether a plug can start at these heads: it may be wider, and may have constant instruction rows."""
    head = heads.whole
    fits = plug.projector_in.out_features >= head.projector_in.out_features
    return fits and (plug.instruction_rank == 0 or plug.instruction_rank >= head.instruction_rank)


@torch.no_grad()
def start_from_head(plug: Plug, heads: CrossFittedHeads, words: Sequence[Sequence[int]], table: Tensor) -> None:
    """Starts a plug at the head over all users: each row is Σ logit · (the choice's mean token embedding).

    `words`: token ids of every choice. The parts of the plug beyond the head's sizes stay as they were.
    """
    head, share = heads.whole, 0.3  # rows of the size of token embeddings
    width, rank = head.projector_in.out_features, min(head.instruction_rank, plug.instruction_rank)
    means = torch.stack([table[torch.tensor(ids)].float().mean(dim=0) for ids in words]).T * share  # [hidden, choices]
    task = plug.tasks.index(heads.task)
    plug.query.weight.copy_(head.query.weight)
    plug.projector_in.weight[:width] = head.projector_in.weight
    plug.projector_in.bias[:width] = head.projector_in.bias
    plug.log_temperature.fill_(float(head.log_temperature))
    plug.projector_out.weight[:, :width] = (means @ head.projector_out.weight).repeat(plug.persona_rows, 1)
    if rank:
        (reading, writing), (head_reading, head_writing) = plug.query_path(), head.query_path()
        reading.weight[:rank] = head_reading.weight
        writing[task, :, :rank] = (means @ head_writing[0]).repeat(plug.instruction_rows, 1)
    plug.instruction[task] += means @ (head.instruction[0, 0] + head.projector_out.bias)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--tasks", nargs="+", default=list(LinearHeadConfig.tasks))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    fit_linear_heads(RunDirectory(arguments.run_directory), LinearHeadConfig(tasks=tuple(arguments.tasks)))


if __name__ == "__main__":
    main()
