"""The parity command on the golden files, and on copies of them that are wrong."""

import importlib.util
import json
import runpy
import sys

import numpy as np
import pytest
from golden_files import FOLDER, RECORDINGS
from run_script import ROOT, run_script

from nrms_tf_reference.parity.outputs import our_outputs
from nrms_tf_reference.parity.recording import Recording
from nrms_tf_reference.parity.recording_checks import check_recording
from nrms_tf_reference.parity.suite import run_checks
from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_torch.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


@pytest.fixture
def parity(monkeypatch, capsys):
    """Run the command in this process, where its imports are made once; check its exit status."""

    def run(*arguments, status):
        monkeypatch.setattr(sys, "argv", ["parity.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts" / "parity.py"), run_name="__main__")
        assert ended.value.code == status
        return "".join(capsys.readouterr())

    return run


def report_of(output):
    return json.loads((output / "parity.json").read_text())


def missed(output):
    return {(row["file"], row["what"]) for row in report_of(output)["checks"] if not passed(row)}


def passed(row):
    return row["verdict"] != "MISS"


def copy_of(recording, folder, **changes):
    """A copy of a golden npz, with some arrays (`a__b` for `a/b`) put through functions."""
    with np.load(FOLDER / f"{recording}.npz") as file:
        arrays = dict(file)
    for name, change in changes.items():
        name = name.replace("__", "/")
        arrays[name] = change(arrays[name].copy())
    path = folder / f"{recording}.npz"
    np.savez(path, **arrays)
    return path


