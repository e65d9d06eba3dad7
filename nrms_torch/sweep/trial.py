"""One trial: a training by its own command, watched epoch by epoch."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import optuna
import torch

from nrms_torch.errors import InputError
from nrms_torch.sweep.space import Sweep, key_of, override
from nrms_torch.tracking.curves import Curve, read_curves

DEFAULT = "default"  # marks the trial of the settings that training has without the sweep
_TRAIN = ("-m", "nrms_torch", "train")
_KEEPER = "nrms_torch.sweep.keeper"
_USAGE_ERROR = 2
_POLL_S = 0.2


class TrainingFailedError(Exception):
    """A training that did not come to its end."""


@dataclass(frozen=True)
class Trials:
    """How trials train: into `folder`, with `overrides`; `epochs` where the sweep says nothing."""

    folder: Path
    sweep: Sweep
    overrides: Sequence[str]
    epochs: int
    workers: int

    def run_of(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / "trials" / f"{number:03}"

    def log_of(self, number: int) -> Path:
        """What a trial's training printed."""
        return self.folder / "logs" / f"{number:03}.txt"

    def settings(self, trial: optuna.trial.BaseTrial | optuna.trial.FrozenTrial) -> list[str]:
        """Give the overrides that repeat a trial's training."""
        own = [f"{name}={override(value)}" for name, value in trial.params.items()]
        return [*(o for o in self.overrides if key_of(o) not in trial.params), *own]

    def train(self, trial: optuna.Trial, stop: Event) -> float:
        """Train, and give the best measurement; each is reported, so that the pruner may end it.

        Raises optuna.TrialPruned where it does, TrainingFailedError where the training fails, what
        it measures is no number or `stop` is set, and InputError for a mistake in the settings,
        which all trials would share.
        """
        number, epochs = trial.number, trial.params.get("trainer.max_epochs", self.epochs)
        log = self.log_of(number)
        log.parent.mkdir(exist_ok=True)
        trial.set_user_attr("run", str(self.run_of(number)))
        with (
            log.open("w") as output,
            subprocess.Popen(
                self._command(trial),
                stdin=subprocess.PIPE,  # held open as long as the training is wanted
                start_new_session=True,  # a signal to all of the sweep must not kill its keeper
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | self._threads(),
            ) as process,
        ):
            values: list[float] = []
            may_be_stopped = DEFAULT not in trial.user_attrs  # all others are held against it
            while True:
                has_ended = process.poll() is not None
                # While the file is written anew, for a metric that it had not, it is shorter.
                for _, value in self._curve(number)[len(values) :]:
                    if not math.isfinite(value):
                        raise TrainingFailedError(f"{self.sweep.metric} is {value}, see {log}")
                    values.append(value)
                    trial.report(value, len(values))
                    # Asked of each, since that is how the pruner takes note of what it has seen.
                    if trial.should_prune() and may_be_stopped and len(values) < epochs:
                        raise optuna.TrialPruned
                if has_ended:
                    break
                if stop.is_set():
                    raise TrainingFailedError("stopped")
                time.sleep(_POLL_S)
        if process.returncode:
            self._complain(number, process.returncode)
        if not values:
            known = ", ".join(read_curves(self.run_of(number)))
            raise InputError(f"metric.name: {self.sweep.metric!r} is none of {known}")
        return max(values) if self.sweep.goal == "maximize" else min(values)

    def _command(self, trial: optuna.Trial) -> list[str]:
        train = [sys.executable, *_TRAIN, *self.settings(trial)]
        return [sys.executable, "-m", _KEEPER, *train, f"run={self.run_of(trial.number)}"]

    def _threads(self) -> dict[str, str]:
        """Share the cores among the workers, unless the user has."""
        if self.workers == 1 or "OMP_NUM_THREADS" in os.environ:
            return {}
        return {"OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // self.workers))}

    def _curve(self, number: int) -> Curve:
        return read_curves(self.run_of(number)).get(self.sweep.metric, [])

    def _complain(self, number: int, status: int) -> None:
        log = self.log_of(number)
        lines = log.read_text().strip().splitlines() or [""]
        if status == _USAGE_ERROR:
            raise InputError(f"trial {number}: {lines[-1].removeprefix('error: ')}")
        raise TrainingFailedError(f"status {status}, see {log}")
