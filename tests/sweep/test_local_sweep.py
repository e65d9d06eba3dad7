"""A sweep on this machine, killed in the middle and taken up again."""

import os
import runpy
import signal
import subprocess
import sys
import time

import optuna
import psutil
import pytest
import yaml
from optuna.trial import TrialState
from run_script import ROOT, TIMEOUT_S, assert_one_line, run_script, script, small

from nrms_torch.errors import InputError
from nrms_torch.sweep import trial as trial_module
from nrms_torch.sweep.space import Sweep
from nrms_torch.sweep.study import opened

SWEEP = {
    "method": "grid",
    "metric": {"name": "val/auc", "goal": "maximize"},
    # At the second rate nothing is learnt, so it falls behind.
    "parameters": {"training.learning_rate": {"values": [1e-3, 1e-12]}},
    "early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 2},
}
BETWEEN = {"training.learning_rate": {"min": 1e-4, "max": 1e-3}}
TRAINING = """
import sys, time
from pathlib import Path

given = dict(each.split("=", 1) for each in sys.argv[1:])
rate, run = float(given["training.learning_rate"]), Path(given["run"])
run.parent.mkdir(parents=True, exist_ok=True)

def measure(*values):
    file = run / "csv" / "version_0" / "metrics.csv"
    file.parent.mkdir(parents=True)
    lines = (f"{epoch},{value}\\n" for epoch, value in enumerate(values))
    file.write_text("epoch,val/auc\\n" + "".join(lines))

"""


def wait_until(condition, process=None):
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert process is None or process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def write(tmp_path, **changes):
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(SWEEP | changes))
    return file


def test_a_killed_sweep_is_taken_up_where_it_was(demo_folder, tmp_path):
    folder = tmp_path / "swept"
    # Without its end in sight: the second trial is killed long before.
    command = [
        *small("nrms_docvec", demo_folder, "baseline"),
        *(f"sweep={write(tmp_path)}", f"output={folder}", "trials=5"),
    ]
    with psutil.Popen(
        [*script("sweep"), *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        wait_until(lambda: (folder / "trials" / "001" / "config.yaml").exists(), process)
        below = process.children(recursive=True)
        assert len(below) == 2, "the keeper and the training"
        os.killpg(process.pid, signal.SIGKILL)  # as a shell's timeout, or a batch system, does
        _, alive = psutil.wait_procs(below, timeout=30)
    assert not alive, "no training outlives its sweep"
    assert not (folder / "trials" / "001" / "metrics.json").exists()

    printed = run_script("sweep", *command)
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{folder}/study.db")
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED]
    assert study.trials[2].params == study.trials[1].params == {"training.learning_rate": 1e-12}
    assert len(study.trials[2].intermediate_values) == 1, "stopped after an epoch of two"
    assert study.best_trial.number == 0
    assert len(study.best_trial.intermediate_values) == 2
    assert f"best: trial 0, val/auc {study.best_value:.4f}" in printed
    assert f"the default settings: {study.best_value:.4f}" in printed
    assert "training.learning_rate=0.001" in printed.replace("\n", " ")
    assert (folder / "trials.csv").read_text().count("\n") == 4


@pytest.fixture
def study(tmp_path):
    """Open a study of two points, of which the first is the default."""

    def study(**changes):
        return opened(
            tmp_path / "swept",
            Sweep.read(write(tmp_path, **changes)),
            ["seed=3"],
            trials=2,
            seed=1,
            default={"training.learning_rate": 1e-3},
        )

    return study


def test_a_study_is_of_one_process_at_a_time(study):
    with study(), pytest.raises(InputError, match="another process is at work"), study():
        pass


def test_a_study_goes_on_with_what_it_began_with(study):
    with study():
        pass
    other = {"training.learning_rate": {"values": [1e-3, 1e-2]}}
    with pytest.raises(InputError, match="another parameters"), study(parameters=other):
        pass


def test_the_default_is_first_and_what_failed_is_tried_once_more(tmp_path, study):
    with study() as begun:
        first = begun.ask(Sweep.read(write(tmp_path)).space)
        assert begun.trials[0].system_attrs["fixed_params"] == {"training.learning_rate": 1e-3}
        assert first.user_attrs == {"default": True}
    for _ in range(2):
        with study() as again:
            states = [trial.state for trial in again.trials]
            assert states[0] == TrialState.FAIL, "whoever trained it is gone"
            assert states.count(TrialState.WAITING) == len(states) - 1


def test_figures_are_drawn_of_what_is_complete(tmp_path, study):
    from nrms_torch.sweep.report import report
    from nrms_torch.sweep.trial import Trials

    sweep = Sweep.read(write(tmp_path))
    trials = Trials(tmp_path / "swept", sweep, ["seed=3"], epochs=2, workers=1)
    with study() as found:
        for value in (0.5, 0.7):
            trial = found.ask(sweep.space)
            trial.report(value, 1)
            found.tell(trial, value)
        report(found, trials)
    for name in ("importance", "parallel_coordinate", "history"):
        assert (tmp_path / "swept" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_kept_command_ends_with_its_starter_and_all_that_it_started(tmp_path):
    family = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(tmp_path / 'ready')!r}, 'w').close();"
        "time.sleep(600)"
    )
    kept = psutil.Popen(
        [sys.executable, "-m", "nrms_torch.sweep.keeper", sys.executable, "-c", family],
        stdin=subprocess.PIPE,
        cwd=ROOT,
    )
    wait_until((tmp_path / "ready").exists, kept)
    below = kept.children(recursive=True)
    assert len(below) == 2
    kept.stdin.close()
    assert kept.wait(TIMEOUT_S) != 0
    assert not psutil.wait_procs(below, timeout=10)[1]


