"""W&B's own agent starts what a sweep file says, and every rank trains with the sweep's values."""

import json
import os
from pathlib import Path

import pytest
import yaml
from run_script import ROOT, TIMEOUT_S, small
from wandb.wandb_agent import Agent

SWEEPS = ("sweep", "sweep_bayes", "sweep_demo")


def read(name):
    return yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())


def another_python(folder):
    """Make a folder, to be the first on the PATH, with a `python` that is not the agent's."""
    folder = folder / "bin"
    folder.mkdir()
    (folder / "python").write_text("#!/bin/sh\necho another python >&2\nexit 9\n")
    (folder / "python").chmod(0o755)
    return folder


@pytest.mark.parametrize("devices", [1, 2])
def test_every_rank_trains_with_the_sweeps_values(devices, demo_folder, tmp_path, monkeypatch):
    # What the agent sets is taken away after the test.
    for name in ("WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"):
        monkeypatch.setenv(name, "")
    for name, value in {
        "WANDB_SWEEP_ID": "swept",
        "WANDB_DIR": str(tmp_path),
        "WANDB_DATA_DIR": str(tmp_path / "data"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "PATH": f"{another_python(tmp_path)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT)]),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    run = tmp_path / "run"
    of_the_sweep = {
        "training.learning_rate": 0.01,
        "data.batch_size": 64,
        "trainer.max_epochs": 2,
    }
    assert of_the_sweep.keys() == read("sweep")["parameters"].keys()
    settings = [*small("nrms_docvec", demo_folder), f"trainer.devices={devices}", f"run={run}"]
    given = dict(setting.split("=", 1) for setting in settings) | of_the_sweep
    given |= {"+callbacks.spy._target_": "rank_spy.RankSpy", "+callbacks.spy.folder": str(tmp_path)}

    agent = Agent(api=None, queue=None, sweep_id="swept")
    agent._sweep_command = read("sweep")["command"]
    agent._command_run(
        {
            "type": "run",
            "run_id": "abcd1234",
            "program": read("sweep")["program"],
            "args": {name: {"value": value} for name, value in given.items()},
        }
    )
    assert agent._run_processes["abcd1234"].wait(TIMEOUT_S) == 0

    found = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("rank-*.json"))]
    assert found == [{"rate": 0.01, "rows": 64 // devices, "epochs": 2}] * devices
    (logged,) = run.glob("wandb/offline-run-*")
    assert logged.name.endswith("-abcd1234"), "the run that the agent knows of"


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_hands_its_values_to_hydra(name):
    sweep = read(name)
    assert sweep["command"] == read("sweep")["command"]
    assert sweep["command"][-1] == "${args_no_hyphens}"
    assert (ROOT / sweep["program"]).is_file()
    assert sweep["metric"] == {"name": "val/auc", "goal": "maximize"}


def test_the_grid_is_the_course_projects():
    parameters = read("sweep")["parameters"]
    assert parameters["training.learning_rate"]["values"] == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert parameters["data.batch_size"]["values"] == [16, 32, 64]
    epochs = parameters["trainer.max_epochs"]["values"]
    assert (min(epochs), max(epochs)) == (10, 25)
