"""Decode parquet files that strangers made: in a process of its own, which has limits.

What a parquet file says of its own size may be false, and a kilobyte of it may decode to
gigabytes. The process is stopped where it takes more memory, time or disk than it is allowed.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nrms_torch.data import ebnerd
from nrms_torch.data.schema import CLICKED, HISTORY, INVIEW, Split
from nrms_torch.errors import InputError

if sys.platform != "win32":
    import resource

BEHAVIORS, HISTORIES = "behaviors", "history"

_IMPRESSIONS, _HISTORIES = "impressions.arrow", "histories.arrow"
_MIB = 2**20
# Address space, of which polars and its allocator reserve some 500 MiB that they never touch.
_MEMORY = 3_072 * _MIB
_OUTPUT = 512 * _MIB
_CPU_S, _WALL_S = 60, 120
_LOOK_S = 0.25


class TooLargeError(InputError):
    """A file that decodes to more than is allowed."""


@dataclass(frozen=True)
class DecodingLimits:
    """How much of each a split may hold: impressions, histories, and ids in all their lists."""

    impressions: int = 500_000
    histories: int = 100_000
    ids: int = 5_000_000


def decode(folder: Path, *, integer_ids: bool, between: Callable[[], None] = lambda: None) -> Split:
    """Decode `behaviors.parquet` and, if there, `history.parquet` of `folder`, and write there.

    Raises InputError where the files are not what they claim, as `ebnerd.read_files`, with the
    files named `behaviors` and `history`; TooLargeError where they decode to too much; OSError
    where the disk is full. `between` is called while it waits, and what that raises ends it.
    """
    command = [
        sys.executable,
        "-m",
        "nrms_torch.serving.decoding",
        str(folder),
        str(int(integer_ids)),
    ]
    # A thread more is an arena of memory more.
    environment = os.environ | {"POLARS_MAX_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    status, output = _watched(command, environment, between)
    if status == 0:
        return Split(
            folder=folder,
            impressions=pl.scan_ipc(folder / _IMPRESSIONS),
            histories=pl.scan_ipc(folder / _HISTORIES),
            labelled=CLICKED in pl.read_ipc_schema(folder / _IMPRESSIONS),
        )
    try:
        answer = json.loads(output)
    except ValueError as error:  # it was stopped, or gave up for want of memory
        raise TooLargeError(f"{BEHAVIORS}: {_why_it_stopped(status)}") from error
    if answer["disk_is_full"]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    raise (TooLargeError if answer["too_large"] else InputError)(answer["message"])


def _watched(
    command: list[str], environment: dict[str, str], between: Callable[[], None]
) -> tuple[int, str]:
    """Run a process, and end it where it takes too long, or `between` raises."""
    deadline = time.monotonic() + _WALL_S
    with subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            while True:
                try:
                    return process.wait(_LOOK_S), process.stdout.read()
                except subprocess.TimeoutExpired:
                    between()
                if time.monotonic() > deadline:
                    raise TooLargeError(f"{BEHAVIORS}: takes more than {_WALL_S} s to decode")
        finally:
            process.kill()


def _why_it_stopped(status: int) -> str:
    """Say what ended the process, as far as its status tells."""
    limits = _limits()
    if sys.platform != "win32":
        if status == -signal.SIGKILL:
            return "ended by the system, for want of memory or of processor time"
        if status == -signal.SIGXCPU:
            return f"takes more than {limits[resource.RLIMIT_CPU]:,} s of processor time to decode"
        memory = limits[resource.RLIMIT_AS] // _MIB
        return f"damaged, or more than {memory:,} MiB to decode"
    return "damaged"


def _main() -> None:
    """Decode in the folder that is named first, and print what is wrong with it."""
    _limit_this_process()
    folder, integer_ids = Path(sys.argv[1]), sys.argv[2] == "1"
    try:
        _write(folder, integer_ids=integer_ids, limits=DecodingLimits())
    except Exception as error:
        message = str(error)
        disk_is_full = os.strerror(errno.ENOSPC) in message
        file_is_large = os.strerror(errno.EFBIG) in message
        if file_is_large:
            most = _limits()[resource.RLIMIT_FSIZE] // _MIB
            message = f"{BEHAVIORS}: more than {most:,} MiB of lists to decode"
        elif not isinstance(error, InputError) and not disk_is_full:
            raise
        for name in (BEHAVIORS, HISTORIES):
            message = message.replace(str(folder / f"{name}.parquet"), name)
        answer = {
            "too_large": file_is_large or isinstance(error, TooLargeError),
            "disk_is_full": disk_is_full,
            "message": message,
        }
        print(json.dumps(answer))
        sys.exit(1)


def _limit_this_process() -> None:
    for what, limit in _limits().items():
        resource.setrlimit(what, (limit, limit))


def _limits() -> dict[int, int]:
    """Give what the decoding process may take, by the system's number for it."""
    if sys.platform == "win32":  # which has no such limits
        return {}
    wanted = {
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_FSIZE: _OUTPUT,
        resource.RLIMIT_CPU: _CPU_S,
        resource.RLIMIT_CORE: 0,
    }
    # Only root may raise a limit that a shell or a service manager has given: the lower holds.
    return {
        what: min([limit, *(n for n in resource.getrlimit(what) if n != resource.RLIM_INFINITY)])
        for what, limit in wanted.items()
    }


def _write(folder: Path, *, integer_ids: bool, limits: DecodingLimits) -> None:
    behaviors, histories = folder / f"{BEHAVIORS}.parquet", folder / f"{HISTORIES}.parquet"
    apart = histories.exists()
    _check_rows(behaviors, BEHAVIORS, limits.impressions if apart else limits.histories)
    if apart:
        _check_rows(histories, HISTORIES, limits.histories)
    split = ebnerd.read_files(behaviors, histories if apart else None, integer_ids=integer_ids)
    for table, name, lists, file in (
        (split.impressions, BEHAVIORS, [INVIEW, CLICKED][: 1 + split.labelled], _IMPRESSIONS),
        (split.histories, HISTORIES, [HISTORY], _HISTORIES),
    ):
        ids = table.select(pl.sum_horizontal(pl.col(lists).list.len().cast(pl.Int64)).sum())
        _require(name, "ids in its lists", ids.collect(engine="streaming").item(), limits.ids)
        table.collect(engine="streaming").write_ipc(folder / file)


def _check_rows(path: Path, name: str, most: int) -> None:
    """Check the number of rows that a file says it has, before any of them is decoded."""
    try:
        rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    except Exception:  # what is wrong with the file is told by its reader
        return
    _require(name, "rows", rows, most)


def _require(name: str, what: str, found: int, most: int) -> None:
    if found > most:
        raise TooLargeError(f"{name}: found {found:,} {what}; expected at most {most:,}")


if __name__ == "__main__":
    _main()
