"""Writes golden cases: JSON that points into one little-endian float32 file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


class GoldenWriter:
    """Collects arrays for one binary file and writes the JSON files beside it."""

    def __init__(self, directory: Path, arrays: str = "golden.f32") -> None:
        self._directory, self._arrays = directory, arrays
        self._parts: list[np.ndarray] = []
        self._offset = 0
        directory.mkdir(parents=True, exist_ok=True)

    def array(self, values: object) -> dict[str, object]:
        """Appends an array and returns its address: offset in floats, and shape."""
        array = np.ascontiguousarray(np.asarray(values), dtype="<f4")
        if not np.isfinite(array).all():
            raise ValueError("a golden array holds values that are not finite. Check the model that made it.")
        address = {"offset": self._offset, "shape": list(array.shape)}
        self._parts.append(array.reshape(-1))
        self._offset += array.size
        return address

    def write_cases(self, name: str, cases: list[dict]) -> None:
        """Writes one JSON file of cases."""
        text = json.dumps({"cases": cases}, ensure_ascii=False, indent=1, allow_nan=False)
        (self._directory / name).write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        """Writes the binary file."""
        np.concatenate(self._parts or [np.zeros(0, "<f4")]).tofile(self._directory / self._arrays)
