"""Late features through the commands: trained, measured, predicted, and refused where they lack."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from run_script import metrics_of, run_script, small

from nrms_torch.evaluation.metrics import means, per_impression

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def late_run(demo_folder, tmp_path_factory):
    """A small NRMSDocVec with linear late features."""
    run = tmp_path_factory.mktemp("late") / "run"
    printed = run_script(
        "train", *small("nrms_docvec", demo_folder), "late=linear", "late.lag=30", f"run={run}"
    )
    assert "text alone" in printed
    assert "what everybody knew 30 s later" in printed
    return run


@pytest.fixture(scope="module")
def bare_folder(demo_folder, tmp_path_factory):
    """The same data without articles and vectors, and a test split without labels."""
    folder = tmp_path_factory.mktemp("bare") / "data"
    for split in ("train", "validation", "test"):
        shutil.copytree(demo_folder / split, folder / split)
    without(folder / "test" / "behaviors.parquet", "article_ids_clicked")
    return folder


def without(file, column):
    pl.read_parquet(file).drop(column).write_parquet(file)


def auc_of_table(file, folder, split):
    behaviors = pl.read_parquet(folder / split / "behaviors.parquet")
    shown = behaviors["article_ids_inview"]
    labels = [
        article in clicked
        for articles, clicked in zip(shown, behaviors["article_ids_clicked"], strict=True)
        for article in articles
    ]
    offsets = np.concatenate([[0], np.cumsum(shown.list.len().to_numpy())]).astype(np.int64)
    scores = pl.read_parquet(file)["scores"].explode().to_numpy()
    return means(per_impression(scores, np.array(labels), offsets))["auc"]


def test_a_run_keeps_its_weights_and_tells_text_alone_beside(late_run):
    stage = json.loads((late_run / "late.json").read_text())
    metrics = metrics_of(late_run)
    assert metrics["late"] == {"kind": "linear", "rule": "streaming", "lag": 30}
    assert len(stage["weights"]) == len(stage["features"])
    assert stage["text_weight"] > 0
    assert {"text_alone", "clicks_12h", "click_through_12h", "cosine"} <= metrics["simple"].keys()


def test_the_report_tells_the_weights(late_run, tmp_path):
    run_script("evaluate", f"run={late_run}", f"metrics={tmp_path}/metrics.json", "report=true")
    page = (late_run / "report.html").read_text()
    assert "What everybody clicks now" in page
    assert "<td>click_through_12h</td>" in page
    run_script(
        *("evaluate", f"run={late_run}", f"metrics={tmp_path}/text.json"),
        *("report=true", "text_alone=true"),
    )
    assert "What everybody clicks now" not in (late_run / "report.html").read_text()


def test_text_alone_is_what_evaluation_gives_without_them(late_run, tmp_path):
    file = tmp_path / "text.json"
    run_script("evaluate", f"run={late_run}", "text_alone=true", f"metrics={file}")
    text = json.loads(file.read_text())
    assert "late" not in text
    assert text["auc"] == pytest.approx(metrics_of(late_run)["simple"]["text_alone"]["auc"])


@pytest.mark.parametrize("devices", [1, 2])
def test_predictions_are_what_was_measured(late_run, demo_folder, tmp_path, devices):
    file, metrics = tmp_path / "predictions.parquet", tmp_path / "metrics.json"
    run_script("evaluate", f"run={late_run}", "split=test", f"metrics={metrics}")
    printed = run_script(
        *("predict", f"run={late_run}", "split=test", f"output={file}"),
        *(f"trainer.devices={devices}", "trainer.accelerator=cpu"),
    )
    assert "with late features of the rule streaming" in printed
    measured = json.loads(metrics.read_text())["auc"]
    assert auc_of_table(file, demo_folder, "test") == pytest.approx(measured, abs=1e-6)


def test_late_features_alone_need_no_articles(bare_folder, tmp_path):
    run, again = tmp_path / "run", tmp_path / "again.json"
    words = ["data=ebnerd", f"data.path={bare_folder}", "model=late"]
    run_script("train", *words, "late=linear", f"run={run}")
    metrics = metrics_of(run)
    assert metrics["auc"] > metrics["simple"]["random"]["auc"]
    assert "cosine" not in metrics["simple"]
    run_script("evaluate", f"run={run}", f"metrics={again}")
    assert json.loads(again.read_text()) == metrics
    printed = run_script("train", *words, f"run={tmp_path}/none", status=2)
    assert printed.endswith("expected late=linear\n")


def test_a_split_without_labels_is_refused_to_streaming_and_open_to_train_only(
    bare_folder, tmp_path
):
    file = tmp_path / "predictions.zip"
    for rule, status in (("streaming", 2), ("train_only", 0)):
        run = tmp_path / rule
        run_script(
            *("train", "data=ebnerd", f"data.path={bare_folder}", "model=late", "late=linear"),
            *(f"late.rule={rule}", f"run={run}"),
        )
        printed = run_script("predict", f"run={run}", f"output={file}", status=status)
        if status:
            assert "error: late.rule: test of" in printed
            assert "Traceback" not in printed
            assert "text_alone=true" in printed
    assert "with late features of the rule train_only" in printed
    assert file.is_file()


def test_data_without_times_is_told_before_training(demo_folder, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(demo_folder, folder, ignore=shutil.ignore_patterns(".prepared"))
    for split in ("train", "validation"):
        without(folder / split / "behaviors.parquet", "impression_time")
    run = tmp_path / "run"
    words = [*small("nrms_docvec", folder), f"data.vectors={folder}/document_vectors.parquet"]
    printed = run_script("train", *words, "late=linear", f"run={run}", status=2)
    assert "has no times of impressions" in printed
    assert not run.exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("late.features=[clicks]", "late.features: 'clicks' is no feature; expected clicks_12h"),
        ("late.features=[clicks_12h,clicks_12h]", "late.features: clicks_12h comes twice"),
        ("late.rule=both", "late.rule: 'both' is none of streaming, train_only"),
        ("late.lag=-1", "late.lag: expected an integer of at least 0"),
    ],
)
def test_a_wrong_setting_is_one_line(demo_folder, tmp_path, setting, message):
    printed = run_script(
        *("train", *small("nrms_docvec", demo_folder), "late=linear", setting),
        f"run={tmp_path}/run",
        status=2,
    )
    assert message in printed


def test_trees_are_a_second_stage(demo_folder, tmp_path):
    pytest.importorskip("lightgbm", reason="the extra rerank")
    run, again = tmp_path / "run", tmp_path / "again.json"
    printed = run_script("train", *small("nrms_docvec", demo_folder), "late=lightgbm", f"run={run}")
    assert "share of the gain" in printed
    assert json.loads((run / "late.json").read_text())["importance"]["text"] > 0
    run_script("evaluate", f"run={run}", f"metrics={again}")
    assert json.loads(again.read_text())["auc"] == metrics_of(run)["auc"]
