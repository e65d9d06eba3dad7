import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_impressions import impressions_of, many_impressions, shown, unhurried
from scipy import stats

from nrms_torch.data.loading import TrainingDataset
from nrms_torch.data.sampling import draw_candidates, epoch_order, training_rows

NPRATIO = 4
ONE_IN_A_THOUSAND = 1e-3
RECORDED_DRAWS = [[48, 18, 36, 18, 99], [99, 24, 35, 38, 9], [99, 27, 9, 10, 23]]
RECORDED_ORDER = [6, 0, 2, 3, 7, 5, 1, 4]

seeds = st.integers(0, 2**32)
epochs = st.integers(0, 50)


def drawn(rows, chosen=None, *, npratio=NPRATIO, seed=1, epoch=0):
    chosen = np.arange(len(rows)) if chosen is None else np.asarray(chosen, dtype=np.int64)
    return draw_candidates(rows, chosen, npratio=npratio, seed=seed, epoch=epoch)


def expected_rows(parts):
    """(history, clicked article, negatives) of each click, the slow way."""
    for history, candidates in parts:
        negatives = [article for article, clicked in candidates if not clicked]
        for article, clicked in candidates:
            if clicked and negatives:
                yield history, article, negatives


def rows_like(negatives, number):
    """`number` rows, each of a click on article 99 and of the same negatives, counted from 0."""
    candidates = [(article, False) for article in range(negatives)] + [(99, True)]
    return training_rows(impressions_of([(0, candidates)] * number))


def is_uniform(values, kinds):
    return stats.chisquare(np.bincount(values, minlength=kinds)).pvalue > ONE_IN_A_THOUSAND


def is_independent(first, second, kinds):
    counts = np.bincount(first * kinds + second, minlength=kinds**2).reshape(kinds, kinds)
    return stats.chi2_contingency(counts).pvalue > ONE_IN_A_THOUSAND


@unhurried
@given(st.lists(shown, max_size=10))
def test_there_is_a_row_for_each_click_that_has_negatives(parts):
    impressions = impressions_of(parts)
    rows = training_rows(impressions)
    chosen = np.arange(len(rows))
    positions, offsets = rows.negatives(chosen)
    negatives = [part.tolist() for part in np.split(impressions.candidates[positions], offsets[1:])]
    expected = list(expected_rows(parts))
    assert impressions.history_index[rows.owners].tolist() == [
        history for history, _, _ in expected
    ]
    assert rows.positives(chosen).tolist() == [click for _, click, _ in expected]
    assert negatives[:-1] == [shown for _, _, shown in expected]


def test_an_impression_with_two_clicks_gives_two_rows_that_share_their_negatives():
    rows = training_rows(impressions_of([(3, [(7, True), (8, False), (9, True), (6, False)])]))
    assert len(rows) == 2
    assert rows.positives(np.arange(2)).tolist() == [7, 9]
    assert rows.histories(np.arange(2)).tolist() == [[12, 13, 14, 15]] * 2
    candidates, labels = drawn(rows)
    assert candidates[labels == 1].tolist() == [7, 9]
    assert set(candidates[labels == 0]) <= {8, 6}


def test_rows_need_labels():
    with pytest.raises(ValueError, match="labels"):
        training_rows(impressions_of([(0, [(1, True)])], labelled=False))


@unhurried
@given(st.lists(shown, max_size=10), st.integers(1, 6), seeds, epochs)
def test_a_row_has_its_click_marked_and_negatives_of_its_own_impression(
    parts, npratio, seed, epoch
):
    rows = training_rows(impressions_of(parts))
    candidates, labels = drawn(rows, npratio=npratio, seed=seed, epoch=epoch)
    assert candidates.shape == labels.shape == (len(rows), npratio + 1)
    assert (candidates.dtype, labels.dtype) == (np.int32, np.float32)
    for (_, click, negatives), shown_now, marked in zip(
        expected_rows(parts), candidates.tolist(), labels.tolist(), strict=True
    ):
        assert sorted(marked) == [0] * npratio + [1]
        assert shown_now.pop(marked.index(1)) == click
        assert set(shown_now) <= set(negatives)


def test_negatives_are_of_the_clicks_own_impression():
    rows = training_rows(many_impressions(200, 20))
    candidates, labels = drawn(rows)
    negatives, offsets = rows.negatives(np.arange(len(rows)))
    for row, own in enumerate(np.split(negatives, offsets[1:-1])):
        own_articles = rows.impressions.candidates[own]
        assert np.isin(candidates[row, labels[row] == 0], own_articles).all()


