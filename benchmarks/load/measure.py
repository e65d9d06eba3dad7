"""Measure a server: load it with locust, load it with too much, and watch it recover."""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import httpx
import psutil

from nrms_torch.serving.process import ServerProcess

_LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_MIB = 2**20


@dataclass(frozen=True)
class Load:
    """What locust measured; latencies in ms, `refused` are the 503s, of which there are others."""

    users: int
    answered_per_s: float
    median_ms: float
    p99_ms: float
    refused_per_s: float
    failures: int
    memory_mib: float  # the most while it lasted


def memory_mib(target: ServerProcess) -> float:
    """Measure a server's resident memory."""
    return float(psutil.Process(target.pid).memory_info().rss / _MIB)


def load(target: ServerProcess, *, users: int, seconds: int) -> Load:
    """Let so many readers ask again and again for so long; requests that fail are counted."""
    with tempfile.TemporaryDirectory() as folder, _memory_watched(target) as most:
        prefix = Path(folder) / "load"
        subprocess.run(
            [
                *(sys.executable, "-m", "locust", "--locustfile", str(_LOCUSTFILE)),
                *("--headless", "--host", target.url, "--only-summary", "--loglevel", "WARNING"),
                *("--users", str(users), "--spawn-rate", "100", "--run-time", f"{seconds}s"),
                *("--csv", str(prefix), "--exit-code-on-error", "0"),
            ],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with Path(f"{prefix}_stats.csv").open(newline="") as file:
            rows = {row["Name"]: row for row in csv.DictReader(file)}
    answered, refused = rows["/recommend"], rows.get("/recommend 503")
    return Load(
        users=users,
        answered_per_s=float(answered["Requests/s"]),
        median_ms=float(answered["50%"]),
        p99_ms=float(answered["99%"]),
        refused_per_s=float(refused["Requests/s"]) if refused else 0.0,
        failures=int(rows["Aggregated"]["Failure Count"]),
        memory_mib=max(most),
    )


def seconds_to_recover(target: ServerProcess, *, within_ms: float, times: int = 10) -> float:
    """Measure how long it takes until `times` requests in a row are answered that fast."""
    start = recovered = time.perf_counter()
    in_a_row = 0
    with httpx.Client(base_url=target.url, timeout=30) as client:
        while in_a_row < times:
            sent = time.perf_counter()
            response = client.post("/recommend", json={"history": [], "candidates": []})
            done = time.perf_counter()
            if response.status_code == 200 and (done - sent) * 1_000 <= within_ms:
                recovered = sent if in_a_row == 0 else recovered
                in_a_row += 1
            else:
                in_a_row = 0
    return recovered - start


def table(rows: Sequence[tuple[str, Load]]) -> str:
    """Write loads as a markdown table."""
    lines = [
        "| | users | answers/s | median ms | 99 % ms | 503/s | failures | memory MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, each in rows:
        lines.append(
            f"| {name} | {each.users} | {each.answered_per_s:,.0f} | {each.median_ms:,.0f} "
            f"| {each.p99_ms:,.0f} | {each.refused_per_s:,.0f} | {each.failures} "
            f"| {each.memory_mib:,.0f} |"
        )
    return "\n".join(lines)


@contextmanager
def _memory_watched(target: ServerProcess) -> Iterator[list[float]]:
    """Collect the target's memory, four times a second, until the block ends."""
    samples = [memory_mib(target)]
    ended = Event()

    def watch() -> None:
        while not ended.wait(0.25):
            samples.append(memory_mib(target))

    thread = Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
