"""Writes the model packages from a run directory: the language model, its plug, and the golden vectors.

`python -m training.pipeline.export --run-directory RUN --models models`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from training.core.run_directory import RunDirectory
from training.golden.package import export_golden
from training.package.export import check_same_model, export_language_model, export_plug
from training.package.model_cards import CONTROLS
from training.package.model_package import read_manifest
from training.steps.plug.saved_plug import load_plug
from training.steps.unigram_adaptation import load_unigram_adaptation

PARTS = ("language-model", "plug", "golden")


@dataclass(frozen=True)
class ExportConfig:
    """Which packages are written, under which names, and what they are made of besides the run."""

    parts: tuple[str, ...] = PARTS
    model_config: str = "configs/nano-llm.config.json"
    embedder: str = "models/all-minilm-l6-v2"  # its package; the plug names its fingerprint
    language_model: str = ""  # without the part language-model: the plug's package of it; "": that in `models`
    language_model_name: str = "nano-llm"
    plug_name: str = "plug"
    library: str = ""  # a compiled model.wasm to take along; "": the one that is there stays
    sample: str = ""  # a sample history for the golden answers
    golden: str = "research-models/golden"


def export(run: RunDirectory, models: Path, config: ExportConfig) -> None:
    """Writes the packages into `models`, and the golden vectors.

    Without the part `language-model` the plug is bound to an existing package of the very model it was trained on.
    """
    unknown = set(config.parts) - set(PARTS)
    if unknown:
        raise ValueError(f"parts {sorted(unknown)} are unknown. Known: {', '.join(PARTS)}.")
    language_model = None
    if "language-model" in config.parts:
        library = Path(config.library) if config.library else None
        language_model = export_language_model(
            run, models, Path(config.model_config), library, config.language_model_name
        )
    if not {"plug", "golden"} & set(config.parts):
        return
    plug, plug_config = load_plug(run)
    plug.round_to_half()
    is_control = config.plug_name in CONTROLS  # controls stay what they control for
    adaptations = {} if is_control else load_unigram_adaptation(run)
    embedder = Path(config.embedder)
    if "plug" in config.parts:
        if language_model is None:
            package = Path(config.language_model) if config.language_model else models / config.language_model_name
            check_same_model(run, package)
            language_model = read_manifest(package)
        bound = (read_manifest(embedder)["fingerprint"], language_model["fingerprint"])
        export_plug(run, models, plug, plug_config, *bound, config.plug_name, adaptations)
    if "golden" in config.parts:
        sample = Path(config.sample) if config.sample else None
        export_golden(run, models, Path(config.golden), plug, embedder, sample, adaptations)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--config", default=ExportConfig.model_config)
    parser.add_argument("--library", default="", help="a compiled model.wasm to take along")
    parser.add_argument("--embedder", default=ExportConfig.embedder)
    parser.add_argument("--sample", default="", help="a sample history for the end-to-end cases")
    parser.add_argument("--golden", default=ExportConfig.golden, help="where the golden vectors go")
    arguments = parser.parse_args()
    config = ExportConfig(
        model_config=arguments.config,
        library=arguments.library,
        embedder=arguments.embedder,
        sample=arguments.sample,
        golden=arguments.golden,
    )
    export(RunDirectory(arguments.run_directory), arguments.models, config)


if __name__ == "__main__":
    main()
