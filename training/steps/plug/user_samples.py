"""The samples that a plug learns from: every item of a user as a query, with the items before it as history."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.data.prompts import NANO_FORMAT, PromptFormat
from training.data.samples import batches_by_length
from training.data.tokenizer import TextTokenizer
from training.data.users import User
from training.data.vector_store import Vectors
from training.persona.histories import MAXIMUM_HISTORY, Query, UserVectors, dropped
from training.persona.soft_prompt import SlotSample, slot_sample


@dataclass(frozen=True)
class UserSamples:
    """A user's vectors and, for each item, the prompt with rows and the prompt without."""

    user: User
    vectors: UserVectors
    with_rows: tuple[SlotSample, ...]
    plain: tuple[SlotSample, ...]

    def query(self, index: int, items: Sequence[int], of: UserSamples | None = None) -> Query:
        """Item `index` as a query; its history are `items` of this user or of another one."""
        vectors = (of or self).vectors
        return Query(self.vectors.inputs[index], int(self.vectors.days[index]), vectors, items)

    def answers(self, items: Sequence[int]) -> list[list[int]]:
        """Token ids of the outputs of `items`, end token included; only the last ones, as in `collate_histories`."""
        return [self.plain[item].sample.answer for item in list(items)[-MAXIMUM_HISTORY:]]


def build_user_samples(
    users: Sequence[User],
    tokenizer: TextTokenizer,
    store: Vectors,
    rows: tuple[int, int],
    maximum_prompt: int | None,
    form: PromptFormat = NANO_FORMAT,
) -> list[UserSamples]:
    """Tokenises every item of the users and looks its vectors up."""

    def sample(user: User, index: int, sizes: tuple[int, int]) -> SlotSample:
        item = user.items[index]
        return slot_sample(tokenizer, user.task, item.input, item.output, sizes, maximum_prompt, form)

    return [
        UserSamples(
            user,
            UserVectors.of(user, store),
            tuple(sample(user, index, rows) for index in range(len(user.items))),
            tuple(sample(user, index, (0, 0)) for index in range(len(user.items))),
        )
        for user in users
    ]


def training_batches(
    users: Sequence[UserSamples],
    items_per_user: int,
    batch_tokens: int,
    order: random.Random,
    intact_share: float = 0.0,
    short_share: float = 0.0,
) -> Iterator[tuple[list[SlotSample], list[Query]]]:
    """One pass: at most `items_per_user` random queries of every user, each with a randomly thinned history.

    The cap limits the weight of the few users with very many items; `intact_share` of the histories are not thinned,
    and `short_share` are cut to a few of the last items, as a new user's would be.
    """

    def history(index: int) -> Sequence[int]:
        chance = order.random()
        if chance < intact_share:
            return range(index)
        if chance < intact_share + short_share:
            return range(index - round(index ** order.random()), index)  # 1 … index, small numbers as often as large
        return dropped(range(index), order)

    chosen = [
        (user, index)
        for user in users
        for index in order.sample(range(1, len(user.user.items)), min(items_per_user, len(user.user.items) - 1))
    ]
    lengths = [len(user.with_rows[index].sample) for user, index in chosen]
    for batch in batches_by_length(lengths, batch_tokens, order):
        entries = [chosen[position] for position in batch]
        queries = [user.query(index, history(index)) for user, index in entries]
        yield [user.with_rows[index] for user, index in entries], queries


def spread_queries(users: Sequence[UserSamples], count: int) -> list[tuple[UserSamples, int]]:
    """About `count` queries, evenly many of every user and evenly spaced within the user's items."""
    per_user = max(1, count // max(1, len(users)))
    chosen = []
    for user in users:
        total = len(user.user.items)
        step = max(1, (total - 1) // per_user)
        chosen += [(user, index) for index in range(total - 1, 0, -step)][:per_user]
    return chosen
