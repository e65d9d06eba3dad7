"""All processes of a run end within seconds, by a signal or with one of them, and say why."""

import signal
import subprocess
import time

import psutil
import pytest
from run_script import ROOT, TIMEOUT_S, heed_signals, script, small

WITHIN_S = 10
STARTED, TRAINING = "config.yaml", "checkpoints/last.ckpt"


@pytest.fixture
def begun(demo_folder, tmp_path):
    """Give a function that starts a run of two processes and waits until a file of it is there."""
    run, error = tmp_path / "run", tmp_path / "error"
    processes = []

    def begun(moment):
        command = [*small("nrms_docvec", demo_folder), "trainer.max_epochs=1000", f"run={run}"]
        with error.open("w") as file:
            launcher = psutil.Popen(
                [*script("train"), *command, "trainer.devices=2", "trainer.accelerator=cpu"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
                preexec_fn=heed_signals,
            )
        processes.append(launcher)
        deadline = time.monotonic() + TIMEOUT_S
        while not (run / moment).is_file() or not launcher.children():
            assert launcher.poll() is None, error.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        processes.extend(launcher.children())
        return launcher, launcher.children(), error

    yield begun
    for process in processes:
        if process.is_running():
            process.kill()


def all_gone(processes, *, seconds):
    """Wait until processes have ended; a container may have nobody who takes note of that."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in left)


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (STARTED, signal.SIGTERM),
        (TRAINING, signal.SIGTERM),
        (TRAINING, signal.SIGINT),
        (TRAINING, signal.SIGHUP),
    ],
)
def test_a_signal_ends_all_processes(begun, moment, number):
    launcher, others, error = begun(moment)
    launcher.send_signal(number)
    assert launcher.wait(timeout=WITHIN_S) == 128 + number
    assert all_gone(others, seconds=1)
    (line,) = error.read_text().splitlines()[-1:]
    assert line.startswith(f"error: stopped by {number.name}; to go on: nrms train resume=")
    assert "Traceback" not in error.read_text()


@pytest.mark.parametrize("moment", [STARTED, TRAINING])
def test_the_death_of_a_started_process_ends_all(begun, moment):
    launcher, others, error = begun(moment)
    others[0].kill()
    assert launcher.wait(timeout=WITHIN_S) == 1
    assert f"error: process {others[0].pid} ended with status -9" in error.read_text()
    assert "Traceback" not in error.read_text()


@pytest.mark.parametrize("moment", [STARTED, TRAINING])
def test_the_death_of_the_first_process_ends_all(begun, moment):
    launcher, others, _ = begun(moment)
    launcher.kill()
    assert all_gone(others, seconds=WITHIN_S)
