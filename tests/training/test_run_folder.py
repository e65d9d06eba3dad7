"""What a run folder keeps is read as it was written, or told by its file in one line."""

import pytest
from omegaconf import OmegaConf

from nrms_torch.data.vocabulary import train_vocabulary
from nrms_torch.errors import InputError
from nrms_torch.evaluation.calibration import Calibration
from nrms_torch.tracking.wandb_run import TrackedRun
from nrms_torch.training.run_folder import RunFolder

READERS = {
    "config.yaml": RunFolder.config,
    "origin.json": RunFolder.origin,
    "metrics.json": RunFolder.metrics,
    "calibration.json": RunFolder.calibration,
    "wandb.json": lambda run: TrackedRun.of(run.path),
}
DAMAGED = {
    "empty": b"",
    "cut": b'{"split": "vali',
    "of another kind": b"[1, 2]",
    "half a word": b'"mi',
    "no text": b"{\xff\xfe\x00}",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_told_by_its_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    if name == "config.yaml" and not content:
        return  # to YAML that is an empty configuration, whose sections are told as missing
    with pytest.raises(InputError) as told:
        READERS[name](RunFolder(tmp_path))
    assert str(told.value).startswith(f"{tmp_path / name}: damaged: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["calibration.json", "wandb.json"])
def test_a_file_that_lacks_a_field_is_told(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=rf"{name}: damaged: has no \w+$"):
        READERS[name](RunFolder(tmp_path))


def test_a_folder_that_a_killed_process_had_begun_is_still_empty(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert not run.is_still_empty(), "there is none"
    run.path.mkdir()
    assert run.is_still_empty()
    run.begin(OmegaConf.create({"seed": 1}), train_vocabulary(["a title"]), {"python": "3"})
    assert not run.is_still_empty()
    run.config_file.rename(run.path / ".123.config.yaml")
    assert run.is_still_empty()
    (run.path / "notes.txt").touch()
    assert not run.is_still_empty()


def test_what_is_written_is_read_and_what_is_not_there_is_nothing(tmp_path):
    run = RunFolder(tmp_path)
    assert run.origin() == run.metrics() == {}
    assert run.calibration() is TrackedRun.of(tmp_path) is None
    run.write_metrics({"split": "test", "auc": 0.5})
    run.write_calibration(Calibration(2.0, -1.0))
    TrackedRun("project", None, "abc").keep(tmp_path)
    run.begin(OmegaConf.create({"seed": 1}), None, {"python": "3"})
    assert run.metrics() == {"split": "test", "auc": 0.5}
    assert run.calibration() == Calibration(2.0, -1.0)
    assert TrackedRun.of(tmp_path) == TrackedRun("project", None, "abc")
    assert run.origin() == {"python": "3"}
    assert run.config() == {"seed": 1, "run": str(tmp_path)}
