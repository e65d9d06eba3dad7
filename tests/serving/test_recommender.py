"""What a recommender can be asked beside a ranking: neighbours, parts of a score, lists, more."""

import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrms_torch.data.facts import POPULARITY_UNIT
from nrms_torch.data.schema import HISTORY, HISTORY_KEY, IMPRESSION_ID, INVIEW, Split
from nrms_torch.errors import InputError
from nrms_torch.serving import Added, Article, Recommender, scoring
from nrms_torch.serving.bundle import MANIFEST

UNKNOWN, NEW = 17, 19  # no generated article has so small an id


@pytest.fixture(scope="module", params=["baseline", "standard"])
def recommender(exported, request):
    return Recommender(exported("nrms_docvec", request.param)[1])


@pytest.fixture
def own(exported):
    """A recommender that a test may change."""
    return Recommender(exported("nrms_docvec", "standard")[1])


@pytest.fixture(scope="module")
def ids(recommender):
    return [article.article_id for article in recommender.articles()]


def test_a_recommender_is_made_of_a_bundle_its_folder_its_run_or_its_runs_folder(exported):
    run, bundle = exported("nrms_docvec", "standard")

    class Exported:
        def exported(self):
            return bundle

    made = [Recommender(each) for each in (bundle, str(bundle), run, str(run), Exported())]
    made.append(Recommender(made[0].bundle))
    assert made[-1].bundle is made[0].bundle
    assert {each.bundle.folder for each in made} == {bundle}


def test_a_bundle_is_a_bundle_though_a_folder_in_it_is_called_bundle(exported, tmp_path):
    folder = shutil.copytree(exported("nrms_docvec", "standard")[1], tmp_path / "mine")
    (folder / "bundle").mkdir()
    assert Recommender(folder).bundle.folder == folder
    (folder / MANIFEST).unlink()
    with pytest.raises(InputError):
        Recommender(folder)


def test_the_words_of_a_title_are_explained_where_the_model_reads_titles(exported):
    recommender = Recommender(exported("nrms", "standard")[1])
    first, second = recommender.articles()[:2]
    explained = recommender.explain([first.article_id], second.article_id)
    assert explained.word_measure == "contribution"
    for article, part in ((second, explained.title), (first, explained.clicks[0].title)):
        assert part.words
        assert all(word.word in article.title.lower() for word in part.words)
    parts = sum(word.value for word in explained.title.words) + explained.title.padding
    assert parts == pytest.approx(explained.score, abs=1e-4)


def test_a_recommender_says_what_it_is(recommender):
    assert recommender.model is recommender.bundle.manifest
    assert recommender.history_size == recommender.bundle.hyper_parameters.history_size
    assert recommender.integer_ids is True


def test_recommend_is_the_ranking_of_the_whole_table_but_for_what_is_excluded(recommender, ids):
    whole = recommender.rank(ids[:3])
    assert recommender.recommend(ids[:3]).article_ids == whole.article_ids[:10]
    without = whole.article_ids[0], whole.article_ids[2], UNKNOWN
    expected = [article_id for article_id in whole.article_ids if article_id not in without]
    found = recommender.recommend(ids[:3], k=4, exclude=without)
    assert found.article_ids == expected[:4]
    assert found.unknown_clicks == found.unknown_candidates == []
    mixed = recommender.recommend(ids[:3], 6, diversity=0.9)
    assert mixed.article_ids == recommender.rank(ids[:3], k=6, diversity=0.9).article_ids
    assert mixed.article_ids != whole.article_ids[:6]
    with pytest.raises(InputError, match=r"^exclude: expected an integer"):
        recommender.recommend(ids[:3], exclude=["N1"])


def test_given_candidates_leave_nothing_to_exclude(recommender, ids):
    with pytest.raises(InputError, match="exclude: leave them out of the candidates"):
        recommender.rank(ids[:3], ids[:6], exclude=ids[:2])


def test_diversity_without_candidates_gives_nothing(recommender, ids):
    assert recommender.rank(ids[:3], [], k=2, diversity=0.5).article_ids == []
    assert len(recommender.rank(ids[:3], ids[:4], k=1, diversity=1)) == 1


