"""Prepared impressions: made once, by whichever process is first, and never used when not sound."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_impressions import assert_same
from run_script import TIMEOUT_S

from nrms_torch.data import ebnerd
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.prepared import writing
from nrms_torch.data.prepared.prepare import prepare
from nrms_torch.data.sampling import training_rows
from nrms_torch.errors import InputError

TABLE = ArticleTable(pl.Series([10, 12, 13]), np.zeros((4, 0), dtype=np.float32))
PREPARE = """
import sys
import numpy as np, polars as pl
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.prepare import prepare

table = ArticleTable(pl.Series([10, 12, 13]), np.zeros((4, 0), dtype=np.float32))
config = DataConfig(format="ebnerd", path=sys.argv[1])
"""
KILLED = """
import os, signal
from nrms_torch.data import indexing

sound = indexing._labels
def killed(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
indexing._labels = killed
"""


@pytest.fixture(autouse=True)
def _cache_of_this_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


def prepared(folder, split="train", table=TABLE, history_size=3, **options):
    config = DataConfig(format="ebnerd", path=str(folder), unknown_share=1, **options)
    return prepare(config, split, table, history_size)


def start(folder, code):
    command = [sys.executable, "-c", PREPARE + code, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_prepared_arrays_are_those_of_the_tables(ebnerd_folder, split):
    expected = index_impressions(ebnerd.read_split(ebnerd_folder, split), TABLE, 3)
    found = prepared(ebnerd_folder, split)
    assert_same(found, expected)
    assert found.counts["impressions"] == 3
    assert found.counts["candidates"] == 7
    assert found.counts["known_candidates"] == np.count_nonzero(expected.candidates)


def test_the_second_use_finds_what_the_first_has_made(ebnerd_folder, capsys):
    made = prepared(ebnerd_folder)
    assert made.folder.parent == ebnerd_folder / ".prepared"
    assert capsys.readouterr().out.startswith("prepared train: 3 impressions, 7 candidates in ")
    written = (made.folder / "candidates.npy").stat()
    found = prepared(ebnerd_folder)
    assert found.folder == made.folder
    assert (found.folder / "candidates.npy").stat().st_ino == written.st_ino
    assert capsys.readouterr().out == ""


def test_meta_says_what_was_made_of_what(ebnerd_folder):
    found = prepared(ebnerd_folder)
    meta = json.loads((found.folder / "meta.json").read_text())
    assert meta["counts"] == found.counts
    assert meta["fingerprint"] == found.fingerprint
    assert found.folder.name == f"train-{found.fingerprint[:16]}"
    files = {file["file"]: file["sha256"] for file in meta["made_of"]["files"]}
    split = ebnerd_folder / "train"
    assert files == {
        name: hashlib.sha256((split / name).read_bytes()).hexdigest()
        for name in ("behaviors.parquet", "history.parquet")
    }
    assert meta["made_of"]["history_size"] == 3
    assert meta["made_of"]["format"] == "ebnerd"
    hash_of_ids = hashlib.sha256(b"[10, 12, 13]").hexdigest()
    assert meta["made_of"]["articles"] == {"number": 3, "hash": hash_of_ids}


def test_arrays_are_mapped_and_writing_to_them_changes_no_file(ebnerd_folder):
    found = prepared(ebnerd_folder)
    assert isinstance(found.candidates.base, np.memmap)
    found.candidates[0] = 77
    assert prepared(ebnerd_folder).candidates[0] == 1


def edit(path, change):
    change(pl.read_parquet(path)).write_parquet(path)


OTHERS = {
    "another history size": lambda _: {"history_size": 2},
    "other articles": lambda _: {"table": ArticleTable(TABLE.ids[:2], TABLE.features[:3])},
    "articles in another order": lambda _: {"table": ArticleTable(TABLE.ids[::-1], TABLE.features)},
    "other impressions": lambda folder: edit(
        folder / "train" / "behaviors.parquet", lambda table: table[:2]
    ),
    "other histories": lambda folder: edit(
        folder / "train" / "history.parquet", lambda table: table[:1]
    ),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_other_files_or_options_are_prepared_anew(ebnerd_folder, change):
    before = prepared(ebnerd_folder)
    options = change(ebnerd_folder) or {}
    after = prepared(ebnerd_folder, **options)
    assert after.folder != before.folder
    table, size = options.get("table", TABLE), options.get("history_size", 3)
    assert_same(after, index_impressions(ebnerd.read_split(ebnerd_folder, "train"), table, size))


def test_a_later_copy_of_the_same_data_is_recognised(ebnerd_folder):
    before = prepared(ebnerd_folder)
    copy = ebnerd_folder.with_name("copy")
    shutil.copytree(ebnerd_folder, copy)
    os.utime(copy / "train" / "history.parquet", ns=(5, 5))
    assert prepared(copy).folder == copy / ".prepared" / before.folder.name
    assert prepared(copy).fingerprint == before.fingerprint


def write_same_size_and_time(path, content):
    """Overwrite a file as `rsync --times` does with other content of the same size."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("line", [0, 5_000, 9_999], ids=["beginning", "middle", "end"])
def test_data_of_the_same_name_size_and_time_does_not_share_arrays(mind_folder, line):
    """The file is longer than what a hash of its ends would read: 480 KB."""
    path = mind_folder / "train" / "behaviors.tsv"
    lines = [f"{n:05}\tU1\t11/9/2019 6:42:51 PM\tN1\tN2-1 N3-0\n" for n in range(10_000)]
    path.write_text("".join(lines))
    table = ArticleTable(pl.Series(["N1", "N2", "N3"]), np.zeros((4, 0), dtype=np.float32))
    config = DataConfig(format="mind", path=str(mind_folder))
    before = prepare(config, "train", table, 3)
    lines[line] = lines[line].replace("N2-1 N3-0", "N2-0 N3-1")
    write_same_size_and_time(path, "".join(lines).encode())
    after = prepare(config, "train", table, 3)
    assert after.folder != before.folder
    differ = np.flatnonzero(np.asarray(after.labels) != np.asarray(before.labels))
    assert differ.tolist() == [2 * line, 2 * line + 1]


def flip(file):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


DAMAGE = {
    "an array cut short": lambda folder: os.truncate(folder / "candidates.npy", 140),
    "an array too long": lambda folder: os.truncate(folder / "clicks.npy", 4096),
    "an array of no bytes": lambda folder: os.truncate(folder / "labels.npy", 0),
    "a changed byte": lambda folder: flip(folder / "candidates.npy"),
    "an array gone": lambda folder: (folder / "history_order.npy").unlink(),
    "another array": lambda folder: np.save(folder / "history_index.npy", np.zeros(3, np.int64)),
    "no meta": lambda folder: (folder / "meta.json").unlink(),
    "half a meta": lambda folder: os.truncate(folder / "meta.json", 50),
    "a meta of nothing": lambda folder: (folder / "meta.json").write_text("[]"),
    "a meta of other data": lambda folder: (folder / "meta.json").write_text(
        (folder / "meta.json").read_text().replace('"fingerprint": "', '"fingerprint": "0')
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_arrays_are_told_of_and_made_again(ebnerd_folder, capsys, damage):
    folder = prepared(ebnerd_folder).folder
    damage(folder)
    capsys.readouterr()
    again = prepared(ebnerd_folder)
    told, made = capsys.readouterr().out.splitlines()
    assert told == f"{folder}: damaged, or not of this data; prepared again"
    assert made.startswith("prepared train")
    assert_same(again, index_impressions(ebnerd.read_split(ebnerd_folder, "train"), TABLE, 3))


# One folder for all examples: each begins with what the one before has mended.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_is_computed_with(ebnerd_folder, data):
    found = prepared(ebnerd_folder)
    file = data.draw(st.sampled_from(sorted(found.folder.iterdir())))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    again = prepared(ebnerd_folder)
    split = ebnerd.read_split(ebnerd_folder, "train")
    assert_same(again, index_impressions(split, TABLE, 3))
    assert again.counts == found.counts


def test_a_data_folder_that_is_read_only_is_left_alone(ebnerd_folder, tmp_path):
    ebnerd_folder.chmod(0o555)
    found = prepared(ebnerd_folder)
    assert found.folder.parent == tmp_path / "home" / "nrms-torch" / "prepared"
    assert prepared(ebnerd_folder).folder == found.folder
    ebnerd_folder.chmod(0o755)
    assert sorted(file.name for file in ebnerd_folder.iterdir()) == sorted(
        ["articles.parquet", "test", "train", "validation"]
    )


def test_where_nothing_can_be_written_another_folder_is_asked_for(ebnerd_folder, tmp_path):
    (tmp_path / "home").mkdir()
    for folder in (ebnerd_folder, tmp_path / "home"):
        folder.chmod(0o555)
    with pytest.raises(InputError, match=r"^data\.cache: cannot write into .* name another folder"):
        prepared(ebnerd_folder)
    assert prepared(ebnerd_folder, cache=str(tmp_path / "own")).folder.parent == tmp_path / "own"


def test_what_cannot_be_written_is_told_in_one_line(ebnerd_folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"data\.cache: cannot write into"):
        prepared(ebnerd_folder, cache=str(tmp_path / "file" / "cache"))
    (ebnerd_folder / ".prepared" / "lock").mkdir(parents=True)
    with pytest.raises(InputError, match=r"\.prepared: cannot be written: Is a directory"):
        prepared(ebnerd_folder)


def test_broken_input_leaves_nothing_that_could_be_taken_for_prepared(ebnerd_folder):
    edit(ebnerd_folder / "train" / "behaviors.parquet", lambda table: table.clear())
    with pytest.raises(InputError, match="found no rows"):
        prepared(ebnerd_folder)
    nothing_known = ArticleTable(pl.Series([99]), np.zeros((2, 0), dtype=np.float32))
    with pytest.raises(InputError, match="no candidate of validation is among the 1 articles"):
        prepared(ebnerd_folder, "validation", table=nothing_known)
    assert {file.name for file in (ebnerd_folder / ".prepared").iterdir()} <= {"lock", "hashes"}


@pytest.mark.parametrize("name", ["behaviors.parquet", "history.parquet"])
def test_a_file_that_changes_while_it_is_read_is_refused(ebnerd_folder, monkeypatch, name):
    path = ebnerd_folder / "train" / name
    sound = writing.index_in_batches

    def changing(*arguments):
        unknown = sound(*arguments)
        write_same_size_and_time(path, bytes(reversed(path.read_bytes())))
        return unknown

    monkeypatch.setattr(writing, "index_in_batches", changing)
    with pytest.raises(InputError, match=rf"{name}: changed while it was read; start again$"):
        prepared(ebnerd_folder)
    assert not list((ebnerd_folder / ".prepared").glob("train-*"))
    assert not list((ebnerd_folder / ".prepared").glob(".train-*"))


def test_a_file_that_is_only_touched_while_it_is_read_is_as_good(ebnerd_folder, monkeypatch):
    sound = writing.index_in_batches

    def touching(*arguments):
        os.utime(ebnerd_folder / "train" / "history.parquet", ns=(5, 5))
        return sound(*arguments)

    monkeypatch.setattr(writing, "index_in_batches", touching)
    assert len(prepared(ebnerd_folder)) == 3


@pytest.mark.slow
def test_of_processes_that_start_together_one_prepares_and_all_use_it(ebnerd_folder):
    code = """
found = prepare(config, "train", table, 3)
print(found.folder, found.candidates.tolist(), found.by_history[0].tolist())
"""
    processes = [start(ebnerd_folder, code) for _ in range(4)]
    printed = [process.communicate(timeout=TIMEOUT_S)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len({lines[-1] for lines in printed}) == 1
    assert sum(line.startswith("prepared train") for lines in printed for line in lines) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_nothing_that_is_used_and_blocks_nobody(ebnerd_folder):
    killed = start(ebnerd_folder, KILLED + 'prepare(config, "train", table, 3)')
    killed.communicate(timeout=TIMEOUT_S)
    assert killed.returncode == -9
    place = ebnerd_folder / ".prepared"
    (remains,) = place.glob(".train-*.tmp")
    assert (remains / "candidates.npy").exists()
    began = time.monotonic()
    assert_same(
        prepared(ebnerd_folder),
        index_impressions(ebnerd.read_split(ebnerd_folder, "train"), TABLE, 3),
    )
    assert time.monotonic() - began < 60
    assert not remains.exists()


def test_what_a_killed_process_left_is_removed(ebnerd_folder, tmp_path):
    remains = tmp_path / f".train-{'0a' * 8}.{'0b' * 16}.tmp"
    remains.mkdir()
    (remains / "candidates.npy").touch()
    prepared(ebnerd_folder, cache=str(tmp_path))
    assert not remains.exists()


def test_other_peoples_folders_in_the_cache_are_left_alone(ebnerd_folder, tmp_path):
    others = [tmp_path / name for name in (".theirs.tmp", f".train-notes.{'0' * 32}.tmp")]
    for folder in others:
        folder.mkdir()
    prepared(ebnerd_folder, cache=str(tmp_path))
    assert all(folder.is_dir() for folder in others)


def test_impressions_and_rows_pickle_as_the_name_of_their_folder(ebnerd_folder):
    found = prepared(ebnerd_folder)
    found.by_history, found.usable_clicks  # noqa: B018 - what is looked at is not pickled either
    for thing in (found, training_rows(found)):
        assert len(pickle.dumps(thing)) < 300
    assert_same(pickle.loads(pickle.dumps(found)), found)
    rows = pickle.loads(pickle.dumps(training_rows(found)))
    assert isinstance(rows.clicks.base, np.memmap)
    assert rows.positives(np.arange(len(rows))).tolist() == [2]


def test_impressions_in_memory_pickle_with_their_arrays(ebnerd_folder):
    found = index_impressions(ebnerd.read_split(ebnerd_folder, "train"), TABLE, 3)
    assert_same(pickle.loads(pickle.dumps(found)), found)
    rows = training_rows(pickle.loads(pickle.dumps(training_rows(found))).impressions)
    assert isinstance(rows.impressions, Impressions)
    assert len(rows) == 1


@pytest.mark.slow
def test_a_worker_that_maps_impressions_loads_no_polars(ebnerd_folder, tmp_path):
    """Threads of polars do not survive a fork, and a spawned worker has no use for them."""
    file = tmp_path / "rows.pickle"
    file.write_bytes(pickle.dumps(training_rows(prepared(ebnerd_folder))))
    code = """
import pickle, sys
from pathlib import Path
import nrms_torch.data.loading
rows = pickle.loads(Path(sys.argv[1]).read_bytes())
assert len(rows) == 1
assert not any(name.partition(".")[0] == "polars" for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, timeout=TIMEOUT_S)
