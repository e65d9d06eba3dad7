"""The benchmark command on models that train in seconds; no time is asserted."""

import importlib.util
import json

import pytest
from run_script import run_script, small

KEYS = {"case", "model", "batch", "ours", "reference", "ratio", "unit", "peak_mib"}

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'",
)


def benchmark(tmp_path, folder, case, *overrides, model="nrms"):
    """The rows that a benchmark of a small model writes, and what it prints."""
    file = tmp_path / "made" / "rows.json"
    quick = ["batch=16", "rounds=2", "seconds=0", "threads=1"]
    settings = [*small(model, folder, "baseline"), *quick, *overrides]
    printed = run_script("benchmark", f"case={case}", f"json={file}", *settings)
    rows = json.loads(file.read_text())
    for row in rows:
        assert row.keys() >= KEYS
        assert row["case"] == case
        assert row["model"] == model
        assert row["ours_range"][0] <= row["ours"] <= row["ours_range"][1]
        assert row["ours"] > 0
        assert row["peak_mib"] > 10
        if row["reference"] is None:
            assert row["ratio"] is None
        else:
            assert row["ratio"] == row["ours"] / row["reference"]
    return rows, printed


def test_training_is_measured_alone_at_each_batch_size(tmp_path, demo_folder):
    figure = tmp_path / "growth.png"
    rows, printed = benchmark(
        tmp_path, demo_folder, "train", "batch=[8,16]", "reference=false", f"figure={figure}"
    )
    assert [row["batch"] for row in rows] == [8, 16]
    assert all(row["reference"] is None and row["unit"] == "rows/s" for row in rows)
    assert all(0 < row["sgemm_share"] < 1 for row in rows)
    assert all(row["products"] > 0 for row in rows)
    assert "rows/s" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")


@needs_tensorflow
def test_training_is_measured_beside_tensorflow(tmp_path, demo_folder):
    ((row,), _) = benchmark(tmp_path, demo_folder, "train", model="nrms_docvec")
    assert row["reference"] > 0
    assert row["reference_peak_mib"] > 10


@needs_tensorflow
def test_evaluation_is_measured_beside_tensorflow(tmp_path, demo_folder):
    ((row,), _) = benchmark(tmp_path, demo_folder, "evaluate")
    assert row["unit"] == "candidates/s"
    assert row["reference"] > 0


def test_two_processes_are_measured_beside_one_and_have_its_losses(tmp_path, demo_folder):
    ((row,), _) = benchmark(tmp_path, demo_folder, "ddp")
    assert row["reference"] > 0
    assert row["loss_difference"] < 1e-5


def test_the_news_encoder_is_measured_beside_a_matrix_product(tmp_path, demo_folder):
    ((row,), _) = benchmark(tmp_path, demo_folder, "encoder")
    assert row["unit"] == "GFLOP/s"
    assert 0 < row["ratio"] < 1


def test_preparation_is_measured_on_generated_data(tmp_path, demo_folder):
    rows, _ = benchmark(
        tmp_path,
        tmp_path / "data",
        "prepare",
        "impressions=[200,300]",
    )
    assert [row["impressions"] for row in rows] == [200, 300]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"made", "generated_200", "generated_300"}


def test_metrics_are_measured_on_random_scores(tmp_path, demo_folder):
    ((row,), _) = benchmark(tmp_path, demo_folder, "metrics", "impressions=1000")
    assert row["impressions"] == 1000


def test_a_mistake_that_a_measured_process_meets_is_told_in_one_line(demo_folder):
    command = [*small("nrms", demo_folder), "case=train", "batch=100000", "reference=false"]
    printed = run_script("benchmark", *command, status=2)
    assert printed.startswith("error: batch: 100000 is more than the ")
    assert printed.count("\n") == 1
