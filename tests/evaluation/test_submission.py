"""Submission files: the recorded text to the byte, and nothing half written."""

import json
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from impression_lists import GOLDEN, unhurried

from nrms_torch.errors import InputError
from nrms_torch.evaluation import submission
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.evaluation.submission import submission_lines, write_submission


def flat(lists):
    """Rank lists as ranks and offsets."""
    offsets = np.cumsum([0, *map(len, lists)])
    return np.array([rank for part in lists for rank in part], dtype=np.int64), offsets


@pytest.fixture(scope="module")
def pipeline():
    """Impression ids, ranks computed from the recorded scores, and offsets."""
    recorded = json.loads((GOLDEN / "pipeline.json").read_text())
    offsets = np.cumsum([0, *map(len, recorded["scores"])])
    scores = torch.tensor([score for part in recorded["scores"] for score in part])
    ranked = ranks(scores, torch.from_numpy(offsets)).numpy()
    return np.array(recorded["impression_id"]), ranked, offsets


def text_of(path, member="predictions.txt"):
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [member]
        assert archive.testzip() is None
        return archive.read(member)


def test_the_baselines_submission_is_reproduced_to_the_byte(tmp_path, pipeline):
    path = tmp_path / "new" / "folder" / "submission.zip"
    write_submission(path, submission_lines(*pipeline), "ebnerd")
    assert text_of(path) == (GOLDEN / "pipeline.txt").read_bytes()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("chunk", [1, 7, 149, 150])
def test_the_text_does_not_depend_on_the_chunk(monkeypatch, pipeline, chunk):
    monkeypatch.setattr(submission, "CHUNK", chunk)
    assert "".join(submission_lines(*pipeline)) == (GOLDEN / "pipeline.txt").read_text()


def test_equal_input_gives_equal_bytes_under_any_name(tmp_path, pipeline):
    write_submission(tmp_path / "a.zip", submission_lines(*pipeline), "ebnerd")
    write_submission(tmp_path / "b.zip", submission_lines(*pipeline), "ebnerd")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@unhurried
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**40),
            st.integers(0, 30).flatmap(lambda n: st.permutations(range(1, n + 1))),
        ),
        max_size=8,
    )
)
def test_lines_hold_every_impression_in_order(impressions):
    ids = np.array([impression_id for impression_id, _ in impressions], dtype=np.int64)
    lines = list(submission_lines(ids, *flat([order for _, order in impressions])))
    expected = [
        f"{impression_id} [{','.join(map(str, order))}]\n" for impression_id, order in impressions
    ]
    assert lines == expected


def test_rows_that_share_impression_id_zero_are_all_written():
    ranked, offsets = flat([[2, 1], [1, 2, 3]])
    lines = list(submission_lines(np.array([0, 0]), ranked, offsets))
    assert lines == ["0 [2,1]\n", "0 [1,2,3]\n"]


def test_memory_mapped_ranks_are_written_as_arrays_in_memory(tmp_path, pipeline):
    ids, ranked, offsets = pipeline
    np.save(tmp_path / "ranks.npy", ranked)
    mapped = np.load(tmp_path / "ranks.npy", mmap_mode="r")
    text = "".join(submission_lines(ids, mapped, offsets))
    assert text == (GOLDEN / "pipeline.txt").read_text()


@pytest.mark.parametrize("wrong", [[1, 1, 3], [0, 1, 2], [2, 3, 4], [-1, 1, 2]])
def test_ranks_that_are_no_order_are_told_with_their_impression(wrong):
    ranked, offsets = flat([[2, 1], wrong, [1]])
    with pytest.raises(InputError, match="impression 71 are not 1 to 3"):
        list(submission_lines(np.array([70, 71, 72]), ranked, offsets))


@pytest.mark.parametrize("offsets", [[0, 2], [0, 2, 4], [1, 2, 3], [0, 4, 3], []])
def test_arrays_that_do_not_fit_are_told_in_one_line(offsets):
    with pytest.raises(InputError, match="2 impression ids, 3 ranks and") as told:
        list(submission_lines(np.array([1, 2]), np.array([1, 2, 1]), np.array(offsets, dtype=int)))
    assert "\n" not in str(told.value)


def test_a_failure_leaves_the_file_of_before_and_nothing_else(tmp_path, pipeline):
    path = tmp_path / "submission.zip"
    write_submission(path, submission_lines(*pipeline), "ebnerd")
    before = path.read_bytes()
    ids, ranked, offsets = pipeline
    with pytest.raises(InputError):
        write_submission(path, submission_lines(ids, ranked + 1, offsets), "ebnerd")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_name_for_a_submission(tmp_path, pipeline):
    with pytest.raises(InputError, match="is a folder; expected the name of a file"):
        write_submission(tmp_path, submission_lines(*pipeline), "ebnerd")


def test_each_challenge_finds_the_text_under_the_name_that_its_scorer_opens(tmp_path, pipeline):
    for challenge, member in (("ebnerd", "predictions.txt"), ("mind", "prediction.txt")):
        path = tmp_path / f"{challenge}.zip"
        write_submission(path, submission_lines(*pipeline), challenge)
        assert text_of(path, member) == (GOLDEN / "pipeline.txt").read_bytes()
