"""A run folder with a damaged or missing piece: each command names the piece, in one line."""

import shutil

import pytest
from run_script import assert_one_line

pytestmark = pytest.mark.slow


def flip(file, count=200):
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = bytes(
        byte ^ 255 for byte in content[middle : middle + count]
    )
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_every_command_tells_a_changed_checkpoint(call, trained, tmp_path, name):
    run = shutil.copytree(trained, tmp_path / "run")
    checkpoint = run / "checkpoints" / name
    flip(checkpoint)
    told = f"{checkpoint}: damaged"
    assert_one_line(*call("train", f"resume={run}", "trainer.max_epochs=3"), told)
    if name == "best.ckpt":
        for command in ("evaluate", "diagnose", "export_onnx"):
            assert_one_line(*call(command, f"run={run}"), told)
        output = f"output={tmp_path}/predictions.zip"
        assert_one_line(*call("predict", f"run={run}", output), told)


def test_a_checkpoint_that_is_missing_or_of_another_model_is_told_before_a_step(
    call, trained, trained_nrms, tmp_path
):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "checkpoints" / "best.ckpt").unlink()
    resume = ("train", f"resume={run}", "trainer.max_epochs=3")
    assert_one_line(*call(*resume), "best.ckpt: no such file, but last.ckpt was written after it")
    shutil.copy(trained_nrms / "checkpoints" / "last.ckpt", run / "checkpoints")
    assert_one_line(*call(*resume), "last.ckpt: its model.")
    (run / "checkpoints" / "last.ckpt").write_bytes(b"")
    assert_one_line(*call(*resume), "last.ckpt: damaged")
