import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.data.demo.exposure import Menu, ragged, time_of

weights = st.lists(st.lists(st.floats(0.01, 100), min_size=1, max_size=30), min_size=1, max_size=5)


def menu_of(groups):
    group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    weight = np.concatenate(groups)
    return Menu.build(np.arange(len(weight)), group, weight, len(groups))


@given(weights, st.data())
def test_an_entry_owns_its_share_of_the_groups_weight(groups, data):
    menu = menu_of(groups)
    group = data.draw(st.integers(0, len(groups) - 1))
    share = np.cumsum(groups[group]) / np.sum(groups[group])
    position = data.draw(st.floats(0, 0.999))
    entry = menu.find(np.array([group]), np.array([position]))[0] - menu.starts[group]
    assert share[entry] >= position - 1e-9
    assert entry == 0 or share[entry - 1] <= position + 1e-9


@given(weights, st.data())
def test_distinct_picks_are_distinct_and_of_the_asked_group(groups, data):
    menu = menu_of(groups)
    group = np.array(data.draw(st.lists(st.integers(0, len(groups) - 1), min_size=1, max_size=8)))
    sizes = np.array([data.draw(st.integers(1, len(groups[g]))) for g in group])
    picked = menu.pick_distinct(group, sizes, np.random.default_rng(0))
    for g, entries in zip(group, np.split(picked, np.cumsum(sizes)[:-1]), strict=True):
        assert len(set(entries.tolist())) == len(entries)
        assert (entries >= menu.starts[g]).all()
        assert (entries < menu.starts[g + 1]).all()


def test_heavier_entries_are_picked_more_often():
    menu = menu_of([[1, 2, 3, 4, 10, 10, 10, 10, 10, 40]])
    group, sizes = np.zeros(20_000, dtype=int), np.full(20_000, 2)
    picked = menu.pick_distinct(group, sizes, np.random.default_rng(0))
    share = np.bincount(picked, minlength=10) / len(group)
    np.testing.assert_allclose(
        share[:9], np.array([1, 2, 3, 4, 10, 10, 10, 10, 10]) / 50, atol=0.02
    )


def test_an_empty_group_passes_a_search_on_to_the_next():
    menu = Menu.build(np.array([5, 6]), np.array([0, 2]), np.ones(2), groups=4)
    assert menu.find(np.array([0, 1, 2]), np.array([0.5, 0.5, 0.5])).tolist() == [0, 1, 1]


def test_ragged_counts_within_each_row():
    rows, places = ragged(np.array([2, 0, 3]))
    assert rows.tolist() == [0, 0, 2, 2, 2]
    assert places.tolist() == [0, 1, 0, 1, 2]


def test_time_rises_and_each_day_has_the_same_share_of_readers():
    times = time_of(np.linspace(0, 1, 7_000, endpoint=False), start_day=21, days=7)
    assert (np.diff(times) >= 0).all()
    assert np.unique(times // 86_400, return_counts=True)[0].tolist() == list(range(21, 28))
    assert set(np.unique(times // 86_400, return_counts=True)[1]) <= {999, 1_000, 1_001}
