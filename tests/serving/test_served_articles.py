"""Articles that arrive while readers are served."""

import threading

import numpy as np
import polars as pl
import pytest

from nrms_torch.data import ebnerd
from nrms_torch.errors import InputError
from nrms_torch.serving import Added, Article, Recommender, articles
from nrms_torch.serving.articles import ArticleStore, FullError

NEW = 17


@pytest.fixture
def by_vectors(exported):
    return Recommender(exported("nrms_docvec")[1])


@pytest.fixture
def by_titles(exported):
    return Recommender(exported("nrms")[1])


def some_ids(recommender, number=10):
    return [article.article_id for article in recommender.articles()[:number]]


def test_an_added_vector_is_ranked_as_the_article_that_has_it(by_vectors):
    ids = some_ids(by_vectors)
    vector = by_vectors.bundle.features[1]
    assert by_vectors.add_articles([Article(article_id=NEW, vector=vector)]) == Added(1, 0, 0)
    ranking = by_vectors.rank(ids[4:], [ids[0], NEW])
    assert ranking.article_ids == [NEW, ids[0]], "of equals the later is first"
    np.testing.assert_allclose(*ranking.scores, rtol=0, atol=1e-6)
    assert NEW in by_vectors.rank(ids).article_ids
    as_click = by_vectors.rank([NEW], ids[4:]).scores
    np.testing.assert_allclose(as_click, by_vectors.rank([ids[0]], ids[4:]).scores, atol=1e-5)


def test_an_added_title_is_ranked_as_the_article_that_has_it(by_titles):
    first = by_titles.articles()[0]
    added = by_titles.add_articles([Article(article_id=NEW, title=first.title, category="new")])
    assert added == Added(1, 0, 0)
    scores = by_titles.rank(some_ids(by_titles), [first.article_id, NEW]).scores
    np.testing.assert_allclose(*scores, rtol=0, atol=1e-6)
    assert by_titles.article(NEW).category == "new"


def test_an_update_takes_the_place_of_what_was_there(by_titles):
    one, other = by_titles.articles()[:2]
    before = len(by_titles)
    changed = Article(article_id=one.article_id, title=other.title)
    assert by_titles.add_articles([changed]) == Added(0, 1, 0)
    assert len(by_titles) == before == len(by_titles.articles())
    assert by_titles.article(one.article_id).title == other.title
    scores = by_titles.rank([], [one.article_id, other.article_id]).scores
    np.testing.assert_allclose(*scores, rtol=0, atol=1e-6)
    assert len(by_titles.rank([])) == before, "the whole table has each article once"


def test_batch_scores_follow_updates(by_vectors, demo_folder):
    split = ebnerd.read_split(demo_folder, "test")
    before = by_vectors.score_impressions(split)
    vector = np.zeros(by_vectors.bundle.features.shape[1])
    candidate = int(split.impressions.head(1).collect()["inview"].explode()[0])
    by_vectors.add_articles([Article(article_id=candidate, vector=vector)])
    after = by_vectors.score_impressions(split)
    assert before.scores[0] != after.scores[0]
    assert after.impressions.unknown_articles == before.impressions.unknown_articles


@pytest.mark.parametrize(
    ("article", "told"),
    [
        (Article(article_id="N1", title="a"), r"articles\[1\].article_id: expected an integer"),
        (Article(article_id=True, title="a"), "expected an integer"),
        (Article(article_id=0, title="a"), "0 pads histories"),
        (Article(article_id=2**63, title="a"), "64 bits"),
        (Article(article_id=NEW), r"articles\[1\]: no text; this model reads title"),
        (Article(article_id=NEW, title=" \n"), "no text"),
        (Article(article_id=NEW, title="a", vector=[1.0]), "reads titles, not vectors"),
    ],
)
def test_a_wrong_title_adds_nothing(by_titles, article, told):
    before = len(by_titles)
    with pytest.raises(InputError, match=told):
        by_titles.add_articles([Article(article_id=18, title="sound"), article])
    assert len(by_titles) == before
    assert by_titles.article(18) is None


@pytest.mark.parametrize(
    ("vector", "told"),
    [
        (None, "missing; this model reads document vectors"),
        ([1.0, 2.0], r"expected 64 numbers, found the shape \(2,\)"),
        ([[1.0] * 64], "found the shape"),
        (["a"] * 64, "expected 64 numbers"),
        ([1.0] * 63 + [float("nan")], "finite"),
        ([1e300] * 64, "finite"),
        ([[1.0], [1.0, 2.0]], "expected 64 numbers"),
    ],
)
def test_a_wrong_vector_adds_nothing(by_vectors, vector, told):
    with pytest.raises(InputError, match=told):
        by_vectors.add_articles([Article(article_id=NEW, vector=vector)])
    assert by_vectors.article(NEW) is None


def test_nothing_to_add_is_no_mistake(by_titles):
    assert by_titles.add_articles([]) == Added(0, 0, 0)


def store_of(number, ids=None):
    frame = pl.DataFrame(
        {
            "article_id": ids or list(range(1, number + 1)),
            "title": [f"title {row}" for row in range(number)],
            "category": [None] * number,
        },
        schema_overrides={"category": pl.String},
    )
    vectors = np.repeat(np.arange(number + 1, dtype=np.float32)[:, None], 8, axis=1)
    return ArticleStore(frame, vectors, None)


