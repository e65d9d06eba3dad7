"""A checkpoint is read as it was written, or told in a line; nothing is made of a damaged one."""

import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from run_script import assert_one_line

from nrms_torch.errors import InputError
from nrms_torch.training.checkpoints import AtomicCheckpointIO, read_checkpoint

CHECKPOINT = {
    "epoch": 3,
    "global_step": 40,
    "state_dict": {"one": torch.arange(24.0).reshape(4, 6), "other": torch.ones(3)},
    "popularity": {7: 1, "N8": 2},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    file = tmp_path_factory.mktemp("checkpoint") / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CHECKPOINT, file)
    assert [path.name for path in file.parent.iterdir()] == ["last.ckpt"]
    return file


def is_as_written(found):
    weights = found.pop("state_dict")
    others = {name: value for name, value in CHECKPOINT.items() if name != "state_dict"}
    same = all(
        torch.equal(weights[name], tensor) for name, tensor in CHECKPOINT["state_dict"].items()
    )
    return same and found == others and weights.keys() == CHECKPOINT["state_dict"].keys()


def test_a_checkpoint_is_read_as_it_was_written(written):
    assert is_as_written(read_checkpoint(written))
    assert is_as_written(AtomicCheckpointIO().load_checkpoint(str(written)))


@given(st.data())
def test_any_changed_byte_is_told_or_changes_nothing(written, data):
    content = bytearray(written.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file = written.parent / "changed.ckpt"
    file.write_bytes(content)
    try:
        found = read_checkpoint(file)
    except InputError as error:
        told = str(error)
    else:
        assert is_as_written(found), "a byte that means something has changed"
        return
    assert told.startswith(f"{file}: ")
    assert "\n" not in told


@given(st.data())
def test_a_checkpoint_that_was_cut_is_told(written, data):
    content = written.read_bytes()
    file = written.parent / "cut.ckpt"
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(InputError, match=r"cut\.ckpt: damaged, or of another version: ."):
        read_checkpoint(file)


def test_every_changed_byte_of_a_tensor_is_told(written):
    content = written.read_bytes()
    start = content.index(CHECKPOINT["state_dict"]["one"].numpy().tobytes())
    file = written.parent / "tensor.ckpt"
    for place in range(start, start + 4 * 24):
        changed = bytearray(content)
        changed[place] ^= 1
        file.write_bytes(changed)
        with pytest.raises(InputError, match=r"tensor\.ckpt: damaged.* is not as it was written"):
            read_checkpoint(file)


class Hostile:
    def __reduce__(self):
        return (print, ("run by a checkpoint",))


def test_what_is_no_checkpoint_is_told_and_not_run(tmp_path, capsys):
    file = tmp_path / "hostile.ckpt"
    torch.save({**CHECKPOINT, "more": Hostile()}, file)
    with pytest.raises(InputError, match=r"hostile\.ckpt: damaged, or of another version"):
        read_checkpoint(file)
    assert capsys.readouterr().out == ""
    file.write_bytes(pickle.dumps(CHECKPOINT))
    with pytest.raises(InputError, match=r"hostile\.ckpt: damaged, or of another version"):
        read_checkpoint(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "mine")
    with pytest.raises(InputError, match=r"hostile\.ckpt: damaged, or of another version"):
        read_checkpoint(file)
    torch.save({"state_dict": {}}, file)
    with pytest.raises(InputError, match=r"no checkpoint of a run: has no epoch"):
        read_checkpoint(file)
    torch.save([1, 2], file)
    with pytest.raises(InputError, match=r"no checkpoint of a run"):
        read_checkpoint(file)


def test_a_disk_without_room_leaves_the_checkpoint_of_before(written, tmp_path):
    file = Path(shutil.copy(written, tmp_path))
    before = file.read_bytes()
    program = f"""
import resource
from pathlib import Path
from nrms_torch.errors import InputError, stop
from nrms_torch.training.checkpoints import AtomicCheckpointIO, read_checkpoint
found = read_checkpoint(Path({str(file)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    AtomicCheckpointIO().save_checkpoint(found, {str(file)!r})
except InputError as error:
    stop(error)
"""
    # Nor has coverage room for what it writes of a process.
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert_one_line(done.returncode, done.stderr, "last.ckpt: cannot be written: ")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
