"""Files and folders that a step writes into a run directory: each is written once, as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


def write_atomically(path: Path, content: Any) -> None:
    """Replaces a JSON file so that an interrupted write leaves the former one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(partial, path)


@dataclass(frozen=True)
class Artifact:
    """A file or folder at its place; it may be a link to that of another run."""

    path: Path

    def exists(self) -> bool:
        """Whether it is written."""
        return self.path.exists()

    def remove(self) -> None:
        """Deletes it, or the link to it, where there is one."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A place beside this one that becomes the artifact at the end; nothing is left of it after an error."""
        if self.path.exists():
            raise FileExistsError(f"{self.path} is written already. Each artifact of a run is written once.")
        partial = self.path.with_name(f"{self.path.name}.partial")
        Artifact(partial).remove()  # left by a process that was ended
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.rename(self.path)
        finally:
            Artifact(partial).remove()


class JsonFile(Artifact):
    """A report."""

    def read(self) -> Any:
        """The content."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    def write(self, content: Any) -> None:
        """Writes the content."""
        with self.writing() as partial:
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")


class TensorFile(Artifact):
    """A torch file of tensors, numbers and strings in dicts and lists."""

    def read(self) -> dict[str, Any]:
        """The content, on the CPU."""
        return torch.load(self.path, weights_only=True)

    def write(self, content: dict[str, Any]) -> None:
        """Writes the content."""
        with self.writing() as partial:
            torch.save(content, partial)


class Folder(Artifact):
    """A folder of several files, such as a language model in Hugging Face form."""
