"""Decode parquet files that strangers made: in a process of its own, which has limits.

What a parquet file says of its own size may be false, and a kilobyte of it may decode to
gigabytes. The process is stopped where it takes more memory, time or disk than it is allowed.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nrms_torch.data import ebnerd
from nrms_torch.data.schema import CLICKED, HISTORY, INVIEW, Split
from nrms_torch.errors import InputError

BEHAVIORS, HISTORIES = "behaviors", "history"

_IMPRESSIONS, _HISTORIES = "impressions.arrow", "histories.arrow"
_MIB = 2**20
# Address space, of which polars and its allocator reserve some 500 MiB that they never touch.
_MEMORY = 3_072 * _MIB
_OUTPUT = 512 * _MIB
_CPU_S, _WALL_S = 60, 120


class TooLargeError(InputError):
    """A file that decodes to more than is allowed."""


@dataclass(frozen=True)
class DecodingLimits:
    """How much of each a split may hold: impressions, histories, and ids in all their lists."""

    impressions: int = 500_000
    histories: int = 100_000
    ids: int = 5_000_000


def decode(folder: Path, *, integer_ids: bool) -> Split:
    """Decode `behaviors.parquet` and, if there, `history.parquet` of `folder`, and write there.

    Raises InputError where the files are not what they claim, as `ebnerd.read_files`, with the
    files named `behaviors` and `history`; TooLargeError where they decode to too much.
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
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_WALL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TooLargeError(f"{BEHAVIORS}: takes more than {_WALL_S} s to decode") from error
    if done.returncode == 0:
        return Split(
            folder=folder,
            impressions=pl.scan_ipc(folder / _IMPRESSIONS),
            histories=pl.scan_ipc(folder / _HISTORIES),
            labelled=CLICKED in pl.read_ipc_schema(folder / _IMPRESSIONS),
        )
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:  # it was stopped, or gave up for want of memory
        raise TooLargeError(
            f"{BEHAVIORS}: damaged, or more than {_MEMORY // _MIB:,} MiB, {_CPU_S} s or "
            f"{_OUTPUT // _MIB:,} MiB of lists to decode"
        ) from error
    raise (TooLargeError if answer["too_large"] else InputError)(answer["message"])


def _main() -> None:
    """Decode in the folder that is named first, and print what is wrong with it."""
    _limit_this_process()
    folder, integer_ids = Path(sys.argv[1]), sys.argv[2] == "1"
    try:
        _write(folder, integer_ids=integer_ids, limits=DecodingLimits())
    except InputError as error:
        message = str(error)
        for name in (BEHAVIORS, HISTORIES):
            message = message.replace(str(folder / f"{name}.parquet"), name)
        answer = {"too_large": isinstance(error, TooLargeError), "message": message}
        print(json.dumps(answer))
        sys.exit(1)


def _limit_this_process() -> None:
    if sys.platform == "win32":  # which has no such limits
        return
    import resource

    for what, limit in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, _OUTPUT),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_CORE, 0),
    ):
        # Only root may raise a limit that a shell or a service manager has given: the lower holds.
        given = (bound for bound in resource.getrlimit(what) if bound != resource.RLIM_INFINITY)
        lowest = min([limit, *given])
        resource.setrlimit(what, (lowest, lowest))


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
