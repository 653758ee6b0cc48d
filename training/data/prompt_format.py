"""The prompt format of any Hugging Face tokenizer, in the form that a manifest's promptTemplate has.

With a chat template the persona's rows stand right before the user's prompt text; without one, right after BOS.
Everything that a template writes around the prompt, a default system prompt included, becomes control entries, one for
each token, so that both runtimes lay out the same ids without interpreting the template.
"""

from __future__ import annotations

from typing import cast

from transformers import PreTrainedTokenizerBase

from training.data.prompts import PromptFormat
from training.data.tokenizer import TextTokenizer

MARK, ANSWER_MARK = "PERSONAPLUGPROMPT", "PERSONAPLUGANSWER"
# Some templates print the date, which would change the prompt every day; models that can think are asked not to.
FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}
FALLBACK_CONTEXT = 1024


def prompt_format_of(tokenizer: PreTrainedTokenizerBase, text: TextTokenizer, context_window: int) -> PromptFormat:
    """Template, end token and context of a model. Raises when the template cannot be taken apart."""
    if tokenizer.chat_template:
        before, after, end = chat_ids(tokenizer)
    else:
        before = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        # A line break tells a model that never saw a chat where the prompt ends.
        after, end = line_break(text), tokenizer.eos_token_id
    if end is None:
        raise ValueError("the tokenizer has no eos_token, so no answer could end. Name one in tokenizer_config.json.")
    template = (
        *controls(tokenizer, text, before),
        {"slot": "persona"},
        {"slot": "prompt"},
        *controls(tokenizer, text, after),
    )
    return PromptFormat(template, end, context_window)


def chat_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int], int | None]:
    """Ids before and after the user's text of one user turn, and the id that ends the assistant's turn."""

    def rendered(turns: list[dict[str, str]], **options: bool) -> str:
        return cast(str, tokenizer.apply_chat_template(turns, tokenize=False, **options, **FIXED))  # type: ignore[arg-type]

    turn = [{"role": "user", "content": MARK}]
    parts = rendered(turn, add_generation_prompt=True).split(MARK)
    if len(parts) != 2:
        raise ValueError(
            f"the chat template writes the user's text {len(parts) - 1} times, expected once. "
            "Set another chat_template in tokenizer_config.json, or none."
        )
    before, after = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in parts)
    answered = [*turn, {"role": "assistant", "content": ANSWER_MARK}]
    rest = rendered(answered).split(ANSWER_MARK)[-1]
    following = tokenizer(rest, add_special_tokens=False)["input_ids"]
    # A special token right behind the answer ends the turn; it is not always the tokenizer's eos_token.
    ends_turn = bool(following) and following[0] in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder)
    return before, after, following[0] if ends_turn else tokenizer.eos_token_id


def line_break(text: TextTokenizer) -> list[int]:
    """Ids of a line break behind a word (alone, some tokenizers would put a dummy space before it)."""
    word, broken = text.encode("a"), text.encode("a\n")
    return broken[len(word) :] if broken[: len(word)] == word else text.encode("\n")


def controls(tokenizer: PreTrainedTokenizerBase, text: TextTokenizer, ids: list[int]) -> list[dict[str, str]]:
    """Each id as a control entry by the token's name. Raises where the name does not lead back to the id."""
    entries = []
    for id in ids:
        name = cast(str, tokenizer.convert_ids_to_tokens(id))
        if text.control(name) != id:
            raise ValueError(f"token {name!r} is id {text.control(name)} by name but {id} in the template. Rename it.")
        entries.append({"control": name})
    return entries


def context_of(config: object) -> int:
    """Tokens of a model's context by its config."""
    return getattr(config, "max_position_embeddings", None) or FALLBACK_CONTEXT
