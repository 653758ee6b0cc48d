"""The prompts that distillation learns from, with rows (whole, cut, or rows alone) and without; and its settings."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from training.data.samples import batches_by_length
from training.data.splits import Split, is_tuning_holdout
from training.data.task_samples import build_samples, earlier_items, tuning_users
from training.data.tokenizer import TextTokenizer
from training.data.users import SHIPPED_TASKS, User, training_users
from training.data.vector_store import VectorStore
from training.persona.histories import Query
from training.persona.soft_prompt import SlotSample, slot_sample
from training.steps.distill.distillation_batches import DistillationBatch, DistillationBatches
from training.steps.drawn_answers import DrawnAnswers
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.user_samples import UserSamples, build_user_samples, spread_queries, training_batches


@dataclass(frozen=True)
class DistillConfig:
    """Rates and shares. `row_share`: of the batches, those with rows; `cut_share`: of their prompts, those cut."""

    tasks: tuple[str, ...] = SHIPPED_TASKS
    tunes_model: bool = True  # False: the model is frozen, and only the plug learns
    splits: tuple[Split, ...] = ("train_a",)  # of the plain prompts; those with rows and labels are of users A
    steps: int = 600
    muon_rate: float = 0.0006
    adam_rate: float = 0.0002
    weight_decay: float = 0.05
    plug_rate: float = 0.002  # these three are the plug's meanwhile
    reading_rate: float = 0.0005
    query_rate: float = 0.0005
    row_share: float = 0.6
    bare_share: float = 0.5  # of the batches with rows, those without any text
    bare_queries: int = 192  # queries of a distillation batch whose prompts are rows alone
    text_queries: int = 32  # of one whose prompts have their text
    retrieval_queries: int = 10  # of one whose prompts have earlier items too
    retrieval_batch_share: float = 0.0  # of the distillation batches with text, those with earlier items
    # Then the labels end, and plain prompts keep the model at its answers of that step; None: never.
    label_steps: int | None = None
    before_share: float = 0.0  # weight of the model before distillation in the mean that is the result
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

    @property
    def label_end(self) -> int:
        """The step from which only heads are learned from; that after the last where labels are used to the end."""
        return self.steps if self.label_steps is None else self.label_steps


def cut(entry: SlotSample, share: float, order: random.Random) -> SlotSample:
    """The prompt without a random share of its text; the tokens before the slot and the last token stay."""
    prompt = entry.sample.prompt
    kept = [
        token
        for position, token in enumerate(prompt)
        if position <= entry.slot or position == len(prompt) - 1 or order.random() >= share
    ]
    return SlotSample(replace(entry.sample, prompt=kept), entry.slot)


def bare(users: Sequence[UserSamples]) -> list[UserSamples]:
    """The users with prompts of rows alone."""
    none = random.Random(0)  # with a share of 1 nothing is random
    return [replace(user, with_rows=tuple(cut(entry, 1.0, none) for entry in user.with_rows)) for user in users]


@dataclass(frozen=True)
class RowBatch:
    """Prompts with rows whose answers are the users' own, and their queries."""

    samples: list[SlotSample]
    queries: list[Query]


Batch = TypeVar("Batch")


