"""The prompts that distillation learns from, with rows (whole, cut, or rows alone) and without; and its settings."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from training.data.samples import Sample, batches_by_length
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
    minutes: float = 8.0
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
    label_minutes: float = (
        math.inf
    )  # from then on no labels; plain prompts keep the model at its answers of that moment
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


def cut(entry: SlotSample, share: float, order: random.Random) -> SlotSample:
    """The prompt without a random share of its text; the tokens before the slot and the last token stay."""
    prompt = entry.sample.prompt
    kept = [
        token
        for position, token in enumerate(prompt)
        if position <= entry.slot or position == len(prompt) - 1 or order.random() >= share
    ]
    return SlotSample(replace(entry.sample, prompt=kept), entry.slot)


def plain_batches(tokenizer: TextTokenizer, tasks: Sequence[str], config: DistillConfig) -> Iterator[list[SlotSample]]:
    """Endless batches of prompts without rows, some with retrieved items."""
    users = tuning_users(tasks, config.splits, is_held_out=False)
    for epoch in itertools.count():
        order = random.Random(config.seed * 1000 + epoch)
        samples: list[Sample] = build_samples(
            tokenizer, users, order, config.retrieval_share, config.maximum_retrieved, config.maximum_length
        )
        for batch in batches_by_length([len(sample) for sample in samples], config.batch_tokens, order):
            yield [SlotSample(samples[index], 0) for index in batch]


def bare(users: Sequence[UserSamples]) -> list[UserSamples]:
    """The users with prompts of rows alone."""
    none = random.Random(0)  # with a share of 1 nothing is random
    return [replace(user, with_rows=tuple(cut(entry, 1.0, none) for entry in user.with_rows)) for user in users]


def row_batches(users: Sequence[UserSamples], plug_config: PlugConfig, config: DistillConfig, batch_tokens: int):
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
        self._bare_share, self._cut_share, self._largest_cut = config.bare_share, config.cut_share, config.largest_cut
        self._retrieval_share = config.retrieval_batch_share
        self._bare_distillation = None

        def distillation(users: Sequence[UserSamples], batch: int, **shares: float) -> DistillationBatches:
            return DistillationBatches(answers.heads[task], answers.answers[task], users, batch, **shares)

        if task in answers:
            others = [user for user in of("train_b") if not is_tuning_holdout(user.user.id)]
            self._bare_distillation = distillation(bare(seen + others), config.bare_queries)
            self._text_distillation = distillation(seen, config.text_queries, mixed_share=0.0)
            self._retrieval_distillation = None
            if config.retrieval_batch_share:
                # Rows of another user beside a user's own items would only teach the model to ignore one of the two.
                with_items = with_earlier_items(seen, tokenizer, sizes, config)
                shares = {"mixed_share": 0.0, "other_user_share": 0.0}
                self._retrieval_distillation = distillation(with_items, config.retrieval_queries, **shares)
        self._whole = row_batches(seen, plug_config, config, config.batch_tokens)
        self._bare = row_batches(bare(seen), plug_config, config, config.bare_batch_tokens)

    @property
    def has_head(self) -> bool:
        """Whether the task has a head that can be distilled."""
        return self._bare_distillation is not None

    def next(self, chooser: random.Random) -> DistillationBatch | tuple[list[SlotSample], list[Query]]:
        """The next batch: of the head's answers where the task has a head, else samples and queries."""
        is_bare = chooser.random() < self._bare_share
        if self._bare_distillation is None:
            return next(self._bare if is_bare else self._whole)
        if is_bare:
            return self._bare_distillation.next(chooser)
        has_items = self._retrieval_distillation is not None and chooser.random() < self._retrieval_share
        batch = (self._retrieval_distillation if has_items else self._text_distillation).next(chooser)
        return replace(batch, samples=[self._cut(entry, chooser) for entry in batch.samples])

    def _cut(self, entry: SlotSample, chooser: random.Random) -> SlotSample:
        is_cut = chooser.random() < self._cut_share
        return cut(entry, chooser.uniform(0.2, self._largest_cut), chooser) if is_cut else entry
