"""The prompts of the tasks and the one function that lays them out; byte for byte what src/prompts/ does.

A prompt is a list of segments, ids or rows. Without a persona (or with a closed gate) there are no rows at all, so the
prompt is token for token that of "none". Retrieved items follow LaMP's templates (arXiv 2304.11406, appendix).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.data import Item
from training.tokenizer import END, TextTokenizer

NEWS_CATEGORIES = (
    "Arts & Culture", "Black Voices", "Business", "Comedy", "Crime", "Education", "Entertainment", "Environment",
    "Food & Drink", "Home & Living", "Impact", "Latino Voices", "Media", "Money", "Parenting", "Politics",
    "Queer Voices", "Religion", "Science", "Sports", "Style & Beauty", "Tech", "Travel", "U.S. News", "Weddings",
    "Weird News", "Wellness", "Women", "World News",
)  # fmt: skip


@dataclass(frozen=True)
class TaskPrompt:
    """How a task asks, how it renders a retrieved item, and how long an answer may be."""

    prompt: str
    item: str = '"{output}" is the answer for "{input}"'
    joint: str = ". "
    maximum_new_tokens: int = 128
    choices: tuple[str, ...] = ()


TASK_PROMPTS: dict[str, TaskPrompt] = {
    "news_category": TaskPrompt(
        prompt="Which category does this article relate to? article: {input}",
        item='the category for the article: "{input}" is "{output}"',
        maximum_new_tokens=12,
        choices=NEWS_CATEGORIES,
    ),
    "news_headline": TaskPrompt(
        prompt="Generate a headline for the following article: {input}",
        item='"{output}" is the title for "{input}"',
        maximum_new_tokens=40,
    ),
    "paper_title": TaskPrompt(
        prompt="Generate a title for the following abstract of a paper: {input}",
        item='"{output}" is a title for "{input}"',
        joint=". Following the given patterns ",
        maximum_new_tokens=48,
    ),
}
UNKNOWN_TASK = TaskPrompt(prompt="{input}")

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


def fill(template: str, **values: str) -> str:
    """Fills {input} and {output} in one pass, so that braces inside a user's text are left alone."""
    pieces, rest = [], template
    while rest:
        found = [(rest.find("{" + name + "}"), name) for name in values if "{" + name + "}" in rest]
        if not found:
            break
        position, name = min(found)
        pieces += [rest[:position], values[name]]
        rest = rest[position + len(name) + 2 :]
    return "".join([*pieces, rest])


def prompt_text(task: str, text: str, retrieved: Sequence[Item] = ()) -> str:
    """The prompt as text: retrieved items (most relevant first), then the question."""
    template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
    prompt = fill(template.prompt, input=text)
    if not retrieved:
        return prompt
    rendered = [fill(template.item, input=item.input, output=item.output) for item in retrieved]
    return ", and ".join(rendered) + template.joint + prompt


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

    Without any rows the persona slot is nothing: the prompt is token for token that of "none".
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
            counts = (("instruction", instruction_rows), ("persona", persona_rows))
            segments += [Segment(kind, count=count) for kind, count in counts if count > 0]
    return segments


def plain_prompt_ids(
    tokenizer: TextTokenizer, task: str, text: str, retrieved: Sequence[Item] = (), **sizes: int
) -> list[int]:
    """Ids of the whole prompt without a persona."""
    template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
    ids = tokenizer.encode(prompt_text(task, text, retrieved))
    (segment,) = lay_out(tokenizer, ids, maximum_new_tokens=template.maximum_new_tokens, **sizes)
    return segment.ids


def answer_ids(tokenizer: TextTokenizer, output: str, end: int = END) -> list[int]:
    """Ids of an answer and the end token."""
    return [*tokenizer.encode(output), end]
