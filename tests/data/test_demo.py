import itertools
import json
from pathlib import Path

import polars as pl
import pytest

from nrms_torch.data.demo.generate import generate

REAL = Path(__file__).parents[3] / "shared" / "data" / "ebnerd_demo"
SPLITS = ("train", "validation", "test")
HISTORY_LISTS = (
    "impression_time_fixed",
    "scroll_percentage_fixed",
    "article_id_fixed",
    "read_time_fixed",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated") / "demo"
    generate(folder)
    return folder


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth.json").read_text())


def behaviors(folder, split):
    return pl.read_parquet(folder / split / "behaviors.parquet")


def histories(folder, split):
    return pl.read_parquet(folder / split / "history.parquet")


@pytest.mark.parametrize("split", SPLITS)
def test_behaviors_and_histories_have_the_official_columns_and_types(folder, split):
    assert dict(behaviors(folder, split).schema) == {
        "impression_id": pl.UInt32,
        "article_id": pl.Int32,
        "impression_time": pl.Datetime("us"),
        "read_time": pl.Float32,
        "scroll_percentage": pl.Float32,
        "device_type": pl.Int8,
        "article_ids_inview": pl.List(pl.Int32),
        "article_ids_clicked": pl.List(pl.Int32),
        "user_id": pl.UInt32,
        "is_sso_user": pl.Boolean,
        "gender": pl.Int8,
        "postcode": pl.Int8,
        "age": pl.Int8,
        "is_subscriber": pl.Boolean,
        "session_id": pl.UInt32,
        "next_read_time": pl.Float32,
        "next_scroll_percentage": pl.Float32,
    }
    assert dict(histories(folder, split).schema) == {
        "user_id": pl.UInt32,
        "impression_time_fixed": pl.List(pl.Datetime("us")),
        "scroll_percentage_fixed": pl.List(pl.Float32),
        "article_id_fixed": pl.List(pl.Int32),
        "read_time_fixed": pl.List(pl.Float32),
    }


@pytest.mark.skipif(not REAL.exists(), reason="needs the real EB-NeRD demo set in ../shared")
@pytest.mark.parametrize("file", ["behaviors.parquet", "history.parquet"])
def test_columns_are_in_the_order_of_the_real_files(folder, file):
    real = pl.read_parquet_schema(REAL / "train" / file)
    assert list(pl.read_parquet_schema(folder / "train" / file).items()) == list(real.items())


def test_articles_have_the_official_columns_and_types(folder):
    assert dict(pl.read_parquet_schema(folder / "articles.parquet")) == {
        "article_id": pl.Int32,
        "title": pl.String,
        "subtitle": pl.String,
        "last_modified_time": pl.Datetime("us"),
        "premium": pl.Boolean,
        "body": pl.String,
        "published_time": pl.Datetime("us"),
        "image_ids": pl.List(pl.Int64),
        "article_type": pl.String,
        "url": pl.String,
        "ner_clusters": pl.List(pl.String),
        "entity_groups": pl.List(pl.String),
        "topics": pl.List(pl.String),
        "category": pl.Int16,
        "subcategory": pl.List(pl.Int16),
        "category_str": pl.String,
        "total_inviews": pl.Int32,
        "total_pageviews": pl.Int32,
        "total_read_time": pl.Float32,
        "sentiment_score": pl.Float32,
        "sentiment_label": pl.String,
    }


def test_every_article_has_its_own_id_a_title_and_a_vector(folder):
    articles = pl.read_parquet(folder / "articles.parquet")
    vectors = pl.read_parquet(folder / "document_vectors.parquet")
    assert articles["article_id"].is_unique().all()
    assert articles["title"].str.split(" ").list.len().is_between(6, 10).all()
    assert vectors["article_id"].equals(articles["article_id"])
    assert vectors.schema["document_vector"] == pl.List(pl.Float32)
    assert (vectors["document_vector"].list.len() == 64).all()


@pytest.mark.parametrize("split", SPLITS)
def test_clicks_are_in_view_and_candidates_differ(folder, split):
    table = behaviors(folder, split)
    inview, clicked = table["article_ids_inview"], table["article_ids_clicked"]
    assert (inview.list.len() == inview.list.n_unique()).all()
    assert (clicked.list.set_intersection(inview).list.len() == clicked.list.len()).all()
    assert clicked.list.len().is_between(1, 2).all()
    assert inview.list.len().is_between(5, 100).all()


@pytest.mark.parametrize("split", SPLITS)
def test_articles_are_published_before_they_are_shown_or_read(folder, split):
    articles = pl.read_parquet(
        folder / "articles.parquet", columns=["article_id", "published_time"]
    )
    shown = behaviors(folder, split).select("impression_time", article_id="article_ids_inview")
    read = histories(folder, split).select(
        impression_time="impression_time_fixed", article_id="article_id_fixed"
    )
    for times in (shown.explode("article_id"), read.explode("impression_time", "article_id")):
        known = times.join(articles, on="article_id")
        assert known.height == times.height
        assert (known["published_time"] < known["impression_time"]).all()


@pytest.mark.parametrize("split", SPLITS)
def test_histories_are_in_order_and_end_before_the_first_impression(folder, split):
    table, past = behaviors(folder, split), histories(folder, split)
    assert past["user_id"].is_unique().all()
    assert table["user_id"].is_in(past["user_id"].implode()).all()
    lengths = past["article_id_fixed"].list.len()
    assert lengths.is_between(5, 700).all()
    assert all((past[name].list.len() == lengths).all() for name in HISTORY_LISTS)
    clicks = past["impression_time_fixed"]
    assert (clicks.list.sort() == clicks).all()
    assert clicks.list.last().max() <= table["impression_time"].min()


def test_a_split_follows_a_week_after_the_other_with_readers_and_articles_old_and_new(folder):
    tables = {split: behaviors(folder, split) for split in SPLITS}
    for earlier, later in itertools.pairwise(SPLITS):
        gap = tables[later]["impression_time"].min() - tables[earlier]["impression_time"].min()
        assert 6 <= gap.total_seconds() / 86_400 <= 8
        assert tables[later]["impression_id"].min() > tables[earlier]["impression_id"].max()
        readers, before = (set(tables[split]["user_id"]) for split in (later, earlier))
        assert 0.5 < len(readers & before) / len(readers) < 0.95
    seen = set(tables["train"]["article_ids_inview"].explode())
    for split in SPLITS[1:]:
        new = set(tables[split]["article_ids_inview"].explode()) - seen
        assert len(new) > 100


def test_a_reader_has_the_same_clicks_in_every_split(folder):
    train, validation = (
        histories(folder, split).explode(*HISTORY_LISTS) for split in ("train", "validation")
    )
    both = set(train["user_id"]) & set(validation["user_id"])
    end_of_train, start = train["impression_time_fixed"].max(), validation["impression_time_fixed"]
    common = pl.col("user_id").is_in(both) & pl.col("impression_time_fixed").is_between(
        start.min(), end_of_train
    )
    assert len(both) > 50
    assert train.filter(common).equals(validation.filter(common))


def test_counts_are_like_those_of_the_real_demo_set(folder, truth):
    table, past = behaviors(folder, "train"), histories(folder, "train")
    inview = table["article_ids_inview"].list.len()
    assert 10.5 < inview.mean() < 12
    assert inview.median() == 8
    assert 11 <= inview.quantile(0.75) <= 14
    assert 1.003 < table["article_ids_clicked"].list.len().mean() < 1.012
    lengths = past["article_id_fixed"].list.len()
    assert 140 < lengths.mean() < 180
    assert 80 < lengths.median() < 125
    visits = table["user_id"].value_counts()["count"]
    assert 13 < visits.mean() < 19
    assert visits.quantile(0.99) > 3 * visits.mean()
    views = table["article_ids_inview"].explode().value_counts()["count"]
    assert views.max() > 30 * views.median()
    assert truth["splits"]["train"]["impressions"] == table.height == 10_000
    assert truth["splits"]["train"]["candidates"] == inview.sum()
    assert truth["articles"] == pl.read_parquet(folder / "articles.parquet").height


@pytest.mark.parametrize("split", ["validation", "test"])
def test_popularity_beats_chance_and_true_taste_beats_popularity(truth, split):
    auc = truth["splits"][split]["auc"]
    assert auc["random"] == pytest.approx(0.5, abs=0.025)
    assert 0.52 < auc["popularity"] < 0.61
    assert 0.80 < auc["true_taste"] < 0.86
    assert "popularity" not in truth["splits"]["train"]["auc"]
