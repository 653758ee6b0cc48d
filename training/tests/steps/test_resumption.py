"""An interrupted step ends where an uninterrupted one does: the same weights, to the bit."""

from __future__ import annotations

import json
import lzma
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from training.core.checkpoint import Checkpoint
from training.core.run_directory import RunDirectory
from training.data.corpus import CorpusConfig, build_corpus
from training.steps.distill.distill import distill
from training.steps.distill.prompt_streams import DistillConfig
from training.steps.evaluate import evaluate_run
from training.steps.linear_head import LinearHeadConfig, fit_linear_heads
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.train_plug import train_plug
from training.steps.pretrain import PretrainConfig, pretrain
from training.steps.task_tune import TaskTuneConfig, task_tune
from training.steps.unigram_adaptation import UnigramAdaptationConfig, fit_unigram_adaptation
from training.tests.tiny_run import used_data, write_data, write_vectors

TASKS = ("news_category", "news_headline", "paper_title")
PARAGRAPH = "The ferry crosses the river {n} times a day. It carries cars and bicycles. Nobody has counted the gulls. "
PLUG = PlugConfig(
    tasks=TASKS, steps=6, evaluations=2, persona_rows=2, instruction_rows=2, instruction_rank=4, projector_width=16,
    gate_queries=6, held_out_queries=6, batch_tokens=600,
)  # fmt: skip
TASK_TUNE = TaskTuneConfig(
    tasks=TASKS, steps=12, batch_tokens=600, evaluations=3, held_out_samples=8, reported_samples=4,
    dropout={"news_category": 0.1},
)  # fmt: skip
# Only one of the tasks has a head, so that the others are learned from labels while these last.
DISTILL = DistillConfig(
    tasks=TASKS, steps=10, label_steps=5, before_share=0.4, retrieval_batch_share=0.5, bare_queries=6, text_queries=3,
    retrieval_queries=2, batch_tokens=600, bare_batch_tokens=300, held_out_queries=6, evaluations=2,
)  # fmt: skip
HEAD = LinearHeadConfig(folds=2, steps=4, batch=16, width=16, rank=4)


@dataclass(frozen=True)
class Chain:
    """A run with every step done, a function for each of its steps, and how often each has saved its checkpoint."""

    run: RunDirectory
    steps: Mapping[str, Callable[[RunDirectory], object]]
    saves: Mapping[str, int]


@contextmanager
def counted_saves(interrupted_at: int | None = None) -> Iterator[Counter[str]]:
    """Saves a checkpoint whenever a step can, counts them as `saves`, and may interrupt after one of them."""
    counts: Counter[str] = Counter()
    save = Checkpoint.save

    def counted(self: Checkpoint, state: Mapping[str, Any]) -> None:
        save(self, state)
        counts["saves"] += 1
        if counts["saves"] == interrupted_at:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training.core.checkpoint.INTERVAL_SECONDS", 0.0)
        patched.setattr(Checkpoint, "save", counted)
        yield counts


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A run on invented data."""
    root = tmp_path_factory.mktemp("chain")
    data, run = root / "data", RunDirectory(root / "run")
    write_data(data)
    (data / "text").mkdir()
    with lzma.open(data / "text" / "wiki-00.jsonl.xz", "wt", encoding="utf-8") as lines:
        for number in range(300):
            text = "\n".join(PARAGRAPH.format(n=n * number) + " It runs." * 12 for n in range(5))
            lines.write(json.dumps({"title": f"Ferry {number}", "text": text}) + "\n")
    config = json.loads(Path("configs/nano-llm.config.json").read_text()) | {
        "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "intermediate_size": 48,
    }  # fmt: skip
    (root / "tiny.json").write_text(json.dumps(config))
    pretrain_config = PretrainConfig(
        str(root / "tiny.json"), steps=6, length=64, micro_batch=2, accumulation=2, use_compile=False
    )
    steps: dict[str, Callable[[RunDirectory], object]] = {
        "pretrain": lambda run: pretrain(run, pretrain_config),
        "task_tune": lambda run: task_tune(run, TASK_TUNE),
        "linear_head": lambda run: fit_linear_heads(run, HEAD),
        "distill": lambda run: distill(run, DISTILL, PLUG),
        "plug": lambda run: train_plug(run, PLUG),
        "unigram_adaptation": lambda run: fit_unigram_adaptation(run, UnigramAdaptationConfig(queries=12, split="dev")),
        "evaluate": lambda run: evaluate_run(run, TASKS),
    }
    write_vectors(data, run, *TASKS, splits=("train_a", "train_b", "dev"))
    with used_data(data):
        build_corpus(run, CorpusConfig(characters_per_article=700, beginning_characters=300))
        saves = {}
        for name, step in steps.items():
            with counted_saves() as counts:
                step(run)
            saves[name] = counts["saves"]
        yield Chain(run, steps, saves)


def results(run: RunDirectory, step: str) -> dict[str, Any]:
    """Everything that a step has written, by file name."""
    found: dict[str, Any] = {}
    for artifact in run.artifacts(step):
        path = artifact.path
        if path.is_dir():
            found[path.name] = load_file(path / "model.safetensors")
        elif path.suffix == ".pt":
            found[path.name] = torch.load(path, weights_only=True)
        elif path.exists():
            found[path.name] = json.loads(path.read_text())
    return found


def differences(first: Any, second: Any, name: str = "") -> list[str]:
    """Where two results differ."""
    if isinstance(first, torch.Tensor):
        return [] if torch.equal(first, second) else [name]
    if isinstance(first, Mapping):
        assert first.keys() == second.keys(), name
        return [found for key in first for found in differences(first[key], second[key], f"{name}/{key}")]
    if isinstance(first, (list, tuple)):
        assert len(first) == len(second), name
        pairs = enumerate(zip(first, second, strict=True))
        return [found for index, (one, other) in pairs for found in differences(one, other, f"{name}/{index}")]
    return [] if first == second else [name]


@pytest.mark.parametrize(
    ("step", "checkpoints"),
    [
        ("pretrain", 2),
        ("task_tune", 1),
        ("task_tune", 5),
        ("linear_head", 2),
        ("distill", 3),
        ("distill", 7),
        ("plug", 2),
        ("unigram_adaptation", 1),
        ("evaluate", 2),
    ],
)
def test_an_interrupted_step_goes_on(chain: Chain, tmp_path: Path, step: str, checkpoints: int) -> None:
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(chain.run.path, run.path)
    with pytest.raises(KeyboardInterrupt), counted_saves(interrupted_at=checkpoints):
        chain.steps[step](run)
    assert not any(artifact.exists() for artifact in run.artifacts(step))
    torch.manual_seed(12345)  # what happens in between must not matter
    with counted_saves() as counts:
        chain.steps[step](run)
    assert counts["saves"] == chain.saves[step] - checkpoints  # it did not start anew
    assert differences(results(chain.run, step), results(run, step)) == []
    assert not list(run.path.glob("*.checkpoint.pt"))
