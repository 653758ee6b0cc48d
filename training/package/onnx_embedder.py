"""The shipped 8-bit embedder on onnxruntime, which computes what a browser computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class OnnxEmbedder:
    """Embeds one text at a time with the model package of the embedder."""

    def __init__(self, package: Path) -> None:
        block = json.loads((package / "manifest.json").read_text())["embedder"]
        self._tokenizer = Tokenizer.from_file(str(package / block["tokenizer"]))
        self._tokenizer.encode_special_tokens = True  # "[SEP]" inside a text is text
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(block["maximumTokens"])
        self._session = onnxruntime.InferenceSession(str(package / block["graph"]), providers=["CPUExecutionProvider"])

    def embed(self, text: str) -> np.ndarray:
        """Unit vector [384]."""
        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], feeds)
        mean = hidden[0].astype(np.float64).mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)