class CountedBatches(Generic[Batch]):
    """Endless batches whose order depends on a seed alone, so that their number is all that a checkpoint needs."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self.taken = 0

    def next(self) -> Batch:
        """The next batch."""
        self.taken += 1
        return next(self._batches)

    def skip(self, count: int) -> None:
        """Passes over batches that an interrupted run has taken."""
        for _ in range(count):
            self.next()


def plain_prompts(tokenizer: TextTokenizer, config: DistillConfig) -> CountedBatches[list[SlotSample]]:
    """Batches of prompts without rows, some with retrieved items."""
    users = tuning_users(config.tasks, config.splits, is_held_out=False)

    def batches() -> Iterator[list[SlotSample]]:
        for epoch in itertools.count():
            order = random.Random(config.seed * 1000 + epoch)
            samples = build_samples(
                tokenizer, users, order, config.retrieval_share, config.maximum_retrieved, config.maximum_length
            )
            for batch in batches_by_length([len(sample) for sample in samples], config.batch_tokens, order):
                yield [SlotSample(samples[index], 0) for index in batch]

    return CountedBatches(batches())


def row_batches(
    users: Sequence[UserSamples], plug_config: PlugConfig, config: DistillConfig, batch_tokens: int
) -> CountedBatches[RowBatch]:
    """Batches of one task: prompts, some of them cut, with queries over thinned histories."""

    def batches() -> Iterator[RowBatch]:
        for epoch in itertools.count():
            order = random.Random(config.seed * 1000 + epoch)
            for samples, queries in training_batches(
                users, plug_config.items_per_user, batch_tokens, order, short_share=plug_config.short_share
            ):
                yield RowBatch([maybe_cut(entry, config, order) for entry in samples], queries)

    return CountedBatches(batches())


def maybe_cut(entry: SlotSample, config: DistillConfig, order: random.Random) -> SlotSample:
    """The prompt as it is or, with probability `cut_share`, without a random part of its text."""
    is_cut = order.random() < config.cut_share
    return cut(entry, order.uniform(0.2, config.largest_cut), order) if is_cut else entry


def with_earlier_items(
    users: Sequence[UserSamples], tokenizer: TextTokenizer, rows: tuple[int, int], config: DistillConfig
) -> list[UserSamples]:
    """The users with prompts that show one to `maximum_retrieved` earlier items too, half by BM25, half the newest."""
    order = random.Random(config.seed)

    def sample(user: User, index: int) -> SlotSample:
        item = user.items[index]
        retrieved = earlier_items(user, index, order.randint(1, config.maximum_retrieved), order.random() < 0.5)
        while True:
            found = slot_sample(tokenizer, user.task, item.input, item.output, rows, retrieved=retrieved)
            if not retrieved or len(found.sample) + sum(rows) <= config.maximum_length:
                return found
            retrieved = retrieved[:-1]

    return [
        replace(entry, with_rows=tuple(sample(entry.user, index) for index in range(len(entry.user.items))))
        for entry in users
    ]


class PromptStreams:
    """The batches with rows of one task, of users A: whole and cut prompts, and rows alone; and held-out queries."""

    def __init__(
        self,
        task: str,
        tokenizer: TextTokenizer,
        store: VectorStore,
        plug_config: PlugConfig,
        config: DistillConfig,
        answers: DrawnAnswers,
    ) -> None:
        sizes = (plug_config.instruction_rows, plug_config.persona_rows)

        def of(split: Split) -> list[UserSamples]:
            return build_user_samples(training_users(task, split), tokenizer, store, sizes, plug_config.maximum_prompt)

        users = of("train_a")
        seen = [user for user in users if not is_tuning_holdout(user.user.id)]
        self.held_out = spread_queries([u for u in users if is_tuning_holdout(u.user.id)], config.held_out_queries)
        self._config = config
        self._distillation: HeadBatches | None = None
        if task in answers:
            others = [user for user in of("train_b") if not is_tuning_holdout(user.user.id)]
            # Rows of another user beside a user's own items would only teach the model to ignore one of the two.
            with_items = with_earlier_items(seen, tokenizer, sizes, config) if config.retrieval_batch_share else []
            heads, choices = answers.heads[task], answers.answers[task]
            self._distillation = HeadBatches(
                bare=DistillationBatches(heads, choices, bare(seen + others), config.bare_queries),
                text=DistillationBatches(heads, choices, seen, config.text_queries, mixed_share=0.0),
                retrieval=DistillationBatches(
                    heads, choices, with_items, config.retrieval_queries, mixed_share=0.0, other_user_share=0.0
                ),
            )
        self._whole = row_batches(seen, plug_config, config, config.batch_tokens)
        self._bare = row_batches(bare(seen), plug_config, config, config.bare_batch_tokens)

    @property
    def has_head(self) -> bool:
        """Whether the task has a head that can be distilled."""
        return self._distillation is not None

    @property
    def taken(self) -> tuple[int, int]:
        """How many batches of the users' own answers were taken, with text and without."""
        return self._whole.taken, self._bare.taken

    def skip(self, taken: tuple[int, int]) -> None:
        """Passes over the batches that an interrupted run has taken."""
        self._whole.skip(taken[0])
        self._bare.skip(taken[1])

    def next(self, chooser: random.Random) -> DistillationBatch | RowBatch:
        """The next batch: of the head's answers where the task has a head, else of the users' own."""
        config, distillation = self._config, self._distillation
        is_bare = chooser.random() < config.bare_share
        if distillation is None:
            return (self._bare if is_bare else self._whole).next()
        if is_bare:
            return distillation.bare.next(chooser)
        has_items = bool(config.retrieval_batch_share) and chooser.random() < config.retrieval_batch_share
        batch = (distillation.retrieval if has_items else distillation.text).next(chooser)
        return replace(batch, samples=[maybe_cut(entry, config, chooser) for entry in batch.samples])


@dataclass(frozen=True)
class HeadBatches:
    """The distillation batches of a task: rows alone, with text, and with text and earlier items."""

    bare: DistillationBatches
    text: DistillationBatches
    retrieval: DistillationBatches
