"""What a sweep has found: its trials, the best settings, and Optuna's figures."""

import csv
import shlex
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import optuna
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from nrms_torch.files import replacing
from nrms_torch.sweep.trial import DEFAULT, Trials


def describe(trial: FrozenTrial, trials: Trials) -> str:
    """Say in a line what became of a trial."""
    settings = ", ".join(f"{name}={_shown(value)}" for name, value in trial.params.items())
    value = "–" if trial.value is None else f"{trial.value:.4f}"
    return f"trial {trial.number}: {trials.sweep.metric} {value}, {_fate(trial)}; {settings}"


def report(study: optuna.Study, trials: Trials) -> None:
    """Print the trials, the best and how to train it again; write trials.csv and the figures."""
    ended = [trial for trial in study.trials if trial.state.is_finished()]
    columns = ["trial", trials.sweep.metric, "what", "seconds", *trials.sweep.space]
    rows = [_row(trial, trials) for trial in ended]
    with replacing(trials.folder / "trials.csv") as temporary, temporary.open("w") as output:
        csv.writer(output).writerows([columns, *rows])
    measured = sorted((trial for trial in ended if trial.value is not None), key=_value)
    if trials.sweep.goal == "minimize":
        measured.reverse()
    print(f"\n{trials.folder}, {len(ended)} trials, best last:")
    for trial in measured:
        print(describe(trial, trials))
    if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        _print_best(study, trials)
    if len(measured) > 1:
        for file in _draw(study, trials):
            print(f"written to {file}")


def _print_best(study: optuna.Study, trials: Trials) -> None:
    best = study.best_trial
    print(f"best: trial {best.number}, {trials.sweep.metric} {best.value:.4f}", end="")
    default = [trial for trial in study.trials if DEFAULT in trial.user_attrs and trial.values]
    print(f"; the default settings: {default[-1].value:.4f}" if default else "")
    print("once more: nrms train", shlex.join(trials.settings(best)))


def _draw(study: optuna.Study, trials: Trials) -> list[Path]:
    matplotlib.use("Agg")  # before pyplot, through which Optuna draws
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as figures

    study = _as_complete(study)
    kinds: dict[str, Callable[[], Any]] = {
        "importance": lambda: figures.plot_param_importances(
            study, evaluator=FanovaImportanceEvaluator(seed=0)
        ),
        "parallel_coordinate": lambda: figures.plot_parallel_coordinate(
            study, target_name=trials.sweep.metric
        ),
        "history": lambda: figures.plot_optimization_history(
            study, target_name=trials.sweep.metric
        ),
    }
    if len({trial.value for trial in study.trials}) == 1:
        del kinds["importance"]
        print("importance.png is left out: no setting made a difference")
    files = []
    for name, plot in kinds.items():
        file = trials.folder / f"{name}.png"
        with warnings.catch_warnings(), replacing(file) as temporary:
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            figure = plot().figure
            figure.set_size_inches(9, 5)
            figure.savefig(temporary, dpi=80, bbox_inches="tight", format="png")
        pyplot.close(figure)
        files.append(file)
    return files


def _as_complete(study: optuna.Study) -> optuna.Study:
    """Copy a study so that Optuna shows what was stopped, with what it had reached by then."""
    copy = optuna.create_study(direction=study.direction)
    for trial in study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)):
        copy.add_trial(
            optuna.create_trial(
                value=trial.value, params=trial.params, distributions=trial.distributions
            )
        )
    return copy


def _row(trial: FrozenTrial, trials: Trials) -> list[str]:
    value = "" if trial.value is None else f"{trial.value:.4f}"
    # A training that was killed may be told of days later.
    seconds = trial.duration if trial.value is not None else None
    settings = [_shown(trial.params.get(name, "")) for name in trials.sweep.space]
    return [
        str(trial.number),
        value,
        _fate(trial),
        f"{seconds.total_seconds():.0f}" if seconds else "",
        *settings,
    ]


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def _fate(trial: FrozenTrial) -> str:
    measured = len(trial.intermediate_values)
    epochs = f"{measured} epoch{'s' * (measured != 1)}"
    fate = {TrialState.COMPLETE: epochs, TrialState.PRUNED: f"stopped after {epochs}"}
    return fate.get(trial.state, "failed") + " (default)" * (DEFAULT in trial.user_attrs)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
