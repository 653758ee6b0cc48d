"""How a text that is longer than the embedder's window is read: in chunks, each embedded as a text of its own.

The browser cuts in the same way (src/embedder/text-chunks.ts), and the golden package holds both to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

MOST_CHUNKS = 8
FRAME_TOKENS = 2  # [CLS] and [SEP]

# The way vectors are made. 1: a text was cut after its first chunk. 2: the mean of its chunks. A text of one chunk has
# the same vector in both.
VECTOR_VERSION = 2


def chunk_bounds(tokens: int, longest: int) -> list[tuple[int, int]]:
    """Where the chunks of a text begin and end, for chunks of at most `longest` tokens.

    Where 8 chunks are enough they are contiguous and as even as whole tokens allow: full chunks would leave a last one
    of perhaps a single token, which without its context has a vector that says little. A longer text gets 8 full
    chunks, the first at its beginning, the last at its end, the others at even distances.
    """
    needed = max(1, -(-tokens // longest))
    if needed <= MOST_CHUNKS:
        return [(chunk * tokens // needed, (chunk + 1) * tokens // needed) for chunk in range(needed)]
    starts = [chunk * (tokens - longest) // (MOST_CHUNKS - 1) for chunk in range(MOST_CHUNKS)]
    return [(start, start + longest) for start in starts]


class ChunkTokenizer:
    """Cuts a text into the chunks that an embedder takes, framed by [CLS] and [SEP]."""

    def __init__(self, tokenizer: Tokenizer, maximum_tokens: int) -> None:
        tokenizer.encode_special_tokens = True  # "[SEP]" inside a text is text
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._longest = maximum_tokens - FRAME_TOKENS
        start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        if start is None or end is None:
            raise ValueError("tokenizer.json has no [CLS] or no [SEP] token. Choose a BERT-like embedder.")
        self._start, self._end = start, end

    def count(self, text: str) -> int:
        """Tokens of a text without [CLS] and [SEP]."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def chunks(self, text: str) -> list[list[int]]:
        """Ids of each chunk, [CLS] and [SEP] included."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [[self._start, *ids[start:end], self._end] for start, end in chunk_bounds(len(ids), self._longest)]


def pool_chunks(vectors: Sequence[np.ndarray], chunks: Sequence[Sequence[int]]) -> np.ndarray:
    """Unit vector [d] of a text from the unit vectors of its framed chunks: their mean weighted by tokens.

    The vector of a single chunk is returned as it is, bit for bit. Sums are float64, from the first chunk to the last.
    """
    if len(vectors) == 1:
        return vectors[0]
    total = np.zeros(vectors[0].shape, np.float64)
    for vector, ids in zip(vectors, chunks, strict=True):
        total += (len(ids) - FRAME_TOKENS) * vector.astype(np.float64)
    return (total / np.sqrt((total * total).sum())).astype(np.float32)
