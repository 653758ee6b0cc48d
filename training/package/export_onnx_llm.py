"""Writes the ONNX graph of a Llama whose weights stay in WebLLM's shards: one weight file, three runtimes.

    python -m training.package.export_onnx_llm config.json models/nano-llm/tensor-cache.json models/nano-llm/model.onnx

The graph holds no weights of its own. Its float32 initializers point by offset into params_shard_*.bin **after
widening**: whoever loads the graph turns each bfloat16 of a shard into a float32 (16 zero bits below) and hands the
result over under the shard's name, as `open_session` does here. A Cast inside the graph would be neater, but the WebGPU
build of onnxruntime-web 1.30 has none from bfloat16, and decoding by other operators costs a second and 200 MB at every
load.

n = tokens of this call, p = tokens in the cache, t = p + n, h = hidden size, d = head size.

Inputs    input_ids int64 [n] (0 where soft), soft_rows float32 [n, h] (0 where not soft), is_soft bool [n], first_logit
int64 [1], past_key_values float32 [layers, 2, key heads, p, d] (p may be 0), adapter_a float32 [layers, r, h],
adapter_b float32 [layers, (query heads + 2 key heads) d, r]: one user's change of the fused q, k and v projection, b·a
of each layer; zeros of r = 1 leave every number as it is, bit for bit; rescale_qkv float32 [layers, (query heads + 2
key heads) d], rescale_down float32 [layers, feed-forward size]: (IA)³, l - 1 of what that projection gives (before the
rotary positions) and of what the down projection takes; zeros likewise Outputs   logits float32 [n - first_logit,
vocabulary], present_key_values float32 [layers, 2, key heads, t, d]

There is one sequence and no batch dimension. Matrix products are Gemm with a transposed weight, so no runtime holds a
transposed copy. Positions follow from p; p + n must not exceed max_position_embeddings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
from onnx import TensorProto

from training.package.onnx_graph import Graph
from training.package.webgpu_library.checkpoint import widen_bfloat16
from training.package.webgpu_library.llama_config import LlamaConfig

LAST = 2**62  # a Slice end beyond any length
MASKED = -1e9
WIDENING = 2  # bytes of a float32 for each of a bfloat16


class LlamaGraph:
    """One Llama decoder; `weights` names the float32 value of each parameter of tensor-cache.json."""

    def __init__(self, config: LlamaConfig, records: dict[str, dict[str, Any]]):
        self.graph, self.config = Graph(), config
        self.weights = {
            name: self.graph.external(
                name, record["shape"], record["location"], WIDENING * record["byteOffset"], WIDENING * record["nbytes"]
            )
            for name, record in records.items()
        }
        self.query_heads, self.key_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        self.qkv_width = (self.query_heads + 2 * self.key_heads) * self.head_dim

    def build(self) -> onnx.ModelProto:
        graph, config = self.graph, self.config
        self.prepare_positions()
        self.adapters = [self.by_layer("adapter_a"), self.by_layer("adapter_b")]
        self.scales = [self.by_layer(self.scale("rescale_qkv")), self.by_layer(self.scale("rescale_down"))]
        past = self.past_by_layer()
        words = graph.node("Gather", self.weights["model.embed_tokens.weight"], "input_ids")
        soft = graph.node("Unsqueeze", "is_soft", graph.constant([1]))
        residual = graph.node("Where", soft, "soft_rows", words)  # [n, h]
        x = graph.node(
            "SimplifiedLayerNormalization",
            residual,
            self.weights["model.layers.0.input_layernorm.weight"],
            axis=-1,
            epsilon=config.rms_norm_eps,
        )
        present: list[str] = []
        for index in range(config.num_hidden_layers):
            is_last = index == config.num_hidden_layers - 1
            mixed, key, value = self.attention(index, x, *past[2 * index : 2 * index + 2])
            present += [key, value]
            if is_last:  # only positions whose logits are asked for go further
                mixed, residual = self.from_first_logit(mixed), self.from_first_logit(residual)
            layer = f"model.layers.{index}."
            mixed = self.linear(f"{layer}self_attn.o_proj.weight", mixed)
            x, residual = self.add_and_norm(f"{layer}post_attention_layernorm.weight", mixed, residual)
            following = "model.norm.weight" if is_last else f"model.layers.{index + 1}.input_layernorm.weight"
            x, residual = self.add_and_norm(following, self.feed_forward(index, x), residual)
        head = "model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"
        self.linear(head, x, output="logits")
        stacked = graph.concat_tree(present, 0)  # [layers * 2, key heads, t, d]
        cache = [config.num_hidden_layers, 2, self.key_heads, -1, self.head_dim]
        graph.node("Reshape", stacked, graph.constant(cache), output="present_key_values")
        return graph.model("llama", *self.signature())

    def signature(self) -> tuple[list[Any], list[Any]]:
        config = self.config

        def cache(length: str) -> list[int | str]:
            return [config.num_hidden_layers, 2, self.key_heads, length, self.head_dim]

        inputs = [
            ("input_ids", TensorProto.INT64, ["n"]),
            ("soft_rows", TensorProto.FLOAT, ["n", config.hidden_size]),
            ("is_soft", TensorProto.BOOL, ["n"]),
            ("first_logit", TensorProto.INT64, [1]),
            ("past_key_values", TensorProto.FLOAT, cache("p")),
            ("adapter_a", TensorProto.FLOAT, [config.num_hidden_layers, "r", config.hidden_size]),
            ("adapter_b", TensorProto.FLOAT, [config.num_hidden_layers, self.qkv_width, "r"]),
            ("rescale_qkv", TensorProto.FLOAT, [config.num_hidden_layers, self.qkv_width]),
            ("rescale_down", TensorProto.FLOAT, [config.num_hidden_layers, config.intermediate_size]),
        ]
        outputs = [
            ("logits", TensorProto.FLOAT, ["s", config.vocab_size]),
            ("present_key_values", TensorProto.FLOAT, cache("t")),
        ]
        return inputs, outputs

    def prepare_positions(self) -> None:
        """What every layer shares: positions [1, n], the rope tables, and the causal mask [groups * n, t]."""
        graph, config = self.graph, self.config
        self.past_length = graph.node("Shape", "past_key_values", start=3, end=4)
        first = graph.node("Squeeze", self.past_length, graph.constant([0]))
        count = graph.node("Squeeze", graph.node("Shape", "input_ids"), graph.constant([0]))
        end, zero, one = graph.node("Add", first, count), graph.constant(0), graph.constant(1)
        positions = graph.node("Range", first, end, one)
        self.positions = graph.node("Unsqueeze", positions, graph.constant([0]))
        frequency = config.rope_theta ** -(numpy.arange(0, self.head_dim, 2) / self.head_dim)
        angle = numpy.arange(config.context_window_size)[:, None] * frequency
        self.cosines = graph.constant(numpy.cos(angle).astype("float32"), "cosines")
        self.sines = graph.constant(numpy.sin(angle).astype("float32"), "sines")
        later = graph.node(
            "Greater", graph.node("Range", zero, end, one), graph.node("Unsqueeze", positions, graph.constant([1]))
        )
        hidden = graph.constant(numpy.float32(MASKED), "masked")
        mask = graph.node("Where", later, hidden, graph.constant(numpy.float32(0), "visible"))
        groups = self.query_heads // self.key_heads
        self.mask = graph.node("Concat", *[mask] * groups, axis=0) if groups > 1 else mask

    def past_by_layer(self) -> list[str]:
        """Keys and values in turn, [1, key heads, p, d] each."""
        graph, parts = self.graph, 2 * self.config.num_hidden_layers
        # p is spelled out: a -1 could not be inferred from an empty cache.
        before, after = graph.constant([parts, self.key_heads]), graph.constant([self.head_dim])
        shape = graph.node("Concat", before, self.past_length, after, axis=0)
        return graph.split_tree(graph.node("Reshape", "past_key_values", shape), parts, 0)

    def scale(self, change: str) -> str:
        """l of l - 1. Times exactly 1 is what it was, which adding a product with 0 is only for finite numbers."""
        return self.graph.node("Add", change, self.graph.constant(numpy.float32(1)))

    def by_layer(self, stacked: str) -> list[str]:
        """The part of each layer of a value [layers, …]."""
        graph = self.graph
        parts = graph.split_tree(stacked, self.config.num_hidden_layers, 0)
        return [graph.node("Squeeze", part, graph.constant([0])) for part in parts]

    def linear(self, name: str, x: str, output: str | None = None) -> str:
        """x [n, in] · weight [out, in] transposed."""
        return self.graph.node("Gemm", x, self.weights[name], output=output, transB=1)

    def add_and_norm(self, name: str, x: str, residual: str) -> tuple[str, str]:
        """RMSNorm(x + residual) and the sum itself."""
        normed, total = self.graph.name("normed"), self.graph.name("residual")
        self.graph.nodes_of(
            "SkipSimplifiedLayerNormalization",
            [x, residual, self.weights[name]],
            [normed, "", "", total],
            epsilon=self.config.rms_norm_eps,
        )
        return normed, total

    def from_first_logit(self, x: str) -> str:
        return self.graph.node("Slice", x, "first_logit", self.graph.constant([LAST]), self.graph.constant([0]))

    def attention(self, index: int, x: str, past_key: str, past_value: str) -> tuple[str, str, str]:
        """Mixed heads [n, heads * d] before the output projection, and all keys and values, [1, key heads, t, d]."""
        graph, queries, keys, d = self.graph, self.query_heads, self.key_heads, self.head_dim
        qkv = self.linear(f"model.layers.{index}.self_attn.qkv_proj.weight", x)
        adapter_a, adapter_b = (matrices[index] for matrices in self.adapters)
        qkv = graph.node("Gemm", graph.node("Gemm", x, adapter_a, transB=1), adapter_b, qkv, transB=1)
        qkv = graph.node("Mul", qkv, self.scales[0][index])
        qkv = graph.node("Reshape", qkv, graph.constant([1, -1, queries + 2 * keys, d]))
        qkv = graph.node("Transpose", qkv, perm=[0, 2, 1, 3])  # [1, heads, n, d]
        rotated, value = graph.split(qkv, [queries + keys, keys], 1)
        rotated = graph.node("RotaryEmbedding", rotated, self.positions, self.cosines, self.sines, interleaved=0)
        query, key = graph.split(rotated, [queries, keys], 1)
        key = graph.node("Concat", past_key, key, axis=2)
        value = graph.node("Concat", past_value, value, axis=2)
        # Query heads that share a key head lie side by side: they become rows of one product, and keys need no
        # repeating.
        query = graph.node("Mul", query, graph.constant(numpy.array([d**-0.5], "float32"), f"scale.{index}"))
        query = graph.node("Reshape", query, graph.constant([1, keys, -1, d]))  # [1, key heads, groups * n, d]
        scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = graph.node("Softmax", graph.node("Add", scores, self.mask), axis=-1)
        mixed = graph.node("MatMul", scores, value)
        mixed = graph.node("Reshape", mixed, graph.constant([queries, -1, d]))
        mixed = graph.node("Transpose", mixed, perm=[1, 0, 2])
        return graph.node("Reshape", mixed, graph.constant([-1, queries * d])), key, value

    def feed_forward(self, index: int, x: str) -> str:
        layer, size = f"model.layers.{index}.", self.config.intermediate_size
        gate, up = self.graph.split(self.linear(f"{layer}mlp.gate_up_proj.weight", x), [size, size], 1)
        silu = self.graph.node("QuickGelu", gate, alpha=1.0)  # x · sigmoid(x)
        activated = self.graph.node("Mul", self.graph.node("Mul", silu, up), self.scales[1][index])
        return self.linear(f"{layer}mlp.down_proj.weight", activated)


def read_records(tensor_cache: Path) -> dict[str, dict[str, Any]]:
    """The records of tensor-cache.json by parameter name, each with the shard it lies in."""
    cache = json.loads(tensor_cache.read_text(encoding="utf-8"))
    records = {
        record["name"]: record | {"location": shard["dataPath"]}
        for shard in cache["records"]
        for record in shard["records"]
    }
    for name, record in records.items():
        if record["format"] != "f32-to-bf16":
            raise ValueError(f"{name} is stored as {record['format']!r}: convert the weights to bfloat16 first")
    return records


def export(checkpoint_config: str | Path, tensor_cache_json: str | Path, output_graph: str | Path) -> dict[str, Any]:
    """Writes the graph beside the shards that tensor-cache.json names; returns the block `onnx` of the package's
    manifest.
    """
    config = LlamaConfig.load(checkpoint_config)
    records = read_records(Path(tensor_cache_json))
    Path(output_graph).write_bytes(LlamaGraph(config, records).build().SerializeToString())
    shards = sorted({record["location"] for record in records.values()})
    return {
        "graph": Path(output_graph).name,
        "externalData": shards,
        "externalDtype": "bfloat16",
        "adapters": ["lora", "ia3"],
    }


def open_session(folder: str | Path, block: dict[str, Any], threads: int = 1) -> onnxruntime.InferenceSession:
    """The graph of a package folder in Python's onnxruntime; `block` is the manifest's languageModel.onnx."""
    folder = Path(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    shards = [widen_bfloat16(numpy.fromfile(folder / path, "<u2")).tobytes() for path in block["externalData"]]
    options.add_external_initializers_from_files_in_memory(
        block["externalData"], shards, [len(shard) for shard in shards]
    )
    return onnxruntime.InferenceSession(str(folder / block["graph"]), options, ["CPUExecutionProvider"])


def no_adapter(config: LlamaConfig) -> dict[str, numpy.ndarray]:
    """The adapter inputs that change nothing."""
    width = (config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim
    layers = config.num_hidden_layers
    return {
        "adapter_a": numpy.zeros((layers, 1, config.hidden_size), "float32"),
        "adapter_b": numpy.zeros((layers, width, 1), "float32"),
        "rescale_qkv": numpy.zeros((layers, width), "float32"),
        "rescale_down": numpy.zeros((layers, config.intermediate_size), "float32"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("tensor_cache")
    parser.add_argument("output")
    arguments = parser.parse_args()
    print(json.dumps(export(arguments.config, arguments.tensor_cache, arguments.output)))


if __name__ == "__main__":
    main()
