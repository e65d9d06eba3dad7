"""Profiles of a run, kept in its folder."""

from collections.abc import Callable
from pathlib import Path

import torch
from lightning.pytorch.profilers import Profiler, PyTorchProfiler, SimpleProfiler

from nrms_torch.errors import InputError
from nrms_torch.training.processes import is_process_zero
from nrms_torch.training.step_times import step_table

_STAGES = ("training", "validation", "test")
_OPERATORS = 40  # of the table; the others take no time


def make_profiler(name: str | None, folder: Path) -> Profiler | None:
    """Make the profiler that `trainer.profiler` names, which writes into `folder`.

    `simple` writes the time of each of Lightning's actions. `pytorch` writes, of three steps of
    each stage, the time of each operator and a trace for chrome://tracing or perfetto.dev, and of
    training the shares of its parts, which it prints too. InputError for any other name.
    """
    if name is None:
        return None
    if name not in _PROFILERS:
        raise InputError(f"trainer.profiler: {name!r} is none of {', '.join(_PROFILERS)}, null")
    return _PROFILERS[name](folder)


def _simple(folder: Path) -> Profiler:
    return SimpleProfiler(folder, "profile")


def _pytorch(folder: Path) -> Profiler:
    def write(profile: torch.profiler.profile) -> None:
        operators = profile.key_averages()
        stages = [s for s in _STAGES if any(f"{s}_step" in one.key for one in operators)]
        # At the end of a stage the profiler calls once more, with what happened between steps.
        for stage in stages[:1] if is_process_zero() else []:
            folder.mkdir(parents=True, exist_ok=True)
            table = operators.table(sort_by="self_cpu_time_total", row_limit=_OPERATORS)
            (folder / f"{stage}-operators.txt").write_text(table)
            profile.export_chrome_trace(str(folder / f"{stage}-trace.json"))
            if stage == "training":
                shares = step_table(operators)
                (folder / "training-shares.txt").write_text(shares)
                print(shares, end="")

    return PyTorchProfiler(
        # Once: Lightning's own schedule would write a trace for every five steps of a run.
        schedule=torch.profiler.schedule(wait=1, warmup=1, active=3, repeat=1),
        on_trace_ready=write,
    )


_PROFILERS: dict[str, Callable[[Path], Profiler]] = {"simple": _simple, "pytorch": _pytorch}
