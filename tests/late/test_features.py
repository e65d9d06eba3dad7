import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_visits import ALL, PLAIN, Counted, Shown

from nrms_torch.errors import InputError
from nrms_torch.late.features import (
    check_features,
    feature_matrix,
    meaning,
    places_in_lists,
    windows_of,
)

# Article 1 was shown in a list of two at 0, read and clicked there at 20; the reader is on 2 now.
LOG = [Shown(0, 20, 1, 0, ((1, True), (2, False)))]
ASKED = Shown(620, 620, 1, 2, ((1, False), (2, False), (3, False)))
MINUTE_OF_NEVER = 3 * 24 * 60


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clicks_1h", [np.log(2), 0, 0]),
        ("clicks_1m", [0, 0, 0]),
        ("click_through_1h", [np.log(2 / 1.5), np.log(1 / 1.5), 0]),
        ("shown_1h", [np.log(6), np.log(6), 0]),
        ("age", [np.log(2), np.log(2), 0]),
        ("age_squared", [np.log(2) ** 2 / 10, np.log(2) ** 2 / 10, 0]),
        ("since_click", [np.log(1 + 580 / 60), *[np.log1p(MINUTE_OF_NEVER)] * 2]),
        ("seen_1h", [np.log(2), np.log(2), 0]),
        ("since_seen", [*[np.log(1 + 620 / 60)] * 2, np.log1p(MINUTE_OF_NEVER)]),
        ("since_read", [np.log(1 + 600 / 60), *[np.log1p(MINUTE_OF_NEVER)] * 2]),
        ("open_page", [0, 1, 0]),
        ("list_length", [3, 3, 3]),
        ("clicks_1h_rank", [1, 0.25, 0.25]),
    ],
)
def test_a_feature_is_what_its_meaning_says(name, expected):
    # Everybody knows 20 s later: at 620 the lists of 0 are 600 s old.
    found = feature_matrix([name], Counted(LOG, ASKED, lag=20))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


def test_every_feature_has_a_meaning_in_one_line_and_a_column():
    check_features(ALL)
    assert all("\n" not in meaning(name) for name in ALL)
    matrix = feature_matrix(ALL, Counted(LOG, ASKED, lag=0))
    assert matrix.shape == (3, len(ALL))
    assert matrix.dtype == np.float32
    for number, name in enumerate(ALL):
        alone = feature_matrix([name], Counted(LOG, ASKED, lag=0))
        np.testing.assert_array_equal(alone[:, 0], matrix[:, number])


def test_windows_are_told_by_definition():
    names = ["clicks_12h", "clicks_10m_rank", "clicks_12h_rank", "age", "seen_7d"]
    assert windows_of(names) == {"clicks": [600, 43_200], "age": [], "seen": [604_800]}
    assert set(windows_of(PLAIN)["shown"]) == {60, 240, 3_600, 172_800, 604_800}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "at least one feature"),
        (["age", "clicks_1h", "age"], "age comes twice"),
        (["clocks_1h"], "'clocks_1h' is no feature; expected one of clicks_12h, "),
        (["clicks"], "'clicks' is no feature; expected clicks_12h, with a time"),
        (["age_1h"], "'age_1h' is no feature; expected age, without a time"),
        (["clicks_0h"], "'clicks_0h' is no feature"),
        (["clicks_1w"], "'clicks_1w' is no feature"),
        (["clicks_1h_rank_rank"], "is no feature"),
        (["Age"], "'Age' is no feature"),
        ([""], "'' is no feature"),
        ([None], "'None' is no feature|None is no feature"),
        (["seen_8d"], "'seen_8d' looks back further than 7 days"),
    ],
)
def test_a_wrong_name_is_one_line(names, words):
    with pytest.raises(InputError, match=words) as error:
        check_features(names)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("late.features: ")


@given(st.lists(st.lists(st.integers(0, 3) | st.floats(-1e9, 1e9), max_size=6), max_size=6))
def test_a_place_is_the_share_of_the_others_that_are_below(lists):
    """A tie is half below."""
    offsets = np.cumsum([0, *map(len, lists)])
    values = np.array([value for each in lists for value in each], dtype=np.float64)
    expected = [
        (sum(other < own for other in each) + (each.count(own) - 1) / 2) / max(len(each) - 1, 1)
        for each in lists
        for own in each
    ]
    np.testing.assert_allclose(places_in_lists(values, offsets), expected, atol=1e-12)
