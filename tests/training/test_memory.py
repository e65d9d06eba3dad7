"""Freed memory is kept and lies in huge pages, and a limit on memory does no harm."""

import subprocess
import sys
from pathlib import Path

import pytest

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# Frees 64 MiB and asks for them again; prints the page faults of the second time, and how much of
# the process lies in huge pages.
TWICE = """
import resource
from pathlib import Path

import torch

from nrms_torch.training.memory import keep_freed_memory

keep_freed_memory()
torch.ones(2**24)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
kept = torch.ones(2**24)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
_, *lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
print(faults, int(dict(line.split(":") for line in lines)["AnonHugePages"].split()[0]))
"""
LIMITED = """
import resource

import torch

from nrms_torch.training.memory import keep_freed_memory

in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**30, in_use + 2**30))
keep_freed_memory()
print(int(torch.ones(1000).sum()))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux'")


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_freed_memory_is_there_again_without_a_page_fault():
    faults, _ = map(int, run(TWICE))
    assert faults < 100  # 16,384 pages anew


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(),
    reason="this system grants no huge pages",
)
def test_large_tensors_lie_in_huge_pages():
    _, kibibytes = map(int, run(TWICE))
    assert kibibytes >= 32 * 1024


@pytest.mark.slow
def test_a_limit_on_memory_does_no_harm():
    assert run(LIMITED) == ["1000"]