def test_similar_articles_are_the_nearest_by_cosine(recommender, ids):
    vectors = recommender.bundle.vectors[1:].astype(np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units[7]
    nearest = [place for place in np.argsort(-cosines) if place != 7]
    ranking = recommender.similar(ids[7], k=12)
    np.testing.assert_allclose(ranking.scores, cosines[nearest[:12]], atol=1e-5)
    assert ids[7] not in ranking.article_ids
    assert (ranking.probabilities, ranking.unknown_clicks, ranking.unknown_candidates) == (
        None,
        [],
        [],
    )
    assert len(recommender.similar(ids[7])) == 10
    assert len(recommender.similar(ids[7], k=1)) == 1
    assert len(recommender.similar(ids[7], k=10**6)) == len(ids) - 1


def test_an_article_of_no_length_is_like_nothing(own):
    ids = [article.article_id for article in own.articles()]
    now = own._store.snapshot
    own._store.put([Article(article_id=NEW)], np.zeros((1, now.vectors.shape[1])), None)
    assert own.similar(NEW, k=3).scores.tolist() == [0, 0, 0]
    ranking = own.similar(ids[0], k=len(ids))
    assert ranking.scores[ranking.article_ids.index(NEW)] == 0


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda r: r.similar(UNKNOWN), "article_id: 17 is no known article; add it first"),
        (lambda r: r.similar("N1"), "article_id: expected an integer as article id, found 'N1'"),
        (lambda r: r.similar(9000005, 0), "k: expected an integer of at least 1, found 0"),
        (lambda r: r.explain([], UNKNOWN), "candidate: 17 is no known article; add it first"),
        (lambda r: r.explain([], "N1"), "candidate: expected an integer as article id"),
        (lambda r: r.explain(["N1"], 9000005), "history: expected an integer as article id"),
        (lambda r: r.rank([], k=1, diversity=2), "diversity: expected a number from 0 to 1, found"),
        (
            lambda r: r.rank([], diversity=0.5),
            "diversity: expected k with it, how many articles to choose",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(recommender, ask, told):
    with pytest.raises(InputError) as refused:
        ask(recommender)
    assert str(refused.value).startswith(told)


def test_the_ends_of_diversity_are_allowed(recommender, ids):
    best = recommender.rank(ids[:3], k=1)
    for diversity in (0, 1, 1.0):
        found = recommender.rank(ids[:3], k=1, diversity=diversity)
        assert found.article_ids == best.article_ids


@pytest.mark.parametrize("value", [np.inf, np.nan, -np.inf, 3e38])
def test_a_row_that_overflows_costs_no_other_its_place(own, ids, value):
    history, candidates = ids[:5], ids[5:40]
    expected = own.rank(history), own.rank(history, candidates)
    varied = own.rank(history, k=9, diversity=0.5).article_ids
    own._store.put([Article(article_id=NEW)], row_of(own, value), None)
    found = own.rank(history), own.rank(history, [NEW, *candidates])
    for before, after in zip(expected, found, strict=True):
        assert [each for each in after.article_ids if each != NEW] == before.article_ids
        assert np.isfinite(after.scores).all()
    if not np.isfinite(value):
        assert own.rank(history, k=9, diversity=0.5).article_ids == varied
        assert found[1].unknown_candidates == [NEW]
        with pytest.raises(InputError, match=r"^history: not finite"):
            own.rank([NEW])
    own._store.put([Article(article_id=NEW)], row_of(own, 1.0), None)
    assert NEW in own.rank(history).article_ids, "it heals"
    assert own.rank([NEW]).article_ids


def row_of(recommender, value):
    return np.full((1, recommender._store.snapshot.vectors.shape[1]), value, dtype=np.float32)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(exponents=st.lists(st.floats(-38, 8), min_size=4, max_size=4), signs=st.integers(0, 2**32))
def test_what_is_let_in_can_be_ranked_with_all_that_is_let_in(exported, exponents, signs):
    """A vector's numbers are bounded so that no product of two that are let in overflows."""
    recommender = Recommender(exported("nrms_docvec", "baseline")[1])
    rng = np.random.default_rng(signs)
    width = recommender.bundle.feature_size
    articles = [
        Article(article_id=NEW + n, vector=10**exponent * rng.choice([-1.0, 1.0], width))
        for n, exponent in enumerate(exponents)
    ]
    recommender.add_articles(articles)
    new = [article.article_id for article in articles]
    for history in ([], new, *([each] for each in new)):
        found = recommender.rank(history, new, k=4)
        assert len(found) == 4
        assert np.isfinite(found.scores).all()
        assert len(recommender.rank(history)) >= len(recommender) - len(history)


@pytest.mark.parametrize("length", [0, 1, 5, 80])
def test_the_parts_of_a_score_add_up_to_it(recommender, ids, length):
    history, candidate = [*ids[20 : 20 + length], *([UNKNOWN] if length == 5 else [])], ids[3]
    explained = recommender.explain(history, candidate)
    (score,) = recommender.rank(history, [candidate]).scores.tolist()
    assert explained.article_id == candidate
    assert explained.score == score
    counted = history[-recommender.history_size :]
    assert [click.article_id for click in explained.clicks] == counted
    assert [click.known for click in explained.clicks] == [i != UNKNOWN for i in counted]
    parts = sum(click.contribution for click in explained.clicks)
    assert parts + explained.padding + explained.common == pytest.approx(score, abs=1e-4)


def test_titles_are_searched_whatever_their_case(recommender):
    articles = recommender.articles()
    word = articles[4].title.split()[0]
    expected = [each for each in articles if word.casefold() in each.title.casefold()]
    for text in (word.upper(), word.lower()):
        assert recommender.find_articles(text, 0, 10**6) == (expected, len(expected))
    assert recommender.find_articles(word, 1, 2) == (expected[1:3], len(expected))
    assert recommender.find_articles("", 2, 3) == (articles[2:5], len(articles))
    assert recommender.find_articles("no such word", 0, 9) == ([], 0)


def test_sample_readers_show_what_they_clicked(recommender):
    readers = recommender.sample_readers()
    assert [[click.article_id for click in reader] for reader in readers] == (
        recommender.bundle.readers.to_list()
    )
    clicks = [click for reader in readers for click in reader]
    known = [recommender.article(click.article_id) for click in clicks]
    assert [each or click for each, click in zip(known, clicks, strict=True)] == clicks
    assert any(click.title for click in clicks)


def test_a_ranking_shows_as_a_table(recommender, ids):
    ranking = recommender.rank(ids[:3], k=4)
    table = ranking.table
    assert table["article_id"].to_list() == ranking.article_ids
    assert table["score"].to_list() == ranking.scores.tolist()
    shown = [recommender.article(article_id) for article_id in ranking.article_ids]
    assert table["title"].to_list() == [article.title for article in shown]
    assert table["category"].to_list() == [article.category for article in shown]
    assert ("chance" in table.columns) == (ranking.probabilities is not None)
    assert len(ranking) == 4
    for text in (str(ranking), ranking._repr_html_()):
        assert all(str(article_id) in text for article_id in ranking.article_ids)


def test_one_call_scores_many_impressions_as_many_calls_do(recommender, ids, monkeypatch):
    """Histories and pairs go in parts, which must neither overlap nor leave a gap."""
    lengths = [4, 1, 6, 2, 5]
    split = Split(
        folder=None,
        impressions=pl.LazyFrame(
            {
                IMPRESSION_ID: range(5),
                HISTORY_KEY: [3, 1, 2, 1, 0],
                INVIEW: [ids[5 * n : 5 * n + length] for n, length in enumerate(lengths)],
            }
        ),
        histories=pl.LazyFrame(
            {HISTORY_KEY: [0, 1, 2, 3], HISTORY: [ids[n + 30 : 2 * n + 31] for n in range(4)]}
        ),
        labelled=False,
    )
    whole = recommender.score_impressions(split)
    assert (whole.scores.dtype, whole.scores.shape) == (np.float32, (18,))
    monkeypatch.setattr(scoring, "_HISTORIES_PER_RUN", 3)
    monkeypatch.setattr(scoring, "_PAIRS_PER_SUM", 4)
    parts = recommender.score_impressions(split)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=0, atol=1e-5)
    assert parts.ranks.tolist() == whole.ranks.tolist()
    for n, (key, scores) in enumerate(
        zip([3, 1, 2, 1, 0], np.split(whole.scores, np.cumsum(lengths)[:-1]), strict=True)
    ):
        for candidate, score in zip(ids[5 * n : 5 * n + lengths[n]], scores, strict=True):
            (single,) = recommender.rank(ids[key + 30 : 2 * key + 31], [candidate]).scores
            assert score == pytest.approx(single, abs=1e-5)


