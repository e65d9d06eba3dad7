"""150 real impressions against the baseline's recorded histories, labels and article lookup."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_impressions import split_of

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.sampling import training_rows

GOLDEN = Path(__file__).parents[1] / "golden" / "pipeline.json"


@pytest.fixture(scope="module")
def recorded():
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def table(recorded):
    ids = recorded["known_articles"]
    tokens = [recorded["unknown_row"], *(recorded["article_tokens"][str(id_)] for id_ in ids)]
    return ArticleTable(pl.Series(ids, dtype=pl.Int64), np.array(tokens, dtype=np.int32))


@pytest.fixture(scope="module")
def impressions(recorded, table):
    rows = zip(recorded["user_id"], recorded["inview"], recorded["clicked"], strict=True)
    histories = dict(zip(recorded["user_id"], recorded["history_full"], strict=True))
    return index_impressions(
        split_of(GOLDEN, list(rows), histories), table, recorded["history_size"]
    )


@pytest.fixture(scope="module")
def tokens_of(recorded):
    known = {id_: recorded["article_tokens"][str(id_)] for id_ in recorded["known_articles"]}
    return lambda ids: [known.get(id_, recorded["unknown_row"]) for id_ in ids]


def test_the_recording_has_unknown_articles_and_padded_histories(recorded):
    known = set(recorded["known_articles"])
    shown = {id_ for inview in recorded["inview"] for id_ in inview}
    assert shown - known
    assert any(history[0] == 0 for history in recorded["history"])
    assert any(len(full) > recorded["history_size"] for full in recorded["history_full"])


def test_histories_are_cut_and_padded_as_recorded(recorded, table, impressions):
    row_of = {id_: row for row, id_ in enumerate(recorded["known_articles"], start=1)}
    expected = [[row_of.get(id_, 0) for id_ in history] for history in recorded["history"]]
    np.testing.assert_array_equal(impressions.histories[impressions.history_index], expected)


def test_histories_have_the_recorded_tokens(recorded, table, impressions, tokens_of):
    found = table.features[impressions.histories[impressions.history_index]]
    np.testing.assert_array_equal(found, [tokens_of(history) for history in recorded["history"]])


def test_candidates_have_the_recorded_tokens_in_the_order_shown(
    recorded, table, impressions, tokens_of
):
    found = np.split(table.features[impressions.candidates], impressions.offsets[1:-1])
    assert [part.tolist() for part in found] == [tokens_of(ids) for ids in recorded["inview"]]


def test_labels_are_as_recorded(recorded, impressions):
    found = np.split(impressions.labels.astype(int), impressions.offsets[1:-1])
    assert [part.tolist() for part in found] == recorded["labels"]


def test_impressions_keep_their_ids_and_order(recorded, impressions):
    assert len(impressions) == len(recorded["impression_id"])
    np.testing.assert_array_equal(impressions.impression_ids, np.arange(100, 100 + 150))


def test_unknown_articles_are_those_that_the_recording_does_not_know(recorded, impressions):
    used = {id_ for ids in recorded["history"] + recorded["inview"] for id_ in ids}
    assert impressions.unknown_articles == len(used - set(recorded["known_articles"]) - {0})


def test_every_recorded_click_becomes_a_training_row(recorded, impressions):
    usable = [sum(labels) for labels in recorded["labels"] if 0 < sum(labels) < len(labels)]
    assert len(training_rows(impressions)) == sum(usable)
