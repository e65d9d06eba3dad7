"""Simple rankings of generated data against slow obvious loops over its own files."""

import json

import numpy as np
import polars as pl
import pytest
from mind_like import write_mind

from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation import article_vectors
from nrms_torch.evaluation.baselines import article_times, simple_aucs, simple_rankings

HISTORY = 5


def module_of(folder, *, title_size=None, **fields):
    fields = {"format": "ebnerd", "text_columns": ("title",), **fields}
    config = DataConfig(path=str(folder), **fields)
    return NewsDataModule(config, history_size=HISTORY, title_size=title_size, seed=1)


@pytest.fixture(scope="module")
def datamodule(demo_folder):
    return module_of(demo_folder, vectors=str(demo_folder / "document_vectors.parquet"))


@pytest.fixture(scope="module")
def ranked(datamodule):
    return dict(simple_rankings(datamodule, "validation"))


def shown(folder, split):
    """Of each impression: the reader's last clicks, and the candidates, by article ids."""
    histories = dict(
        pl.read_parquet(folder / split / "history.parquet", columns=["user_id", "article_id_fixed"])
        .select("user_id", "article_id_fixed")
        .rows()
    )
    behaviors = pl.read_parquet(folder / split / "behaviors.parquet")
    for user, inview in behaviors.select("user_id", "article_ids_inview").rows():
        yield histories.get(user, [])[-HISTORY:], inview


def test_generated_data_knows_its_popularity_and_chance(demo_folder, datamodule):
    truth = json.loads((demo_folder / "truth.json").read_text())["splits"]["validation"]["auc"]
    aucs = simple_aucs(datamodule)
    assert set(aucs) == {"random", "popularity", "newest", "cosine", "centred_cosine"}
    assert aucs["popularity"] == pytest.approx(truth["popularity"], abs=1e-9)
    assert aucs["random"] == pytest.approx(truth["random"], abs=0.06)
    assert aucs["popularity"] < aucs["cosine"] < truth["true_taste"]


def test_cosines_are_those_of_a_loop(demo_folder, ranked):
    table = pl.read_parquet(demo_folder / "document_vectors.parquet")
    vectors = np.array(table["document_vector"].to_list())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = table["article_id"].to_list()
    histories = pl.read_parquet(demo_folder / "train" / "history.parquet")["article_id_fixed"]
    seen = set(histories.list.tail(HISTORY).explode())
    seen |= {id_ for _, inview in shown(demo_folder, "train") for id_ in inview}
    mean = np.mean([unit[row] for row, id_ in enumerate(ids) if id_ in seen], axis=0)
    centred = unit - mean
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    for name, rows in (("cosine", unit), ("centred_cosine", centred)):
        by_id = dict(zip(ids, rows, strict=True))
        expected = [
            by_id[candidate] @ sum((by_id[click] for click in clicks), np.zeros(rows.shape[1]))
            for clicks, inview in shown(demo_folder, "validation")
            for candidate in inview
        ]
        np.testing.assert_allclose(ranked[name], expected, atol=1e-5)


def test_the_newest_is_what_was_published_last(demo_folder, ranked):
    published = dict(
        pl.read_parquet(demo_folder / "articles.parquet")
        .select("article_id", pl.col("published_time").dt.epoch("us") / 1e6)
        .rows()
    )
    expected = [published[id_] for _, inview in shown(demo_folder, "validation") for id_ in inview]
    assert ranked["newest"].tolist() == expected


def test_without_a_time_of_publishing_an_article_is_as_old_as_its_first_showing(
    demo_folder, tmp_path
):
    for split in ("train", "validation"):
        (tmp_path / split).mkdir()
        for name in ("behaviors.parquet", "history.parquet"):
            (tmp_path / split / name).symlink_to(demo_folder / split / name)
    vectors = str(demo_folder / "document_vectors.parquet")
    datamodule = module_of(tmp_path, vectors=vectors)
    first = {}
    for split in ("train", "validation"):
        behaviors = pl.read_parquet(tmp_path / split / "behaviors.parquet")
        for time, inview in behaviors.select(
            pl.col("impression_time").dt.epoch("us") / 1e6, "article_ids_inview"
        ).rows():
            for id_ in inview:
                first[id_] = min(time, first.get(id_, np.inf))
    found = article_times(datamodule, "validation")
    expected = [-np.inf, *(first.get(id_, -np.inf) for id_ in datamodule.table.ids)]
    assert found.tolist() == expected


def test_memory_is_bounded_by_chunks_that_change_no_score(datamodule, ranked, monkeypatch):
    monkeypatch.setattr(article_vectors, "_NUMBERS_OF_USERS", 32 * 64 * 7)
    monkeypatch.setattr(article_vectors, "_CANDIDATES_PER_CHUNK", 13)
    for name, scores in simple_rankings(datamodule, "validation"):
        np.testing.assert_array_equal(scores, ranked[name])


def test_a_folder_with_one_split_has_the_rankings_that_need_no_train(demo_folder, tmp_path):
    (tmp_path / "validation").symlink_to(demo_folder / "validation")
    vectors = str(demo_folder / "document_vectors.parquet")
    found = simple_aucs(module_of(tmp_path, vectors=vectors))
    assert set(found) == {"random", "newest", "cosine", "centred_cosine"}


def test_minds_titles_are_ranked_too(demo_folder, tmp_path):
    write_mind(demo_folder, tmp_path)
    found = simple_aucs(module_of(tmp_path, format="mind", title_size=12))
    assert set(found) == {"random", "popularity", "newest", "cosine", "centred_cosine"}
    assert found["newest"] == 0.5, "all are shown in one second"
    assert found["cosine"] > 0.55, "titles of a topic share words"
