"""The byte-level BPE tokenizer of the nano language model, and the two ways it is used.

Control tokens sit in the BPE vocabulary itself (ids 0 to 3) and not only among the added tokens: WebLLM's tokenizer
renumbers added tokens whose ids the vocabulary does not hold. Text that a user wrote is encoded by `TextTokenizer`,
which knows no added tokens, so that "<|end|>" inside a text stays eight ordinary characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY_SIZE = 8192
CONTROL_TOKENS = ("<|end|>", "<|bos|>", "<|user|>", "<|assistant|>")
END, BOS, USER, ASSISTANT = range(4)


def train_tokenizer(texts: Iterable[str], path: Path, vocabulary_size: int = VOCABULARY_SIZE) -> None:
    """Trains the tokenizer on texts and writes tokenizer.json in Hugging Face form."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    for expected, token in enumerate(CONTROL_TOKENS):
        if tokenizer.token_to_id(token) != expected:
            raise RuntimeError(f"{token} has id {tokenizer.token_to_id(token)}, expected {expected}. Train it anew.")
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


class TextTokenizer:
    """Encodes plain text without control tokens; looks control tokens up by name.

    Works for any tokenizer.json: `added_tokens` and the post-processor are emptied before loading.
    """

    def __init__(self, source: Path | dict) -> None:
        """Reads a tokenizer.json, or takes its parsed content."""
        document = dict(source) if isinstance(source, dict) else json.loads(source.read_text(encoding="utf-8"))
        vocabulary = document["model"]["vocab"]
        # A unigram model lists [token, score] in the order of the ids.
        is_listed = isinstance(vocabulary, list)
        self._control = {entry[0]: id for id, entry in enumerate(vocabulary)} if is_listed else dict(vocabulary)
        self._control.update({entry["content"]: entry["id"] for entry in document.get("added_tokens", [])})
        document["added_tokens"] = []
        document["post_processor"] = None
        document["truncation"] = None
        document["padding"] = None
        self._tokenizer = Tokenizer.from_str(json.dumps(document))

    def control(self, token: str) -> int:
        """Id of a control token by its name."""
        if token not in self._control:
            raise KeyError(f"control token {token!r} is not in the vocabulary. Check the model's prompt template.")
        return self._control[token]

    def encode(self, text: str) -> list[int]:
        """Ids of plain text."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_many(self, texts: list[str]) -> list[list[int]]:
        """Ids of many texts, in parallel."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: list[int]) -> str:
        """Text of ids; exact for whole texts, control tokens included by name."""
        return self._tokenizer.decode(ids, skip_special_tokens=False)