def test_an_update_keeps_the_popularity_and_a_new_article_has_none(own):
    """Of what the standard model reads of an article, its popularity is the last number."""
    ids = [article.article_id for article in own.articles()]
    popularity = own._store.snapshot.vectors[1:, -1]
    place = int(popularity.argmax())
    assert popularity[place] >= POPULARITY_UNIT / 2, "somebody clicked it"
    history, shown = ids[:3], own.article(ids[place])
    (before,) = own.rank(history, [ids[place]]).scores.tolist()
    width = own.bundle.features.shape[1] - 2  # behind the vector stand the facts
    vector = own.bundle.features[place + 1, :width]
    again = Article(article_id=ids[place], title="new", category=shown.category, vector=vector)
    new = Article(article_id=NEW, title="new", category=shown.category, vector=vector)
    assert own.add_articles([new, again]) == Added(1, 1, 0)
    (after,) = own.rank(history, [ids[place]]).scores.tolist()
    assert after == pytest.approx(before, abs=1e-5)
    assert own._store.snapshot.vectors[own._store.snapshot.row_of[NEW], -1] == 0
    assert own.article(ids[place]).title == "new"
    assert len(own) == len(ids) + 1 == len(own.articles())


def test_nothing_is_added_where_there_is_nothing_or_something_wrong(own):
    before = len(own)
    assert own.add_articles([]) == Added(0, 0, 0)
    width = own.bundle.features.shape[1] - 2
    sound = Article(article_id=NEW, vector=np.zeros(width))
    for wrong, told in (
        (Article(article_id="N1", vector=np.zeros(width)), r"^articles\[1\]\.article_id: "),
        (Article(article_id=NEW + 1), r"^articles\[1\]\.vector: missing"),
    ):
        with pytest.raises(InputError, match=told):
            own.add_articles([sound, wrong])
    assert len(own) == before
    assert own.article(NEW) is None
