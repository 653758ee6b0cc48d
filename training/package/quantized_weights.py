"""Reads the weights of a package back as float32: the numbers that every runtime computes with.

tensor-cache.json lists records of the shards. A matrix W [out, in] stands in one of four forms:

form        records                              W
q4_1, q8_0  NAME.q_weight and NAME.scales        as webgpu_library/quantization.py lays them out
bfloat16    NAME.weight, format f32-to-bf16      itself
float32     NAME.weight, format raw or f32       itself

Vectors are bfloat16 or float32. Products and sums are rounded to float32 once each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from training.package.webgpu_library.checkpoint import widen_bfloat16
from training.package.webgpu_library.quantization import BLOCK, FORMATS, QuantizedMatrix


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a package: its form, the names of its records, and its shape (a vector has one row)."""

    form: str
    records: tuple[str, ...]
    rows: int
    columns: int


class PackagedWeights:
    """The tensors that a tensor-cache.json and the shards beside it hold."""

    def __init__(self, tensor_cache: str | Path) -> None:
        self._folder = Path(tensor_cache).parent
        cache = json.loads(Path(tensor_cache).read_text(encoding="utf-8"))
        self._records: dict[str, dict[str, Any]] = {
            record["name"]: record | {"location": shard["dataPath"]}
            for shard in cache["records"]
            for record in shard["records"]
        }

    def find(self, name: str) -> StoredTensor:
        """The tensor `name`, without the ending of its records. Raises ValueError where it is absent or of no form."""
        whole, words, scales = f"{name}.weight", f"{name}.q_weight", f"{name}.scales"
        if whole in self._records:
            shape = self._records[whole]["shape"]
            forms = {"f32-to-bf16": "bfloat16", "raw": "float32", "f32": "float32"}
            stored = self._records[whole]["format"]
            if stored not in forms:
                raise ValueError(f"{whole} has format {stored!r}: {', '.join(forms)} are read")
            return StoredTensor(forms[stored], (whole,), 1 if len(shape) == 1 else shape[0], shape[-1])
        if words not in self._records or scales not in self._records:
            raise ValueError(f"tensor-cache.json has no {whole}, and not both of {words} and {scales}")
        (rows, width), per_row = self._records[words]["shape"], self._records[scales]["shape"][1]
        for form, layout in FORMATS.items():
            columns = width * layout.weights_per_word
            if columns == per_row * layout.blocks_per_scale_word * BLOCK:
                return StoredTensor(form, (words, scales), rows, columns)
        raise ValueError(f"{words} has {width} words a row and {scales} {per_row}, which is neither q4_1 nor q8_0")

    def read(self, tensor: StoredTensor) -> numpy.ndarray:
        """float32 [rows, columns]."""
        rows, columns = tensor.rows, tensor.columns
        if tensor.form == "float32":
            return self._bytes(tensor.records[0]).view("<f4").reshape(rows, columns)
        if tensor.form == "bfloat16":
            return widen_bfloat16(self._bytes(tensor.records[0]).view("<u2")).reshape(rows, columns)
        words, scales = (self._bytes(record).view("<u4").reshape(rows, -1) for record in tensor.records)
        return QuantizedMatrix(tensor.form, words, scales).dequantize()

    def _bytes(self, name: str) -> numpy.ndarray:
        record = self._records[name]
        return numpy.fromfile(
            self._folder / record["location"], "u1", count=record["nbytes"], offset=record["byteOffset"]
        )
