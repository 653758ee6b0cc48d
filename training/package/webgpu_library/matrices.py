"""The matrices of the model as modules: float32 or quantized, multiplied by the kernels of the chosen variant."""

from __future__ import annotations

import dataclasses

from tvm.relax.frontend import nn
from tvm.relax.frontend.nn import op

from training.package.webgpu_library import linear_kernels, quantized_kernels, tiled_kernels
from training.package.webgpu_library.quantization import FORMATS

VARIANTS = ("portable", "fast")
QUANTIZATIONS = ("bf16", *FORMATS)  # bf16 is how the shards store what the library holds as float32


@dataclasses.dataclass(frozen=True)
class Build:
    """What the builder chooses beside the model's shape."""

    quantization: str = "bf16"
    variant: str = "portable"

    def __post_init__(self) -> None:
        if self.quantization not in QUANTIZATIONS:
            raise ValueError(f"quantization is {self.quantization!r}: choose one of {', '.join(QUANTIZATIONS)}")
        if self.variant not in VARIANTS:
            raise ValueError(f"variant is {self.variant!r}: choose one of {', '.join(VARIANTS)}")


def is_one_token(x: nn.Tensor) -> bool:
    """Whether x [1, n, width] has a fixed n of 1, as in decoding."""
    return isinstance(x.shape[1], int) and x.shape[1] == 1


class FloatMatrix(nn.Module):
    """A float32 matrix [out_features, in_features]."""

    def __init__(self, in_features: int, out_features: int):
        self.weight = nn.Parameter((out_features, in_features), "float32")

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        """x @ weight^T. x: [1, n, in_features]."""
        out_features, in_features = (int(extent) for extent in self.weight.shape)
        kernel = linear_kernels.linear(in_features, out_features, 1 if is_one_token(x) else 4)
        return op.tensor_ir_op(
            kernel, "linear", [x, self.weight], nn.Tensor.placeholder((1, x.shape[1], out_features), "float32")
        )

    def rows(self, ids: nn.Tensor) -> nn.Tensor:
        """The rows of the given ids. ids: [n] int32."""
        return op.take(self.weight, ids, axis=0)


class QuantizedMatrix(nn.Module):
    """A matrix [out_features, in_features] of 4-bit or 8-bit weights, laid out as quantization.py says."""

    def __init__(self, in_features: int, out_features: int, quantization: str, variant: str):
        form = FORMATS[quantization]
        self.in_features, self.out_features = in_features, out_features
        self.quantization, self.variant = quantization, variant
        self.q_weight = nn.Parameter((out_features, form.weight_words(in_features)), "uint32")
        self.scales = nn.Parameter((out_features, form.scale_words(in_features)), "uint32")

    def to(self, dtype: str | None = None) -> None:
        """Words stay words when the model is cast to float32."""

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        """x @ dequantize(weight)^T. x: [1, n, in_features]."""
        if self.variant == "fast":
            kernel = tiled_kernels.linear(self.in_features, self.out_features, self.quantization, is_one_token(x))
        else:
            kernel = quantized_kernels.linear(self.out_features, self.quantization, is_one_token(x))
        return op.tensor_ir_op(
            kernel,
            f"linear_{self.quantization}",
            [x, self.q_weight, self.scales],
            nn.Tensor.placeholder((1, x.shape[1], self.out_features), "float32"),
        )

    def rows(self, ids: nn.Tensor) -> nn.Tensor:
        """The rows of the given ids. ids: [n] int32."""
        return op.tensor_ir_op(
            quantized_kernels.embedding(self.out_features, self.in_features),
            "embedding",
            [ids, self.q_weight, self.scales],
            nn.Tensor.placeholder((ids.shape[0], self.in_features), "float32"),
        )


def matrix(in_features: int, out_features: int, build: Build, is_table: bool = False) -> FloatMatrix | QuantizedMatrix:
    """The module for one matrix. The embedding table and the logits' matrix are 8-bit where anything is quantized."""
    if build.quantization == "bf16":
        return FloatMatrix(in_features, out_features)
    return QuantizedMatrix(in_features, out_features, "q8_0" if is_table else build.quantization, build.variant)


class RMSNorm(nn.RMSNorm):
    """nn.RMSNorm, whose schedule reduces in a workgroup, or our kernel without barriers. x: [1, n, width]."""

    def __init__(self, width: int, epsilon: float, build: Build):
        super().__init__(width, -1, epsilon, bias=False)
        self.width, self.epsilon = width, epsilon
        self.is_portable = build.variant == "portable" and build.quantization != "bf16"

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        if not self.is_portable:
            return super().forward(x)
        return op.tensor_ir_op(
            quantized_kernels.rms_norm(self.width, self.epsilon),
            "rms_norm",
            [x, self.weight],
            nn.Tensor.placeholder(x.shape, "float32"),
        )
