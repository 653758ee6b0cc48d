"""Retrieved items for a prompt: Okapi BM25 over whitespace tokens, or the most recent items.

The language model is tuned on prompts with retrieved items too; otherwise a comparison with retrieval would be unfair.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from training.data.users import Item

K1, B, EPSILON = 1.5, 0.75, 0.25


def bm25_scores(query: str, documents: Sequence[str]) -> list[float]:
    """Okapi BM25 of every document; a negative idf is replaced by a quarter of the mean idf."""
    tokenised = [Counter(document.split()) for document in documents]
    lengths = [sum(counts.values()) for counts in tokenised]
    mean_length = sum(lengths) / max(1, len(lengths)) or 1.0
    frequencies = Counter(token for counts in tokenised for token in counts)
    raw = {
        token: math.log(len(documents) - count + 0.5) - math.log(count + 0.5) for token, count in frequencies.items()
    }
    floor = EPSILON * sum(raw.values()) / max(1, len(raw))
    scores = []
    for counts, length in zip(tokenised, lengths, strict=True):
        score = 0.0
        for token in query.split():
            if token in counts:
                idf = raw[token] if raw[token] >= 0 else floor
                frequency = counts[token]
                score += idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / mean_length))
        scores.append(score)
    return scores


def bm25_items(query: str, history: Sequence[Item], count: int) -> list[Item]:
    """The `count` items whose inputs score highest, best first; of equal ones the newer first."""
    scores = bm25_scores(query, [item.input for item in history])
    order = sorted(range(len(history)), key=lambda index: (-scores[index], -index))
    return [history[index] for index in order[:count]]


def recent_items(history: Sequence[Item], count: int) -> list[Item]:
    """The last `count` items, newest first."""
    return list(reversed(history[-count:])) if count else []
