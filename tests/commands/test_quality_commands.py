"""The commands that judge a data set."""

import json
import shutil

import polars as pl
import pytest
from run_script import assert_one_line, run_script


@pytest.fixture
def shifted(demo_folder, tmp_path):
    """The demo data with everything shown nine hours later."""
    folder = tmp_path / "shifted"
    shutil.copytree(demo_folder, folder, ignore=shutil.ignore_patterns(".prepared"))
    file = folder / "train" / "behaviors.parquet"
    later = pl.col("impression_time") + pl.duration(hours=9)
    pl.read_parquet(file).with_columns(later).write_parquet(file)
    return folder


def test_drift_is_reported_and_fails_only_where_that_is_asked(demo_folder, shifted, tmp_path, call):
    page, file = tmp_path / "report" / "drift.html", tmp_path / "report" / "drift.json"
    command = [f"reference={demo_folder}", f"current={shifted}", f"report={page}", f"json={file}"]
    status, error = call("data_drift", *command, "fail=true")
    assert (status, error) == (1, "")
    assert json.loads(file.read_text())["drifted"] == ["impressions.hour"]
    assert "<svg" in page.read_text()
    status, error = call("data_drift", *command, "fail=true", f"current={demo_folder}", "rows=0")
    assert_one_line(status, error, "error: rows: expected an integer of at least 1")


def test_what_is_not_plausible_is_told_in_one_line(demo_folder, call):
    status, error = call("validate_data", f"data.path={demo_folder}", "ranges.in_view=[1,9]")
    assert_one_line(status, error, f"error: {demo_folder}, train: the greatest in_view is ")


@pytest.mark.parametrize("field", ["ranges", "means"])
def test_a_bound_is_a_pair_or_is_switched_off(demo_folder, call, field):
    command = ["validate_data", f"data.path={demo_folder}", "ranges.clicks=null"]
    status, error = call(*command, f"{field}.in_view=3")
    assert_one_line(status, error, f"error: {field}.in_view: expected [least, greatest], found 3")
    status, error = call("validate_data", f"data.path={demo_folder}", f"{field}=3")
    assert_one_line(status, error, f"error: {field}: expected feature: [least, greatest], found 3")


def test_all_bounds_may_be_switched_off(demo_folder):
    printed = run_script("validate_data", f"data.path={demo_folder}", "ranges=null", "means=null")
    assert "history_length" in printed


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path, call):
    status, error = call("validate_data", f"data.path={tmp_path}/nowhere")
    assert_one_line(status, error, f"error: {tmp_path}/nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("which", ["reference", "current"])
def test_a_version_that_is_not_there_is_named(demo_folder, tmp_path, call, which):
    folders = {"reference": demo_folder, "current": demo_folder, which: tmp_path / "nowhere"}
    command = [f"{name}={folder}" for name, folder in folders.items()]
    status, error = call("data_drift", *command, f"report={tmp_path}/drift.html")
    assert_one_line(status, error, f"error: {tmp_path}/nowhere: no such folder")
    assert not (tmp_path / "drift.html").exists()