@pytest.mark.parametrize("status", [0, 3])
def test_a_kept_command_gives_its_status(status):
    command = [sys.executable, "-c", f"raise SystemExit({status})"]
    kept = [sys.executable, "-m", "nrms_torch.sweep.keeper", *command]
    with subprocess.Popen(kept, stdin=subprocess.PIPE, cwd=ROOT) as process:
        assert process.wait(TIMEOUT_S) == status


@pytest.fixture
def sweep_of(call, demo_folder, tmp_path, monkeypatch):
    """Sweep with a stand-in for the training, which ends at once as the lines `ending` say.

    They find the learning rate in `rate` and the run folder in `run`; gives the trials.
    """

    def sweep_of(ending, *overrides, **changes):
        script = tmp_path / "train.py"
        script.write_text(TRAINING + ending)
        monkeypatch.setattr(trial_module, "_TRAIN", [str(script)])
        folder = tmp_path / "swept"
        command = [*small("nrms_docvec", demo_folder), f"sweep={write(tmp_path, **changes)}"]
        monkeypatch.setattr(sys, "argv", ["sweep.py", *command, f"output={folder}", *overrides])
        runpy.run_path(str(ROOT / "scripts" / "sweep.py"), run_name="__main__")
        study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{folder}/study.db")
        return [(each.params["training.learning_rate"], each.state) for each in study.trials]

    return sweep_of


def test_what_has_failed_is_left_to_the_next_start(sweep_of, capsys):
    failing = "if rate < 1e-3:\n    sys.exit(1)\nmeasure(0.6)\n"
    once = sweep_of(failing, "trials=2")
    assert once == [(1e-3, TrialState.COMPLETE), (1e-12, TrialState.FAIL)]
    assert "1 failed; the same command tries them again" in capsys.readouterr().out
    assert sweep_of("measure(0.7)\n", "trials=2") == [*once, (1e-12, TrialState.COMPLETE)]


def test_failures_that_come_together_end_a_sweep_as_well(sweep_of):
    together = """
(run.parent / f"started-{run.name}").touch()
while len(list(run.parent.glob("started-*"))) < 4:
    time.sleep(0.01)
sys.exit(1)
"""
    found = sweep_of(together, "trials=24", "workers=4", method="random", parameters=BETWEEN)
    assert {state for _, state in found} == {TrialState.FAIL}
    assert len(found) < 12


def test_a_measurement_that_is_no_number_fails_its_trial_alone(sweep_of, capsys):
    found = sweep_of("measure(0.5, float('nan') if rate < 1e-3 else 0.6)\n", early_terminate=None)
    assert found == [(1e-3, TrialState.COMPLETE), (1e-12, TrialState.FAIL)]
    assert "trial 1: val/auc is nan, see " in capsys.readouterr().out


def test_where_all_trials_measured_the_same_no_importance_is_drawn(sweep_of, tmp_path, capsys):
    sweep_of("measure(0.5)\n")
    assert "importance.png is left out" in capsys.readouterr().out
    drawn = {file.name for file in (tmp_path / "swept").glob("*.png")}
    assert drawn == {"parallel_coordinate.png", "history.png"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("run=here", "run: each trial has a run folder of its own"),
        ("trials=0", "trials: expected an integer of at least 1, found 0"),
        ("data.path=nowhere", "trial 0: nowhere: no such folder"),
    ],
)
def test_a_mistake_is_told_in_one_line(call, demo_folder, tmp_path, setting, message):
    command = [*small("nrms_docvec", demo_folder), f"sweep={write(tmp_path)}", setting]
    assert_one_line(*call("sweep", *command, f"output={tmp_path / 'swept'}"), message)
