import json
import shutil

import polars as pl
import pytest
from exported_runs import reseal
from run_script import assert_one_line, metrics_of, run_script

from nrms_torch.files import file_sha256
from nrms_torch.serving import Recommender
from nrms_torch.serving.bundle import ARTICLES


@pytest.fixture(scope="module")
def exported_run(trained, tmp_path_factory):
    """A run that the command has exported, and what it printed."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("exported") / "run")
    return run, run_script("export_onnx", f"run={run}")


def test_a_run_is_exported_into_its_own_folder(exported_run):
    run, printed = exported_run
    assert f"{run}/bundle: agrees with torch on 6,400 candidates" in printed.replace("\n", " ")
    model = json.loads((run / "bundle" / "model.json").read_text())
    assert model["checkpoint"]["sha256"] == file_sha256(run / "checkpoints" / "best.ckpt")
    assert model["metrics"] == metrics_of(run)
    assert (model["precision"], model["opset"]) == ("float32", 18)
    assert model["data"]["articles"] == len(Recommender(run / "bundle"))


def test_no_folder_of_this_machine_is_in_a_bundle(exported_run):
    run, _ = exported_run
    for file in (run / "bundle").rglob("*"):
        assert b"/home/" not in file.read_bytes()
        assert str(run).encode() not in file.read_bytes()
        assert b".py" not in file.read_bytes(), f"{file.name} tells of source files"


def test_a_recommendation_is_printed(exported_run):
    run, _ = exported_run
    ids = [article.article_id for article in Recommender(run / "bundle").articles()]
    printed = run_script("recommend", f"bundle={run}/bundle", f"history=[{ids[0]},5]", "k=3")
    best = Recommender(run / "bundle").rank([ids[0], 5], k=3)
    assert all(str(article_id) in printed for article_id in best.article_ids)
    assert f"{best.scores[0]:.4f}" in printed
    assert "unknown clicks: 5" in printed
    assert "clicked: " in run_script("recommend", f"bundle={run}/bundle")


def test_a_server_is_asked_for_more_than_it_lists_by_default(exported_run):
    run, _ = exported_run
    bundle = run / "bundle"
    printed = run_script("ask_server", f"bundle={bundle}", "k=25").splitlines()
    ids = [article.article_id for article in Recommender(bundle).articles()[:3]]
    best = Recommender(bundle).rank(ids, k=25)
    assert [int(line.split()[1]) for line in printed if "POST" not in line] == best.article_ids


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("k=1001", "k: expected 1,000 at most, found 1,001"),
        ("clicks=1001", "clicks: expected 1,000 at most, found 1,001"),
        ("k=0", "k: expected an integer of at least 1"),
    ],
)
def test_a_server_is_not_asked_for_more_than_it_lists(call, override, what):
    assert_one_line(*call("ask_server", "bundle=none", override), what)


def test_a_title_is_printed_as_it_is(exported_run, tmp_path):
    bundle = shutil.copytree(exported_run[0] / "bundle", tmp_path / "bundle")
    title = "[/b] [video] :fire: Storm"
    articles = pl.read_parquet(bundle / ARTICLES)
    articles.with_columns(title=pl.lit(title)).write_parquet(bundle / ARTICLES)
    reseal(bundle)
    article_id = articles["article_id"][0]
    printed = run_script("recommend", f"bundle={bundle}", f"history=[{article_id}]", "k=1")
    assert f"clicked: {article_id} {title}" in printed


def test_int8_is_measured_and_replaces_a_bundle(trained, exported_run, tmp_path):
    run, _ = exported_run
    bundle = shutil.copytree(run / "bundle", tmp_path / "bundle")
    printed = run_script("export_onnx", f"run={trained}", f"bundle={bundle}", "quantize=int8")
    rows = [line.split() for line in printed.splitlines()]
    ((before, after),) = [list(map(float, row[1:])) for row in rows if row[:1] == ["auc"]]
    assert before == pytest.approx(metrics_of(trained)["auc"], abs=1e-4)
    assert after == pytest.approx(before, abs=0.05)
    assert json.loads((bundle / "model.json").read_text())["precision"] == "int8"
    assert len(Recommender(bundle).rank([])) == 1_549
    graphs = [folder / "user_encoder.onnx" for folder in (run / "bundle", bundle)]
    assert graphs[1].stat().st_size < graphs[0].stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["quantize=int4"], "quantize: 'int4' is none of"),
        (["readers=21"], "readers: expected 20 at most, found 21"),
        (["data.path=nowhere", "data.vectors=nowhere.parquet"], "nowhere"),
    ],
)
def test_a_wrong_export_is_told_in_one_line_and_writes_nothing(
    call, trained, tmp_path, overrides, what
):
    bundle = tmp_path / "made" / "bundle"
    assert_one_line(*call("export_onnx", f"run={trained}", f"bundle={bundle}", *overrides), what)
    assert not bundle.exists()
    assert not bundle.parent.exists() or not any(bundle.parent.iterdir())


def test_a_folder_of_others_is_left_alone(call, trained, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    error = call("export_onnx", f"run={trained}", f"bundle={tmp_path}")
    assert_one_line(*error, "is in use")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["bundle=nowhere"], "bundle: nowhere has no model.json"),
        (["bundle=BUNDLE", "history=[a]"], "history: expected an integer"),
        (["bundle=BUNDLE", "history=5"], "history: expected a list of article ids"),
        (["bundle=BUNDLE", "k=0"], "k: expected an integer of at least 1"),
    ],
)
def test_a_wrong_recommendation_is_told_in_one_line(call, exported_run, overrides, what):
    bundle = str(exported_run[0] / "bundle")
    overrides = [override.replace("BUNDLE", bundle) for override in overrides]
    assert_one_line(*call("recommend", *overrides), what)
