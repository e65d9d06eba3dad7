"""The weights of a repetition, held against those of the run that it repeats."""

import pytest
import torch

from nrms_torch.training.repeat import compare_weights
from nrms_torch.training.run_folder import RunFolder


@pytest.fixture
def run_of(tmp_path):
    """Make the part of a run folder that a comparison reads."""

    def run_of(name, weight, epoch=1, step=48):
        run = RunFolder(tmp_path / name)
        run.last_checkpoint.parent.mkdir(parents=True)
        state = {"w": torch.tensor(weight)}
        torch.save({"state_dict": state, "epoch": epoch, "global_step": step}, run.last_checkpoint)
        return run

    return run_of


def test_weights_are_the_same_or_differ_by_so_much(run_of):
    one, same, other = run_of("one", [1.0]), run_of("same", [1.0]), run_of("other", [1.5])
    wider = run_of("wider", [1.0, 1.0])
    assert compare_weights(one, same).endswith(f"the same weights as {one.path}, bit for bit")
    assert compare_weights(one, other).endswith("differences of up to 5.0e-01")
    assert "other layers" in compare_weights(one, wider)


@pytest.mark.parametrize(("epoch", "step"), [(0, 24), (1, 36)])
def test_a_run_that_ended_earlier_is_not_taken_for_a_whole_one(run_of, epoch, step):
    killed, whole = run_of("killed", [1.0], epoch, step), run_of("whole", [1.0])
    assert compare_weights(killed, whole) == (
        f"{whole.path}: ended at epoch 2, step 48, {killed.path} at epoch {epoch + 1}, "
        f"step {step}: weights not compared"
    )


def test_a_run_that_has_gone_is_told(run_of, tmp_path):
    found = compare_weights(RunFolder(tmp_path / "gone"), run_of("again", [1.0]))
    assert f"{tmp_path}/gone has gone" in found
