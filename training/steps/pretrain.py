"""Pre-trains the nano language model from scratch within a time budget.

`python -m training.steps.pretrain --run-directory DIR --minutes 60`. Resumable: the checkpoint holds weights,
optimizers, position in the data and time used. A file named STOP in the run directory starts the learning-rate decay at
once.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.core.language_model import create_language_model, sequence_loss
from training.core.machine import prepare_machine
from training.core.optimizers import TimeSchedule, create_optimizers, set_rate


@dataclass(frozen=True)
class PretrainConfig:
    """Sizes and rates of the run; `minutes` counts training time, across resumptions."""

    model_config: str = "configs/nano-llm.config.json"
    minutes: float = 60.0
    length: int = 512
    stable_splits: int = 2  # before the end every window is cut into this many: attention is a third of the cost
    whole_share: float = 0.25  # of the run, its end, in which windows are whole
    decay_share: float = 0.25  # of the run, in which the rates fall to 0
    micro_batch: int = 4
    accumulation: int = 3
    muon_rate: float = 0.005
    adam_rate: float = 0.003
    weight_decay: float = 0.05
    checkpoint_minutes: float = 5.0
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
        self._epoch, self._order = -1, np.empty(0)

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


def held_out_bits_per_byte(loss_of, directory: Path, config: PretrainConfig, sequences: int) -> float:
    """Bits per byte on the held-out Wikipedia slice: tokens' loss, by the slice's mean bytes per token."""
    statistics = json.loads((directory / "corpus" / "corpus.json").read_text())["held-out"]
    data = PackedSequences(directory / "corpus" / "held-out.u16", config.length, seed=0)
    losses = []
    with torch.no_grad():
        for position in range(0, min(sequences, data.count - config.micro_batch), config.micro_batch):
            losses.append(float(loss_of(data.batch(position, config.micro_batch))))
    return float(np.mean(losses)) / math.log(2) * statistics["tokens"] / statistics["bytes"]


def save_atomically(content: dict, path: Path) -> None:
    """Writes a torch file so that an interrupted write leaves the former one intact."""
    temporary = path.with_suffix(".partial")
    torch.save(content, temporary)
    temporary.replace(path)


def pretrain(directory: Path, config: PretrainConfig) -> Path:
    """Trains (or resumes) and returns the folder of the finished checkpoint in Hugging Face form."""
    finished = directory / "pretrained"
    checkpoint_path = directory / "pretrain.checkpoint.pt"
    torch.manual_seed(config.seed)
    model = create_language_model(Path(config.model_config), config.attention)
    optimizers = create_optimizers(model, config.muon_rate, config.adam_rate, config.weight_decay)
    data = PackedSequences(directory / "corpus" / "train.u16", config.length, config.seed)
    schedule = TimeSchedule(config.minutes * 60, decay_share=config.decay_share)
    step, position, elapsed = 0, 0, 0.0
    if checkpoint_path.exists():
        saved = torch.load(checkpoint_path, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        step, position, elapsed = saved["step"], saved["position"], saved["elapsed"]
        print(f"resumed at step {step}, {elapsed / 60:.1f} min trained", flush=True)

    def loss_of(ids: Tensor) -> Tensor:
        return sequence_loss(model, ids, config.use_bfloat16)

    compiled_loss = torch.compile(loss_of, dynamic=False) if config.use_compile else loss_of
    per_step = config.micro_batch * config.accumulation
    last_checkpoint, recent_losses = elapsed, []

    def save() -> None:
        state = {"model": model.state_dict(), "optimizers": [optimizer.state_dict() for optimizer in optimizers]}
        save_atomically({**state, "step": step, "position": position, "elapsed": elapsed}, checkpoint_path)

    while not schedule.is_over(elapsed):
        started = time.monotonic()
        set_rate(optimizers, schedule.factor(elapsed))
        for offset in range(0, per_step, config.micro_batch):
            ids = data.batch(position + offset, config.micro_batch)
            is_whole = elapsed >= schedule.budget * (1 - config.whole_share)
            loss = compiled_loss(split_windows(ids, 1 if is_whole else config.stable_splits))
            (loss / config.accumulation).backward()
            recent_losses.append(float(loss.detach()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step, position = step + 1, position + per_step
        seconds = time.monotonic() - started
        # The first step compiles for half a minute: it is not training time.
        elapsed += min(seconds, 10.0)
        if step % 10 == 0:
            recent_losses = recent_losses[-10 * config.accumulation :]
            print(
                f"step {step}  loss {np.mean(recent_losses):.4f}  {per_step * config.length / seconds:.0f} tokens/s  "
                f"{position * config.length / 1e6:.2f} M tokens  epoch {position / data.count:.2f}  "
                f"rate x{schedule.factor(elapsed):.2f}  {max(0, schedule.budget - elapsed) / 60:.1f} min left",
                flush=True,
            )
        if (directory / "STOP").exists():
            schedule.finish_from(elapsed)
        if elapsed - last_checkpoint > config.checkpoint_minutes * 60:
            last_checkpoint = elapsed
            save()
            print(
                f"step {step}  held-out bits per byte {held_out_bits_per_byte(loss_of, directory, config, 32):.4f}",
                flush=True,
            )
    save()
    result = {
        "steps": step,
        "tokens": position * config.length,
        "minutes": elapsed / 60,
        "held_out_bits_per_byte": held_out_bits_per_byte(loss_of, directory, config, 320),
    }
    model.save_pretrained(finished)
    (directory / "pretrain.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result), flush=True)
    return finished


def main() -> None:
    """Command line: the fields of PretrainConfig that one changes by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-directory", type=Path, default=Path("training/runs/nano"))
    parser.add_argument("--minutes", type=float, default=PretrainConfig.minutes)
    parser.add_argument("--decay-share", type=float, default=PretrainConfig.decay_share)
    parser.add_argument("--whole-share", type=float, default=PretrainConfig.whole_share)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    config = PretrainConfig(
        minutes=arguments.minutes, decay_share=arguments.decay_share, whole_share=arguments.whole_share
    )
    pretrain(arguments.run_directory, config)


if __name__ == "__main__":
    main()
