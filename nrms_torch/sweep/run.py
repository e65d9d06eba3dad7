"""Run a sweep: so many trainings at a time, until so many have ended."""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Lock
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from nrms_torch.configuration import CONFIGS, compose
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.sweep.report import describe, report
from nrms_torch.sweep.space import Sweep, key_of, override
from nrms_torch.sweep.study import left, opened
from nrms_torch.sweep.trial import TrainingFailedError, Trials
from nrms_torch.training.variants import resolve_variant

_OWN = ("sweep", "output", "trials", "workers")
_TRIALS_OWN = ("run", "resume")
_FAILURES = 3  # then it is not the one training that something is wrong with


def run_sweep(config: DictConfig, typed: Sequence[str]) -> None:
    """Run, or go on with, the sweep of a `local_sweep` configuration, and report it.

    Of the overrides as they were `typed`, those of training hold for every trial. Raises InputError
    for a mistake in the sweep or in the settings.
    """
    for field in ("trials", "workers"):
        require_integer(field, config[field], 1)
    sweep, folder = Sweep.read(_sweep_file(str(config.sweep))), Path(str(config.output))
    overrides = _for_training(sweep, typed)
    default = compose("train", overrides)
    resolve_variant(default)
    trials = Trials(folder, sweep, overrides, default.trainer.max_epochs, config.workers)
    number = min(config.trials, len(sweep.points()) if sweep.method == "grid" else config.trials)
    study = opened(
        folder,
        sweep,
        overrides,
        trials=number,
        seed=config.seed,
        default={name: _setting(default, name) for name in sweep.space},
    )
    with study as found:
        _work(found, trials, number)
        report(found, trials)


def _sweep_file(name: str) -> Path:
    """Give a sweep's file, or that of our own of such a name: `sweep_bayes`."""
    file, own = Path(name), CONFIGS / f"{Path(name).stem}.yaml"
    return own if not file.is_file() and own.is_file() else file


def _work(study: optuna.Study, trials: Trials, number: int) -> None:
    """Train in `workers` threads, each of which waits for a training in a process of its own."""
    asking, stop = Lock(), Event()
    failed: list[int] = []

    def work() -> None:
        while not stop.is_set():
            with asking:
                if left(study, number) <= 0:
                    return
                trial = study.ask(trials.sweep.space)
            state, value = TrialState.FAIL, None
            try:
                value, state = trials.train(trial, stop), TrialState.COMPLETE
            except optuna.TrialPruned:
                state = TrialState.PRUNED
            except TrainingFailedError as error:
                print(f"trial {trial.number}: {error}", flush=True)
                failed.append(trial.number)
            finally:
                ended = study.tell(trial, value, state)
            print(describe(ended, trials), flush=True)
            if len(failed) >= _FAILURES:
                stop.set()

    with ThreadPoolExecutor(trials.workers) as pool:
        futures = [pool.submit(work) for _ in range(trials.workers)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    for future in futures:
        future.result()
    if failed:
        print(f"{len(failed)} failed; the same command tries them again")


def _for_training(sweep: Sweep, typed: Sequence[str]) -> list[str]:
    """Give the sweep's constants and what the user typed for training, whose word counts more."""
    keys = [key_of(setting) for setting in typed]
    if own := [key for key in keys if key in _TRIALS_OWN]:
        raise InputError(f"{own[0]}: each trial has a run folder of its own, in `output`")
    constants = [f"{name}={value}" for name, value in sweep.constants.items() if name not in keys]
    pairs = zip(keys, typed, strict=True)
    return [*constants, *(setting for key, setting in pairs if key not in _OWN)]


def _setting(config: DictConfig, name: str) -> Any:
    found = OmegaConf.select(config, name)
    return override(OmegaConf.to_object(found)) if OmegaConf.is_list(found) else found
