"""Memory of a command and of the processes it starts: `python tests/memory_of.py COMMAND…`."""

import contextlib
import json
import subprocess
import sys
import time

import psutil

MIB = 2**20
EVERY_S = 0.5


def memory_of(command: list[str], **options) -> dict[str, float]:
    """Run a command to its end and give peaks in MiB, seen twice a second.

    `main` is the resident memory of its first process, `others` the largest of one that it
    started, and `together` of all, where pages that processes share count once.
    """
    peaks = {"main": 0.0, "others": 0.0, "together": 0.0}
    with subprocess.Popen(command, **options) as running:
        main = psutil.Process(running.pid)
        while running.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                others = main.children(recursive=True)
                now = {
                    "main": main.memory_info().rss,
                    "others": max((other.memory_info().rss for other in others), default=0),
                    "together": sum(each.memory_full_info().pss for each in [main, *others]),
                }
                peaks = {name: max(peak, now[name] / MIB) for name, peak in peaks.items()}
            time.sleep(EVERY_S)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    return {name: round(peak) for name, peak in peaks.items()}


if __name__ == "__main__":
    print(json.dumps(memory_of(sys.argv[1:])))
