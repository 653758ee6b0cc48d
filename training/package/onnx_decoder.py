"""Writes the ONNX graph of a Llama by onnxruntime-genai's exporter, its weights left in the package's shards.

    python -m training.package.onnx_decoder checkpoint/ models/NAME/tensor-cache.json models/NAME/model.onnx

The exporter (`pip install --group onnx-export`) writes a decoder over `inputs_embeds` with float32 weights beside it.
Here the graph is adapted and the weights are dropped:

- Every weight points into a file that does not exist, `onnx-weights.bin`. The table onnx-weights.json says, for each
  range of it, from which records of tensor-cache.json the float32 numbers are computed. Who loads the graph computes
  one tensor at a time. Each is compared with what the exporter wrote, bit for bit, before the graph is written.
- `first_logit` int64 [1]: the last layer's feed-forward and the logits, 49,152 a position for SmolLM2, are computed for
  positions from there on.
- `adapter_a` float32 [layers, r, h] and `adapter_b` float32 [layers, (query heads + 2 key heads) d, r]: one user's LoRA
  on the fused q, k and v projection, b·a of each layer. Zeros of r = 1 leave every number as it is.
- The output matrix is cut into parts of at most 16 MiB, so that no runtime needs room for it twice while it loads.
- The rope tables are cut to the context window and lie in the graph.

Inputs    inputs_embeds float32 [1, n, h], attention_mask int64 [1, t] (ones), past_key_values.I.key and .value float32
[1, key heads, p, d], and the three above; n positions of this call, p in the cache, t = p + n
Outputs   logits float32 [1, n - first_logit, vocabulary], present.I.key and .value float32 [1, key heads, t, d]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from training.package.quantized_weights import PackagedWeights, StoredTensor
from training.package.webgpu_library.llama_config import LlamaConfig

LOCATION = "onnx-weights.bin"
TABLE = "onnx-weights.json"
HEAD_PART_BYTES = 16 * 1024 * 1024
LAST = 2**62  # a Slice end beyond any length
EXPORTER = "onnxruntime_genai.models.builder"


def run_exporter(checkpoint: Path, folder: Path) -> Path:
    """model.onnx and model.onnx.data of a Hugging Face folder, float32, from input embeddings on."""
    command = [sys.executable, "-m", EXPORTER, "-i", str(checkpoint), "-o", str(folder), "-p", "fp32", "-e", "cpu"]
    command += ["-c", str(folder / "cache"), "--extra_options", "exclude_embeds=true"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0 or not (folder / "model.onnx").is_file():
        told = (finished.stderr or finished.stdout).strip().splitlines()[-5:]
        raise RuntimeError(f"{' '.join(command)} ended with {finished.returncode}: {' / '.join(told)}")
    return folder / "model.onnx"


class DecoderGraph:
    """The exporter's graph while it is adapted, and the table of its weights."""

    def __init__(self, exported: Path, weights: PackagedWeights, config: LlamaConfig) -> None:
        self.model = onnx.load(str(exported), load_external_data=False)
        self.graph = self.model.graph
        self.weights, self.config = weights, config
        self._data = exported.parent
        self.table: list[dict[str, Any]] = []
        self.size = 0

    def adapt(self) -> onnx.ModelProto:
        """The model that is shipped; fills the table."""
        self.point_weights_into_shards()
        self.compute_wanted_positions_only()
        self.take_adapters()
        # Shapes of what was cut differ now; the runtime infers all of them anew.
        del self.graph.value_info[:]
        return self.model

    # Weights

    def point_weights_into_shards(self) -> None:
        initializers = list(self.graph.initializer)
        del self.graph.initializer[:]
        for tensor in initializers:
            if tensor.data_location != TensorProto.EXTERNAL:
                self.graph.initializer.append(tensor)
            elif tensor.name in ("cos_cache", "sin_cache"):
                rope = self.exported(tensor)[: self.config.context_window_size]
                self.graph.initializer.append(numpy_helper.from_array(rope, tensor.name))
            elif tensor.name == "lm_head.MatMul.weight":
                self.cut_head(tensor)
            else:
                stored, first, last = self.source_of(tensor.name)
                self.add_weight(tensor.name, stored, first, last, self.exported(tensor))

    def exported(self, tensor: TensorProto) -> numpy.ndarray:
        """The numbers that the exporter wrote for an initializer."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path, offset = self._data / entries["location"], int(entries.get("offset", 0))
        if tensor.data_type != TensorProto.FLOAT:
            raise ValueError(f"{tensor.name} of the exported graph is not float32: export it with -p fp32")
        return numpy.memmap(path, "<f4", "r", offset, tuple(tensor.dims))

    def source_of(self, name: str) -> tuple[StoredTensor, int, int]:
        """The stored tensor that an exporter's weight is in, and its first and last row there."""
        config = self.config
        if name == f"model.layers.{config.num_hidden_layers}.final_norm_layernorm.weight":
            return self.weights.find("model.norm"), 0, 1
        if found := re.fullmatch(r"(model\.layers\.\d+\.(?:input|post_attention)_layernorm)\.weight", name):
            return self.weights.find(found[1]), 0, 1
        found = re.fullmatch(r"(model\.layers\.\d+)\.(attn|mlp)\.(\w+)_proj\.MatMul\.weight", name)
        if found is None:
            raise ValueError(f"the exported graph has a weight {name}, which no tensor of a Llama is known for")
        layer, _, projection = found.groups()
        size = config.intermediate_size
        if projection in ("gate", "up"):
            first = 0 if projection == "gate" else size
            return self.weights.find(f"{layer}.mlp.gate_up_proj"), first, first + size
        block = "mlp" if projection == "down" else "self_attn"
        stored = self.weights.find(f"{layer}.{block}.{projection}_proj")
        return stored, 0, stored.rows

    def add_weight(self, name: str, stored: StoredTensor, first: int, last: int, expected: numpy.ndarray) -> None:
        """An initializer of rows [first, last) of a stored tensor: transposed [in, out] for a matrix, as it is for a
        vector.
        """
        rows = self.weights.read(stored)[first:last]
        found = rows.T if expected.ndim == 2 else rows[0]
        if found.shape != expected.shape or not numpy.array_equal(found, expected):
            raise ValueError(f"{name} differs between the checkpoint and the shards: export the dequantized checkpoint")
        length = 4 * found.size
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=found.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", LOCATION), ("offset", str(self.size)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        self.graph.initializer.append(tensor)
        self.table.append(
            {
                "offset": self.size,
                "length": length,
                **form_of(stored),
                "firstRow": first,
                "lastRow": last,
                "isTransposed": expected.ndim == 2,
            }
        )
        self.size += length

    def head(self) -> StoredTensor:
        return self.weights.find("model.embed_tokens" if self.config.tie_word_embeddings else "lm_head")

    def cut_head(self, tensor: TensorProto) -> None:
        """Several products whose results are joined instead of one with the whole output matrix."""
        expected, stored = self.exported(tensor), self.head()
        product = self.consumer(tensor.name)
        step = max(64, HEAD_PART_BYTES // (4 * stored.columns) // 64 * 64)
        parts, nodes = [], []
        for index, first in enumerate(range(0, stored.rows, step)):
            last, name, part = min(first + step, stored.rows), f"{tensor.name}.{index}", f"logits.{index}"
            self.add_weight(name, stored, first, last, expected[:, first:last])
            nodes.append(helper.make_node("MatMul", [product.input[0], name], [part], name=f"/lm_head/{index}"))
            parts.append(part)
        nodes.append(helper.make_node("Concat", parts, list(product.output), name="/lm_head/Concat", axis=-1))
        self.replace(product, nodes)

    # Positions and adapters

    def compute_wanted_positions_only(self) -> None:
        """After the last attention, positions before `first_logit` are not needed: their keys are in the cache."""
        last = f"model.layers.{self.config.num_hidden_layers - 1}"
        output, norm = f"{last}.attn.o_proj.MatMul.weight", f"{last}.post_attention_layernorm.weight"
        self.add_input("first_logit", TensorProto.INT64, [1])
        self.graph.initializer.extend(
            [
                numpy_helper.from_array(numpy.array(values, "int64"), name)
                for name, values in (("end", [LAST]), ("positions", [1]))
            ]
        )
        for node in (self.consumer(output), self.consumer(norm)):
            cut = f"{node.input[0]}.wanted"
            starts = ["first_logit", "end", "positions"]
            slice_node = helper.make_node("Slice", [node.input[0], *starts], [cut], name=f"{node.name}/wanted")
            node.input[0] = cut
            self.insert_before(node, [slice_node])
        logits = next(value for value in self.graph.output if value.name == "logits")
        logits.type.tensor_type.shape.dim[1].dim_param = "wanted"

    def take_adapters(self) -> None:
        config = self.config
        width = (config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim
        self.add_input("adapter_a", TensorProto.FLOAT, [config.num_hidden_layers, "r", config.hidden_size])
        self.add_input("adapter_b", TensorProto.FLOAT, [config.num_hidden_layers, width, "r"])
        turned = [
            helper.make_node("Transpose", [name], [f"{name}.turned"], name=f"/{name}/Transpose", perm=[0, 2, 1])
            for name in ("adapter_a", "adapter_b")
        ]
        self.insert_before(self.graph.node[0], turned)
        for layer in range(config.num_hidden_layers):
            product = self.consumer(f"model.layers.{layer}.attn.qkv_proj.MatMul.weight")
            x, total = product.input[0], product.output[0]
            index, plain = f"layer.{layer}", f"{total}.plain"
            self.graph.initializer.append(numpy_helper.from_array(numpy.array(layer, "int64"), index))
            product.output[0] = plain
            stem = f"/adapter/{layer}"
            nodes = [
                helper.make_node("Gather", ["adapter_a.turned", index], [f"{stem}/a"], name=f"{stem}/a", axis=0),
                helper.make_node("Gather", ["adapter_b.turned", index], [f"{stem}/b"], name=f"{stem}/b", axis=0),
                helper.make_node("MatMul", [x, f"{stem}/a"], [f"{stem}/xa"], name=f"{stem}/xa"),
                helper.make_node("MatMul", [f"{stem}/xa", f"{stem}/b"], [f"{stem}/xab"], name=f"{stem}/xab"),
                helper.make_node("Add", [plain, f"{stem}/xab"], [total], name=f"{stem}/sum"),
            ]
            self.replace(product, [product, *nodes])

    # Nodes

    def consumer(self, name: str) -> onnx.NodeProto:
        """The only node that takes a value. Raises ValueError where the exporter wrote another graph."""
        nodes = [node for node in self.graph.node if name in node.input]
        if len(nodes) != 1:
            raise ValueError(f"{len(nodes)} nodes of the exported graph take {name}, not one: is it another exporter?")
        return nodes[0]

    def add_input(self, name: str, element: int, shape: list[int | str]) -> None:
        self.graph.input.append(helper.make_tensor_value_info(name, element, shape))

    def insert_before(self, node: onnx.NodeProto, added: list[onnx.NodeProto]) -> None:
        self.replace(node, [*added, node])

    def replace(self, node: onnx.NodeProto, by: list[onnx.NodeProto]) -> None:
        def renewed() -> Iterator[onnx.NodeProto]:
            for other in self.graph.node:
                yield from by if other.name == node.name else [other]

        nodes = [onnx.NodeProto.FromString(one.SerializeToString()) for one in renewed()]
        del self.graph.node[:]
        self.graph.node.extend(nodes)


def form_of(stored: StoredTensor) -> dict[str, Any]:
    """What the table says of a stored tensor."""
    scales = {"scales": stored.records[1]} if len(stored.records) > 1 else {}
    return {"form": stored.form, "values": stored.records[0], **scales, "columns": stored.columns}


def export(
    checkpoint: str | Path, tensor_cache_json: str | Path, output_graph: str | Path, context_window: int | None = None
) -> dict[str, Any]:
    """Writes the graph and onnx-weights.json beside the shards; returns the block `onnx` of the package's manifest."""
    checkpoint, output = Path(checkpoint), Path(output_graph)
    config = LlamaConfig.load(checkpoint / "config.json")
    if context_window is not None:
        if context_window > config.context_window_size:
            raise ValueError(f"a context window of {context_window} exceeds the model's {config.context_window_size}")
        config = dataclasses.replace(config, context_window_size=context_window)
    weights = PackagedWeights(tensor_cache_json)
    with tempfile.TemporaryDirectory() as folder:
        graph = DecoderGraph(run_exporter(checkpoint, Path(folder)), weights, config)
        output.write_bytes(graph.adapt().SerializeToString())
    embedding = weights.find("model.embed_tokens")
    table = {
        "schemaVersion": 1,
        "file": LOCATION,
        "bytes": graph.size,
        "embedding": {**form_of(embedding), "firstRow": 0, "lastRow": embedding.rows},
        "tensors": graph.table,
    }
    (output.parent / TABLE).write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
    return {
        "form": "decoder",
        "graph": output.name,
        "weightTable": TABLE,
        "tensorCache": Path(tensor_cache_json).name,
        "adapters": ["lora"],
    }


def open_session(folder: str | Path, block: dict[str, Any], threads: int = 1) -> onnxruntime.InferenceSession:
    """The graph of a package folder in Python's onnxruntime; `block` is the manifest's languageModel.onnx."""
    folder = Path(folder)
    table = json.loads((folder / block["weightTable"]).read_text(encoding="utf-8"))
    weights = PackagedWeights(folder / block["tensorCache"])
    data = bytearray(table["bytes"])
    for entry in table["tensors"]:
        records = tuple(entry[key] for key in ("values", "scales") if key in entry)
        stored = StoredTensor(entry["form"], records, whole_rows(weights, records[0]), entry["columns"])
        rows = weights.read(stored)[entry["firstRow"] : entry["lastRow"]]
        widened = rows.T if entry["isTransposed"] else rows
        data[entry["offset"] : entry["offset"] + entry["length"]] = widened.astype("<f4").tobytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    kept = bytes(data)  # the options hold no reference: it must live until the session has copied it
    options.add_external_initializers_from_files_in_memory([table["file"]], [kept], [len(kept)])
    return onnxruntime.InferenceSession(str(folder / block["graph"]), options, ["CPUExecutionProvider"])


def whole_rows(weights: PackagedWeights, record: str) -> int:
    """Rows of the tensor that a record belongs to."""
    return weights.find(re.sub(r"\.(q_weight|weight)$", "", record)).rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tensor_cache", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--context-window", type=int, default=None, help="default: the model's own")
    arguments = parser.parse_args()
    block = export(arguments.checkpoint, arguments.tensor_cache, arguments.output, arguments.context_window)
    print(json.dumps({"onnx": block}, indent=2))


if __name__ == "__main__":
    main()
