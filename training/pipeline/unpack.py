"""Unpacks the package of a language model into a run directory, so that another plug can be trained for it.

`python -m training.pipeline.unpack --run-directory RUN` writes RUN/corpus/tokenizer.json and RUN/task-tuned/, a folder
in Hugging Face form whose numbers are the bfloat16 weights that every runtime reads. `configs/plug-of-shipped.toml`
goes on from there.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from training.core.run_directory import RunDirectory
from training.package.model_package import MANIFEST, read_manifest
from training.package.shipped import shipped_language_model


def unpack(package: Path, run: RunDirectory) -> None:
    """Writes the package's tokenizer and weights where training looks for them."""
    if run.task_tuned.exists() or run.distilled.exists():
        raise FileExistsError(
            f"{run.language_model()} is there already, and plugs may belong to it. Name another run directory."
        )
    kind = read_manifest(package)["kind"] if (package / MANIFEST).exists() else "folder without a manifest"
    if kind != "language-model":
        raise ValueError(f"{package} is a {kind}. Name the package of a language model, such as models/nano-llm.")
    model = shipped_language_model(package)
    if run.corpus.exists():
        if run.tokenizer.read_bytes() != (package / "tokenizer.json").read_bytes():
            raise FileExistsError(f"{run.corpus.path} has another tokenizer. Name another run directory.")
    else:
        with run.corpus.writing() as folder:
            folder.mkdir()
            shutil.copyfile(package / "tokenizer.json", folder / "tokenizer.json")
    with run.task_tuned.writing() as folder:
        model.save_pretrained(folder)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, default=Path("models/nano-llm"))
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/shipped"))
    arguments = parser.parse_args()
    unpack(arguments.package, RunDirectory(arguments.run_directory))
    print(f"wrote {arguments.run_directory}")


if __name__ == "__main__":
    main()
