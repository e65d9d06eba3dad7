"""A sweep's study: in SQLite, of one process at a time, taken up where a killed one has left it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import distribution_to_json
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nrms_torch.errors import InputError
from nrms_torch.sweep.space import Sweep
from nrms_torch.sweep.trial import DEFAULT

_INSTEAD_OF = "instead_of"
_COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)


@contextmanager
def opened(
    folder: Path,
    sweep: Sweep,
    overrides: Sequence[str],
    *,
    trials: int,
    seed: int,
    default: Mapping[str, Any],
) -> Iterator[optuna.Study]:
    """Open the study in `folder`, or begin one with the trial of the `default` settings.

    What a killed process was training has failed, and what has failed is to be tried again. Raises
    InputError where another process works on it, or where it was begun with another sweep or other
    `overrides`.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            study = optuna.create_study(
                storage=f"sqlite:///{folder / 'study.db'}",
                study_name="sweep",
                direction=StudyDirection[sweep.goal.upper()],
                load_if_exists=True,
                pruner=_pruner(sweep),
            )
            study.sampler = _sampler(sweep, trials, seed + len(study.trials))
            _begin(study, sweep, default, _origin(sweep, overrides), folder)
            _take_up(study)
            yield study
    except Timeout as error:
        raise InputError(
            f"output: another process is at work on {folder}; workers=N has several at once"
        ) from error


def left(study: optuna.Study, trials: int) -> int:
    """Tell how many of `trials` have neither ended nor begun.

    One that has failed is not replaced: the next start tries it again.
    """
    counted = study.get_trials(deepcopy=False, states=(*_COUNTED, TrialState.RUNNING))
    return trials - len(counted) - len(_to_be_tried_again(study))


def _begin(
    study: optuna.Study,
    sweep: Sweep,
    default: Mapping[str, Any],
    origin: dict[str, Any],
    folder: Path,
) -> None:
    if (before := study.user_attrs.get("origin")) is not None:
        if before != origin:
            changed = ", ".join(name for name in origin if origin[name] != before.get(name))
            raise InputError(
                f"output: {folder} was begun with another {changed}; expected the same, or a new "
                "folder"
            )
        return
    study.set_user_attr("origin", origin)
    if sweep.contains(default):
        study.enqueue_trial(dict(default), user_attrs={DEFAULT: True})
    for point in sweep.points() if sweep.method == "grid" else []:
        if point != default:
            study.enqueue_trial(point)


def _take_up(study: optuna.Study) -> None:
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    for trial in _to_be_tried_again(study):
        attributes = {**trial.user_attrs, _INSTEAD_OF: trial.number}
        study.enqueue_trial(trial.params, user_attrs=attributes)


def _to_be_tried_again(study: optuna.Study) -> list[FrozenTrial]:
    trials = study.get_trials()
    tried_again = {trial.user_attrs.get(_INSTEAD_OF) for trial in trials}
    return [
        trial
        for trial in trials
        if trial.state == TrialState.FAIL and trial.number not in tried_again and trial.params
    ]


def _origin(sweep: Sweep, overrides: Sequence[str]) -> dict[str, Any]:
    return {
        "metric": [sweep.metric, sweep.goal],
        "parameters": {name: distribution_to_json(kind) for name, kind in sweep.space.items()},
        "settings": [*(f"{name}={value}" for name, value in sweep.constants.items()), *overrides],
    }


def _pruner(sweep: Sweep) -> BasePruner:
    """W&B's hyperband is successive halving: at each rung the best of `eta` go on."""
    if sweep.min_epochs is None:
        return NopPruner()
    return SuccessiveHalvingPruner(min_resource=sweep.min_epochs, reduction_factor=sweep.eta)


def _sampler(sweep: Sweep, trials: int, seed: int) -> BaseSampler:
    """Make the sampler; its seed moves on with the trials, lest a second start draw the same."""
    if sweep.method == "bayes":
        return TPESampler(seed=seed, n_startup_trials=max(1, trials // 3))
    return RandomSampler(seed=seed)
