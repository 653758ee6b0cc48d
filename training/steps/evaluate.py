"""Measures whether the persona helps, and whether it is that of the user who asks.

On held-out dev users: negative log-likelihood of the gold answer (nats an answer) with no persona, with the user's own,
and with another user's history, each as the product would answer (a closed gate answers like "none") and with the
gate forced open; intervals resample users.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel

from training.core.intervals import clustered_interval
from training.core.language_model import load_language_model, round_to_bfloat16
from training.core.run_directory import RunDirectory
from training.data.prompts import TASK_PROMPTS
from training.data.samples import batches_by_length
from training.data.splits import Split
from training.data.task_choices import choices_of
from training.data.tokenizer import TextTokenizer
from training.data.users import users_of_split
from training.data.vector_store import Vectors, VectorStore
from training.persona.choice_decoding import Trie, build_trie, decode_choices
from training.persona.gate import GATE_THRESHOLD
from training.persona.histories import Query
from training.persona.persona_rows import persona_of_queries, persona_rows, rows_and_gate
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample, log_likelihood
from training.persona.unigram_adaptation import UnigramAdaptation, bias_of_histories
from training.steps.plug.saved_plug import load_plug
from training.steps.plug.user_samples import UserSamples, build_user_samples
from training.steps.unigram_adaptation import load_unigram_adaptation


@dataclass
class Measured:
    """Per query: its user, and per condition the gold answer's loss and (for choices) whether the answer was right."""

    users: list[str] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    correct: dict[str, list[float]] = field(default_factory=dict)
    gate_open: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluator:
    """Language model, plug and tokenizer under measurement."""

    model: PreTrainedModel
    plug: Plug
    tokenizer: TextTokenizer
    rows: tuple[int, int]
    without_outputs: tuple[str, ...] = ()  # tasks whose outputs the plug never saw
    adaptations: Mapping[str, UnigramAdaptation] = field(default_factory=dict)  # by task

    @torch.no_grad()
    def prompts(self, samples: Sequence[SlotSample], rows: torch.Tensor | None) -> list[torch.Tensor]:
        """Input embeddings of each prompt, soft rows put in."""
        table = self.model.get_input_embeddings()
        embedded = [table(torch.tensor(entry.sample.prompt)) for entry in samples]
        if rows is None:
            return embedded
        return [
            torch.cat([e[: s.slot], rows[i], e[s.slot :]])
            for i, (e, s) in enumerate(zip(embedded, samples, strict=True))
        ]

    def personas(
        self, task: int, queries: Sequence[Query], owners: Sequence[UserSamples]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Rows, gate [b] and, for a task with unigram adaptation, its bias of the logits [b, vocabulary]."""
        adaptation = self.adaptations.get(self.plug.tasks[task])
        if adaptation is None:
            return *rows_and_gate(self.plug, task, queries, self.without_outputs), None
        persona = persona_of_queries(self.plug, task, queries, self.without_outputs)
        answers = [owner.answers(query.items) for owner, query in zip(owners, queries, strict=True)]
        bias = bias_of_histories(adaptation, answers, persona.weights)
        return persona_rows(persona), persona.gate, bias

    @torch.no_grad()
    def measure(self, task: str, users: list[UserSamples], seed: int = 0, batch_tokens: int = 4096) -> Measured:
        """Every query of the users under every condition."""
        control_users = derangement(len(users), seed)
        entries = [
            (n, index) for n, user in enumerate(users) for index in range(user.user.first_query, len(user.user.items))
        ]
        measured = Measured(users=[users[n].user.id for n, _ in entries])
        task_index = self.plug.tasks.index(task)
        choices = choices_of(task)
        trie = build_trie(self.tokenizer, choices)
        for name in ("none", "persona", "shuffled", "persona, gate open", "shuffled, gate open"):
            measured.losses[name] = [0.0] * len(entries)
            measured.correct[name] = [0.0] * len(entries)
        for name in ("persona", "shuffled"):
            measured.gate_open[name] = [0.0] * len(entries)

        lengths = [len(users[n].with_rows[index].sample) for n, index in entries]
        for batch in batches_by_length(lengths, batch_tokens, random.Random(0)):
            chosen = [entries[position] for position in batch]
            plain = [users[n].plain[index] for n, index in chosen]
            softened = [users[n].with_rows[index] for n, index in chosen]
            golds = [users[n].user.items[index].output for n, index in chosen]
            none_loss = (-log_likelihood(self.model, plain, None, False)).tolist()
            none_right = self.right(plain, None, trie, golds) if choices else [0.0] * len(batch)
            write(measured, "none", batch, none_loss, none_right)
            for name in ("persona", "shuffled"):
                owners = [users[n] if name == "persona" else users[control_users[n]] for n, _ in chosen]
                histories = []
                for (n, index), owner in zip(chosen, owners, strict=True):
                    count = index if name == "persona" else owner.user.first_query
                    histories.append(users[n].query(index, range(count), owner))
                rows, gate, bias = self.personas(task_index, histories, owners)
                loss = (-log_likelihood(self.model, softened, rows, False, bias)).tolist()
                right = self.right(softened, rows, trie, golds, bias) if choices else [0.0] * len(batch)
                write(measured, f"{name}, gate open", batch, loss, right)
                is_open = (gate >= GATE_THRESHOLD).tolist()
                gated = [loss[i] if is_open[i] else none_loss[i] for i in range(len(batch))]
                gated_right = [right[i] if is_open[i] else none_right[i] for i in range(len(batch))]
                write(measured, name, batch, gated, gated_right)
                for i, position in enumerate(batch):
                    measured.gate_open[name][position] = float(is_open[i])
        return measured

    def right(
        self,
        samples: Sequence[SlotSample],
        rows: torch.Tensor | None,
        trie: Trie,
        golds: Sequence[str],
        bias: torch.Tensor | None = None,
    ) -> list[float]:
        """1.0 where the greedy choice is the gold answer."""
        answers = decode_choices(self.model, self.prompts(samples, rows), trie, bias=bias)
        return [float(self.tokenizer.decode(answer) == gold) for answer, gold in zip(answers, golds, strict=True)]


def write(measured: Measured, name: str, batch: Sequence[int], losses: Sequence[float], right: Sequence[float]) -> None:
    """Puts a batch's numbers at their queries' places."""
    for i, position in enumerate(batch):
        measured.losses[name][position] = losses[i]
        measured.correct[name][position] = right[i]


def derangement(count: int, seed: int) -> list[int]:
    """The control user of each user: the next one in a seeded cycle through all users, so never the same user."""
    if count < 2:
        raise ValueError(f"{count} user(s) cannot exchange histories. Measure at least two users.")
    order = list(range(count))
    random.Random(seed).shuffle(order)
    control_users = [0] * count
    for position, user in enumerate(order):
        control_users[user] = order[(position + 1) % count]
    return control_users


def report(task: str, measured: Measured) -> dict[str, Any]:
    """Means with intervals, and paired differences to the persona."""
    users = measured.users
    losses = measured.losses
    result: dict[str, Any] = {
        "task": task,
        "queries": len(users),
        "users": len(set(users)),
        "loss": {},
        "accuracy": {},
        "difference": {},
    }
    for name, values in losses.items():
        result["loss"][name] = vars(clustered_interval(values, users))
        if TASK_PROMPTS[task].choices:
            result["accuracy"][name] = vars(clustered_interval(measured.correct[name], users))
    for suffix in ("", ", gate open"):
        own = losses["persona" + suffix]
        for name in ("none", "shuffled" + suffix):
            difference = [a - b for a, b in zip(own, losses[name], strict=True)]
            result["difference"][f"persona{suffix} - {name}"] = vars(clustered_interval(difference, users))
    result["gate_open"] = {name: sum(values) / len(values) for name, values in measured.gate_open.items()}
    return result


def evaluator_of_run(run: RunDirectory) -> tuple[Evaluator, VectorStore]:
    """The run's language model (rounded to bf16, as it will ship) and plug, with the vectors that were trained on."""
    model = round_to_bfloat16(load_language_model(run.language_model())).eval()
    plug, config = load_plug(run)
    sizes = (config.instruction_rows, config.persona_rows)
    tokenizer = TextTokenizer(run.tokenizer)
    evaluator = Evaluator(model, plug, tokenizer, sizes, config.without_outputs, load_unigram_adaptation(run))
    return evaluator, VectorStore(run.embeddings.path)


def evaluate_run(run: RunDirectory, tasks: Sequence[str]) -> None:
    """Measures a run on dev users and writes the report; an interrupted run goes on after the last saved task."""
    run.begin("evaluate")
    checkpoint = run.checkpoint("evaluate", {"tasks": list(tasks)})
    results: dict[str, dict] = checkpoint.load() or {}
    evaluator, vectors = evaluator_of_run(run)
    for task in tasks:
        if task not in results:
            results.update(evaluate(evaluator, vectors, [task]))
            checkpoint.save_if_due(lambda: results)
    run.evaluation.write(results)
    checkpoint.remove()


def evaluate(evaluator: Evaluator, vectors: Vectors, tasks: Sequence[str], split: Split = "dev") -> dict[str, dict]:
    """Measures every query of the split's users."""
    results = {}
    for task in tasks:
        users = build_user_samples(users_of_split(task, split), evaluator.tokenizer, vectors, evaluator.rows, None)
        results[task] = report(task, evaluator.measure(task, users))
        print(format_report(results[task]), flush=True)
    return results


def format_report(result: dict) -> str:
    """The report as a few lines of text."""
    lines = [f"{result['task']}: {result['queries']} queries of {result['users']} users"]
    for kind in ("loss", "accuracy", "difference"):
        for name, value in result[kind].items():
            lines.append(f"  {kind:10} {name:42} {value['mean']:8.4f}  [{value['low']:.4f}, {value['high']:.4f}]")
    lines.append(f"  gate open  {result['gate_open']}")
    return "\n".join(lines)
