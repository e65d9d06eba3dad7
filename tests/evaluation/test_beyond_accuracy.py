"""Beyond-accuracy metrics against recorded numbers and slow obvious loops."""

import json
import math
from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from impression_lists import GOLDEN, unhurried

from nrms_torch.errors import InputError
from nrms_torch.evaluation.beyond_accuracy import (
    Coverage,
    coverage,
    index_of_dispersion,
    intralist_diversity,
    novelty,
    serendipity,
)

vectors = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 6), st.just(3)), elements=st.integers(-4, 4)
)


@pytest.fixture(scope="module")
def golden():
    return json.loads((GOLDEN / "metrics.json").read_text())["beyond_accuracy"]


def distance(left, right):
    norms = math.hypot(*left) * math.hypot(*right)
    product_sum = sum(a * b for a, b in zip(left, right, strict=True))
    return 1 - product_sum / norms if norms else 1.0


def test_the_baselines_numbers_are_reproduced(golden):
    candidates, history = golden["candidate_vectors"], golden["history_vectors"]
    covered = coverage(golden["recommendations"], golden["catalog_size"])
    measured = {
        "intralist_diversity": intralist_diversity(candidates),
        "serendipity": serendipity(candidates, history),
        "coverage_count": covered.count,
        "coverage_fraction": covered.fraction,
        "novelty": novelty(golden["popularity"]),
        "index_of_dispersion": index_of_dispersion(golden["dispersion_input"]),
    }
    assert measured == pytest.approx({name: golden[name] for name in measured}, rel=0, abs=1e-9)


@unhurried
@given(vectors)
def test_diversity_is_the_mean_distance_of_all_pairs(articles):
    expected = np.mean([distance(a, b) for a, b in combinations(articles.tolist(), 2)])
    assert intralist_diversity(articles) == pytest.approx(expected, abs=1e-12)


@unhurried
@given(vectors, vectors)
def test_serendipity_is_the_mean_distance_from_the_history(candidates, history):
    pairs = product(candidates.tolist(), history.tolist())
    expected = np.mean([distance(a, b) for a, b in pairs])
    assert serendipity(candidates, history) == pytest.approx(expected, abs=1e-12)


@unhurried
@given(vectors, st.floats(0.1, 10))
def test_distances_do_not_depend_on_the_length_of_vectors(articles, factor):
    assert intralist_diversity(articles * factor) == pytest.approx(intralist_diversity(articles))


def test_the_unknown_article_of_zeros_is_at_distance_one():
    assert serendipity([[0, 0]], [[1, 0], [0, 0]]) == 1


def test_coverage_counts_an_article_once():
    assert coverage([[1, 2], [2, 3]], catalog_size=4) == Coverage(3, 0.75)
    assert coverage(["n1", "n2", "n1"], catalog_size=2) == Coverage(2, 1.0)


def test_coverage_of_no_recommendations_is_nothing():
    assert coverage([], catalog_size=4) == Coverage(0, 0.0)


@unhurried
@given(st.integers(0, 30), st.integers(1, 9))
def test_novelty_of_equally_popular_articles_is_their_information_in_bits(bits, articles):
    assert novelty([2.0**-bits] * articles) == bits


@unhurried
@given(st.lists(st.integers(0, 5), min_size=1))
def test_dispersion_is_the_share_of_mixed_pairs_over_the_most_that_k_categories_allow(items):
    counts = Counter(items)
    k, n = len(counts), len(items)
    mixed = sum(a != b for a, b in product(items, items)) / n**2
    expected = mixed / (1 - 1 / k) if k > 1 else 0
    assert index_of_dispersion(items) == pytest.approx(expected, abs=1e-12)


def test_dispersion_takes_category_names_and_is_one_where_they_are_even():
    assert index_of_dispersion(["sport", "news", "news", "sport"]) == 1


def test_a_mean_over_nothing_is_nan():
    none = np.empty((0, 3))
    assert math.isnan(intralist_diversity([[1.0, 2.0]]))
    assert math.isnan(serendipity(none, [[1.0, 2.0, 3.0]]))
    assert math.isnan(novelty([]))
    assert math.isnan(index_of_dispersion([]))


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda: novelty([0.5, 0.0, 1.5]), r"popularity: 2 of 3 values are not in \(0, 1\]"),
        (lambda: novelty([math.nan]), "popularity: 1 of 1"),
        (lambda: coverage([1, 2, 3], 2), "catalog_size: 2, expected at least the 3"),
        (lambda: coverage([], 0), "catalog_size: 0"),
        (lambda: intralist_diversity([1.0, 2.0]), r"vectors: shape \(2,\)"),
        (lambda: serendipity([[1.0]], [[1.0, 2.0]]), "vectors: widths 1 and 2 differ"),
    ],
)
def test_input_without_a_meaning_is_told_in_one_line(measure, message):
    with pytest.raises(InputError, match=message):
        measure()
