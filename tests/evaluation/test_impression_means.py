"""Means that are the same however impressions are cut into updates or spread over processes."""

from itertools import pairwise

import pytest
import torch
import torch.multiprocessing as mp
from hypothesis import given, settings
from hypothesis import strategies as st
from impression_lists import cut, flat, generated, unhurried
from torch import distributed

from nrms_torch.evaluation.probability import ProbabilityMetrics
from nrms_torch.evaluation.ranking import RankingMetrics

METRICS = [RankingMetrics, ProbabilityMetrics]
# Where each process' impressions end, for two processes and for three: neither number divides 37,
# and then one process has none.
SPLITS = [[0, 19, 37], [0, 37, 37], [0, 13, 26, 37], [0, 21, 21, 37]]


@settings(unhurried, max_examples=25)
@given(st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_means_do_not_depend_on_how_impressions_are_cut_into_updates(cuts):
    lists = generated(40)
    for metric in METRICS:
        whole, parts = metric(), metric()
        whole.update(*lists)
        for start, stop in pairwise([0, *cuts, 40]):
            parts.update(*cut(*lists, start, stop))
        torch.testing.assert_close(parts.compute(), whole.compute(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_impressions_with_nothing_to_rank_are_skipped_and_counted(metric):
    useful = [(0.9, 1), (0.1, 0)]
    nothing = [[(0.5, 0), (0.4, 0)], [(0.5, 1)], [], [(0.7, 1), (0.2, 1)]]
    alone, among = metric(), metric()
    alone.update(*flat([useful]))
    among.update(*flat([nothing[0], useful, *nothing[1:]]))
    assert among.compute() == alone.compute() | {"skipped": 4}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", METRICS)
def test_an_update_without_impressions_leaves_the_means_nan_and_the_counts_zero(metric):
    empty = metric()
    empty.update(*flat([]))
    measured = empty.compute()
    assert all(measured[name].isnan() for name in metric.names)
    assert (measured["impressions"], measured["skipped"]) == (0, 0)


@pytest.mark.parametrize("metric", METRICS)
def test_updates_in_and_out_of_inference_mode_add_up(metric):
    lists = generated(20)
    plain = metric()
    with torch.inference_mode():
        mixed = metric()
        mixed.update(*cut(*lists, 0, 9))
    mixed.update(*cut(*lists, 9, 20))
    plain.update(*lists)
    torch.testing.assert_close(mixed.compute(), plain.compute(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_change_of_a_modules_precision_leaves_the_sums_alone(metric):
    measured = metric()
    measured.update(*generated(20))
    before = measured.sums
    torch.nn.ModuleList([measured]).to(torch.bfloat16)
    assert measured.sums.dtype == torch.float64
    assert torch.equal(measured.sums, before)
    measured.reset()
    assert measured.sums.dtype == torch.float64


def measure_in_process(rank, folder):
    """Take part in each split that has a place for this rank, and save what was computed."""
    lists = generated(37)
    for number, split in enumerate(SPLITS):
        processes = len(split) - 1
        if rank < processes:
            store = f"file://{folder}/store{number}"
            distributed.init_process_group(
                "gloo", init_method=store, rank=rank, world_size=processes
            )
            measured = []
            for metric in (metric() for metric in METRICS):
                metric.update(*cut(*lists, split[rank], split[rank + 1]))
                measured.append(metric.compute())
            torch.save(measured, folder / f"{number}-{rank}.pt")
            distributed.destroy_process_group()


@pytest.mark.slow
def test_two_and_three_processes_give_the_numbers_of_one(tmp_path):
    expected = []
    for metric in (metric() for metric in METRICS):
        metric.update(*generated(37))
        expected.append(metric.compute())
    mp.spawn(measure_in_process, (tmp_path,), nprocs=3)
    for number, split in enumerate(SPLITS):
        for rank in range(len(split) - 1):
            measured = torch.load(tmp_path / f"{number}-{rank}.pt")
            torch.testing.assert_close(measured, expected, rtol=0, atol=1e-12)
