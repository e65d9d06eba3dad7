"""The TensorFlow reference's loaders, on the recorded impressions and on made ones."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from nrms_tf_reference.data import (
    ArticleLookup,
    EvaluationLoader,
    Impression,
    TrainingLoader,
    sample_training_rows,
)

PIPELINE = Path(__file__).parents[1] / "golden" / "pipeline.json"


@pytest.fixture(scope="module")
def recorded():
    return json.loads(PIPELINE.read_text())


@pytest.fixture(scope="module")
def known(recorded):
    return {id_: recorded["article_tokens"][str(id_)] for id_ in recorded["known_articles"]}


@pytest.fixture(scope="module")
def lookup(known):
    return ArticleLookup({id_: np.array(tokens) for id_, tokens in known.items()})


@pytest.fixture(scope="module")
def impressions(recorded):
    columns = (recorded[name] for name in ("history_full", "inview", "labels"))
    return [Impression(*row) for row in zip(*columns, strict=True)]


def test_evaluation_repeats_the_recorded_history_for_every_candidate(
    recorded, known, lookup, impressions
):
    loader = EvaluationLoader(impressions, lookup, recorded["history_size"], batch_size=32)
    batches = list(loader)
    assert len(batches) == len(loader) == 5
    history, candidates, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))

    def tokens(id_):
        return known.get(id_, recorded["unknown_row"])

    expected_history, expected_candidates = [], []
    for ids, inview in zip(recorded["history"], recorded["inview"], strict=True):
        expected_history += [[tokens(id_) for id_ in ids]] * len(inview)
        expected_candidates += [[tokens(id_)] for id_ in inview]
    np.testing.assert_array_equal(history, expected_history)
    np.testing.assert_array_equal(candidates, expected_candidates)
    np.testing.assert_array_equal(labels[:, 0], np.concatenate(recorded["labels"]))


def test_training_batches_have_all_candidates_of_a_row(recorded, lookup, impressions):
    rows = sample_training_rows(impressions, npratio=4, seed=0)
    assert len(rows) == sum(map(sum, recorded["labels"]))
    loader = TrainingLoader(rows, lookup, recorded["history_size"], batch_size=32)
    shapes = [(batch.history.shape, batch.candidates.shape, batch.labels.shape) for batch in loader]
    assert shapes[0] == ((32, 20, 4), (32, 5, 4), (32, 5))
    assert sum(shape[2][0] for shape in shapes) == len(rows)
    first = next(iter(loader))
    np.testing.assert_array_equal(first.candidates, lookup([row.candidates for row in rows[:32]]))


def test_a_training_row_is_a_click_and_negatives_of_its_impression_shuffled():
    impression = Impression([7], ["a", "b", "c", "d"], [0, 1, 0, 1])
    rows = sample_training_rows([impression] * 50, npratio=3, seed=0)
    clicks = [row.candidates[list(row.labels).index(1)] for row in rows]
    assert clicks == ["b", "d"] * 50
    assert {sum(row.labels) for row in rows} == {1}
    assert {len(row.candidates) for row in rows} == {4}
    negatives = [set(row.candidates) - {click} for row, click in zip(rows, clicks, strict=True)]
    assert set().union(*negatives) == {"a", "c"}
    assert {"a"} in negatives  # drawn with replacement
    assert {list(row.labels).index(1) for row in rows} == {0, 1, 2, 3}


def test_without_negatives_the_unknown_article_stands_beside_the_click():
    (row,) = sample_training_rows([Impression([], [5], [1])], npratio=2, seed=0)
    assert sorted(row.candidates, key=str) == [5, None, None]


def test_id_0_null_and_ids_without_features_are_the_unknown_article():
    features = {0: np.array([9.0, 9.0]), 5: np.array([1.0, 3.0]), 6: np.array([3.0, 5.0])}
    ids = [[5, 0, None, 77, 6]]
    zeros = ArticleLookup(features)(ids)
    np.testing.assert_array_equal(zeros, [[[1, 3], [0, 0], [0, 0], [0, 0], [3, 5]]])
    mean = ArticleLookup(features, mean_for_unknown=True)(ids)
    np.testing.assert_array_equal(mean, [[[1, 3], [2, 4], [2, 4], [2, 4], [3, 5]]])
