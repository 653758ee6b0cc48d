"""What an interrupted step goes on from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

# Of one checkpoint after the other. A clock decides only when a checkpoint is written, never what is computed.
INTERVAL_SECONDS = 600.0


class Checkpoint:
    """One file, replaced atomically and removed when the step is finished; it belongs to one set of settings."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path = path
        self._settings = json.dumps(settings, sort_keys=True)
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state of an interrupted run with the same settings; None for a fresh start."""
        if not self._path.exists():
            return None
        saved = torch.load(self._path, weights_only=True)
        if saved["settings"] != self._settings:
            print(f"{self._path.name} is of other settings: the step starts anew", flush=True)
            return None
        return saved["state"]

    def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        torch.save({"settings": self._settings, "state": dict(state)}, partial)
        os.replace(partial, self._path)
        self._last = time.monotonic()

    def save_if_due(self, state: Callable[[], Mapping[str, Any]]) -> bool:
        """Saves what `state` returns when the last checkpoint is ten minutes old; whether it did."""
        if time.monotonic() - self._last < INTERVAL_SECONDS:
            return False
        self.save(state())
        return True

    def remove(self) -> None:
        """Deletes the file."""
        self._path.unlink(missing_ok=True)
