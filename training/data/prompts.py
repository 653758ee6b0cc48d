"""The one function that lays prompts out; token for token what src/prompts/layout-prompt.ts does.

A prompt is a list of segments, ids or rows. Without a persona (or with a closed gate) there are no rows at all, so the
prompt is token for token that of "none". The words of the tasks are in task_prompts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.data.task_prompts import NEWS_CATEGORIES, TASK_PROMPTS, UNKNOWN_TASK, TaskPrompt, fill, prompt_text
from training.data.tokenizer import END, TextTokenizer
from training.data.users import Item

__all__ = [
    "NANO_FORMAT",
    "NANO_TEMPLATE",
    "NEWS_CATEGORIES",
    "TASK_PROMPTS",
    "UNKNOWN_TASK",
    "PromptFormat",
    "Segment",
    "TaskPrompt",
    "answer_ids",
    "fill",
    "lay_out",
    "plain_prompt_ids",
    "prompt_text",
]

# The template of the nano model's manifest; other models bring their own.
NANO_TEMPLATE: tuple[dict[str, str], ...] = (
    {"control": "<|bos|>"},
    {"slot": "persona"},
    {"control": "<|user|>"},
    {"slot": "prompt"},
    {"control": "<|assistant|>"},
)


@dataclass(frozen=True)
class PromptFormat:
    """What a language model wants of a prompt: its template, the id that ends an answer, tokens of its context."""

    template: tuple[dict[str, str], ...] = NANO_TEMPLATE
    end: int = END
    context_window: int = 1024


NANO_FORMAT = PromptFormat()


@dataclass(frozen=True)
class Segment:
    """A run of token ids, or `count` rows of the instruction (I) or the persona (P)."""

    kind: Literal["ids", "instruction", "persona"]
    ids: list[int] = field(default_factory=list)
    count: int = 0


def lay_out(
    tokenizer: TextTokenizer,
    prompt_ids: list[int],
    *,
    instruction_rows: int = 0,
    persona_rows: int = 0,
    maximum_new_tokens: int = 128,
    context_window: int = 1024,
    template: Sequence[dict[str, str]] = NANO_TEMPLATE,
) -> list[Segment]:
    """Segments of a prompt. The prompt's ids are cut at the end to what the context leaves for them.

    Without rows the persona slot is left out, and the prompt is token for token that of "none".
    """
    rows = instruction_rows + persona_rows
    controls = sum("control" in entry for entry in template)
    budget = context_window - rows - controls - maximum_new_tokens
    if budget <= 0:
        raise ValueError(
            f"the context of {context_window} tokens leaves no room for a prompt. Ask for fewer new tokens."
        )
    segments: list[Segment] = []

    def add_ids(ids: list[int]) -> None:
        if segments and segments[-1].kind == "ids":
            segments[-1].ids.extend(ids)
        else:
            segments.append(Segment("ids", list(ids)))

    for entry in template:
        if "control" in entry:
            add_ids([tokenizer.control(entry["control"])])
        elif entry["slot"] == "prompt":
            add_ids(prompt_ids[:budget])
        else:
            rows_of_slot = (Segment("instruction", count=instruction_rows), Segment("persona", count=persona_rows))
            segments += [segment for segment in rows_of_slot if segment.count > 0]
    return segments


def plain_prompt_ids(tokenizer: TextTokenizer, task: str, text: str, retrieved: Sequence[Item] = ()) -> list[int]:
    """Ids of the whole prompt without a persona."""
    template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
    ids = tokenizer.encode(prompt_text(task, text, retrieved))
    (segment,) = lay_out(tokenizer, ids, maximum_new_tokens=template.maximum_new_tokens)
    return segment.ids


def answer_ids(tokenizer: TextTokenizer, output: str, end: int = END) -> list[int]:
    """Ids of an answer and the end token."""
    return [*tokenizer.encode(output), end]
