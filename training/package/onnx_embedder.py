"""The shipped 8-bit embedder on onnxruntime, which computes what a browser computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from training.data.embedder import MAXIMUM_TOKENS, load_tokenizer
from training.data.text_chunks import pool_chunks
from training.package.model_package import read_manifest


def pool(hidden: np.ndarray) -> np.ndarray:
    """Unit vector of the mean over tokens, [n, h] to [h]."""
    mean = hidden.astype(np.float64).mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


class OnnxEmbedder:
    """Embeds one text at a time. `threads`: 0 is onnxruntime's own choice."""

    def __init__(self, graph: Path, tokenizer: Path, maximum_tokens: int = MAXIMUM_TOKENS, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.tokenizer = load_tokenizer(tokenizer, maximum_tokens)
        self.session = onnxruntime.InferenceSession(str(graph), options, ["CPUExecutionProvider"])

    @staticmethod
    def of_package(package: Path, threads: int = 0) -> OnnxEmbedder:
        """The embedder of a model package."""
        block = read_manifest(package)["embedder"]
        return OnnxEmbedder(package / block["graph"], package / block["tokenizer"], block["maximumTokens"], threads)

    def embed(self, text: str) -> np.ndarray:
        """Unit vector [384]."""
        chunks = self.tokenizer.chunks(text)
        return pool_chunks([self._embed_chunk(ids) for ids in chunks], chunks)

    def _embed_chunk(self, chunk: list[int]) -> np.ndarray:
        ids = np.array([chunk], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self.session.run(["last_hidden_state"], feeds)
        return pool(hidden[0])
