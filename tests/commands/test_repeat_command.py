"""A run folder is enough to do the run again, to the same bits."""

import json
import shutil

import polars as pl
import pytest
import torch
from omegaconf import OmegaConf
from run_script import assert_one_line, metrics_of, run_script, small

from nrms_torch.files import file_sha256

CHECKPOINTS = ("checkpoints/best.ckpt", "checkpoints/last.ckpt")


def tensors(run, name):
    """Give a checkpoint's weights and all of Adam's states."""
    checkpoint = torch.load(run / name, weights_only=True)
    states = checkpoint["optimizer_states"][0]["state"]
    adam = {(key, name): state for key in states for name, state in states[key].items()}
    return {key: torch.as_tensor(each) for key, each in (checkpoint["state_dict"] | adam).items()}


def assert_same_run(run, again, printed):
    assert f"{again}: the same weights as {run}, bit for bit" in printed
    for name in CHECKPOINTS:
        one, other = tensors(run, name), tensors(again, name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
        # Paths and times would show here.
        assert file_sha256(run / name) == file_sha256(again / name)
    assert metrics_of(run) == metrics_of(again)


@pytest.fixture
def own_copy(trained, demo_folder, tmp_path):
    """The trained run, and its data copied to where a test may change it."""
    folder = tmp_path / "copy"
    shutil.copytree(demo_folder, folder, ignore=shutil.ignore_patterns(".prepared"))
    return trained, folder


def test_a_repeated_run_has_the_same_bits_wherever_its_data_lies(own_copy, tmp_path):
    run, folder = own_copy
    again = tmp_path / "again"
    printed = run_script("train", f"repeat={run}", f"run={again}", f"data.path={folder}")
    assert_same_run(run, again, printed)
    one, other = (json.loads((each / "origin.json").read_text()) for each in (run, again))
    assert one["data"] == other["data"]
    assert "began under" not in printed, "nothing differs"


def test_a_run_of_two_processes_is_repeated_and_told_of_other_code(demo_folder, tmp_path):
    run, again = tmp_path / "run", tmp_path / "again"
    steps = ["trainer.max_epochs=1", "trainer.limit_train_batches=8"]
    run_script(
        "train", *small("nrms_docvec", demo_folder), *steps, "trainer.devices=2", f"run={run}"
    )
    origin = json.loads((run / "origin.json").read_text())
    assert origin["machine"]["devices"] == 2
    origin["packages"]["torch"] = "1.0"
    origin["code"] |= {"source": "0" * 64, "commit": "0123456789", "uncommitted_changes": True}
    (run / "origin.json").write_text(json.dumps(origin))
    printed = run_script("train", f"repeat={run}", f"run={again}")
    assert_same_run(run, again, printed)
    (line,) = (line for line in printed.splitlines() if "began under" in line)
    assert line.startswith(f"{run} began under code 01234567 with uncommitted changes, now ")
    assert f"torch 1.0, now {torch.__version__}" in line


def test_a_repetition_that_was_resumed_is_compared_as_well(trained, tmp_path):
    again = shutil.copytree(trained, tmp_path / "again")
    config = OmegaConf.load(again / "config.yaml")
    config.repeat = str(trained)
    OmegaConf.save(config, again / "config.yaml")
    printed = run_script("train", f"resume={again}")
    assert f"{again}: the same weights as {trained}, bit for bit" in printed


def test_a_run_that_has_not_trained_cannot_be_repeated(trained, tmp_path, call):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "checkpoints" / "last.ckpt").unlink()
    status, error = call("train", f"repeat={run}", f"run={tmp_path}/again")
    assert_one_line(status, error, f"error: repeat: {run} has no last.ckpt to be compared with")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("how", ["repeat", "resume"])
@pytest.mark.parametrize("name", ["train/behaviors.parquet", "document_vectors.parquet"])
def test_other_data_in_the_same_place_is_told_before_anything_is_written(
    own_copy, tmp_path, call, name, how
):
    run, folder = own_copy
    file = folder / name
    before = file_sha256(file)
    table = pl.read_parquet(file)
    pl.concat([table.tail(1), table.head(len(table) - 1)]).write_parquet(file)
    again = tmp_path / "again"
    given = [f"run={again}"] if how == "repeat" else [*small("nrms_docvec", folder)]
    status, error = call("train", f"{how}={run}", f"data.path={folder}", *given)
    assert_one_line(status, error, f"error: {file}: sha256 {file_sha256(file)[:16]}")
    assert f"trained on sha256 {before[:16]}" in error
    assert not again.exists()


def test_a_file_that_the_data_has_lost_is_named(own_copy, tmp_path, call):
    run, folder = own_copy
    (folder / "validation" / "history.parquet").unlink()
    status, error = call("train", f"repeat={run}", f"run={tmp_path}/again", f"data.path={folder}")
    assert_one_line(status, error, f"{folder}/validation/history.parquet")


@pytest.mark.parametrize("override", ["seed=2", "model=nrms", "data.batch_size=8", "data=demo"])
def test_what_would_make_it_another_run_is_refused(trained, tmp_path, call, override):
    status, error = call("train", f"repeat={trained}", f"run={tmp_path}/again", override)
    assert_one_line(status, error, f"error: {override.split('=')[0]}: a repeated run has the conf")
    assert not (tmp_path / "again").exists()


def test_a_run_is_not_repeated_into_itself_nor_resumed_at_once(trained, call):
    status, error = call("train", f"repeat={trained}", f"run={trained}")
    assert_one_line(status, error, f"run: {trained} is not empty")
    status, error = call("train", f"repeat={trained}", f"resume={trained}")
    assert_one_line(status, error, "expected one of them")


def test_a_secret_does_not_get_into_a_run_folder(demo_folder, tmp_path, call):
    command = [*small("nrms_docvec", demo_folder), f"run={tmp_path}/run", "logger=none"]
    status, error = call("train", *command, "+logger.wandb.api_key=0123")
    assert_one_line(status, error, "error: logger.wandb.api_key: holds a secret")
    assert "0123" not in error
    assert not (tmp_path / "run").exists()
