"""A small builder for ONNX graphs that are written by hand.

It names values, collects nodes and initializers, and assembles the model. Writing the graphs ourselves keeps them short
(one node for each step of the maths) and independent of an exporter's version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
IR_VERSION = 10
MOST_BUFFERS = 7  # and one for the whole
MICROSOFT = "com.microsoft"
MICROSOFT_OPERATORS = {
    "BiasGelu",
    "MatMulNBits",
    "QuickGelu",
    "RotaryEmbedding",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
}


class Graph:
    """Nodes and initializers of one graph; values are referred to by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._counts: dict[str, int] = {}

    def name(self, stem: str) -> str:
        """A name that no other value or node has."""
        count = self._counts[stem] = self._counts.get(stem, -1) + 1
        return f"{stem}.{count}"

    def nodes_of(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Adds a node with named outputs; an empty output name leaves an optional output out."""
        domain = MICROSOFT if operator in MICROSOFT_OPERATORS else ""
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, name=self.name(operator), domain=domain, **attributes)
        )

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Adds a node with one output and returns the output's name."""
        output = output or self.name(f"{operator.lower()}_out")
        self.nodes_of(operator, list(inputs), [output], **attributes)
        return output

    def split(self, value: str, sizes: list[int], axis: int) -> list[str]:
        """The parts of `value` along `axis`."""
        outputs = [self.name("part") for _ in sizes]
        self.nodes_of("Split", [value, self.constant(sizes)], outputs, axis=axis)
        return outputs

    def split_tree(self, value: str, count: int, axis: int) -> list[str]:
        """`count` parts of one along `axis`. In steps: a WebGPU shader binds at most ten buffers (eight by default)."""
        if count <= MOST_BUFFERS:
            return self.split(value, [1] * count, axis)
        pieces = min(MOST_BUFFERS, -(-count // MOST_BUFFERS))
        sizes = [len(part) for part in numpy.array_split(numpy.arange(count), pieces)]
        parts = zip(self.split(value, sizes, axis), sizes, strict=True)
        return [leaf for part, size in parts for leaf in self.split_tree(part, size, axis)]

    def concat_tree(self, values: list[str], axis: int) -> str:
        """All values along `axis`, in steps for the same reason."""
        while len(values) > MOST_BUFFERS:
            starts = range(0, len(values), MOST_BUFFERS)
            values = [self.node("Concat", *values[start : start + MOST_BUFFERS], axis=axis) for start in starts]
        return self.node("Concat", *values, axis=axis)

    def constant(self, value: object, name: str | None = None) -> str:
        """An initializer inside the file. Python integers and lists of them become int64; numpy values keep their
        dtype.
        """
        is_numpy = isinstance(value, (numpy.ndarray, numpy.generic))
        array = numpy.asarray(value) if is_numpy else numpy.array(value, "int64")
        name = name or self.name("constant")
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def external(self, name: str, shape: list[int], location: str, offset: int, length: int) -> str:
        """A float32 initializer whose bytes lie in another file."""
        tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in (("location", location), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=text)
        self.initializers.append(tensor)
        return name

    def model(
        self,
        title: str,
        inputs: Sequence[tuple[str, int, Sequence[int | str]]],
        outputs: Sequence[tuple[str, int, Sequence[int | str]]],
    ) -> onnx.ModelProto:
        """The model with these inputs and outputs, each (name, element type, shape)."""
        graph = helper.make_graph(
            self.nodes,
            title,
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="persona-plug")
