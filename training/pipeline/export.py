"""Writes the model packages from a run directory: the language model, its plug, and the golden vectors.

`python -m training.pipeline.export --run-directory RUN --models models`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.core.run_directory import RunDirectory
from training.golden.package import export_golden
from training.package.export import check_same_model, export_language_model, export_plug
from training.package.model_cards import CONTROLS
from training.package.model_package import read_manifest
from training.steps.plug.saved_plug import load_plug
from training.steps.unigram_adaptation import load_unigram_adaptation

PARTS = ("language-model", "plug", "golden")


def export(
    run: RunDirectory,
    models: Path,
    config_path: Path,
    library: Path | None,
    embedder_package: Path,
    sample: Path | None,
    parts: Sequence[str] = PARTS,
    language_model_name: str = "nano-llm",
    plug_name: str = "plug",
    language_model_package: Path | None = None,
) -> None:
    """Writes packages; the embedder's must exist, since the plug names its fingerprint.

    Without the part `language-model` the plug is bound to an existing package of the very model it was trained on.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"parts {sorted(unknown)} are unknown. Known: {', '.join(PARTS)}.")
    language_model = None
    if "language-model" in parts:
        language_model = export_language_model(run, models, config_path, library, language_model_name)
    if not {"plug", "golden"} & set(parts):
        return
    plug, plug_config = load_plug(run)
    plug.round_to_half()
    adaptations = {} if plug_name in CONTROLS else load_unigram_adaptation(run)  # controls stay what they control for
    if "plug" in parts:
        if language_model is None:
            package = language_model_package or models / language_model_name
            check_same_model(run, package)
            language_model = read_manifest(package)
        embedder = read_manifest(embedder_package)["fingerprint"]
        bound = (embedder, language_model["fingerprint"])
        export_plug(run, models, plug, plug_config, *bound, plug_name, adaptations)
    if "golden" in parts:
        export_golden(run, models, plug, embedder_package, sample, adaptations)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--config", type=Path, default=Path("configs/nano-llm.config.json"))
    parser.add_argument("--library", type=Path, default=None, help="a compiled model.wasm to take along")
    parser.add_argument("--embedder", type=Path, default=Path("models/all-minilm-l6-v2"))
    parser.add_argument("--sample", type=Path, default=None, help="a sample history for the end-to-end cases")
    arguments = parser.parse_args()
    export(
        RunDirectory(arguments.run_directory),
        arguments.models,
        arguments.config,
        arguments.library,
        arguments.embedder,
        arguments.sample,
    )


if __name__ == "__main__":
    main()
