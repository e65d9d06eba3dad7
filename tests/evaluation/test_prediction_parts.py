"""Parts of a prediction: joined in the split's order, and only where they are complete."""

import numpy as np
import polars as pl
import pytest

from nrms_torch.errors import InputError
from nrms_torch.evaluation import prediction_parts
from nrms_torch.evaluation.prediction_parts import POSITION, RANK, SCORE, PartWriter, joined

IMPRESSIONS = 60


@pytest.fixture
def split():
    """Offsets of impressions of 1 to 9 candidates, one with 250, and their ranks and scores."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 10, IMPRESSIONS)
    sizes[17] = 250
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    ranks = np.concatenate([rng.permutation(size) + 1 for size in sizes]).astype(np.int32)
    return offsets, ranks, rng.random(offsets[-1], dtype=np.float32)


@pytest.fixture
def small_parts(monkeypatch):
    """Many parts, row groups and windows of little data."""
    monkeypatch.setattr(prediction_parts, "PART_CANDIDATES", 40)
    monkeypatch.setattr(prediction_parts, "ROW_GROUP", 16)


def write(folder, split, positions, *, rank=0, chunk=5, stop=None):
    """Write the impressions `positions`, some at a time, as one rank does."""
    offsets, ranks, scores = split
    starts = range(0, len(positions), chunk)
    writer = PartWriter(folder, rank, len(starts))
    for start in starts[writer.done : stop]:
        own = [
            (position, place)
            for position in positions[start : start + chunk]
            for place in range(offsets[position], offsets[position + 1])
        ]
        position, place = np.array(own).T
        writer.add(pl.DataFrame({POSITION: position, RANK: ranks[place], SCORE: scores[place]}))
    if stop is None:  # else it is killed with what it holds
        writer.flush()


def shares(ranks):
    """Deal the impressions out to ranks in an order of no order."""
    order = np.random.default_rng(1).permutation(IMPRESSIONS)
    return [order[rank::ranks] for rank in range(ranks)]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("ranks", [1, 2, 3, 70])
def test_parts_of_any_number_of_ranks_join_to_the_split(tmp_path, split, ranks):
    offsets, expected, scores = split
    for rank, positions in enumerate(shares(ranks)):
        write(tmp_path, split, positions, rank=rank)
    windows = list(joined(tmp_path, offsets))
    assert len(windows) > 5
    assert all(len(window.ranks) <= 250 for window in windows)
    assert np.concatenate([window.ranks for window in windows]).tolist() == expected.tolist()
    assert np.concatenate([window.scores for window in windows]).tolist() == scores.tolist()
    firsts = np.searchsorted(offsets, np.cumsum([0] + [len(w.ranks) for w in windows[:-1]]))
    assert [window.first for window in windows] == firsts.tolist()


def test_a_part_has_its_name_only_when_it_is_whole(tmp_path, split, monkeypatch):
    def interrupted(self, path, **options):
        path.write_bytes(b"PAR1")
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.DataFrame, "write_parquet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, split, range(IMPRESSIONS))
    assert not list(tmp_path.iterdir())


def test_a_rank_without_impressions_writes_no_part(tmp_path):
    PartWriter(tmp_path, 0, 1).flush()
    assert not list(tmp_path.iterdir())


def test_the_parts_of_a_rank_that_are_missing_are_told(tmp_path, split):
    write(tmp_path, split, shares(2)[0])
    with pytest.raises(InputError, match="candidates in 1 parts; expected all of them") as told:
        joined(tmp_path, split[0])
    assert "\n" not in str(told.value)
    with pytest.raises(InputError, match=r"0 of \d+ candidates in 0 parts"):
        joined(tmp_path / "nowhere", split[0])


def test_an_impression_twice_in_place_of_another_is_told(tmp_path, split):
    offsets = split[0]
    sizes = np.diff(offsets)
    one, other = np.flatnonzero(sizes == sizes[0])[:2]
    write(tmp_path, split, [one if i == other else i for i in range(IMPRESSIONS)])
    with pytest.raises(InputError, match="the parts do not hold impressions 0 to 59 once"):
        list(joined(tmp_path, offsets))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stop", range(13))
def test_what_was_killed_anywhere_is_gone_on_from(tmp_path, split, stop):
    offsets, expected, scores = split
    (positions,) = shares(1)
    write(tmp_path, split, positions, stop=stop)
    left = {file: file.read_bytes() for file in tmp_path.iterdir()}
    write(tmp_path, split, positions)
    windows = list(joined(tmp_path, offsets))
    assert np.concatenate([window.ranks for window in windows]).tolist() == expected.tolist()
    assert np.concatenate([window.scores for window in windows]).tolist() == scores.tolist()
    kept = [file for file, content in left.items() if file.read_bytes() == content]
    assert len(kept) == len(left)


@pytest.mark.usefixtures("small_parts")
def test_one_part_is_left_to_be_scored_where_all_were(tmp_path, split):
    (positions,) = shares(1)
    write(tmp_path, split, positions)
    parts = sorted(tmp_path.iterdir())
    chunks = int(parts[-1].stem.rpartition("-")[2])
    writer = PartWriter(tmp_path, 0, chunks)
    assert sorted(tmp_path.iterdir()) == parts[:-1]
    assert 0 < writer.done < chunks
    assert writer.written == len(parts) - 1
