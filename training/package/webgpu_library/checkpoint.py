"""Reads a Hugging Face checkpoint folder with numpy alone, and converts between float32 and bfloat16."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy

NUMPY_DTYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}


def read_safetensors(path: Path) -> dict[str, numpy.ndarray]:
    """One .safetensors file as float32 arrays; raises ValueError on a dtype that is not a float."""
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
        payload = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in NUMPY_DTYPES:
            raise ValueError(f"{path}: {name} has dtype {entry['dtype']}; expected one of {sorted(NUMPY_DTYPES)}")
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(payload[begin:end], NUMPY_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = widen_bfloat16(array) if entry["dtype"] == "BF16" else array.astype("<f4")
    return tensors


def read_checkpoint(folder: Path) -> dict[str, numpy.ndarray]:
    """The state dict of all .safetensors files of a folder; raises FileNotFoundError where there are none."""
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no .safetensors file: save the checkpoint with save_pretrained()")
    state: dict[str, numpy.ndarray] = {}
    for path in paths:
        state |= read_safetensors(path)
    return state


def narrow_to_bfloat16(array: numpy.ndarray) -> numpy.ndarray:
    """float32 to bfloat16 bits (uint16), round to nearest even. The input must be finite."""
    bits = numpy.ascontiguousarray(array, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def widen_bfloat16(bits: numpy.ndarray) -> numpy.ndarray:
    """bfloat16 bits (uint16) to float32, exactly."""
    return (bits.astype("<u4") << 16).view("<f4")
