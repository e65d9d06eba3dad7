import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from made_impressions import HISTORY_SIZE, many_impressions, unhurried
from torch.utils.data import DataLoader

from nrms_torch.data.loading import (
    HISTORIES_PER_CHUNK,
    BatchSampler,
    EvaluationChunks,
    TrainingBatch,
    TrainingDataset,
    TrainingLoader,
)
from nrms_torch.data.sampling import epoch_order, training_rows
from nrms_torch.errors import InputError

NPRATIO = 3
IMPRESSIONS = many_impressions(60, 20)
ROWS = training_rows(IMPRESSIONS)

ranks = st.integers(1, 5)
a_split = st.builds(
    many_impressions,
    number=st.sampled_from([0, 1, 30, 600, 3000]),
    histories=st.sampled_from([1, 2, HISTORIES_PER_CHUNK + 1, 5000]),
    seed=st.integers(0, 99),
    labelled=st.booleans(),
)
FIVE_CHUNKS = many_impressions(3000, 5000)


def shares(rows, batch_size, ranks, epoch=0):
    """The batches of each rank, lists of row numbers."""
    samplers = [
        BatchSampler(rows, batch_size, seed=1, rank=rank, ranks=ranks) for rank in range(ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    batches = [list(sampler) for sampler in samplers]
    assert {given for part in batches for given, _ in part} <= {epoch}
    assert [len(sampler) for sampler in samplers] == [len(part) for part in batches]
    return [[chosen.tolist() for _, chosen in part] for part in batches]


def loader_of(epoch=0, *, rank=0, ranks=1, batch_size=8, **options):
    sampler = BatchSampler(len(ROWS), batch_size, seed=1, rank=rank, ranks=ranks)
    sampler.set_epoch(epoch)
    dataset = TrainingDataset(ROWS, npratio=NPRATIO, seed=1, once=False)
    return TrainingLoader(dataset, sampler, **options)


def same(found, expected):
    """Whether two lists of batches are equal, number for number."""
    pairs = list(zip(found, expected, strict=True))
    return all(a.equal(b) for one, other in pairs for a, b in zip(one, other, strict=True))


def chunks_of(impressions, ranks):
    """The chunks of each rank, as its loader gives them."""
    datasets = [EvaluationChunks(impressions, rank=rank, ranks=ranks) for rank in range(ranks)]
    return [list(DataLoader(dataset, batch_size=None)) for dataset in datasets]


@unhurried
@given(st.integers(1, 120), st.integers(1, 9), ranks, st.integers(0, 3))
def test_the_ranks_share_an_epoch_without_repeating_a_row(rows, share, ranks, epoch):
    assume(rows >= ranks)
    given_out = shares(rows, share * ranks, ranks, epoch)
    flat = [row for part in given_out for batch in part for row in batch]
    assert len(flat) == len(set(flat)) == rows - rows % ranks
    assert set(flat) <= set(range(rows))


@unhurried
@given(st.integers(6, 120), st.sampled_from([12, 24]), st.sampled_from([1, 2, 3, 4, 6]))
def test_a_step_learns_from_the_same_rows_whatever_the_number_of_ranks(rows, batch_size, ranks):
    order = epoch_order(rows, seed=1, epoch=2)[: rows - rows % ranks].tolist()
    steps = zip(*shares(rows, batch_size, ranks, epoch=2), strict=True)
    together = [sorted(row for batch in step for row in batch) for step in steps]
    starts = range(0, len(order), batch_size)
    assert together == [sorted(order[start : start + batch_size]) for start in starts]


@unhurried
@given(st.integers(6, 120), st.integers(1, 9), ranks)
def test_all_ranks_have_equally_large_batches(rows, share, ranks):
    for step in zip(*shares(rows, share * ranks, ranks), strict=True):
        assert len({len(batch) for batch in step}) == 1
        assert 1 <= len(step[0]) <= share


def test_another_epoch_has_another_order():
    assert shares(100, 10, 2, epoch=0) != shares(100, 10, 2, epoch=1)


def test_a_batch_that_the_ranks_cannot_share_is_refused():
    with pytest.raises(InputError, match=r"data\.batch_size: 32 .* 3 processes"):
        BatchSampler(100, 32, seed=1, rank=0, ranks=3)


def test_fewer_rows_than_ranks_are_refused():
    with pytest.raises(InputError, match="3 training rows for 4 processes"):
        BatchSampler(3, 32, seed=1, rank=0, ranks=4)


def test_a_batch_is_indices_of_its_rows():
    batch = next(iter(loader_of()))
    assert isinstance(batch, TrainingBatch)
    assert batch.history.shape == (8, HISTORY_SIZE)
    assert batch.candidates.shape == batch.labels.shape == (8, NPRATIO + 1)
    kinds = [tensor.dtype for tensor in batch]
    assert kinds == [torch.int32, torch.int32, torch.float32]
    chosen = epoch_order(len(ROWS), seed=1, epoch=0)[:8]
    expected = IMPRESSIONS.histories[IMPRESSIONS.history_index[ROWS.owners[chosen]]]
    np.testing.assert_array_equal(batch.history, expected)
    clicked = IMPRESSIONS.candidates[ROWS.clicks[chosen]]
    np.testing.assert_array_equal(batch.candidates[batch.labels == 1], clicked)


@unhurried
@given(st.data(), st.integers(1, 3), st.integers(0, 2))
def test_a_resumed_epoch_goes_on_where_it_was_left(data, ranks, epoch):
    rank = data.draw(st.integers(0, ranks - 1))
    whole = list(loader_of(epoch, rank=rank, ranks=ranks, batch_size=12))
    stopped = loader_of(epoch, rank=rank, ranks=ranks, batch_size=12)
    seen = data.draw(st.integers(0, len(whole) - 1))
    begun = iter(stopped)
    assert same([next(begun) for _ in range(seen)], whole[:seen])
    resumed = loader_of(epoch, rank=rank, ranks=ranks, batch_size=12)
    resumed.load_state_dict(stopped.state_dict())
    assert same(resumed, whole[seen:])
    assert resumed.state_dict() == {"given": len(whole)}
    assert same(resumed, whole)  # the next epoch is whole again


def test_an_epoch_that_was_finished_leaves_the_next_whole():
    finished = loader_of()
    list(finished)
    resumed = loader_of(epoch=1)
    resumed.load_state_dict(finished.state_dict())
    assert same(resumed, loader_of(epoch=1))


def test_an_epoch_can_be_resumed_twice():
    whole = list(loader_of())
    resumed = loader_of()
    resumed.load_state_dict({"given": 3})
    begun = iter(resumed)
    next(begun)
    again = loader_of()
    again.load_state_dict(resumed.state_dict())
    assert same(again, whole[4:])


def test_workers_give_the_batches_that_one_process_gives():
    """Also after a resume: batches that workers made ahead have not been given."""
    loader = loader_of(num_workers=2, persistent_workers=True)
    begun = iter(loader)
    whole = list(loader_of())
    assert same([next(begun) for _ in range(2)], whole[:2])
    assert loader.state_dict() == {"given": 2}
    begun.close()
    loader.load_state_dict({"given": 2})
    assert same(loader, whole[2:])
    loader.sampler.set_epoch(1)
    assert same(loader, loader_of(epoch=1))


def test_the_examples_below_have_chunks_that_the_ranks_cannot_share_evenly():
    assert len(EvaluationChunks(FIVE_CHUNKS, rank=0, ranks=1)) == 5


@settings(unhurried, max_examples=50)
@given(a_split, ranks)
@example(FIVE_CHUNKS, 2)
@example(FIVE_CHUNKS, 3)
def test_every_impression_is_in_one_chunk_of_one_rank_with_its_candidates(impressions, ranks):
    seen = []
    own = np.split(np.arange(len(impressions.candidates)), impressions.offsets[1:-1])
    for chunk in (chunk for part in chunks_of(impressions, ranks) for chunk in part):
        positions = chunk.positions.numpy()
        seen.extend(positions.tolist())
        flat = [row for position in positions for row in own[position]]
        sizes = [len(own[position]) for position in positions]
        assert chunk.offsets.tolist() == np.cumsum([0, *sizes]).tolist()
        np.testing.assert_array_equal(chunk.candidates, impressions.candidates[flat])
        if impressions.labels is None:
            assert chunk.labels is None
        else:
            np.testing.assert_array_equal(chunk.labels, impressions.labels[flat])
        histories = impressions.histories[impressions.history_index[positions]]
        np.testing.assert_array_equal(chunk.histories[chunk.owner], histories)
    assert sorted(seen) == list(range(len(impressions)))


@settings(unhurried, max_examples=50)
@given(a_split, ranks)
@example(FIVE_CHUNKS, 2)
@example(FIVE_CHUNKS, 3)
def test_a_history_is_encoded_once_on_all_ranks_together(impressions, ranks):
    encoded = []
    for chunk in (chunk for part in chunks_of(impressions, ranks) for chunk in part):
        used = impressions.history_index[chunk.positions.numpy()]
        assert len(chunk.histories) == len(np.unique(used)) <= HISTORIES_PER_CHUNK
        encoded.extend(np.unique(used).tolist())
    assert sorted(encoded) == np.unique(impressions.history_index).tolist()


@settings(unhurried, max_examples=50)
@given(a_split, ranks)
@example(FIVE_CHUNKS, 2)
@example(FIVE_CHUNKS, 3)
def test_all_ranks_have_equally_many_chunks_and_the_bounds_of_one_process(impressions, ranks):
    by_rank = chunks_of(impressions, ranks)
    assert len({len(part) for part in by_rank}) == 1
    assert len(by_rank[0]) >= 1
    together = [chunk.positions.tolist() for step in zip(*by_rank, strict=True) for chunk in step]
    (alone,) = chunks_of(impressions, 1)
    assert [part for part in together if part] == [
        chunk.positions.tolist() for chunk in alone if len(chunk.positions)
    ]
