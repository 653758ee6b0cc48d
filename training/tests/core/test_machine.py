"""Freed memory stays with the process: the same tensor, taken again and again, costs no new pages."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: the allocator's settings are for good.
FAULTS = """
import resource, torch
from training.core.machine import keep_freed_memory
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def of_twenty():
    torch.ones(2**22)  # 16 MiB
    before = faults()
    for _ in range(20):
        torch.ones(2**22)
    return faults() - before
torch.set_num_threads(1)
print(of_twenty(), int(keep_freed_memory()), of_twenty())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_keeps_freed_memory():
    said = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout.split()
    before, is_set, after = (int(word) for word in said)
    if not is_set:
        pytest.skip("the C library is not glibc")
    assert after < 100
    assert after <= before
