"""kill -9 at random moments loses nothing: what is there opens, and what goes on ends the same.

NRMS_KILLS=200 kills that often, in each of the commands.
"""

import os
import random
import subprocess
import time

import pytest
import torch
from run_script import ROOT, TIMEOUT_S, run_script, script, small

from nrms_torch.serving.bundle import Bundle
from nrms_torch.training.checkpoints import read_checkpoint
from nrms_torch.training.run_folder import RunFolder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]
KILLS = int(os.environ.get("NRMS_KILLS", "2"))
moments = random.Random(12)


def killed(command, seconds):
    """Start a command and kill it after so many seconds; tell whether it had ended by itself."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        printed, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    assert process.returncode == 0, printed.decode()
    return True


def timed(command):
    start = time.monotonic()
    assert killed(command, TIMEOUT_S)
    return time.monotonic() - start


def require_sound(run):
    """Read all of a run that is there."""
    for checkpoint in (run.best_checkpoint, run.last_checkpoint):
        if checkpoint.exists():
            read_checkpoint(checkpoint)
    run.origin(), run.metrics(), run.calibration(), run.vocabulary()
    if run.config_file.exists():
        run.config()


@pytest.mark.parametrize("model", ["nrms_docvec", "nrms"])
def test_training_that_is_killed_again_and_again_ends_with_the_same_weights(
    demo_folder, tmp_path, model
):
    own = [*small(model, demo_folder), "callbacks.last.every_n_train_steps=2"]
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")

    def command(run):
        words = [f"resume={run.path}"] if run.config_file.exists() else [*own, f"run={run.path}"]
        # Prepared anew, so that it is killed in that too.
        return [*script("train"), *words, f"data.cache={run.path}-cache"]

    seconds = timed(command(whole))
    for _ in range(KILLS):
        killed(command(parts), moments.uniform(0.3 * seconds, seconds))
        require_sound(parts)
    assert killed(command(parts), TIMEOUT_S)
    one, other = (read_checkpoint(run.last_checkpoint)["state_dict"] for run in (whole, parts))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert parts.metrics() == whole.metrics()


def test_an_export_that_is_killed_leaves_the_bundle_of_before_or_the_new_one(trained, tmp_path):
    bundle = tmp_path / "bundle"
    command = [*script("export_onnx"), f"run={trained}", f"bundle={bundle}"]
    seconds = timed(command)
    for _ in range(KILLS):
        killed(command, moments.uniform(0.5 * seconds, seconds))
        Bundle.load(bundle)
    run_script("export_onnx", f"run={trained}", f"bundle={bundle}")
    Bundle.load(bundle)
