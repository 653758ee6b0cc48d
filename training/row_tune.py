"""Teaches the language model to read soft rows, on users A: the second half of task tuning.

A frozen model of a few million parameters makes little of rows that it has never met in training. So model and a first
plug learn together for a while: prompts with the persona rows of users A, and plain ones (with and without retrieved
items) so that "none" stays what it was. In half of the prompts with rows a part of the text is left out, or the model
would go on reading the text alone; others are bare, rows without any text, and cost a fifth. Where there are linear
heads (`training.linear_head`) the plug starts at one, and all prompts with rows are drills (`training.reading_drill`):
then the text says nothing that the rows do not. Such answers are not her own, so bare drills come from users B too.
Then the model is frozen, and `training.plug` trains the plug on users B.

`python -m training.row_tune --run-directory RUN` moves RUN/tuned to RUN/task-tuned, goes on from there, and writes
RUN/tuned anew, and RUN/plug-start.pt, from which the plug's training starts.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from training.data import SHIPPED_TASKS, training_users
from training.drawn_answers import DrawnAnswers
from training.embed_histories import VectorStore
from training.histories import Query, collate_histories
from training.language_model import load_language_model
from training.optimizers import TimeSchedule, create_optimizers, set_rate
from training.plug_config import PlugConfig, create_plug, optimizer_of
from training.plug_data import UserSamples, build_user_samples, spread_queries, training_batches
from training.plug_step import rows_and_gate
from training.reading_drill import Drill
from training.samples import Sample, batches_by_length
from training.soft_prompt import SlotSample, divergence, log_likelihood, spread_log_likelihood
from training.splits import Split, is_tuning_holdout
from training.task_samples import build_samples
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class RowTuneConfig:
    """Rates and shares. `row_share`: of the batches, those with rows; `cut_share`: of their prompts, those cut."""

    tasks: tuple[str, ...] = SHIPPED_TASKS
    minutes: float = 8.0
    muon_rate: float = 0.0006
    adam_rate: float = 0.0002
    weight_decay: float = 0.05
    plug_rate: float = 0.002  # these three are the plug's meanwhile
    reading_rate: float = 0.0005
    query_rate: float = 0.0005
    row_share: float = 0.6
    bare_share: float = 0.5  # of the batches with rows, those without any text
    drill_batch: int = 192  # queries of a bare drill
    text_drill_batch: int = 32  # of a drill whose prompts have their text
    keeps_answers: bool = False  # plain prompts hold the model to what it said before, instead of to the labels
    cut_share: float = 0.5
    largest_cut: float = 0.8  # of a prompt's tokens
    batch_tokens: int = 2048
    bare_batch_tokens: int = 1536
    task_shares: dict[str, float] = field(
        default_factory=lambda: {
            "news_category": 0.45,
            "news_headline": 0.3,
            "paper_title": 0.25,
            "movie_rating": 0.3,
            "movie_tag": 0.2,
        }
    )
    retrieval_share: float = 0.3
    maximum_retrieved: int = 4
    maximum_length: int = 512
    evaluations: int = 5
    held_out_queries: int = 80
    seed: int = 0


def cut(entry: SlotSample, share: float, order: random.Random) -> SlotSample:
    """The prompt without a random share of its text; what stands before the slot and the last token stay."""
    prompt = entry.sample.prompt
    kept = [
        token
        for position, token in enumerate(prompt)
        if position <= entry.slot or position == len(prompt) - 1 or order.random() >= share
    ]
    return SlotSample(replace(entry.sample, prompt=kept), entry.slot)


def plain_batches(tokenizer: TextTokenizer, tasks: Sequence[str], config: RowTuneConfig) -> Iterator[list[SlotSample]]:
    """Endless batches of prompts without rows, some with retrieved items."""
    users = [user for task in tasks for user in training_users(task, "train_a") if not is_tuning_holdout(user.id)]
    for epoch in itertools.count():
        order = random.Random(config.seed * 1000 + epoch)
        samples: list[Sample] = build_samples(
            tokenizer, users, order, config.retrieval_share, config.maximum_retrieved, config.maximum_length
        )
        for batch in batches_by_length([len(sample) for sample in samples], config.batch_tokens, order):
            yield [SlotSample(samples[index], 0) for index in batch]


def bare(users: Sequence[UserSamples]) -> list[UserSamples]:
    """The users with prompts of rows alone."""
    none = random.Random(0)  # a share of 1 leaves nothing to chance
    return [replace(user, with_rows=tuple(cut(entry, 1.0, none) for entry in user.with_rows)) for user in users]


def row_batches(users: Sequence[UserSamples], plug_config: PlugConfig, config: RowTuneConfig, batch_tokens: int):
    """Endless batches of one task: prompts, some of them cut, with queries over thinned histories."""
    for epoch in itertools.count():
        order = random.Random(config.seed * 1000 + epoch)
        for samples, queries in training_batches(
            users, plug_config.items_per_user, batch_tokens, order, short_share=plug_config.short_share
        ):
            yield (
                [
                    cut(entry, order.uniform(0.2, config.largest_cut), order)
                    if order.random() < config.cut_share
                    else entry
                    for entry in samples
                ],
                queries,
            )


class RowStreams:
    """The batches with rows of one task: whole and cut prompts of users A, and bare ones; held-out queries beside."""

    def __init__(
        self,
        task: str,
        tokenizer: TextTokenizer,
        store: VectorStore,
        plug_config: PlugConfig,
        config: RowTuneConfig,
        answers: DrawnAnswers,
    ) -> None:
        sizes = (plug_config.instruction_rows, plug_config.persona_rows)

        def of(split: Split) -> list[UserSamples]:
            return build_user_samples(training_users(task, split), tokenizer, store, sizes, plug_config.maximum_prompt)

        users = of("train_a")
        seen = [user for user in users if not is_tuning_holdout(user.user.id)]
        self.held_out = spread_queries([u for u in users if is_tuning_holdout(u.user.id)], config.held_out_queries)
        self._bare_share, self._cut_share, self._largest_cut = config.bare_share, config.cut_share, config.largest_cut
        self._drills = None
        if task in answers:
            others = [user for user in of("train_b") if not is_tuning_holdout(user.user.id)]
            self._drills = answers.drills(task, bare(seen + others), config.drill_batch)
            self._text_drills = answers.drills(task, seen, config.text_drill_batch, mixed_share=0.0)
        self._whole = row_batches(seen, plug_config, config, config.batch_tokens)
        self._bare = row_batches(bare(seen), plug_config, config, config.bare_batch_tokens)

    def next(self, chooser: random.Random) -> Drill | tuple[list[SlotSample], list[Query]]:
        """Where the task has a head a drill, else samples and queries of the next batch."""
        is_bare = chooser.random() < self._bare_share
        if self._drills is None:
            return next(self._bare if is_bare else self._whole)
        if is_bare:
            return self._drills.next(chooser)
        drill = self._text_drills.next(chooser)
        return replace(drill, samples=[self._cut(entry, chooser) for entry in drill.samples])

    def _cut(self, entry: SlotSample, chooser: random.Random) -> SlotSample:
        is_cut = chooser.random() < self._cut_share
        return cut(entry, chooser.uniform(0.2, self._largest_cut), chooser) if is_cut else entry


def row_tune(directory: Path, config: RowTuneConfig, plug_config: PlugConfig) -> Path:
    """Tunes model and first plug together; keeps the weights that are best on held-out users A, with and without."""
    torch.manual_seed(config.seed)
    tokenizer = TextTokenizer(directory / "corpus" / "tokenizer.json")
    source = directory / "task-tuned"
    if not source.exists():
        if (directory / "tuned").is_symlink():
            raise ValueError(
                f"{directory / 'tuned'} belongs to another run. Copy it here, so that this run may change it."
            )
        (directory / "tuned").rename(source)
    (directory / "plug.checkpoint.pt").unlink(missing_ok=True)  # of a plug for the model of before
    model = load_language_model(source)
    before = copy.deepcopy(model).requires_grad_(False) if config.keeps_answers else None
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
    streams = [RowStreams(task, tokenizer, store, plug_config, config, answers) for task in config.tasks]
    plain = plain_batches(tokenizer, SHIPPED_TASKS, config)
    optimizers = create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    optimizers.append(optimizer_of(plug, plug_config))
    schedule = TimeSchedule(config.minutes * 60, warm_up_share=0.05, decay_share=0.7)
    chooser = random.Random(config.seed)
    shares = [config.task_shares[task] for task in config.tasks]
    elapsed, step, next_evaluation, best, history = 0.0, 0, 0.0, math.inf, []

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
        rows = None
        if chooser.random() < config.row_share:
            index = chooser.choices(range(len(config.tasks)), shares)[0]
            batch = streams[index].next(chooser)
            # A drill has queries without end, and its target is a function: nothing there needs dropout.
            is_drill = isinstance(batch, Drill)
            samples, queries = (batch.samples, batch.queries) if is_drill else batch
            persona = plug(index, collate_histories(queries), 0.0 if is_drill else plug_config.dropout)
            rows = torch.cat([persona.instruction, persona.rows], dim=1)
        else:
            samples, is_drill = next(plain), False
        if is_drill:
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
    (directory / "row-tune.json").write_text(json.dumps({"steps": step, "history": history}, indent=1))
    return directory / "tuned"


def main() -> None:
    """Command line: the fields that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--minutes", type=float, default=RowTuneConfig.minutes)
    parser.add_argument("--tasks", nargs="+", choices=SHIPPED_TASKS, default=list(SHIPPED_TASKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    row_tune(
        arguments.run_directory,
        RowTuneConfig(minutes=arguments.minutes, tasks=tuple(arguments.tasks)),
        PlugConfig(tasks=tuple(arguments.tasks)),
    )


if __name__ == "__main__":
    main()
