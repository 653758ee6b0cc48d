"""Which fixed choices a task has."""

from __future__ import annotations

from functools import cache

from training.data.task_prompts import TASK_PROMPTS
from training.data.users import load_users


@cache
def choices_of(task: str) -> tuple[str, ...]:
    """The fixed choices of a task, empty for free text: its template's, or those of the data where it has others.

    The data may have answers that the template does not name (movie_tag: 15 tags in LaMP's prompt, 30 in the data). A
    head without them would teach the language model that they are never right.
    """
    stated = tuple(TASK_PROMPTS[task].choices)
    found = {item.output for user in load_users(task) for item in user.items} if stated else set()
    return stated if found <= set(stated) else tuple(sorted(found))
