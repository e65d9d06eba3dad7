from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_visits import ALL, Counted, answers, assert_same, lags, logs, visits_of

from nrms_torch.data.impressions import IMPRESSIONS_PER_PART
from nrms_torch.late.features import feature_matrix
from nrms_torch.late.parts import feature_parts
from nrms_torch.late.replay import Replay
from nrms_torch.late.visits import Visits


def of_each(log, counts):
    """The answers about each impression of a log, of those about all of it."""
    found = answers(counts)
    for row, shown in enumerate(log):
        own = slice(counts.offsets[row], counts.offsets[row + 1])
        yield shown, {question: answer[own] for question, answer in found.items()}


@given(logs(), lags, st.none() | st.integers(0, 500))
def test_counts_are_those_of_going_through_the_log(log, lag, end):
    visits = visits_of(log)
    counts = Replay([visits], lag=lag, no_clicks_after=end).counts(visits, np.arange(len(log)))
    for shown, found in of_each(log, counts):
        assert_same(found, answers(Counted(log, shown, lag=lag, no_clicks_after=end)))


@given(logs(), lags, st.integers(0, 500), st.data())
def test_clicks_from_the_end_on_change_no_feature(log, lag, end, data):
    """The rule train_only: a split's own clicks are as if nobody had them, whoever clicked."""
    flipped = [
        replace(
            each,
            candidates=tuple((row, data.draw(st.booleans())) for row, _ in each.candidates),
        )
        if each.left >= end
        else each
        for each in log
    ]
    found, expected = (
        feature_matrix(
            ALL,
            Replay([visits], lag=lag, no_clicks_after=end).counts(visits, np.arange(len(log))),
        )
        for visits in (visits_of(flipped), visits_of(log))
    )
    np.testing.assert_array_equal(found, expected)


@given(logs(), logs(), lags)
def test_splits_are_one_log_and_without_labels_have_no_clicks(log, asked, lag):
    unlabelled = visits_of(asked, labelled=False)
    counts = Replay([visits_of(log), unlabelled], lag=lag).counts(unlabelled, np.arange(len(asked)))
    unclicked = [
        replace(each, candidates=tuple((row, False) for row, _ in each.candidates))
        for each in asked
    ]
    for shown, found in of_each(asked, counts):
        assert_same(found, answers(Counted(log + unclicked, shown, lag=lag)))


@given(logs(), lags, st.data())
def test_what_nobody_can_know_yet_changes_no_feature(log, lag, data):
    """A log cut or changed from the moment of an impression on, or by others just before it."""
    asked = data.draw(st.sampled_from(log))
    changed = [data.draw(unknown_changed(each, asked, lag)) for each in log if each is not asked]
    later = [
        replace(each, time=each.time + asked.time, left=each.left + asked.time)
        for each in data.draw(logs(4))
    ]
    flipped = data.draw(unknown_changed(asked, asked, lag, kept=True))
    other = [flipped, *(each for each in changed if each is not None), *later]
    before = features_of(log, next(row for row, each in enumerate(log) if each is asked), lag)
    np.testing.assert_array_equal(features_of(other, 0, lag), before)


@st.composite
def unknown_changed(draw, shown, asked, lag, kept=False):
    """An impression with another end, or none at all, where that is not known at `asked`."""
    own = shown.reader == asked.reader > 0
    # Everybody's knowledge and the reader's own are both to stay.
    horizon = asked.time if own else asked.time - lag
    if shown.time >= horizon and not kept and draw(st.booleans()):
        return None
    if shown.left < horizon:
        return shown
    clicked = draw(st.lists(st.booleans(), min_size=5, max_size=5))
    articles = [article for article, _ in shown.candidates]
    if shown.time >= horizon and not kept:
        articles = [draw(st.integers(0, 9)) for _ in articles]
    return replace(
        shown,
        left=max(shown.time, horizon) + draw(st.integers(0, 50)),
        candidates=tuple(zip(articles, clicked, strict=False)),
    )


def features_of(log, row, lag):
    visits = visits_of(log)
    return feature_matrix(ALL, Replay([visits], lag=lag).counts(visits, np.array([row])))


def test_parts_are_the_whole_in_order():
    number = 3 * IMPRESSIONS_PER_PART + 7
    generator = np.random.default_rng(0)
    times = generator.integers(0, 10_000, number)
    log = visits_of([])
    impressions = replace(
        log.impressions,
        impression_ids=np.arange(number),
        offsets=np.arange(number + 1),
        candidates=generator.integers(0, 20, number).astype(np.int32),
        labels=generator.random(number) < 0.5,
    )
    readers, pages = generator.integers(0, 1_000, number), generator.integers(0, 20, number)
    visits = Visits(impressions, times, times + 5, readers, pages)
    names, replay = ["clicks_1h", "since_seen", "age_rank"], Replay([visits], lag=1)
    rows, features = zip(*feature_parts(names, replay, visits), strict=True)
    assert len(rows) == 4
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(number))
    whole = feature_matrix(names, replay.counts(visits, np.arange(number)))
    np.testing.assert_array_equal(np.concatenate(features), whole)
