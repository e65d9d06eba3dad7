"""Ranking by the engine: unknown ids, ties, padding, the whole table, and mistakes."""

import json
import shutil
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.data.schema import HISTORY, HISTORY_KEY, IMPRESSION_ID, INVIEW, Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation.beyond_accuracy import intralist_diversity
from nrms_torch.serving import Article, Recommender
from nrms_torch.serving.bundle import MANIFEST, seal

UNKNOWN = 17  # no generated article has so small an id


@pytest.fixture(scope="module", params=["baseline", "standard"])
def recommender(exported, request):
    return Recommender(exported("nrms_docvec", request.param)[1])


@pytest.fixture(scope="module")
def ids(recommender):
    return [article.article_id for article in recommender.articles()]


def test_without_k_every_candidate_is_ranked_and_with_k_the_best(recommender, ids):
    everything = recommender.rank(ids[:5], ids[5:40])
    assert sorted(everything.article_ids) == sorted(ids[5:40])
    assert (np.diff(everything.scores) <= 0).all()
    assert everything.scores.dtype == np.float32
    for k in (1, 10, 35, 99):
        shown = recommender.rank(ids[:5], ids[5:40], k=k)
        assert shown.article_ids == everything.article_ids[:k]
        np.testing.assert_array_equal(shown.scores, everything.scores[:k])


def test_an_unknown_candidate_is_told_and_not_ranked(recommender, ids):
    ranking = recommender.rank(ids[:2], [UNKNOWN, ids[7], UNKNOWN, 0, ids[8]])
    assert sorted(ranking.article_ids) == sorted(ids[7:9])
    assert ranking.unknown_candidates == [UNKNOWN, 0]
    assert ranking.unknown_clicks == []
    np.testing.assert_array_equal(
        ranking.scores, recommender.rank(ids[:2], [ids[7], ids[8]]).scores
    )


def test_an_unknown_click_is_told_and_takes_part_as_the_unknown_article(recommender, ids):
    ranking = recommender.rank([UNKNOWN, ids[1]], ids[5:9])
    assert ranking.unknown_clicks == [UNKNOWN]
    # Padding is the unknown article too, so that a click on it changes nothing but places.
    padded = recommender.rank([0, ids[1]], ids[5:9])
    assert padded.unknown_clicks == []
    np.testing.assert_array_equal(ranking.scores, padded.scores)


def test_of_a_long_history_the_last_clicks_count(recommender, ids):
    last = ids[100 : 100 + recommender.history_size]
    expected = recommender.rank(last, ids[:50])
    longer = recommender.rank([UNKNOWN, *ids[50:90], *last], ids[:50])
    assert longer.article_ids == expected.article_ids
    assert longer.unknown_clicks == [], "clicks that do not count are not told"


def test_a_reader_without_clicks_is_ranked_for(recommender, ids):
    assert len(recommender.rank([], ids[:9])) == 9


def test_no_candidates_give_no_ranking(recommender, ids):
    for candidates in ([], [UNKNOWN]):
        ranking = recommender.rank(ids[:3], candidates, k=5)
        assert (ranking.article_ids, ranking.scores.shape) == ([], (0,))


def test_the_whole_table_is_ranked_but_for_what_was_read(recommender, ids):
    history = ids[3:30]  # longer than the model looks back
    whole = recommender.rank(history)
    assert sorted(whole.article_ids) == sorted(set(ids) - set(history))
    as_candidates = recommender.rank(history, [i for i in ids if i not in history])
    assert whole.article_ids == as_candidates.article_ids
    np.testing.assert_array_equal(whole.scores, as_candidates.scores)
    assert recommender.rank(history, k=4).article_ids == whole.article_ids[:4]


