"""Writes the package of the golden vectors from the weights that ship."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from training.core.language_model import load_language_model, round_to_bfloat16
from training.core.run_directory import RunDirectory
from training.data.tokenizer import TextTokenizer
from training.golden.golden import write_golden
from training.golden.gradients import write_golden_tuning
from training.golden.long_texts import ARRAYS, CASES, write_golden_long_texts
from training.golden.loss_curves import write_golden_curves
from training.golden.reference import Reference
from training.package.export import VERSION
from training.package.model_cards import GOLDEN_CARD, licence_text
from training.package.model_package import write_manifest
from training.persona.plug import Plug
from training.persona.unigram_adaptation import UnigramAdaptation

FILES = (
    "golden.f32",
    "embedder.json",
    "prompts.json",
    "persona.json",
    "language-model.json",
    "end-to-end.json",
    "marginals.json",
    "tuning.json",
    "tuning.f32",
    "tuning-curves.json",
    CASES,
    ARRAYS,
)


def export_golden(
    run: RunDirectory,
    models: Path,
    target: Path,
    plug: Plug,
    embedder_package: Path,
    sample: Path | None,
    adaptations: Mapping[str, UnigramAdaptation] | None = None,
) -> None:
    """Writes the golden vectors of the weights that ship, which lie in `models`, into `target`."""
    model = round_to_bfloat16(load_language_model(run.language_model())).eval()
    tokenizer = TextTokenizer(run.tokenizer)
    write_golden(target, Reference(model, tokenizer, plug, adaptations=adaptations or {}), embedder_package, sample)
    write_golden_long_texts(target)
    write_golden_tuning(models, target)
    write_golden_curves(models, target)
    (target / "LICENSE").write_text(licence_text())
    (target / "MODEL_CARD.md").write_text(GOLDEN_CARD)
    write_golden_manifest(target)


def write_golden_manifest(target: Path) -> None:
    """Writes the manifest of a golden package whose files are all there."""
    write_manifest(
        target,
        kind="golden",
        name="golden",
        version=VERSION,
        licence="Apache-2.0",
        description="What every runtime must reproduce: token ids, vectors, persona rows, logits and whole answers.",
        roles={**dict.fromkeys(FILES, "golden"), "LICENSE": "licence", "MODEL_CARD.md": "card"},
        training_data=[],
        results={},
    )
