"""The Python interface does what the commands do."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from run_script import metrics_of

import nrms_torch
from nrms_torch import InputError

SMALL = {
    "model": "nrms_docvec",
    "epochs": 1,
    "training": {"learning_rate": 1e-3},
    "trainer": {"limit_train_batches": 3},
    "logger": "csv",
}


def tables(folder):
    return {
        "document_vectors": pl.read_parquet(folder / "document_vectors.parquet"),
        **{
            split: {
                part: pl.read_parquet(folder / split / f"{part}.parquet")
                for part in ("behaviors", "history")
            }
            for split in ("train", "validation")
        },
    }


@pytest.fixture(scope="module")
def run(demo_folder, tmp_path_factory):
    return nrms_torch.train(demo_folder, run=tmp_path_factory.mktemp("api") / "run", **SMALL)


def test_importing_needs_neither_torch_nor_hydra():
    program = (
        "import sys, nrms_torch; from nrms_torch import InputError\n"
        "assert not {'torch', 'hydra', 'polars'} & sys.modules.keys()\n"
        "nrms_torch.Recommender; assert not {'torch', 'hydra'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_run_has_its_metrics_curves_and_configuration(run):
    assert run.metrics == metrics_of(run.path)
    assert run.curves["epoch"].to_list()[-1] == 1
    assert run.config["trainer"]["max_epochs"] == 1
    assert "auc" in str(run.metrics)
    assert "<table" in run.metrics._repr_html_()
    assert nrms_torch.Run(run.path).metrics == run.metrics


def test_it_is_measured_and_predicts(run):
    metrics = run.evaluate("test", metrics=run.path / "test.json")
    assert metrics["split"] == "test"
    table = run.predict("validation")
    assert table.columns == ["impression_id", "scores", "ranks"]
    best = table.select(pl.col("scores").list.arg_max() == pl.col("ranks").list.arg_min())
    assert best.to_series().all()


def test_it_is_exported_and_recommends(run):
    recommender = nrms_torch.Recommender(run)
    assert recommender.bundle.folder == run.path / "bundle"
    ids = [article.article_id for article in recommender.articles()[:6]]
    ranking = recommender.recommend(ids[:2], k=4)
    assert len(ranking) == 4
    assert not set(ranking.article_ids) & set(ids[:2])
    without = recommender.recommend(ids[:2], k=4, exclude=ranking.article_ids[:2])
    assert without.article_ids[:2] == ranking.article_ids[2:]
    assert ranking.table["article_id"].to_list() == ranking.article_ids
    assert ranking.table["title"][0] in str(ranking)
    for source in (run.path, str(run.path / "bundle"), recommender.bundle):
        same = nrms_torch.Recommender(source).recommend(ids[:2], k=4)
        np.testing.assert_array_equal(same.scores, ranking.scores)


def test_similar_articles_are_the_nearest_by_cosine(run):
    recommender = nrms_torch.Recommender(run)
    vectors = np.array(recommender.bundle.vectors[1:])
    ids = recommender.bundle.articles["article_id"].to_list()
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = directions @ directions[7]
    cosines[7] = -np.inf
    found = recommender.similar(ids[7], k=3)
    assert found.article_ids == [ids[row] for row in np.argsort(-cosines)[:3]]
    np.testing.assert_allclose(found.scores, np.sort(cosines)[::-1][:3], rtol=1e-5)
    with pytest.raises(InputError, match="no known article"):
        recommender.similar(-5)


def test_tables_in_memory_are_trained_on(demo_folder, run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given = tables(demo_folder)
    given["train"]["history"] = given["train"]["history"].lazy()
    given["document_vectors"] = given["document_vectors"].to_dict()
    again = nrms_torch.train(given, run=tmp_path / "run", **SMALL)
    assert again.metrics["impressions"] == run.metrics["impressions"]
    assert again.metrics["auc"] == pytest.approx(run.metrics["auc"], abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": "nrmz"}, "did you mean nrms"),
        ({"data": "nowhere"}, "nowhere has no behaviors"),
        ({"data": {"trian": {}}}, "'trian' is none of articles"),
        ({"data": {"train": {"behaviors": {}}}}, "behaviors and history"),
        ({"data": {"articles": 5}}, "expected a table"),
        ({"trainr": {"devices": 2}}, "did you mean trainer"),
        ({"training": {"learning_rat": 1}}, "did you mean training.learning_rate"),
        ({"seed": "lucky"}, "seed"),
        ({"config_dir": "nowhere"}, "no folder"),
    ],
)
def test_a_mistake_is_an_exception_of_one_line(arguments, told, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=told) as error:
        nrms_torch.train(run=tmp_path / "run", **arguments)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_run_is_told():
    with pytest.raises(InputError, match="no run folder"):
        nrms_torch.Run("nowhere")