def moved(array, by=1e-3):
    """The array with one value off."""
    array.flat[0] += by
    return array


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The report of the folder of all golden files, and what was printed."""
    output = tmp_path_factory.mktemp("parity")
    return output, run_script("parity", str(FOLDER), f"output={output}")


def test_all_golden_files_pass(whole):
    output, printed = whole
    report = report_of(output)
    assert report["passed"]
    files = {row["file"] for row in report["checks"]}
    assert files == {*(f"{name}.npz" for name in RECORDINGS), "metrics.json", "pipeline.json"}
    assert f"{len(report['checks'])} checks, 0 missed" in printed


def test_every_row_says_what_differs_by_how_much_and_what_is_allowed(whole):
    for row in report_of(whole[0])["checks"]:
        assert row["verdict"] in ("pass", "shown")
        assert row["verdict"] == "shown" or row["difference"] <= row["tolerance"]
    rows = {row["what"]: row for row in report_of(whole[0])["checks"] if row["file"] == "nrms.npz"}
    for name, tolerance in RECORDED.items():
        assert rows[name]["tolerance"] == tolerance.limit
    assert rows["trajectory_losses"]["difference"] > 0


def test_other_files_of_a_folder_are_skipped_and_said_to_be(whole):
    assert "skipped: nrms_dense_layers_keras3.weights.h5" in whole[1]


def test_the_figure_is_a_picture(whole):
    assert (whole[0] / "parity.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def docvec():
    """A recording with dense layers, and what we give for it."""
    recording = Recording.read(FOLDER / "nrms_docvec.npz")
    return recording, our_outputs(recording)


@pytest.mark.parametrize(
    ("array", "row"),
    [
        ("expected/softmax", "softmax"),
        ("expected/sigmoid", "sigmoid"),
        ("expected/news_vectors", "news_vectors"),
        ("expected/user_vectors", "user_vectors"),
        ("expected/train_softmax", "train_softmax"),
        ("expected/data_loss", "data_loss"),
        ("expected/regularization_loss", "regularization_loss"),
        ("gradients/news_encoder.dense.0.kernel", "gradient"),
        ("expected/trajectory_losses", "trajectory_losses"),
        ("final_weights/user_encoder.pooling.b", "final weights"),
        ("expected/final_softmax", "final_softmax"),
    ],
)
def test_one_wrong_value_of_a_recording_is_a_miss_of_its_row(docvec, array, row):
    recording, found = docvec
    # The final weights of dense layers may be off by 1e-3.
    wrong = moved(recording.arrays[array].copy(), by=1.1e-3)
    expected = {**recording.arrays, array: wrong}
    checks = check_recording(recording, found, expected)
    assert {check.what for check in checks if not check.passed} == {row}


def test_a_difference_that_is_no_number_is_a_miss(docvec):
    recording, found = docvec
    expected = {
        **recording.arrays,
        "expected/softmax": np.full_like(found["expected/softmax"], np.nan),
    }
    checks = check_recording(recording, found, expected)
    assert [check.what for check in checks if not check.passed] == ["softmax"]


def test_final_weights_behind_a_relu_edge_pass_and_are_named(docvec):
    recording, found = docvec
    name = "final_weights/news_encoder.dense.1.bias"
    expected = {**recording.arrays, name: moved(recording.arrays[name].copy(), by=5e-4)}
    (check,) = (c for c in check_recording(recording, found, expected) if c.what == "final weights")
    assert check.passed
    assert check.note == "news_encoder.dense.1.bias, after a ReLU edge"


def misses_of(path, weights=None):
    """The misses of a file without a command around: a process costs seconds."""
    misses = run_checks([path], weights=weights, reference=False).misses
    return {check.what for check in misses}


def test_wrong_files_end_the_command_with_status_1_and_are_named(tmp_path, parity):
    recording = copy_of("nrms", tmp_path, expected__softmax=moved)
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    metrics["means"]["ndcg@5"] += 1e-6
    table = tmp_path / "it's [told], by content.txt"
    table.write_text(json.dumps(metrics))
    printed = parity(recording, table, f"output={tmp_path / 'out'}", status=1)
    assert missed(tmp_path / "out") == {("nrms.npz", "softmax"), (table.name, "mean ndcg@5")}
    assert "MISS" in printed
    assert "2 missed" in printed
    assert report_of(tmp_path / "out")["passed"] is False


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("history", {"histories", "history tokens"}),
        ("labels", {"labels"}),
        ("ranks", {"ranks"}),
        ("inview", {"labels"}),
    ],
)
def test_a_wrong_pipeline_is_a_miss(tmp_path, column, rows):
    recorded = json.loads((FOLDER / "pipeline.json").read_text())
    recorded[column][3] = recorded[column][3][::-1]
    path = tmp_path / "pipeline.json"
    path.write_text(json.dumps(recorded))
    assert misses_of(path) == rows


def test_a_file_of_keras_takes_the_place_of_the_weights(tmp_path):
    path = copy_of("nrms_docvec", tmp_path, **{"weights__user_encoder.pooling.q": lambda q: q + 1})
    assert "sigmoid" in misses_of(path)
    assert misses_of(path, weights=FOLDER / "nrms_docvec_keras2.h5") == set()


def test_weights_of_another_model_are_told_by_their_layer():
    with pytest.raises(InputError, match=r"nrms_keras2\.h5"):
        misses_of(FOLDER / "nrms_docvec.npz", weights=FOLDER / "nrms_keras2.h5")


def test_a_file_that_is_not_golden_is_told_in_one_line(tmp_path, parity):
    path = tmp_path / "other.json"
    path.write_text('{"labels": []}')
    printed = parity(path, f"output={tmp_path / 'out'}", status=2)
    assert printed.splitlines() == [
        f"error: {path}: expected a golden .npz, a metrics JSON, a pipeline JSON, or a folder of "
        "them"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("expected/softmax"), "expected/softmax: missing"),
        (lambda arrays: arrays.pop("weights/user_encoder.pooling.b"), "pooling.b: missing"),
        (lambda arrays: arrays.pop("gradients/user_encoder.pooling.b"), "pooling.b: missing"),
        (
            lambda arrays: arrays.update({"expected/softmax": np.zeros((2, 2))}),
            r"softmax: has shape \(2, 2\), expected \(16, 5\)",
        ),
        (lambda arrays: arrays.update(config="{}"), "config: attention_hidden_dim is missing"),
    ],
)
def test_a_damaged_recording_is_told_with_what_is_wrong(tmp_path, change, message):
    with np.load(FOLDER / "nrms_docvec.npz") as file:
        arrays = dict(file)
    change(arrays)
    np.savez(tmp_path / "damaged.npz", **arrays)
    with pytest.raises(InputError, match=message):
        misses_of(tmp_path / "damaged.npz")


def test_without_tensorflow_the_reference_is_refused_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # as if it were not installed
    with pytest.raises(InputError, match="TensorFlow is not installed") as told:
        run_checks([FOLDER], weights=None, reference=True)
    assert "\n" not in str(told.value)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'",
)
@pytest.mark.parametrize("name", ["nrms", "nrms_docvec"])
def test_the_live_reference_agrees(name):
    results = run_checks([FOLDER / f"{name}.npz"], weights=None, reference=True)
    assert results.misses == []
    files = [check.file for check in results.checks]
    assert files.count(f"{name}.npz (live)") == files.count(f"{name}.npz") == len(files) / 2
