"""Two machines, both of them this one: torchrun's agents and what SLURM's srun starts."""

import os
import socket
import subprocess
import sys

import polars as pl
import psutil
import pytest
import torch
from run_script import ROOT, TIMEOUT_S, metrics_of, numbers_of, run_script, script, small

NODES = 2
MULTI_NODE = [f"trainer.num_nodes={NODES}", "trainer.devices=1"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def torchrun(node, port):
    """Give the launcher's command line and environment of one machine."""
    agent = [
        *(sys.executable, "-m", "torch.distributed.run"),
        *(f"--nnodes={NODES}", f"--node-rank={node}", "--nproc-per-node=1"),
        *("--master-addr=127.0.0.1", f"--master-port={port}", "--monitor-interval=0.2"),
    ]
    return agent, {}


def srun(node, port):
    """Give what SLURM sets for the task it starts on one machine, for want of SLURM."""
    return [sys.executable], {
        "SLURM_JOB_NAME": "nrms",
        "SLURM_JOB_ID": "1",
        "SLURM_NTASKS": str(NODES),
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_NNODES": str(NODES),
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_NODEID": str(node),
        "SLURM_PROCID": str(node),
        "SLURM_LOCALID": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


def on_two_machines(launcher, name, *overrides):
    """Run a script on both, and give what each printed."""
    port = free_port()
    nodes = []
    try:
        for node in range(NODES):
            command, variables = launcher(node, port)
            nodes.append(
                psutil.Popen(
                    [*command, script(name)[1], *overrides, *MULTI_NODE],
                    cwd=ROOT,
                    env=os.environ | variables | {"GLOO_SOCKET_IFNAME": "lo"},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        printed = [node.communicate(timeout=TIMEOUT_S)[0] for node in nodes]
    finally:
        for node in nodes:
            if node.is_running():
                for process in [*node.children(recursive=True), node]:
                    process.kill()
    assert [node.returncode for node in nodes] == [0] * NODES, "\n".join(printed)
    return printed


def train_command(folder):
    # Without dropout, whose draws differ by rank, and in whole batches: the last one lacks the row
    # that two ranks cannot share.
    return [
        *small("nrms", folder, "baseline"),
        "model.dropout=0",
        "trainer.max_epochs=1",
        "trainer.limit_train_batches=8",
        "trainer.log_every_n_steps=1",
    ]


@pytest.fixture(scope="module")
def by_one_process(demo_folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("one") / "run"
    run_script("train", *train_command(demo_folder), f"run={run}")
    return run


def step_losses(run):
    (file,) = run.glob("csv/*/metrics.csv")
    return pl.read_csv(file)["train/loss_step"].drop_nulls().to_torch()


@pytest.mark.parametrize("launcher", [torchrun, srun])
def test_two_machines_train_as_one_into_one_run_folder(
    demo_folder, by_one_process, tmp_path, launcher
):
    run = tmp_path / "run"
    printed = on_two_machines(launcher, "train", *train_command(demo_folder), f"run={run}")
    assert len(step_losses(by_one_process)) == 8
    torch.testing.assert_close(step_losses(run), step_losses(by_one_process), rtol=0, atol=1e-5)
    assert metrics_of(run)["impressions"] == metrics_of(by_one_process)["impressions"]
    assert metrics_of(run)["auc"] == pytest.approx(metrics_of(by_one_process)["auc"], abs=1e-3)
    assert list(tmp_path.iterdir()) == [run]
    files = [{file.relative_to(one) for file in one.rglob("*")} for one in (run, by_one_process)]
    assert files[0] == files[1]
    assert sum("written to" in output for output in printed) == 1, "one of them speaks"


def test_two_machines_measure_and_predict_as_one(by_one_process, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    command = [f"run={by_one_process}", "split=test"]
    run_script("evaluate", *command, f"metrics={one}/metrics.json")
    on_two_machines(torchrun, "evaluate", *command, f"metrics={two}/metrics.json")
    assert numbers_of(metrics_of(two)) == pytest.approx(numbers_of(metrics_of(one)), abs=1e-12)
    run_script("predict", *command, f"output={one}/predictions.zip")
    on_two_machines(torchrun, "predict", *command, f"output={two}/predictions.zip")
    assert (two / "predictions.zip").read_bytes() == (one / "predictions.zip").read_bytes()
    assert len(list(two.iterdir())) == 2


def test_under_torchrun_a_run_without_a_name_is_refused(monkeypatch, demo_folder):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    printed = run_script("train", *small("nrms", demo_folder), status=2)
    assert printed.startswith("error: run: under torchrun or SLURM name it")
    assert printed.count("\n") == 1
