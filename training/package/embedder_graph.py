"""The embedder's ONNX graph, written node by node: BERT with 8-bit weights and the fused steps of onnxruntime-web."""

from __future__ import annotations

from typing import Any

import numpy
import onnx
from onnx import TensorProto

from training.data.embedder import MAXIMUM_TOKENS
from training.package.onnx_graph import Graph

BLOCK = 32


def quantize_blocks(weight: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """[out, in] float32 to MatMulNBits' form: uint8 [out, in / 32, 32] around 128, and scales [out, in / 32]."""
    blocks = weight.reshape(weight.shape[0], -1, BLOCK)
    scale = numpy.abs(blocks).max(-1) / 127
    scale[scale == 0] = 1
    codes = numpy.rint(blocks / scale[..., None]) + 128
    return codes.astype("uint8"), scale.astype("float32")


def quantize_rows(table: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """[rows, width] float32 to int8 rows and one scale a row."""
    scale = numpy.abs(table).max(-1, keepdims=True) / 127
    scale[scale == 0] = 1
    return numpy.rint(table / scale).astype("int8"), scale.astype("float32")


class EmbedderGraph:
    """BERT without the pooler. b = batch, n = tokens, h = hidden size; weights by their Hugging Face names."""

    def __init__(self, weights: dict[str, numpy.ndarray], config: dict[str, Any]):
        self.graph, self.weights, self.config = Graph(), weights, config
        self.heads = config["num_attention_heads"]
        self.head_dim = config["hidden_size"] // self.heads

    def build(self) -> onnx.ModelProto:
        graph = self.graph
        x = self.embeddings()
        # 0 where attended, a large negative number where padded: [b, 1, 1, n].
        mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        mask = graph.node("Sub", mask, graph.constant(numpy.array([1], "float32"), "one"))
        mask = graph.node("Mul", mask, graph.constant(numpy.array([1e9], "float32"), "penalty"))
        mask = graph.node("Unsqueeze", mask, graph.constant([1, 2]))
        layers = self.config["num_hidden_layers"]
        for index in range(layers):
            x = self.layer(f"encoder.layer.{index}.", x, mask, "last_hidden_state" if index == layers - 1 else None)
        ids = [(name, TensorProto.INT64, ["b", "n"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
        output = ("last_hidden_state", TensorProto.FLOAT, ["b", "n", self.config["hidden_size"]])
        return graph.model("all-minilm-l6-v2", ids, [output])

    def embeddings(self) -> str:
        """Sum of word, type and position rows, normed: [b, n, h]."""
        graph = self.graph
        words = self.rows("embeddings.word_embeddings.weight", "input_ids")
        kinds = graph.constant(self.weights["embeddings.token_type_embeddings.weight"], "type_table")
        kinds = graph.node("Gather", kinds, "token_type_ids")
        shape = graph.node("Shape", "input_ids", start=1, end=2)
        length = graph.node("Squeeze", shape, graph.constant([0]))
        zero, one = graph.constant(0), graph.constant(1)
        places = self.rows("embeddings.position_embeddings.weight", graph.node("Range", zero, length, one))
        return self.norm("embeddings.LayerNorm", graph.node("Add", kinds, places), words, None)

    def rows(self, name: str, index: str) -> str:
        """Rows of a table that is stored as int8 with a scale a row: only the rows asked for become float32."""
        graph = self.graph
        table = self.weights[name]
        codes, scale = quantize_rows(table[:MAXIMUM_TOKENS] if "position" in name else table)
        chosen = graph.node("Gather", graph.constant(codes, f"{name}.codes"), index)
        scales = graph.node("Gather", graph.constant(scale, f"{name}.scale"), index)
        return graph.node("Mul", graph.node("Cast", chosen, to=TensorProto.FLOAT), scales)

    def norm(self, name: str, x: str, residual: str, bias: str | None, output: str | None = None) -> str:
        """LayerNorm(x + bias + residual)."""
        graph = self.graph
        inputs = [x, residual] + [
            graph.constant(self.weights[f"{name}.{part}"], f"{name}.{part}") for part in ("weight", "bias")
        ]
        inputs += [graph.constant(self.weights[bias], bias)] if bias else []
        return graph.node("SkipLayerNormalization", *inputs, output=output, epsilon=self.config["layer_norm_eps"])

    def matmul(self, name: str, x: str, weight: numpy.ndarray) -> str:
        """x · weightᵀ with 8-bit blocks; weight [out, in]."""
        codes, scale = quantize_blocks(weight)
        graph = self.graph
        inputs = [x, graph.constant(codes, f"{name}.codes"), graph.constant(scale.reshape(-1), f"{name}.scale")]
        outputs, depth = weight.shape
        return graph.node("MatMulNBits", *inputs, N=outputs, K=depth, bits=8, block_size=BLOCK, accuracy_level=4)

    def layer(self, prefix: str, x: str, mask: str, output: str | None) -> str:
        graph, weights = self.graph, self.weights
        mixed = self.attention(f"{prefix}attention.self.", x, mask)
        projected = self.matmul(f"{prefix}attention.output", mixed, weights[f"{prefix}attention.output.dense.weight"])
        x = self.norm(f"{prefix}attention.output.LayerNorm", projected, x, f"{prefix}attention.output.dense.bias")
        wide = self.matmul(f"{prefix}intermediate", x, weights[f"{prefix}intermediate.dense.weight"])
        bias = graph.constant(weights[f"{prefix}intermediate.dense.bias"], f"{prefix}intermediate.dense.bias")
        wide = graph.node("BiasGelu", wide, bias)
        narrow = self.matmul(f"{prefix}output", wide, weights[f"{prefix}output.dense.weight"])
        return self.norm(f"{prefix}output.LayerNorm", narrow, x, f"{prefix}output.dense.bias", output)

    def attention(self, prefix: str, x: str, mask: str) -> str:
        """Self-attention over [b, n, h], heads merged again; the factor 1/√d lies in the query's weights."""
        graph, heads, dim = self.graph, self.heads, self.head_dim
        parts = {
            part: [self.weights[f"{prefix}{part}.{kind}"] for kind in ("weight", "bias")]
            for part in ("query", "key", "value")
        }
        parts["query"] = [value * dim**-0.5 for value in parts["query"]]
        weight, bias = (numpy.concatenate([pair[kind] for pair in parts.values()]).astype("float32") for kind in (0, 1))
        qkv = graph.node("Add", self.matmul(prefix, x, weight), graph.constant(bias, f"{prefix}bias"))
        by_head = graph.constant([0, 0, heads, dim])
        query, key, value = (graph.node("Reshape", part, by_head) for part in graph.split(qkv, [heads * dim] * 3, 2))
        query = graph.node("Transpose", query, perm=[0, 2, 1, 3])  # [b, heads, n, d]
        key = graph.node("Transpose", key, perm=[0, 2, 3, 1])  # [b, heads, d, n]
        value = graph.node("Transpose", value, perm=[0, 2, 1, 3])
        scores = graph.node("Add", graph.node("MatMul", query, key), mask)
        mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
        mixed = graph.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return graph.node("Reshape", mixed, graph.constant([0, 0, heads * dim]))
