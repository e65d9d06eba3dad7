"""Processes of commands without their seconds of imports: forks of one that has made them.

`python tests/fork_server.py` imports what all commands do, then answers each line of JSON on its
standard input, the arguments of `_run`, with a line: the exit status of a fork that ran the script.
Nothing of nrms_torch is imported before the fork.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

_COMMON = ("hydra", "lightning", "rich.console", "torch")


def main() -> None:
    """Serve until standard input ends."""
    for name in _COMMON:
        __import__(name)
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            _run(**request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: list[str], environment: dict[str, str], output: str, seconds: int) -> None:
    """Become the process that `python ARGUMENTS` would be, and end as it does."""
    signal.alarm(seconds)
    nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY)
    os.dup2(nothing, 0)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).parent)
    runpy.run_path(arguments[0], run_name="__main__")
    sys.exit()


class ForkServer:
    """The server's other end: runs a script in a fork of it."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], output: Path, seconds: int) -> int:
        """Run a script to its end, all that it prints in `output`; give its exit status.

        After so many seconds it is killed.
        """
        request = {
            "arguments": arguments,
            "environment": dict(os.environ),
            "output": str(output),
            "seconds": seconds,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


if __name__ == "__main__":
    main()
