"""Pre-trains the nano language model from scratch.

`python -m training.steps.pretrain --run-directory DIR --steps 1000`. The checkpoint holds weights, optimizers and the
number of steps, which decides what is read next. A file named STOP in the run directory starts the decay of the
learning rate at once.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.core.language_model import create_language_model, sequence_loss
from training.core.machine import prepare_machine
from training.core.optimizers import Schedule, create_optimizers, set_rate
from training.core.run_directory import RunDirectory


@dataclass(frozen=True)
class PretrainConfig:
    """Sizes and rates of the run; a step reads `micro_batch` · `accumulation` windows of `length` tokens."""

    model_config: str = "configs/nano-llm.config.json"
    steps: int = 2000
    length: int = 512
    stable_splits: int = 2  # before the end every window is cut into this many: attention is a third of the cost
    whole_share: float = 0.25  # of the steps, the last ones, in which windows are whole
    decay_share: float = 0.25  # of the steps, in which the rates fall to 0
    micro_batch: int = 4
    accumulation: int = 3
    muon_rate: float = 0.005
    adam_rate: float = 0.003
    weight_decay: float = 0.05
    seed: int = 0
    use_bfloat16: bool = True
    use_compile: bool = True
    attention: str = "eager"  # compiled and at 256 positions, a sixth faster on CPUs than "sdpa"


class PackedSequences:
    """Non-overlapping windows of a token stream, in an order that depends on seed and epoch alone."""

    def __init__(self, path: Path, length: int, seed: int) -> None:
        self._stream = np.memmap(path, dtype=np.uint16, mode="r")
        self._length, self._seed = length, seed
        self.count = (len(self._stream) - 1) // length
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def batch(self, position: int, size: int) -> Tensor:
        """Sequences position … position + size − 1 of the endless order: int64 [size, length + 1]."""
        rows = []
        for index in range(position, position + size):
            epoch, place = divmod(index, self.count)
            if epoch != self._epoch:
                self._epoch = epoch
                self._order = np.random.default_rng((self._seed, epoch)).permutation(self.count)
            start = int(self._order[place]) * self._length
            rows.append(self._stream[start : start + self._length + 1].astype(np.int64))
        return torch.from_numpy(np.stack(rows))


def split_windows(ids: Tensor, splits: int) -> Tensor:
    """Windows [batch, length + 1] as [batch · splits, length / splits + 1], each with the target of its last token."""
    length = (ids.shape[1] - 1) // splits
    return ids.unfold(1, length + 1, length).flatten(0, 1).contiguous()


def held_out_bits_per_byte(
    loss_of: Callable[[Tensor], Tensor], corpus: Path, config: PretrainConfig, sequences: int
) -> float:
    """Bits per byte on the held-out Wikipedia slice: tokens' loss, by the slice's mean bytes per token."""
    statistics = json.loads((corpus / "corpus.json").read_text())["held-out"]
    data = PackedSequences(corpus / "held-out.u16", config.length, seed=0)
    losses = []
    with torch.no_grad():
        for position in range(0, min(sequences, data.count - config.micro_batch), config.micro_batch):
            losses.append(float(loss_of(data.batch(position, config.micro_batch))))
    return float(np.mean(losses)) / math.log(2) * statistics["tokens"] / statistics["bytes"]


def pretrain(run: RunDirectory, config: PretrainConfig) -> None:
    """Trains, or goes on from the checkpoint, and writes the model and a report."""
    run.begin("pretrain")
    checkpoint = run.checkpoint("pretrain", asdict(config))
    torch.manual_seed(config.seed)
    model = create_language_model(Path(config.model_config), config.attention)
    optimizers = create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    data = PackedSequences(run.corpus.path / "train.u16", config.length, config.seed)
    schedule = Schedule(config.steps, decay_share=config.decay_share)
    step = 0
    if saved := checkpoint.load():
        model.load_state_dict(saved["model"])
        for optimizer, values in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        step, schedule.steps, schedule.decay_start = saved["step"], saved["steps"], saved["decay_start"]
        print(f"goes on at step {step}", flush=True)

    def loss_of(ids: Tensor) -> Tensor:
        return sequence_loss(model, ids, config.use_bfloat16)

    def state() -> dict[str, Any]:
        return {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "step": step,
            "steps": schedule.steps,
            "decay_start": schedule.decay_start,
        }

    compiled_loss = torch.compile(loss_of, dynamic=False) if config.use_compile else loss_of
    per_step = config.micro_batch * config.accumulation
    recent_losses: list[float] = []
    while step < schedule.steps:
        started = time.monotonic()
        set_rate(optimizers, schedule.factor(step))
        is_whole = step >= schedule.steps * (1 - config.whole_share)
        for offset in range(0, per_step, config.micro_batch):
            ids = data.batch(step * per_step + offset, config.micro_batch)
            loss = compiled_loss(split_windows(ids, 1 if is_whole else config.stable_splits))
            (loss / config.accumulation).backward()
            recent_losses.append(float(loss.detach()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 10 == 0:
            recent_losses = recent_losses[-10 * config.accumulation :]
            tokens_per_second = per_step * config.length / (time.monotonic() - started)
            print(
                f"step {step} of {schedule.steps}  loss {np.mean(recent_losses):.4f}  "
                f"{tokens_per_second:.0f} tokens/s  "
                f"{step * per_step * config.length / 1e6:.2f} M tokens  epoch {step * per_step / data.count:.2f}  "
                f"rate x{schedule.factor(step):.2f}",
                flush=True,
            )
        if (run.path / "STOP").exists():
            schedule.finish_from(step)
        if checkpoint.save_if_due(state):
            print(
                f"step {step}  held-out bits per byte "
                f"{held_out_bits_per_byte(loss_of, run.corpus.path, config, 32):.4f}",
                flush=True,
            )
    result = {
        "steps": step,
        "tokens": step * per_step * config.length,
        "held_out_bits_per_byte": held_out_bits_per_byte(loss_of, run.corpus.path, config, 320),
    }
    with run.pretrained.writing() as folder:
        model.save_pretrained(folder)
    run.pretrain_report.write(result)
    checkpoint.remove()
    print(json.dumps(result), flush=True)


def main() -> None:
    """Command line: the fields of PretrainConfig that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--steps", type=int, default=PretrainConfig.steps)
    parser.add_argument("--decay-share", type=float, default=PretrainConfig.decay_share)
    parser.add_argument("--whole-share", type=float, default=PretrainConfig.whole_share)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    config = PretrainConfig(steps=arguments.steps, decay_share=arguments.decay_share, whole_share=arguments.whole_share)
    pretrain(RunDirectory(arguments.run_directory), config)


if __name__ == "__main__":
    main()
