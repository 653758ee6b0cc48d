"""4-bit and 8-bit weights: how their words are laid out, and how float32 becomes them. Needs numpy only.

A matrix [out, in] is cut into blocks of 32 along its rows, as in llama.cpp; `in` is a multiple of 32 (of 64 for q8_0).

q4_1    weight = scale * q + minimum, q in 0..15. `q_weight` uint32 [out, in / 8]: weight k of a row in bits 4 (k mod 8)
        and up of word k div 8. `scales` uint32 [out, in / 32]: float16 scale in the low half, float16 minimum in the
        high half.
q8_0    weight = scale * q, q in -127..127. `q_weight` uint32 [out, in / 4]: int8 bytes, little-endian. `scales` uint32
        [out, in / 64]: the float16 scales of two blocks a word, low half first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy

BLOCK = 32
Array = numpy.ndarray


@dataclasses.dataclass(frozen=True)
class Format:
    """How one of the formats fills its words."""

    weights_per_word: int
    blocks_per_scale_word: int
    has_minimum: bool

    @property
    def words_per_block(self) -> int:
        return BLOCK // self.weights_per_word

    def weight_words(self, in_features: int) -> int:
        """Words of a row of weights."""
        return in_features // self.weights_per_word

    def scale_words(self, in_features: int) -> int:
        """Words of a row of scales; raises ValueError where the row is no whole number of them."""
        weights = BLOCK * self.blocks_per_scale_word
        if in_features % weights:
            raise ValueError(f"a row of {in_features} weights is not a multiple of {weights}: store it as bf16")
        return in_features // weights


FORMATS = {
    "q4_1": Format(weights_per_word=8, blocks_per_scale_word=1, has_minimum=True),
    "q8_0": Format(weights_per_word=4, blocks_per_scale_word=2, has_minimum=False),
}


@dataclasses.dataclass(frozen=True)
class QuantizedMatrix:
    """A matrix [out, in] as two arrays of uint32, in one of FORMATS."""

    quantization: str
    q_weight: Array
    scales: Array

    @property
    def shape(self) -> tuple[int, int]:
        return self.q_weight.shape[0], self.q_weight.shape[1] * FORMATS[self.quantization].weights_per_word

    def take_rows(self, order: Array) -> QuantizedMatrix:
        """The rows of the matrix in another order."""
        return QuantizedMatrix(self.quantization, self.q_weight[order], self.scales[order])

    def dequantize(self) -> Array:
        """float32 [out, in]."""
        out_features, in_features = self.shape
        halves = numpy.ascontiguousarray(self.scales).view("<f2").astype("f4")
        bytes_ = numpy.ascontiguousarray(self.q_weight).view("u1")
        if self.quantization == "q4_1":
            numbers = numpy.stack([bytes_ & 15, bytes_ >> 4], axis=-1).reshape(out_features, -1, BLOCK)
            pairs = halves.reshape(out_features, -1, 1, 2)
            weights = numbers * pairs[..., 0] + pairs[..., 1]
        else:
            numbers = bytes_.view("i1").reshape(out_features, -1, BLOCK)
            weights = numbers * halves[..., None]
        return weights.astype("f4").reshape(out_features, in_features)


def concatenate(matrices: list[QuantizedMatrix]) -> QuantizedMatrix:
    """The rows of several matrices of one format, one below the other."""
    formats = {matrix.quantization for matrix in matrices}
    if len(formats) != 1:
        raise ValueError(f"matrices that are fused have different formats: {', '.join(sorted(formats))}")
    return QuantizedMatrix(
        formats.pop(),
        numpy.concatenate([matrix.q_weight for matrix in matrices]),
        numpy.concatenate([matrix.scales for matrix in matrices]),
    )


def pack_q4_1(numbers: Array, scale: Array, minimum: Array) -> QuantizedMatrix:
    """numbers: [out, blocks, 32] in 0..15; scale, minimum: float16 [out, blocks]."""
    rows = numbers.reshape(len(numbers), -1).astype("u1")
    bytes_ = rows[:, 0::2] | (rows[:, 1::2] << 4)
    pairs = numpy.stack([scale, minimum], axis=-1).astype("<f2").reshape(len(numbers), -1)
    return QuantizedMatrix("q4_1", numpy.ascontiguousarray(bytes_).view("<u4"), pairs.view("<u4"))


def pack_q8_0(numbers: Array, scale: Array) -> QuantizedMatrix:
    """numbers: int8 [out, blocks, 32]; scale: float16 [out, blocks], an even number of blocks."""
    rows = numpy.ascontiguousarray(numbers.reshape(len(numbers), -1).astype("i1"))
    FORMATS["q8_0"].scale_words(rows.shape[1])
    return QuantizedMatrix("q8_0", rows.view("<u4"), numpy.ascontiguousarray(scale.astype("<f2")).view("<u4"))


def inverse(scale: Array) -> Array:
    """1 / scale, 0 where the scale is 0, as llama.cpp has it."""
    return numpy.divide(numpy.float32(1), scale, out=numpy.zeros_like(scale), where=scale != 0)


def quantize_q4_1(matrix: Array) -> QuantizedMatrix:
    """As llama.cpp's quantize_row_q4_1_ref: scale (max - min) / 15, q = min(15, trunc((x - min) / scale + 0.5))."""
    blocks = split_into_blocks(matrix)
    minimum = blocks.min(-1)
    scale = (blocks.max(-1) - minimum) / numpy.float32(15)
    numbers = ((blocks - minimum[..., None]) * inverse(scale)[..., None] + numpy.float32(0.5)).astype("u1")
    return pack_q4_1(numpy.minimum(numbers, 15), scale, minimum)


def quantize_q8_0(matrix: Array) -> QuantizedMatrix:
    """As llama.cpp's quantize_row_q8_0_ref: scale max|x| / 127, q = x / scale rounded half away from zero."""
    blocks = split_into_blocks(matrix)
    scale = numpy.abs(blocks).max(-1) / numpy.float32(127)
    exact = blocks * inverse(scale)[..., None]
    return pack_q8_0(numpy.trunc(exact + numpy.copysign(numpy.float32(0.5), exact)), scale)


def split_into_blocks(matrix: Array) -> Array:
    """float32 [out, in / 32, 32]; raises ValueError where rows are no whole number of blocks."""
    if matrix.ndim != 2 or matrix.shape[1] % BLOCK:
        raise ValueError(f"a matrix of shape {matrix.shape} has no whole blocks of {BLOCK}: store it as bf16")
    return matrix.astype("f4").reshape(len(matrix), -1, BLOCK)


QUANTIZE: dict[str, Callable[[Array], QuantizedMatrix]] = {"q4_1": quantize_q4_1, "q8_0": quantize_q8_0}
