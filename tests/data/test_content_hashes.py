"""A file's hash is kept as long as nothing can have changed the file, and not a moment longer."""

import hashlib
import json
import os

import pytest

from nrms_torch.data.prepared import content
from nrms_torch.data.prepared.content import ContentHashes
from nrms_torch.errors import InputError

KEPT_BUT_WRONG = "0" * 64


@pytest.fixture
def settled(monkeypatch):
    """Take every file for one that changed long ago, so that no test has to wait."""
    monkeypatch.setattr(content, "STEP_NS", -(10**18))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data" / "behaviors.tsv"
    path.parent.mkdir()
    path.write_bytes(b"0123456789" * 30_000)
    return path


@pytest.fixture
def hashes(tmp_path):
    return ContentHashes([tmp_path / "kept"], tmp_path / "kept")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kept_files(hashes):
    return sorted((hashes.place / "hashes").glob("*"))


def spoil(hashes):
    """Put a wrong hash where one is kept: whoever gives it has not read the file again."""
    (kept,) = kept_files(hashes)
    found = json.loads(kept.read_text())
    kept.write_text(json.dumps(found | {"sha256": KEPT_BUT_WRONG}))
    return found


def overwritten(path):
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"5", b"6"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"5", b"6"))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once(file, hashes):
    assert hashes.of(file) == sha256(file)
    found = spoil(hashes)
    assert found["file"] == str(file)
    assert found["sha256"] == sha256(file)
    assert hashes.of(file) == KEPT_BUT_WRONG
    assert ContentHashes([hashes.place], None).of(file) == KEPT_BUT_WRONG, "in a later process"


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "change",
    [overwritten, replaced, lambda path: os.utime(path, ns=(5, 5)), lambda path: path.touch()],
    ids=["overwritten", "replaced", "an older time", "touched"],
)
def test_a_file_that_may_have_changed_is_read_again(file, hashes, change):
    hashes.of(file)
    spoil(hashes)
    change(file)
    assert hashes.of(file) == sha256(file)
    assert len(kept_files(hashes)) == 1


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", ["bytes", "inode", "content_changed_ns", "entry_changed_ns"])
def test_every_part_of_the_stamp_counts(file, hashes, name):
    hashes.of(file)
    found = spoil(hashes)
    found["stamp"][name] -= 1
    kept_files(hashes)[0].write_text(json.dumps(found | {"sha256": KEPT_BUT_WRONG}))
    assert hashes.of(file) == sha256(file)


def test_the_hash_of_a_file_that_changed_a_moment_ago_is_not_kept(file, hashes, monkeypatch):
    monkeypatch.setattr(content, "STEP_NS", 3_600 * 10**9)
    assert hashes.of(file) == sha256(file)
    assert kept_files(hashes) == []


def test_a_moment_is_two_seconds():
    """The coarsest step of time on a disk is FAT's."""
    assert content.STEP_NS == 2 * 10**9


@pytest.mark.usefixtures("settled")
def test_the_hash_of_a_file_that_changes_while_it_is_read_is_not_kept(file, hashes, monkeypatch):
    sound = hashlib.file_digest

    def changing(opened, name):
        found = sound(opened, name)
        overwritten(file)
        return found

    monkeypatch.setattr(hashlib, "file_digest", changing)
    hashes.of(file)
    assert kept_files(hashes) == []


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"stamp": 1}'])
def test_what_is_no_kept_hash_is_written_again(file, hashes, text):
    hashes.of(file)
    (kept,) = kept_files(hashes)
    kept.write_text(text)
    assert hashes.of(file) == sha256(file)
    assert json.loads(kept.read_text())["sha256"] == sha256(file)


@pytest.mark.usefixtures("settled")
def test_a_stamp_without_its_hash_is_written_again(file, hashes):
    hashes.of(file)
    found = spoil(hashes)
    for damaged in ({"stamp": found["stamp"]}, found | {"sha256": 7}):
        kept_files(hashes)[0].write_text(json.dumps(damaged))
        assert hashes.of(file) == sha256(file)


@pytest.mark.usefixtures("settled")
def test_files_of_one_name_are_kept_apart(file, hashes):
    other = file.parent.parent / "other" / file.name
    other.parent.mkdir()
    other.write_bytes(b"other")
    for path in (file, other, file, other):
        assert hashes.of(path) == sha256(path)
    assert len(kept_files(hashes)) == 2
    assert all(kept.name.startswith("behaviors-") for kept in kept_files(hashes))


@pytest.mark.usefixtures("settled")
def test_a_file_is_known_by_its_place_however_it_is_named(file, hashes, monkeypatch):
    hashes.of(file)
    spoil(hashes)
    monkeypatch.chdir(file.parent)
    assert hashes.of(type(file)(file.name)) == KEPT_BUT_WRONG


@pytest.mark.usefixtures("settled")
def test_every_place_is_looked_into(file, hashes, tmp_path):
    hashes.of(file)
    spoil(hashes)
    assert ContentHashes([tmp_path / "none", hashes.place], None).of(file) == KEPT_BUT_WRONG


@pytest.mark.usefixtures("settled")
def test_where_nothing_can_be_kept_the_hash_is_given_all_the_same(file, tmp_path):
    assert ContentHashes([], None).of(file) == sha256(file)
    (tmp_path / "kept").write_text("a file, no folder")
    assert ContentHashes([], tmp_path / "kept").of(file) == sha256(file)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "kept"}


def test_a_file_that_cannot_be_read_is_told_in_one_line(file, hashes):
    with pytest.raises(
        InputError, match=r"gone\.tsv: cannot be read \(No such file or directory\)$"
    ):
        hashes.of(file.with_name("gone.tsv"))
