"""Does her persona help, and is it hers? `python -m training.steps.evaluate [--check]`.

On held-out dev users: negative log-likelihood of the gold answer (nats an answer) with no persona, with the user's own,
and with another user's history, each as the product would answer (a closed gate answers like "none") and with the
gate forced open; intervals resample users. `--check` exits 1 unless, over at least 300 queries of news_category, her
persona beats both "none" and another user's history with 95 % intervals of the paired differences below zero.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.core.intervals import clustered_interval
from training.core.language_model import load_language_model, round_to_bfloat16
from training.core.machine import prepare_machine
from training.data.prompts import TASK_PROMPTS
from training.data.samples import batches_by_length
from training.data.splits import Split
from training.data.task_choices import choices_of
from training.data.tokenizer import TextTokenizer
from training.data.users import users_of_split
from training.golden.reference import GATE_THRESHOLD
from training.package.model_package import read_manifest
from training.package.shipped import (
    OnDemandVectors,
    shipped_language_model,
    shipped_marginals,
    shipped_plug,
)
from training.persona.choice_decoding import Trie, build_trie, decode_choices
from training.persona.histories import Query
from training.persona.soft_prompt import SlotSample, log_likelihood
from training.persona.unigram_adaptation import Marginals, bias_of_histories
from training.steps.embed_histories import VectorStore
from training.steps.plug.batches import persona_of_queries, persona_rows, rows_and_gate
from training.steps.plug.train_plug import load_plug
from training.steps.plug.user_samples import UserSamples, build_user_samples
from training.steps.unigram_adaptation import load_marginals

CHECKED_TASK = "news_category"
MINIMUM_QUERIES = 300


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

    model: object
    plug: object
    tokenizer: TextTokenizer
    rows: tuple[int, int]
    without_outputs: tuple[str, ...] = ()  # tasks whose outputs the plug never saw
    marginals: Mapping[str, Marginals] = field(default_factory=dict)  # by task

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
        """Rows, gate [b] and, for a task with marginals, what the owners' words add to the logits [b, vocabulary]."""
        marginals = self.marginals.get(self.plug.tasks[task])
        if marginals is None:
            return *rows_and_gate(self.plug, task, queries, self.without_outputs), None
        persona = persona_of_queries(self.plug, task, queries, self.without_outputs)
        answers = [owner.answers(query.items) for owner, query in zip(owners, queries, strict=True)]
        bias = bias_of_histories(marginals, answers, persona.weights)
        return persona_rows(self.plug, task, persona), persona.gate, bias

    @torch.no_grad()
    def measure(self, task: str, users: list[UserSamples], seed: int = 0, batch_tokens: int = 4096) -> Measured:
        """Every query of the users under every condition."""
        partners = derangement(len(users), seed)
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
                owners = [users[n] if name == "persona" else users[partners[n]] for n, _ in chosen]
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
    """For each user another one: a seeded cycle through all users, so nobody gets her own history."""
    if count < 2:
        raise ValueError(f"{count} user(s) cannot exchange histories. Measure at least two users.")
    order = list(range(count))
    random.Random(seed).shuffle(order)
    partner = [0] * count
    for position, user in enumerate(order):
        partner[user] = order[(position + 1) % count]
    return partner


def report(task: str, measured: Measured) -> dict[str, object]:
    """Means with intervals, and paired differences to the persona."""
    users = measured.users
    losses = measured.losses
    result: dict[str, object] = {
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


def evaluator_of_run(directory: Path) -> tuple[Evaluator, VectorStore]:
    """The run's language model (rounded to bf16, as it will ship) and plug, with the vectors that were trained on."""
    tokenizer = TextTokenizer(directory / "corpus" / "tokenizer.json")
    model = round_to_bfloat16(load_language_model(directory / "tuned")).eval()
    plug, config = load_plug(directory / "plug.pt")
    sizes = (config.instruction_rows, config.persona_rows)
    evaluator = Evaluator(model, plug, tokenizer, sizes, config.without_outputs, load_marginals(directory))
    return evaluator, VectorStore(directory / "embeddings")


def evaluator_of_packages(models: Path, plug_name: str = "plug") -> tuple[Evaluator, OnDemandVectors]:
    """What ships: packages nano-llm and plug (or a control), with the 8-bit embedder."""
    tokenizer = TextTokenizer(models / "nano-llm" / "tokenizer.json")
    plug = shipped_plug(models / plug_name)
    evaluator = Evaluator(
        shipped_language_model(models / "nano-llm"),
        plug,
        tokenizer,
        (plug.instruction_rows, plug.persona_rows),
        tuple(read_manifest(models / plug_name)["plug"].get("withoutOutputs", ())),
        shipped_marginals(models / plug_name),
    )
    return evaluator, OnDemandVectors(models / "all-minilm-l6-v2")


def evaluate(
    evaluator: Evaluator, vectors: VectorStore | OnDemandVectors, tasks: Sequence[str], split: Split = "dev"
) -> dict[str, dict]:
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


def failures(results: dict) -> list[str]:
    """Why the check fails; empty when it holds."""
    result = results[CHECKED_TASK]
    found = []
    if result["queries"] < MINIMUM_QUERIES:
        found.append(f"{result['queries']} queries of {CHECKED_TASK}, at least {MINIMUM_QUERIES} are needed")
    for name in ("persona - none", "persona - shuffled"):
        if result["difference"][name]["high"] >= 0:
            mean, high = result["difference"][name]["mean"], result["difference"][name]["high"]
            found.append(f"{name} is {mean:.4f} and its interval reaches {high:.4f}; it must stay below 0")
    return found


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="the packages to measure")
    parser.add_argument("--plug", default="plug", help="name of the plug's package, e.g. plug-instruction")
    parser.add_argument("--run-directory", type=Path, default=None, help="measure a training run instead of packages")
    parser.add_argument("--output", type=Path, default=None, help="a JSON file for the numbers")
    parser.add_argument("--tasks", nargs="+", default=[CHECKED_TASK])
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--check", action="store_true", help="exit 1 unless the persona helps (see above)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    evaluator, vectors = (
        evaluator_of_run(arguments.run_directory)
        if arguments.run_directory
        else evaluator_of_packages(arguments.models, arguments.plug)
    )
    results = evaluate(evaluator, vectors, arguments.tasks, arguments.split)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=1))
    if not arguments.check:
        return 0
    found = failures(results)
    for reason in found:
        print(f"check failed: {reason}", file=sys.stderr)
    if not found:
        print("check passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
