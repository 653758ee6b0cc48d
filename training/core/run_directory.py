"""The directory of a run: which step writes which artifact, and where each of them is.

No artifact has two writers. A step that runs again first removes its former artifacts and those that later steps made
of them (`begin`). Artifacts may be links to those of another run; they are never written through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.core.artifacts import Artifact, Folder, JsonFile, TensorFile
from training.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class Step:
    """A step: the steps whose artifacts it reads, and the attributes of RunDirectory that it writes."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    grows: bool = False  # its artifact is added to and never replaced, so the step does not call `begin`


# In the order in which they run.
STEPS: Mapping[str, Step] = {
    "corpus": Step(writes=("corpus",)),
    "pretrain": Step(("corpus",), ("pretrained", "pretrain_report")),
    "task_tune": Step(("pretrain",), ("task_tuned", "task_tune_report")),
    "embed": Step(writes=("embeddings",), grows=True),
    "linear_head": Step(("embed",), ("linear_heads",)),
    "distill": Step(("task_tune", "linear_head"), ("distilled", "plug_start", "distill_report")),
    "plug": Step(("distill",), ("plug", "plug_report", "language_model_block")),
    "unigram_adaptation": Step(("plug",), ("unigram_adaptation", "gate", "unigram_adaptation_report")),
    "evaluate": Step(("unigram_adaptation",), ("evaluation",)),
    "export": Step(("evaluate",)),
}


def follows(later: str, step: str) -> bool:
    """Whether a step is `step` or reads, directly or not, what `step` writes."""
    return later == step or any(follows(before, step) for before in STEPS[later].reads)


class RunDirectory:
    """The artifacts of a run by name. Those that only some runs have are marked as optional."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.corpus = Folder(self.path / "corpus")
        self.pretrained = Folder(self.path / "pretrained")
        self.pretrain_report = JsonFile(self.path / "pretrain.json")
        self.task_tuned = Folder(self.path / "task-tuned")
        self.task_tune_report = JsonFile(self.path / "task-tune.json")
        self.embeddings = Folder(self.path / "embeddings")
        self.linear_heads = TensorFile(self.path / "linear-heads.pt")  # optional
        self.distilled = Folder(self.path / "distilled")  # optional: the plug alone may learn
        self.plug_start = TensorFile(self.path / "plug-start.pt")  # optional
        self.distill_report = JsonFile(self.path / "distill.json")
        self.plug = TensorFile(self.path / "plug.pt")
        self.plug_report = JsonFile(self.path / "plug.json")
        self.language_model_block = JsonFile(self.path / "language-model.json")
        self.unigram_adaptation = TensorFile(self.path / "unigram-adaptation.pt")  # optional
        self.gate = TensorFile(self.path / "gate.pt")  # optional: the gate trained with unigram adaptation
        self.unigram_adaptation_report = JsonFile(self.path / "unigram-adaptation.json")
        self.evaluation = JsonFile(self.path / "evaluate-dev.json")

    @property
    def tokenizer(self) -> Path:
        """tokenizer.json of the corpus."""
        return self.corpus.path / "tokenizer.json"

    def language_model(self) -> Path:
        """The folder of the run's language model: the distilled one where there is one, else the tuned one."""
        for folder in (self.distilled, self.task_tuned):
            if folder.exists():
                return folder.path
        raise FileNotFoundError(
            f"{self.task_tuned.path} is missing. "
            "Run step task_tune first, or training.pipeline.unpack for a model that ships."
        )

    def artifacts(self, step: str) -> list[Artifact]:
        """What a step writes."""
        return [getattr(self, name) for name in STEPS[step].writes]

    def begin(self, step: str) -> None:
        """Removes what former runs of a step and of the steps after it have made; the step's own checkpoint stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        for later in STEPS:
            if not follows(later, step):
                continue
            if later != step:
                self._checkpoint_path(later).unlink(missing_ok=True)
            if not STEPS[later].grows:
                for artifact in self.artifacts(later):
                    artifact.remove()

    def checkpoint(self, step: str, settings: Mapping[str, Any]) -> Checkpoint:
        """The checkpoint of a step with these settings."""
        return Checkpoint(self._checkpoint_path(step), settings)

    def _checkpoint_path(self, step: str) -> Path:
        return self.path / f"{step.replace('_', '-')}.checkpoint.pt"
