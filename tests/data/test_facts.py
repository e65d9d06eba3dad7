"""Facts of articles: popularity that knows its chances, categories that know their numbers."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.data import facts
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions


def impressions_of(lists):
    """Impressions of [(article row, clicked), …] each."""
    flat = [pair for one in lists for pair in one]
    return Impressions(
        impression_ids=np.arange(len(lists)),
        history_index=np.zeros(len(lists), dtype=np.int32),
        histories=np.zeros((1, 2), dtype=np.int32),
        offsets=np.cumsum([0, *map(len, lists)]),
        candidates=np.array([row for row, _ in flat], dtype=np.int32),
        labels=np.array([clicked for _, clicked in flat], dtype=bool),
        unknown_articles=0,
    )


def test_popularity_is_the_log_of_clicks_over_those_by_chance():
    found = facts.popularity(
        impressions_of([[(1, True), (2, False)], [(1, True), (3, False), (2, False), (0, False)]]),
        rows=5,
    )
    # Article 1: two clicks where chance would give 1/2 + 1/4, and 2 of each are added.
    expected = [0, np.log(4 / 2.75), np.log(2 / 2.75), np.log(2 / 2.25), 0]
    np.testing.assert_allclose(found, expected)


impression = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=5)


@given(st.lists(impression, min_size=1, max_size=8), st.integers(1, 3))
def test_popularity_does_not_depend_on_how_impressions_are_cut(lists, size):
    data = impressions_of(lists)
    whole = facts.popularity(data, rows=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "IMPRESSIONS_PER_PART", size)
        np.testing.assert_allclose(facts.popularity(data, rows=7), whole, atol=1e-12)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_facts_stand_behind_the_features_and_the_unknown_article_has_none(kind):
    table = ArticleTable(pl.Series(["a", "b"]), np.arange(9, dtype=kind).reshape(3, 3))
    numbers = facts.numbered(["war", "never seen"], facts.category_names(["war", "", "art"]))
    units = facts.in_units(np.array([0, 0.5, -1.2345]))
    found = facts.with_facts(table, numbers, units).features
    assert found.dtype == kind
    np.testing.assert_array_equal(found[:, :3], table.features)
    np.testing.assert_array_equal(found[:, 3:], [[0, 0], [2, 500], [0, -1234]])


def test_a_run_knows_the_popularity_of_articles_that_it_has_seen():
    table = ArticleTable(pl.Series([7, 5, 9]), np.zeros((4, 1)))
    np.testing.assert_array_equal(facts.popularity_of(table, {5: 40, 8: 3}), [0, 0, 40, 0])
