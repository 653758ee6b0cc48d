"""What each process of the data-parallel test runs: `accelerate launch -m training.tests.two_processes RUN LLM`.

Writes the gradients of one batch (main process) and then trains for a few steps; every process leaves a digest of the
plug that it ended with.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

from training.core.run_directory import RunDirectory
from training.persona.plug import Plug
from training.steps.plug.batches import Batches, batch_gradients
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.train_plug import prepare, train


def config_of(llm: str) -> PlugConfig:
    """A tiny training without dropout, whose masks would differ between processes."""
    return PlugConfig(
        tasks=("news_category",),
        llm=llm,
        dtype="float32",
        steps=3,
        dropout=0.0,
        batch_tokens=700,
        gate_queries=4,
        evaluations=1,
    )


def gradients(training) -> dict[str, torch.Tensor]:
    """Gradients of the first batch and its loss."""
    batch = Batches(training.users, training.config).next()
    loss = batch_gradients(training.frozen.model, training.plug, batch, training.config, training.processes)
    found = {name: p.grad.clone() for name, p in training.plug.named_parameters() if p.grad is not None}
    training.plug.zero_grad(set_to_none=True)
    return {**found, "loss": torch.tensor(loss), "samples": torch.tensor(len(batch[1]))}


def digest(plug: Plug) -> str:
    """Hash of all weights but the gate's, which only the last stage sets."""
    values = [t.numpy().tobytes() for name, t in plug.state_dict().items() if not name.startswith("gate")]
    return hashlib.sha256(b"".join(values)).hexdigest()


def main() -> None:
    """Command line: run directory, folder of the language model."""
    torch.set_num_threads(1)
    directory, llm = Path(sys.argv[1]), sys.argv[2]
    training = prepare(RunDirectory(directory), config_of(llm))
    found = gradients(training)
    if training.processes.is_main:
        torch.save(found, directory / "gradients.pt")
    train(training, RunDirectory(directory))
    (directory / f"digest-{training.processes.index}-of-{training.processes.count}").write_text(digest(training.plug))


if __name__ == "__main__":
    main()
