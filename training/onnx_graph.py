"""A small builder for ONNX graphs that are written by hand: names values, collects nodes and initializers, assembles the model.

Writing the graphs ourselves keeps them short (one node for each step of the maths) and independent of an exporter's version.
"""

from __future__ import annotations

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
IR_VERSION = 10
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

    def _name(self, stem: str) -> str:
        count = self._counts[stem] = self._counts.get(stem, -1) + 1
        return f"{stem}.{count}"

    def nodes_of(self, operator: str, inputs: list[str], outputs: list[str], **attributes: object) -> None:
        """Adds a node with named outputs; an empty output name leaves an optional output out."""
        domain = MICROSOFT if operator in MICROSOFT_OPERATORS else ""
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, name=self._name(operator), domain=domain, **attributes)
        )

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        """Adds a node with one output and returns the output's name."""
        output = output or self._name(f"{operator.lower()}_out")
        self.nodes_of(operator, list(inputs), [output], **attributes)
        return output

    def split(self, value: str, sizes: list[int], axis: int) -> list[str]:
        """The parts of `value` along `axis`."""
        outputs = [self._name("part") for _ in sizes]
        self.nodes_of("Split", [value, self.constant(sizes)], outputs, axis=axis)
        return outputs

    def constant(self, value: object, name: str | None = None) -> str:
        """An initializer inside the file. Python integers and lists of them become int64."""
        array = value if isinstance(value, numpy.ndarray) else numpy.array(value, "int64")
        name = name or self._name("constant")
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def external(self, name: str, shape: list[int], location: str, offset: int, length: int) -> str:
        """A bfloat16 initializer whose bytes lie in another file; returns its float32 form (runtimes fold the Cast at load)."""
        tensor = onnx.TensorProto(name=f"{name}.bf16", data_type=TensorProto.BFLOAT16, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in (("location", location), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=text)
        self.initializers.append(tensor)
        return self.node("Cast", tensor.name, output=name, to=TensorProto.FLOAT)

    def model(
        self,
        name: str,
        inputs: list[tuple[str, int, list[int | str]]],
        outputs: list[tuple[str, int, list[int | str]]],
    ) -> onnx.ModelProto:
        """The model with these inputs and outputs, each (name, element type, shape)."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="persona-plug")