@unhurried
@given(seeds, epochs, st.lists(st.integers(0, 299), max_size=40))
def test_draws_depend_on_the_row_and_not_on_the_batch_it_comes_in(seed, epoch, chosen):
    rows = training_rows(many_impressions(200, 20))
    assert len(rows) >= 300
    whole = drawn(rows, seed=seed, epoch=epoch)
    for found, expected in zip(drawn(rows, chosen, seed=seed, epoch=epoch), whole, strict=True):
        np.testing.assert_array_equal(found, expected[np.array(chosen, dtype=int)])


def split_mix(state):
    """SplitMix64's finaliser, by Python's whole numbers, which have no end to run over."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


@unhurried
@given(st.integers(1, 5), st.integers(1, 9), seeds, epochs)
def test_draws_are_those_of_the_published_generator(npratio, negatives, seed, epoch):
    """A run that resumes under a later version must go on with the same draws."""
    start, gamma = map(int, np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint64))
    rows = rows_like(negatives, number=4)
    candidates, labels = drawn(rows, npratio=npratio, seed=seed, epoch=epoch)
    for row in range(4):
        number = 2 * npratio + 1
        bits = [
            split_mix((start + (row * number + draw + 1) * (gamma | 1)) % 2**64)
            for draw in range(number)
        ]
        shown = [99, *((bits[draw] >> 32) * negatives >> 32 for draw in range(npratio))]
        order = sorted(range(npratio + 1), key=bits[npratio:].__getitem__)
        assert candidates[row].tolist() == [shown[place] for place in order]
        assert labels[row].tolist() == [place == 0 for place in order]


def test_draws_are_those_of_every_version_before():
    candidates, labels = drawn(rows_like(negatives=50, number=3), seed=7, epoch=2)
    assert candidates.tolist() == RECORDED_DRAWS
    assert labels.argmax(axis=1).tolist() == [row.index(99) for row in RECORDED_DRAWS]
    assert epoch_order(8, seed=7, epoch=2).tolist() == RECORDED_ORDER


def test_epochs_seeds_and_rows_draw_differently():
    rows = rows_like(negatives=50, number=20)
    draws = [drawn(rows, epoch=epoch, seed=seed)[0] for epoch in range(5) for seed in range(3)]
    assert len({tuple(row) for draw in draws for row in draw.tolist()}) == 5 * 3 * 20


def test_sampling_once_repeats_the_first_epochs_draws():
    impressions = many_impressions(100, 20)
    rows, chosen = training_rows(impressions), np.arange(50)
    once, anew = (
        TrainingDataset(rows, npratio=NPRATIO, seed=1, once=once) for once in (True, False)
    )
    first = anew[0, chosen]
    for epoch in (0, 1, 7):
        assert all(a.equal(b) for a, b in zip(once[epoch, chosen], first, strict=True))
    assert not anew[1, chosen].candidates.equal(first.candidates)


@pytest.mark.parametrize("negatives", [2, 7, 10])
def test_negatives_are_drawn_uniformly_and_with_replacement(negatives):
    candidates, labels = drawn(rows_like(negatives, number=5000))
    draws = candidates[labels == 0].reshape(-1, NPRATIO)
    assert is_uniform(draws.ravel(), negatives)
    assert is_independent(draws[:, 0], draws[:, 1], negatives)
    repeated = np.mean(draws[:, 0] == draws[:, 1])
    assert abs(repeated - 1 / negatives) < 0.03


def test_draws_of_neighbouring_rows_and_epochs_are_independent():
    rows = rows_like(negatives=6, number=5000)
    draws = []
    for epoch in (0, 1):
        candidates, labels = drawn(rows, epoch=epoch)
        draws.append(candidates[labels == 0].reshape(-1, NPRATIO)[:, 0])
    assert is_independent(draws[0], draws[1], 6)
    assert is_independent(draws[0][:-1], draws[0][1:], 6)


@pytest.mark.parametrize("npratio", [1, 4, 9])
def test_the_click_stands_anywhere_with_equal_chance(npratio):
    candidates, labels = drawn(rows_like(negatives=6, number=5000), npratio=npratio)
    position = labels.argmax(axis=1)
    assert is_uniform(position, npratio + 1)
    assert is_independent(position[:-1], position[1:], npratio + 1)
    np.testing.assert_array_equal(candidates[np.arange(5000), position], 99)


@unhurried
@given(st.integers(0, 200), seeds, epochs)
def test_an_epoch_visits_every_row_once_in_an_order_it_can_repeat(rows, seed, epoch):
    order = epoch_order(rows, seed=seed, epoch=epoch)
    assert order.dtype == np.int32
    assert sorted(order) == list(range(rows))
    np.testing.assert_array_equal(order, epoch_order(rows, seed=seed, epoch=epoch))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(epoch_order(30, seed=s, epoch=e)) for s in range(4) for e in range(4)}
    assert len(orders) == 16
