from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_impressions import impressions_of, readers, shown, shown_to_readers, split_of, unhurried

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.indexing import index_impressions

HERE = Path(__file__).parent
KNOWN = [3, 1, 4, 15, 9]  # article ids; their rows are 1 to 5
TABLE = ArticleTable(pl.Series(KNOWN, dtype=pl.Int64), np.zeros((6, 1), dtype=np.float32))
ROW = {id_: row for row, id_ in enumerate(KNOWN, start=1)}


def indexed(impressions, histories, size=3, **options):
    return index_impressions(split_of(HERE, impressions, histories, **options), TABLE, size)


@unhurried
@given(st.lists(shown_to_readers(), max_size=8), readers, st.integers(1, 5))
def test_indices_are_those_of_a_slow_lookup(impressions, histories, size):
    found = indexed(impressions, histories, size)
    assert len(found) == len(impressions)
    for number, (key, inview, clicked) in enumerate(impressions):
        kept = [ROW.get(id_, 0) for id_ in histories.get(key, [])][-size:]
        history = found.histories[found.history_index[number]]
        assert history.tolist() == [0] * (size - len(kept)) + kept
        part = slice(found.offsets[number], found.offsets[number + 1])
        assert found.candidates[part].tolist() == [ROW.get(id_, 0) for id_ in inview]
        assert found.labels[part].tolist() == [id_ in clicked for id_ in inview]
    kept_clicks = {id_ for clicks in histories.values() for id_ in clicks[-size:]}
    used = kept_clicks | {id_ for _, inview, _ in impressions for id_ in inview}
    assert found.unknown_articles == len(used - set(KNOWN) - {0, None})


def test_arrays_have_the_types_that_they_promise():
    found = indexed([(1, [3, 4], [4])], {1: [3]})
    kinds = {name: getattr(value, "dtype", None) for name, value in vars(found).items()}
    assert kinds == {
        "impression_ids": np.int64,
        "history_index": np.int32,
        "histories": np.int32,
        "offsets": np.int64,
        "candidates": np.int32,
        "labels": np.bool_,
        "unknown_articles": None,
    }


def test_a_history_keeps_its_last_clicks_and_is_padded_on_the_left():
    found = indexed([(7, [3], []), (8, [3], [])], {7: [3, 1, 4, 15], 8: [9]})
    assert found.histories[found.history_index].tolist() == [[2, 3, 4], [0, 0, 5]]


def test_a_reader_without_a_history_has_the_empty_one_of_row_0():
    found = indexed([(7, [3], [3]), (99, [3], [3]), (None, [3], [3])], {7: [3]})
    assert found.history_index.tolist() == [1, 0, 0]
    assert not found.histories[0].any()


def test_an_empty_history_is_all_padding():
    found = indexed([(7, [3], [3]), (8, [4], [4])], {7: [], 8: [1]})
    assert found.histories[found.history_index].tolist() == [[0, 0, 0], [0, 0, 2]]


def test_histories_may_all_be_empty_or_missing():
    assert indexed([(7, [3], [3])], {7: []}).histories.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert indexed([(7, [3], [3])], {}).histories.tolist() == [[0, 0, 0]]


def test_an_article_shown_twice_is_two_candidates_both_clicked():
    found = indexed([(7, [3, 4, 3], [3])], {})
    assert found.candidates.tolist() == [1, 3, 1]
    assert found.labels.tolist() == [True, False, True]


def test_a_click_is_of_its_own_impression_only():
    found = indexed([(7, [3, 4], [3]), (7, [3, 4], [4])], {})
    assert found.labels.tolist() == [True, False, False, True]


def test_an_unknown_article_can_be_the_clicked_one():
    found = indexed([(7, [1000, 2000, 3], [2000])], {})
    assert found.candidates.tolist() == [0, 0, 1]
    assert found.labels.tolist() == [False, True, False]


def test_unknown_articles_are_counted_once_each_and_only_where_used():
    histories = {7: [555, 1000, 3, 0, None]}  # 555 and 1000 are beyond the last three clicks
    found = indexed([(7, [2000, 2000, 3], []), (7, [2000, 3000, 0, None], [])], histories)
    assert found.unknown_articles == 2
    assert indexed([(7, [3], [])], histories, size=4).unknown_articles == 1


def test_text_ids_work_as_integers_do():
    table = ArticleTable(pl.Series(["N1", "N2"]), np.zeros((3, 1), dtype=np.float32))
    split = split_of(HERE, [(7, ["N2", "N9"], ["N9"])], {7: ["N1", "N8"]}, article=pl.String)
    found = index_impressions(split, table, 3)
    assert found.histories[1].tolist() == [0, 1, 0]
    assert found.candidates.tolist() == [2, 0]
    assert found.labels.tolist() == [False, True]
    assert found.unknown_articles == 2


def test_impressions_may_share_an_id():
    split = split_of(HERE, [(7, [3], []), (7, [4, 1], [])], {}, labelled=False)
    shared = pl.lit(0, dtype=pl.Int64).alias("impression_id")
    same = type(split)(HERE, split.impressions.with_columns(shared), split.histories, False)
    found = index_impressions(same, TABLE, 3)
    assert found.impression_ids.tolist() == [0, 0]
    assert found.offsets.tolist() == [0, 1, 3]


@pytest.mark.parametrize("labelled", [True, False])
def test_no_impressions_are_no_mistake_here(labelled):
    found = indexed([], {7: [3]}, labelled=labelled)
    assert len(found) == 0
    assert found.offsets.tolist() == [0]
    assert found.unusable().tolist() == []


@unhurried
@given(st.lists(shown, max_size=8))
def test_an_impression_is_usable_with_a_click_and_a_negative(parts):
    expected = [len({clicked for _, clicked in candidates}) < 2 for _, candidates in parts]
    assert impressions_of(parts).unusable().tolist() == expected


def test_without_labels_no_impression_is_unusable():
    found = indexed([(7, [3], []), (7, [4], [])], {}, labelled=False)
    assert found.labels is None
    assert found.unusable().tolist() == [False, False]
