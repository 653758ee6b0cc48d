"""The prompts that a language model is tuned on, some with earlier items, and those of held-out users."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.data.prompts import answer_ids, plain_prompt_ids
from training.data.retrieval import bm25_items, recent_items
from training.data.samples import Sample
from training.data.splits import Split, is_tuning_holdout
from training.data.tokenizer import TextTokenizer
from training.data.users import Item, User, training_users

SEARCHED_ITEMS = 100  # BM25 over all of a long history costs more than the model's step


def earlier_items(user: User, index: int, count: int, uses_bm25: bool) -> list[Item]:
    """Up to `count` of the items before item `index`: those with most of its words, or the newest."""
    history = user.items[:index]
    if uses_bm25 and count:
        return bm25_items(user.items[index].input, history[-SEARCHED_ITEMS:], count)
    return recent_items(history, count)


def sample_of(
    tokenizer: TextTokenizer, user: User, index: int, count: int, uses_bm25: bool, maximum_length: int
) -> Sample:
    """Item `index` of a user as a sample with up to `count` earlier items of the same user, as many as fit."""
    item = user.items[index]
    answer = answer_ids(tokenizer, item.output)
    retrieved = earlier_items(user, index, count, uses_bm25)
    prompt = plain_prompt_ids(tokenizer, user.task, item.input, retrieved)
    while retrieved and len(prompt) + len(answer) > maximum_length:
        retrieved = retrieved[:-1]
        prompt = plain_prompt_ids(tokenizer, user.task, item.input, retrieved)
    return Sample(user.task, prompt[: maximum_length - len(answer)], answer)


def build_samples(
    tokenizer: TextTokenizer,
    users: Sequence[User],
    order: random.Random,
    share: float,
    maximum_retrieved: int,
    maximum_length: int,
) -> list[Sample]:
    """One sample an item; a share of them with one to `maximum_retrieved` items, half by BM25, half the newest."""
    samples = []
    for user in users:
        for index in range(len(user.items)):
            count = order.randint(1, maximum_retrieved) if order.random() < share else 0
            uses_bm25 = order.random() < 0.5
            samples.append(sample_of(tokenizer, user, index, count, uses_bm25, maximum_length))
    return samples


def tuning_users(tasks: Sequence[str], splits: Sequence[Split], is_held_out: bool) -> list[User]:
    """Users of the training splits: those that train, or those held out for early stopping."""
    users = [user for task in tasks for split in splits for user in training_users(task, split)]
    return [user for user in users if is_tuning_holdout(user.id) == is_held_out]


def held_out_samples(
    tokenizer: TextTokenizer,
    tasks: Sequence[str],
    users: Sequence[User],
    per_task: int,
    retrieved: int,
    maximum_length: int,
) -> list[Sample]:
    """At most `per_task` samples of every task, evenly spaced over its users' items, with BM25's best earlier items."""
    samples = []
    for task in tasks:
        entries = [(user, index) for user in users if user.task == task for index in range(len(user.items))]
        chosen = entries[:: max(1, len(entries) // per_task)][:per_task]
        samples += [sample_of(tokenizer, user, index, retrieved, True, maximum_length) for user, index in chosen]
    return samples
