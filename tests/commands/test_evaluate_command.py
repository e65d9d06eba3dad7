import json
import math
import shutil

import polars as pl
import pytest
from run_script import metrics_of, numbers_of, run_script, small
from tiny_transformer import SPECIAL, save_tiny_transformer


def evaluate(run, tmp_path, *overrides):
    """Evaluate into a file of its own, so that the run keeps its metrics."""
    file = tmp_path / "elsewhere" / "metrics.json"
    printed = run_script("evaluate", f"run={run}", f"metrics={file}", *overrides)
    return json.loads(file.read_text()), printed


@pytest.fixture(scope="module")
def by_one_process(trained, tmp_path_factory):
    return evaluate(trained, tmp_path_factory.mktemp("one"), "split=test")[0]


def test_a_table_is_printed_and_the_run_keeps_its_own_metrics(trained, tmp_path):
    before = metrics_of(trained)
    metrics, printed = evaluate(trained, tmp_path, "split=test")
    assert metrics["split"] == "test"
    assert f"{metrics['auc']:.4f}" in printed
    assert "true_taste" in printed, "generated data tells the scale"
    assert metrics_of(trained) == before


def test_simple_rankings_stand_beside_the_model(trained, by_one_process, tmp_path):
    metrics, printed = evaluate(trained, tmp_path, "split=test")
    assert set(metrics["simple"]) == {"random", "popularity", "newest", "cosine", "centred_cosine"}
    low, high = metrics["intervals"]["auc"]
    assert low < metrics["auc"] < high
    cosine = metrics["simple"]["cosine"]
    assert cosine["difference"]["auc"] == pytest.approx(metrics["auc"] - cosine["auc"])
    is_worse = cosine["auc"] > metrics["auc"]
    assert ("the model ranks worse than cosine:" in " ".join(printed.split())) == is_worse
    rows = metrics["by_history_length"].values()
    assert sum(row["impressions"] for row in rows) == metrics["impressions"]
    total = sum(row["impressions"] * row["auc"] for row in rows)
    assert total / metrics["impressions"] == pytest.approx(metrics["auc"])


def test_beyond_accuracy_is_measured_where_it_is_asked_for(trained, tmp_path):
    metrics, printed = evaluate(trained, tmp_path, "split=test", "beyond_accuracy=5")
    lists = metrics["beyond_accuracy"]
    assert lists["k"] == 5
    assert 0 < lists["coverage_fraction"] <= 1
    assert lists["novelty"] > 0
    assert lists["curve"][0]["intralist_diversity"] < lists["curve"][-1]["intralist_diversity"]
    assert "beyond accuracy, the first 5" in printed
    told = run_script("evaluate", f"run={trained}", "beyond_accuracy=0", status=2)
    assert told.startswith("error: beyond_accuracy: ")


def test_a_trained_run_knows_how_likely_a_click_is(trained, demo_folder):
    kept = json.loads((trained / "calibration.json").read_text())
    behaviors = pl.read_parquet(demo_folder / "validation" / "behaviors.parquet")
    clicks = behaviors["article_ids_clicked"].list.len().sum()
    share = clicks / behaviors["article_ids_inview"].list.len().sum()
    assert set(kept) == {"slope", "intercept"}
    # Scores are around 0, so the curve is there about what share is clicked.
    assert 1 / (1 + math.exp(-kept["intercept"])) == pytest.approx(share, abs=0.05)


def test_the_best_checkpoint_gives_the_metrics_that_training_ended_with(trained, tmp_path):
    metrics, _ = evaluate(trained, tmp_path)
    assert metrics == metrics_of(trained)


@pytest.mark.parametrize("devices", [2, 4])
def test_more_processes_give_the_numbers_of_one(trained, by_one_process, tmp_path, devices):
    # 300 impressions of 55 readers or so: neither 2 nor 4 ranks get equal shares.
    metrics, _ = evaluate(trained, tmp_path, "split=test", f"trainer.devices={devices}")
    assert numbers_of(metrics) == pytest.approx(numbers_of(by_one_process), abs=1e-9)


def test_a_split_smaller_than_the_ranks_is_measured_once(trained, three_impressions, tmp_path):
    data = [f"data.path={three_impressions}", f"data.vectors={three_impressions}/vectors.parquet"]
    one, _ = evaluate(trained, tmp_path / "1", *data)
    four, _ = evaluate(trained, tmp_path / "4", *data, "trainer.devices=4")
    assert one["impressions"] == 3
    assert one["unknown_articles"] >= 1
    assert numbers_of(four) == pytest.approx(numbers_of(one), abs=1e-9)


def test_nrms_measures_articles_that_training_never_saw(trained_nrms, demo_folder, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(demo_folder / "test", folder / "validation")
    articles = pl.read_parquet(demo_folder / "articles.parquet")
    renamed = articles.with_columns(title=pl.col("title") + " never seen before Ωmega")
    renamed.write_parquet(folder / "articles.parquet")
    metrics, _ = evaluate(trained_nrms, tmp_path, f"data.path={folder}")
    assert metrics["impressions"] + metrics["skipped"] == 300
    assert metrics["unknown_articles"] == 0


def test_new_words_get_their_transformers_embeddings(tmp_path, demo_folder):
    words = pl.read_parquet(demo_folder / "articles.parquet")["title"].str.split(" ").explode()
    known = [*SPECIAL, *words.str.to_lowercase().unique().sort(), "new", "words"]
    transformer = save_tiny_transformer(tmp_path / "bert", words=known)
    run = tmp_path / "run"
    command = [*small("nrms", demo_folder), "trainer.max_epochs=1", "data.text_columns=[title]"]
    run_script("train", *command, f"data.transformer={transformer}", f"run={run}")
    kept = json.loads((run / "vocabulary" / "vocabulary.json").read_text())["token_ids"]

    folder = tmp_path / "more"
    shutil.copytree(demo_folder / "validation", folder / "validation")
    articles = pl.read_parquet(demo_folder / "articles.parquet")
    more = articles.head(5).with_columns(
        pl.col("article_id") + 1_000_000_000, title=pl.lit("new words")
    )
    pl.concat([articles, more]).write_parquet(folder / "articles.parquet")
    # The same impressions among more articles: old articles keep their vectors, and so their ranks.
    # There is no train among them, so nothing that it tells.
    metrics, before = evaluate(run, tmp_path, f"data.path={folder}")[0], metrics_of(run)
    without_train = ("simple", "by_history_length")
    assert all(metrics[name] == before[name] for name in before if name not in without_train)
    assert metrics["simple"]["cosine"] == before["simple"]["cosine"]
    assert json.loads((run / "vocabulary" / "vocabulary.json").read_text())["token_ids"] == kept
