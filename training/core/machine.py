"""How a training uses the machine: its threads, and memory that is kept instead of being fetched again and again."""

from __future__ import annotations

import ctypes
import sys

import torch

# glibc's malloc.h: parameters of mallopt(3).
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4


def prepare_machine(threads: int) -> None:
    """Sets the number of threads and how memory is kept; every long command calls it first."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed; False where the C library is another one.

    A training step allocates and frees the same large tensors thousands of times. By default glibc maps each of them
    anew, and the kernel zeroes every page at its first touch. In pre-training that caused 31 thousand page faults a
    second and took a twentieth of the time of two cores.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 2**28}
    return all(mallopt(name, value) == 1 for name, value in settings.items())
