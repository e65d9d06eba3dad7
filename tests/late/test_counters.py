import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_visits import (
    ALL,
    DAY,
    PLAIN,
    Counted,
    Shown,
    answers,
    asked_in_turn,
    assert_same,
    lags,
    logs,
    visits_of,
)

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.indexing import index_impressions
from nrms_torch.errors import InputError
from nrms_torch.late.counters import Counters
from nrms_torch.late.counts import SHARE_UNITS
from nrms_torch.late.features import feature_matrix
from nrms_torch.late.readers import ReaderEvents
from nrms_torch.late.replay import Replay
from nrms_torch.late.visits import read_visits
from nrms_torch.late.windows import MovingSums

DEMO = Path(__file__).parents[3] / "shared" / "data" / "ebnerd_demo"


@given(logs(), lags)
def test_counters_say_what_the_replay_says(log, lag):
    visits = visits_of(log)
    replay = Replay([visits], lag=lag)
    for row, online in asked_in_turn(visits, ALL, lag=lag):
        offline = replay.counts(visits, np.array([row]))
        assert_same(answers(online), answers(offline))
        np.testing.assert_array_equal(feature_matrix(ALL, online), feature_matrix(ALL, offline))


@given(logs(), lags, st.data())
def test_events_that_come_late_and_in_any_order_count_in_the_end(log, lag, data):
    """Whatever was asked in between, and whenever an event came."""
    counters = Counters(ALL, lag=lag, articles=3)
    events = [(kind, each) for each in log for kind in ("shown", "clicked")]
    times = st.none() | st.integers(0, max(each.left for each in log))
    for kind, each in data.draw(st.permutations(events)):
        who = {"reader": each.reader or None}
        if kind == "shown":
            articles = np.array([article for article, _ in each.candidates])
            counters.shown(articles, each.time, page=each.page, **who)
        for article, clicked in each.candidates if kind == "clicked" else []:
            if clicked:
                counters.clicked(article, each.left, **who)
        if (now := data.draw(times)) is not None:
            counters.counts(np.arange(6), now, reader=1)
    end = max(each.left for each in log) + data.draw(st.sampled_from([0, 1, 61, 300, DAY]))
    asked = Shown(
        end, end, data.draw(st.integers(0, 3)), 2, tuple((row, False) for row in range(7))
    )
    found = counters.counts(np.arange(7), end, reader=asked.reader or None, page=2)
    assert_same(answers(found), answers(Counted(log, asked, lag=lag)))


def test_a_clock_that_goes_back_stands_still():
    counters = Counters(["clicks_1m", "since_click", "since_seen"], lag=10, articles=4)
    counters.clicked(1, 1_000)
    counters.shown(np.array([1]), 1_000, reader="a")
    at = {now: counters.counts(np.array([1]), now, reader="a") for now in (1_011, 900, 1_012)}
    assert [int(each.clicks(60)[0]) for each in at.values()] == [1, 1, 1]
    assert [int(each.since_click()[0]) for each in at.values()] == [1, 1, 2]
    assert [int(each.since_seen()[0]) for each in at.values()] == [11, 11, 12]


def test_an_answer_stays_as_it_was():
    counters = Counters(["clicks_1m"], lag=0, articles=4)
    counters.clicked(2, 5)
    before = counters.counts(np.array([2, 3]), 6)
    counters.clicked(2, 6)
    counters.counts(np.array([2]), 8)
    assert before.clicks(60).tolist() == [1, 0]


def test_articles_may_be_added():
    counters = Counters(["shown_1m", "age"], lag=0, articles=2)
    counters.shown(np.array([1]), 5)
    counters.shown(np.array([700, 1]), 6)
    assert len(counters) > 700
    found = counters.counts(np.array([1, 700, 5_000]), 7)
    assert found.shown(60).tolist() == [3 * SHARE_UNITS // 2, SHARE_UNITS // 2, 0]
    assert found.since_first_shown().tolist() == [2, 1, -1]


def test_a_name_that_is_no_feature_is_an_input_error():
    with pytest.raises(InputError, match="'clocks_1h' is no feature"):
        Counters(["clocks_1h"], lag=0, articles=1)


def test_sums_hold_the_longest_window_and_no_more():
    sums, sizes = MovingSums([60, 600], 50), []
    for time in range(5_000):
        sums.add(np.arange(10), time)
        sums.advance(time)
        if time % 100 == 99:
            sizes.append(len(pickle.dumps(sums)))
    assert max(sizes[15:]) < 1.02 * max(sizes[:15])
    sums.advance(10_000)
    assert sums.of(np.arange(50)).within[600].sum() == 0
    assert len(pickle.dumps(sums)) < sizes[0]


def test_readers_are_forgotten_and_so_is_what_they_saw_long_ago():
    events = ReaderEvents()
    for day in range(100):
        for visit in range(50):
            now = day * DAY + visit
            events.add("often", np.array([1, 2]), now, now)
            events.add(f"{day} {visit}", np.array([3]), now, now)
    assert len(events) == 7 * 50 + 2  # seven days back to the second, and `often`
    assert len(pickle.dumps(events)) < 100_000
    assert events.find("often", np.array([2, 7]), now + 1).within(7 * DAY).tolist() == [
        7 * 50,
        0,
    ]


def test_many_threads_count_all_their_events():
    counters = Counters(["clicks_1h", "shown_1h", "seen_1h"], lag=0, articles=10)

    def visit(reader):
        for time in range(200):
            counters.shown(np.array([1, 2]), time, reader=reader)
            counters.counts(np.array([1, 2]), time, reader=reader)
            counters.clicked(2, time, reader=reader)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(8)))
    found = counters.counts(np.array([1, 2]), 200, reader=3)
    assert found.clicks(3_600).tolist() == [0, 1_600]
    assert found.shown(3_600).tolist() == [800 * SHARE_UNITS] * 2
    assert found.seen(3_600).tolist() == [200, 200]


@pytest.mark.slow
@pytest.mark.skipif(
    not DEMO.is_dir(), reason="the real EB-NeRD demo set is not at ../shared/data/ebnerd_demo"
)
def test_the_real_demo_is_counted_as_the_replay_counts_it():
    config = DataConfig(format="ebnerd", path=str(DEMO))
    inview = pl.read_parquet(DEMO / "validation" / "behaviors.parquet")["article_ids_inview"]
    ids = inview.explode().drop_nulls().unique(maintain_order=True)
    table = ArticleTable(ids, np.zeros((len(ids) + 1, 1), dtype=np.float32))
    split = config.reader.read_split(config.folder, "validation")
    visits = read_visits(config, table, {"validation": index_impressions(split, table, 1)})
    visits = visits["validation"]
    assert len(visits.impressions) == 25_356
    names = [*(name for name in PLAIN if "_1m" not in name and "_4m" not in name), "clicks_1h_rank"]
    replay = Replay([visits], lag=60)
    offline = replay.counts(visits, np.arange(len(visits.impressions)))
    expected, differ = feature_matrix(names, offline), 0
    for row, online in asked_in_turn(visits, names, lag=60):
        of = slice(*visits.impressions.offsets[row : row + 2])
        differ += int((feature_matrix(names, online) != expected[of]).sum())
    assert differ == 0
