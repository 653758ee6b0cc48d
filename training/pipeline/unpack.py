"""Unpacks the package of a language model into a run directory, so that another plug can be trained for it.

`python -m training.pipeline.unpack --run-directory RUN` writes RUN/corpus/tokenizer.json and RUN/tuned/, a Hugging Face
folder whose numbers are the bfloat16 weights that every runtime reads. `configs/plug-of-shipped.toml` goes on from
there.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from training.package.model_package import MANIFEST, read_manifest
from training.package.shipped import shipped_language_model


def unpack(package: Path, directory: Path) -> Path:
    """Writes the package's tokenizer and weights where training looks for them; returns the model's folder."""
    tuned, partial = directory / "tuned", directory / "tuned.partial"
    if tuned.exists():
        raise FileExistsError(f"{tuned} is there already, and plugs may belong to it. Name another run directory.")
    kind = read_manifest(package)["kind"] if (package / MANIFEST).exists() else "folder without a manifest"
    if kind != "language-model":
        raise ValueError(f"{package} is a {kind}. Name the package of a language model, such as models/nano-llm.")
    model = shipped_language_model(package)
    (directory / "corpus").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(package / "tokenizer.json", directory / "corpus" / "tokenizer.json")
    shutil.rmtree(partial, ignore_errors=True)  # left by an unpacking that was interrupted
    model.save_pretrained(partial)
    partial.rename(tuned)
    return tuned


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, default=Path("models/nano-llm"))
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/shipped"))
    arguments = parser.parse_args()
    print(f"wrote {unpack(arguments.package, arguments.run_directory)}")


if __name__ == "__main__":
    main()