def vectors(*values):
    return np.repeat(np.array(values, dtype=np.float32)[:, None], 8, axis=1)


def test_a_store_grows_and_forgets_what_was_replaced():
    store = store_of(3)
    rng = np.random.default_rng(0)
    newest = {1: 1.0, 2: 2.0, 3: 3.0}
    for step in range(60):
        chosen = rng.integers(1, 20, rng.integers(1, 5)).tolist()
        values = [float(100 * step + place) for place in range(len(chosen))]
        anew = store.put([Article(article_id=i) for i in chosen], vectors(*values), None)
        assert anew == len(set(chosen) - newest.keys())
        newest |= dict(zip(chosen, values, strict=True))
        now = store.snapshot
        assert {i: now.vectors[row, 0] for i, row in now.row_of.items()} == newest
        assert sorted(now.ids[row] for row in now.current_rows()) == sorted(newest)
        table = now.table()
        assert dict(zip(table.ids, table.features[1:, 0], strict=True)) == newest
        assert not table.features[0].any(), "row 0 stays the unknown article"
    assert len(store.snapshot.vectors) < 100, "replaced rows are given back"


def test_readers_see_whole_vectors_and_each_article_once_while_writers_write():
    store = store_of(50)
    stop, broken = threading.Event(), []

    def read():
        rng = np.random.default_rng(threading.get_ident() % 2**32)
        while not stop.is_set():
            now = store.snapshot
            rows = [now.row_of[i] for i in rng.integers(1, 51, 20).tolist()]
            found = now.vectors[rows]
            if (found != found[:, :1]).any():
                broken.append("a vector half written")
            listed = [now.ids[row] for row in now.current_rows()]
            if len(set(listed)) != len(listed) or not set(range(1, 51)) <= set(listed):
                broken.append("an article twice, or none")

    def write(number):
        for step in range(300):
            # Each writer updates its own articles, and adds one.
            chosen = [number * 10 + 1 + step % 10, 1000 * (number + 1) + step]
            store.put([Article(article_id=i) for i in chosen], vectors(step, step), None)

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not broken
    now = store.snapshot
    assert len(now.current_rows()) == 50 + 4 * 300, "no writer's article is lost"
    assert now.vectors[now.row_of[1], 0] == 290


def test_rankings_stay_sound_while_articles_arrive(by_vectors):
    ids = some_ids(by_vectors, 60)
    expected = by_vectors.rank(ids[:20], ids[20:])
    failures = []

    def read():
        for _ in range(100):
            ranking = by_vectors.rank(ids[:20], ids[20:])
            if ranking.article_ids != expected.article_ids:
                failures.append(ranking)
            if len(by_vectors.rank(ids[:20])) < 1_500:
                failures.append("articles are lost")

    def write():
        features = by_vectors.bundle.features
        for step in range(60):
            by_vectors.add_articles(
                [
                    Article(article_id=10 + step, vector=features[step + 1]),
                    # Updated to what it was: no ranking may change.
                    Article(article_id=ids[step % 60], vector=features[step % 60 + 1]),
                ]
            )

    threads = [threading.Thread(target=read) for _ in range(2)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(by_vectors) == 1_549 + 60


def test_a_ranking_sees_one_state_of_the_table_from_end_to_end(by_vectors, monkeypatch):
    """What its history holds is left out, though it is written again while the ranking is made."""
    ids = some_ids(by_vectors, 30)
    history, features = ids[:5], by_vectors.bundle.features
    table = articles.Snapshot.rows

    def update():
        by_vectors.add_articles(
            [Article(article_id=each, vector=features[n + 1]) for n, each in enumerate(history)]
        )

    def rows_after_an_update(now, wanted):
        update()
        return table(now, wanted)

    monkeypatch.setattr(articles.Snapshot, "rows", rows_after_an_update)
    ranking = by_vectors.rank(history)
    assert not set(history) & set(ranking.article_ids)
    assert len(ranking) == len(by_vectors) - len(history)
    assert ranking.unknown_clicks == []


def test_an_article_that_comes_later_is_unknown_to_an_earlier_snapshot():
    store = store_of(3)
    before = store.snapshot
    store.put([Article(article_id=i) for i in (2, 9)], vectors(20, 90), None)
    between = store.snapshot
    store.put([Article(article_id=2)], vectors(200), None)
    for now, second, ninth in ((before, 2.0, 0.0), (between, 20.0, 90.0)):
        assert now.vectors[now.row(2), 0] == second
        assert now.vectors[now.rows([9, 2])].T[0].tolist() == [ninth, second]


def test_what_may_be_added_is_bounded_and_updates_are_not():
    frame = pl.DataFrame({"article_id": [1], "title": ["a"], "category": ["b"]})
    store = ArticleStore(frame, vectors(0, 1), None, max_added=2)
    store.put([Article(article_id=i) for i in (1, 2, 3, 3)], vectors(1, 2, 3, 4), None)
    assert store.added == 2
    with pytest.raises(FullError, match="2 were added already, and 1 more"):
        store.put([Article(article_id=i) for i in (1, 4)], vectors(7, 8), None)
    assert store.snapshot.vectors[store.snapshot.row(1), 0] == 1, "all or none"
    for step in range(1_000):
        store.put([Article(article_id=2, title="x" * 5_000)], vectors(step), None)
    assert len(store.snapshot.vectors) < 20
    assert max(map(len, store.snapshot.titles)) == 1_000
