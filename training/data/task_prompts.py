"""The wording of every task, byte for byte the same as in the TypeScript package.

Retrieved items follow the templates of LaMP (arXiv 2304.11406, appendix), reworded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.data.users import Item

NEWS_CATEGORIES = (
    "Arts & Culture", "Black Voices", "Business", "Comedy", "Crime", "Education", "Entertainment", "Environment",
    "Food & Drink", "Home & Living", "Impact", "Latino Voices", "Media", "Money", "Parenting", "Politics",
    "Queer Voices", "Religion", "Science", "Sports", "Style & Beauty", "Tech", "Travel", "U.S. News", "Weddings",
    "Weird News", "Wellness", "Women", "World News",
)  # fmt: skip
# LaMP's tags. Other data has other tags: `task_choices.choices_of` reads them.
LAMP_MOVIE_TAGS = (
    "sci-fi", "based on a book", "comedy", "action", "twist ending", "dystopia", "dark comedy", "classic", "psychology",
    "fantasy", "romance", "thought-provoking", "social commentary", "violence", "true story",
)  # fmt: skip
RATINGS = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class TaskPrompt:
    """How a task asks, how it renders a retrieved item, and how long an answer may be."""

    prompt: str
    item: str = '"{output}" is the answer for "{input}"'
    joint: str = ". "
    maximum_new_tokens: int = 128
    choices: tuple[str, ...] = ()
    landmark: str = ""  # where not empty, retrieved items go behind this word of the question


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
    "movie_tag": TaskPrompt(
        prompt="Which tag does this movie relate to? description: {input}",
        item='the tag for the movie: "{input}" is "{output}"',
        maximum_new_tokens=12,
        choices=LAMP_MOVIE_TAGS,
    ),
    "movie_rating": TaskPrompt(
        prompt="What is the score of the following review on a scale of 1 to 5? "
        "just answer with 1, 2, 3, 4, or 5 without further explanation. review: {input}",
        item='{output} is the score for "{input}"',
        maximum_new_tokens=4,
        choices=RATINGS,
    ),
    "email_subject": TaskPrompt(
        prompt="Generate a subject for the following email: {input}",
        item='"{output}" is the title for "{input}"',
        maximum_new_tokens=40,
    ),
    "tweet_paraphrase": TaskPrompt(
        prompt="Paraphrase the following tweet without any explanation before or after it: {input}",
        item='"{output}"',
        joint=" are written by a person. Following the given patterns ",
        maximum_new_tokens=64,
    ),
    "citation": TaskPrompt(
        prompt="{input}",
        item='"{output}"',
        maximum_new_tokens=8,
        choices=("[1]", "[2]"),
        landmark="title",
    ),
}
UNKNOWN_TASK = TaskPrompt(prompt="{input}")


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


def prompt_text(task: str, text: str, retrieved: Sequence[Item] = (), profile: str | None = None) -> str:
    """The prompt as text: the user's profile, retrieved items (most relevant first), then the question."""
    template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
    prompt = fill(template.prompt, input=text)
    if retrieved:
        earlier = ", and ".join(fill(template.item, input=item.input, output=item.output) for item in retrieved)
        prompt = with_earlier(template, earlier, prompt)
    return prompt if profile is None else f"{profile}. {prompt}"


def with_earlier(template: TaskPrompt, earlier: str, prompt: str) -> str:
    """The question with the retrieved items before it, or behind its landmark."""
    at = prompt.find(template.landmark) if template.landmark else -1
    if at < 0:
        return earlier + template.joint + prompt
    end = at + len(template.landmark)
    return f"{prompt[:end]} {earlier}, and{prompt[end:]}"
