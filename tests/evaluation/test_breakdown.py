"""AUCs by what impressions are, against loops over the generated files."""

from collections import defaultdict

import numpy as np
import polars as pl
import pytest

from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.baselines import simple_rankings
from nrms_torch.evaluation.breakdown import breakdowns
from nrms_torch.evaluation.metrics import per_impression
from nrms_torch.evaluation.shown_articles import shown_articles
from nrms_torch.evaluation.standing import compare


@pytest.fixture(scope="module")
def datamodule(demo_folder):
    vectors = str(demo_folder / "document_vectors.parquet")
    config = DataConfig(format="ebnerd", path=str(demo_folder), vectors=vectors)
    return NewsDataModule(config, history_size=20, title_size=None, seed=1)


@pytest.fixture(scope="module")
def scores(datamodule):
    return np.random.default_rng(5).random(len(datamodule.impressions("test").candidates))


@pytest.fixture(scope="module")
def aucs(datamodule, scores):
    impressions = datamodule.impressions("test")
    return per_impression(scores, impressions.labels, impressions.offsets)["auc"]


@pytest.fixture(scope="module")
def tables(aucs, datamodule):
    found = breakdowns(aucs, datamodule, "test", shown_articles(datamodule))
    return {title: {row.name: row for row in rows} for title, rows in found}


def averaged(names, aucs):
    """The mean AUC and the number of the impressions under each name."""
    groups = defaultdict(list)
    for name, auc in zip(names, aucs, strict=True):
        groups[name].append(auc)
    return {name: (np.mean(values), len(values)) for name, values in groups.items()}


def expect(rows, expected):
    assert {name: row.impressions for name, row in rows.items()} == {
        name: number for name, (_, number) in expected.items()
    }
    for name, (mean, _) in expected.items():
        assert rows[name].auc.mean == pytest.approx(mean)
        assert rows[name].auc.low <= rows[name].auc.high


def test_every_breakdown_is_that_of_a_loop(demo_folder, aucs, tables):
    assert not np.isnan(aucs).any()
    behaviors = pl.read_parquet(demo_folder / "test" / "behaviors.parquet")
    train = pl.read_parquet(demo_folder / "train" / "behaviors.parquet")
    articles = pl.read_parquet(demo_folder / "articles.parquet")
    published = dict(articles.select("article_id", "published_time").rows())
    category = dict(articles.select("article_id", "category_str").rows())
    in_train = set(train["article_ids_inview"].explode())
    readers = set(train["user_id"])
    ages, categories, seen, known = [], [], [], []
    bounds = [(1, "under 1 hour"), (3, "1 to 3 hours"), (12, "3 to 12 hours")]
    bounds += [(24, "12 to 24 hours"), (72, "1 to 3 days"), (1e9, "over 3 days")]
    for user, time, inview, clicked in behaviors.select(
        "user_id", "impression_time", "article_ids_inview", "article_ids_clicked"
    ).rows():
        first = next(article for article in inview if article in clicked)
        hours = (time - published[first]).total_seconds() / 3600
        ages.append(next(name for end, name in bounds if hours < end))
        categories.append(category[first])
        seen.append("shown in train" if first in in_train else "new since train")
        known.append("in train too" if user in readers else "new since train")
    expect(tables["age of the clicked article"], averaged(ages, aucs))
    expect(tables["clicked article"], averaged(seen, aucs))
    expect(tables["reader"], averaged(known, aucs))
    by_category = averaged(categories, aucs)
    shown = tables["category of the clicked article"]
    assert len(shown) == min(12, len(by_category))
    expect(shown, {name: by_category[name] for name in shown})
    least = min(row.impressions for row in shown.values())
    assert all(by_category[name][1] <= least for name in by_category if name not in shown)


def test_a_model_that_is_a_simple_ranking_stands_where_that_does(datamodule):
    scores = dict(simple_rankings(datamodule, "test"))["cosine"]
    standing = compare(scores, datamodule, "test")
    cosine = standing.simple["cosine"]
    assert cosine.difference == (0, 0, 0)
    assert cosine.auc == standing.model["auc"]
    assert standing.simple["random"].difference.low > 0
    worse = compare(-scores, datamodule, "test")
    assert set(worse.worse_than()) >= {"random", "cosine"}
    assert worse.simple["cosine"].difference.high < 0


def test_rows_by_length_add_up_to_the_whole(datamodule, scores):
    standing = compare(scores, datamodule, "test")
    rows = standing.by_history_length.values()
    assert sum(row.impressions for row in rows) == 300
    mean = sum(row.impressions * row.auc.mean for row in rows) / 300
    assert mean == pytest.approx(standing.model["auc"].mean)
    for name in standing.simple:
        mean = sum(row.impressions * row.simple[name] for row in rows) / 300
        assert mean == pytest.approx(standing.simple[name].metrics["auc"])


def test_readers_of_each_length_are_told_apart(demo_folder, tmp_path):
    (tmp_path / "validation").mkdir()
    for name in ("behaviors", "history"):
        table = pl.read_parquet(demo_folder / "validation" / f"{name}.parquet")
        if name == "history":
            # Readers of 0, 1, … 7 clicks in turn.
            length = pl.int_range(pl.len()) % 8
            table = table.with_columns(pl.col("article_id_fixed").list.tail(length))
            length_of = dict(table.select("user_id", pl.col("article_id_fixed").list.len()).rows())
        table.write_parquet(tmp_path / "validation" / f"{name}.parquet")
    vectors = str(demo_folder / "document_vectors.parquet")
    config = DataConfig(format="ebnerd", path=str(tmp_path), vectors=vectors)
    datamodule = NewsDataModule(config, history_size=5, title_size=None, seed=1)
    scores = np.zeros(len(datamodule.impressions("validation").candidates), dtype=np.float32)
    standing = compare(scores, datamodule, "validation")
    users = pl.read_parquet(tmp_path / "validation" / "behaviors.parquet")["user_id"]
    lengths = [length_of[user] for user in users]
    names = {0: "0", 1: "1", 2: "2", 3: "3-4", 4: "3-4"}
    expected = averaged([names.get(length, "5+") for length in lengths], np.full(300, 0.5))
    found = standing.by_history_length
    assert {name: row.impressions for name, row in found.items()} == {
        name: number for name, (_, number) in expected.items()
    }
    assert found["0"].simple["cosine"] == 0.5, "nothing is known of them"