def test_any_sequence_of_ids_will_do(recommender, ids):
    expected = recommender.rank(ids[:4], ids[4:9]).article_ids
    arrays = recommender.rank(np.array(ids[:4]), np.array(ids[4:9]))
    assert arrays.article_ids == expected
    assert recommender.rank(tuple(ids[:4]), tuple(ids[4:9])).article_ids == expected


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_equal_scores_rank_the_later_first_among_unknown_and_repeated(recommender, ids, data):
    few = st.lists(st.sampled_from([*ids[:6], UNKNOWN, 18]), max_size=20)
    history, candidates, k = data.draw(few), data.draw(few), data.draw(st.integers(1, 25))
    ranking = recommender.rank(history, candidates, k)
    known = [candidate for candidate in candidates if candidate in ids[:6]]
    score = {i: recommender.rank(history, [i]).scores[0] for i in set(known)}
    order = sorted(range(len(known)), key=lambda place: (score[known[place]], place), reverse=True)
    assert ranking.article_ids == [known[place] for place in order][:k]
    assert ranking.scores.tolist() == [score[i] for i in ranking.article_ids], "to the last bit"
    assert Counter(ranking.unknown_candidates) == Counter(set(candidates) & {UNKNOWN, 18})
    assert Counter(ranking.unknown_clicks) == Counter(set(history[-20:]) & {UNKNOWN, 18})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((["N1"], [1]), "history: expected an integer as article id, found 'N1'"),
        (([1], [None]), "candidates: expected an integer as article id, found None"),
        (([1], [True]), "found True"),
        (([1], [[1]]), "candidates: expected article ids"),
        (("123", [1]), "found '1'"),
        (([1], [1], 0), "k: expected an integer of at least 1, found 0"),
        (([1], [1], 2.5), "k: expected"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(recommender, arguments, told):
    with pytest.raises(InputError, match=r"^[^\n]*$") as refused:
        recommender.rank(*arguments)
    assert told in str(refused.value)


def test_impressions_need_no_labels_and_count_what_is_unknown(recommender, ids):
    split = Split(
        folder=None,
        impressions=pl.LazyFrame(
            {
                IMPRESSION_ID: [1, 2],
                HISTORY_KEY: [5, None],
                INVIEW: [[ids[0], UNKNOWN, ids[1]], [ids[2], ids[2]]],
            }
        ),
        histories=pl.LazyFrame({HISTORY_KEY: [5], HISTORY: [[ids[9], 18]]}),
        labelled=False,
    )
    found = recommender.score_impressions(split)
    assert found.impressions.unknown_articles == 2
    assert found.ranks[3:].tolist() == [2, 1], "of equals the later is first"
    single = recommender.rank([ids[9], 18], [ids[0], ids[1]])
    assert sorted(single.scores.tolist()) == pytest.approx(sorted(found.scores[[0, 2]]), abs=1e-6)
    assert sorted(found.ranks[:3]) == [1, 2, 3], "the unknown candidate is ranked as in evaluation"


def test_threads_inside_a_call_change_no_rank(exported, ids):
    bundle = exported("nrms_docvec")[1]
    one, two = (Recommender(bundle, threads=threads).rank(ids[:9], ids) for threads in (1, 2))
    assert one.article_ids == two.article_ids
    with pytest.raises(InputError, match="threads"):
        Recommender(bundle, threads=0)


def test_articles_are_shown_with_title_and_category(recommender, ids):
    article = recommender.article(ids[0])
    assert isinstance(article, Article)
    assert article.title
    assert article.category
    assert recommender.article(UNKNOWN) is None
    assert len(recommender) == len(ids) == len(recommender.articles())


def test_more_diversity_gives_articles_that_are_less_alike_and_the_best_first(recommender, ids):
    candidates, vectors = ids[20:400], recommender.bundle.vectors
    row_of = {article_id: row for row, article_id in enumerate(ids, start=1)}
    plain = recommender.rank(ids[:5], candidates, k=6)
    assert recommender.rank(ids[:5], candidates, k=6, diversity=0).article_ids == plain.article_ids
    mixed = [
        recommender.rank(ids[:5], candidates, k=6, diversity=diversity)
        for diversity in (0.3, 0.6, 0.9)
    ]
    every = recommender.rank(ids[:5], candidates)
    score_of = dict(zip(every.article_ids, every.scores, strict=True))
    for ranking in mixed:
        assert ranking.article_ids[0] == plain.article_ids[0]
        assert len(set(ranking.article_ids)) == 6
        expected = [score_of[article_id] for article_id in ranking.article_ids]
        np.testing.assert_array_equal(ranking.scores, np.array(expected))
    spreads = [
        intralist_diversity(vectors[[row_of[article_id] for article_id in ranking.article_ids]])
        for ranking in (plain, *mixed)
    ]
    assert spreads[0] < spreads[-1]
    assert (np.diff(spreads) > -1e-9).all()


@pytest.mark.parametrize(
    ("diversity", "k", "message"),
    [(-0.1, 3, "diversity"), (1.5, 3, "from 0 to 1"), ("much", 3, "diversity"), (0.5, None, "k")],
)
def test_a_diversity_that_means_nothing_is_told(recommender, ids, diversity, k, message):
    with pytest.raises(InputError, match=message):
        recommender.rank(ids[:2], k=k, diversity=diversity)


def test_scores_are_probabilities_where_the_run_was_calibrated(exported, tmp_path, ids):
    bundle = tmp_path / "bundle"
    shutil.copytree(exported("nrms_docvec")[1], bundle)
    assert Recommender(bundle).rank(ids[:2], k=3).probabilities is None
    content = json.loads((bundle / MANIFEST).read_text())
    content = {name: content[name] for name in content if name not in ("files", "digest")}
    seal(bundle, content | {"calibration": {"slope": 0.5, "intercept": -2.0}})
    ranking = Recommender(bundle).rank(ids[:2], k=3)
    expected = 1 / (1 + np.exp(-(0.5 * ranking.scores.astype(float) - 2)))
    np.testing.assert_allclose(ranking.probabilities, expected, atol=1e-12)
