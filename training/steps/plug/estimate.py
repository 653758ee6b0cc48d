"""Estimates tokens, memory and time of a plug's training from a few timed steps, whose results are dropped."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.core.processes import Processes
from training.persona.plug import Plug
from training.steps.plug.batches import Batches, batch_gradients
from training.steps.plug.plug_config import PlugConfig
from training.steps.plug.user_samples import UserSamples

TIMED_STEPS = 4  # the first one warms up and does not count


def tokens_of_pass(users: list[UserSamples], config: PlugConfig) -> tuple[int, int]:
    """Samples and tokens (prompt, rows, answer) of one pass over the users of a task."""
    samples, tokens = 0, 0.0
    for user in users:
        lengths = [len(entry.sample) for entry in user.with_rows[1:]]
        count = min(config.items_per_user, len(lengths))
        samples += count
        tokens += count * (sum(lengths) / len(lengths) + config.instruction_rows + config.persona_rows)
    return samples, round(tokens)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Bytes of tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def peak_memory(device: str) -> tuple[str, float]:
    """What was measured and its peak in GiB: of the GPU, or of this process's RAM."""
    if device.startswith("cuda"):
        return "GPU memory", torch.cuda.max_memory_allocated(device) / 2**30
    unit = 1 if sys.platform == "darwin" else 1024
    return "resident memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def estimate(
    model: PreTrainedModel, plug: Plug, users: Mapping[str, list[UserSamples]], config: PlugConfig, processes: Processes
) -> list[str]:
    """The estimate as lines of text. Leaves the plug's weights as they are and no gradients."""
    batches, seconds, sizes = Batches(users, config), [], []
    for _ in range(TIMED_STEPS):
        batch = batches.next()
        started = time.monotonic()
        batch_gradients(model, plug, batch, config, processes)
        seconds.append(time.monotonic() - started)
        rows = config.instruction_rows + config.persona_rows
        sizes.append((len(batch[1]), sum(len(entry.sample) + rows for entry in batch[1])))
    plug.zero_grad(set_to_none=True)
    each = sum(seconds[1:]) / (len(seconds) - 1)
    mean_samples, mean_tokens = (sum(column) / len(sizes) for column in zip(*sizes, strict=True))
    steps = config.steps
    trained = [parameter for parameter in plug.parameters() if parameter.requires_grad]
    what, peak = peak_memory(processes.device if processes.count > 1 else config.device)
    lines = [
        (
            f"language model: {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, "
            f"{bytes_of(model.parameters()) / 2**30:.2f} GiB, frozen; "
            f"plug: {sum(p.numel() for p in trained) / 1e6:.2f} M trained, "
            f"{3 * bytes_of(trained) / 2**20:.1f} MiB with its optimizer"
        ),
        (
            f"a step: {each:.2f} s, {mean_samples:.0f} samples, {mean_tokens:.0f} tokens "
            f"({mean_tokens / each:.0f} tokens/s), on {processes.count} process(es); "
            f"peak {what} so far {peak:.2f} GiB each"
        ),
        f"the run: {steps} steps, {steps * mean_tokens / 1e6:.2f} M tokens, {steps * each / 60:.1f} min",
    ]
    for task in config.tasks:
        share = config.task_shares[task] / sum(config.task_shares[name] for name in config.tasks)
        samples, tokens = tokens_of_pass(users[task], config)
        # Batches hold about as many tokens whatever the task, so passes follow from tokens.
        passes = share * steps * mean_tokens / max(1, tokens)
        lines.append(f"{task}: {samples} samples, {tokens} tokens a pass; about {passes:.1f} passes")
    return lines
