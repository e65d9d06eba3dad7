import json
import os
import shutil
import subprocess
import sys
import time
import zipfile

import numpy as np
import polars as pl
import psutil
import pytest
from run_script import ROOT, TIMEOUT_S, run_script, script


def predict(run, output, *overrides):
    return run_script("predict", f"run={run}", f"output={output}", *overrides)


def lines_of(file):
    lines = zipfile.ZipFile(file).read("predictions.txt").decode().splitlines()
    return [(int(line.split(" ", 1)[0]), json.loads(line.split(" ", 1)[1])) for line in lines]


def data_of(folder):
    """Let a run read another folder; its vectors stand beside the impressions."""
    return [f"data.path={folder}", f"data.vectors={folder}/vectors.parquet"]


@pytest.fixture(scope="module")
def beyond_accuracy(demo_folder, tmp_path_factory):
    """A test split without labels that ends as EB-NeRD's does: impression id 0, 250 candidates."""
    folder = tmp_path_factory.mktemp("beyond") / "data"
    (folder / "test").mkdir(parents=True)
    shutil.copy(demo_folder / "test" / "history.parquet", folder / "test")
    shutil.copy(demo_folder / "document_vectors.parquet", folder / "vectors.parquet")
    articles = pl.read_parquet(demo_folder / "articles.parquet")["article_id"].head(250).to_list()
    behaviors = pl.read_parquet(demo_folder / "test" / "behaviors.parquet").drop(
        "article_ids_clicked"
    )
    inview = behaviors.schema["article_ids_inview"]
    beyond = behaviors.head(20).with_columns(
        pl.lit(0, behaviors.schema["impression_id"]).alias("impression_id"),
        pl.Series("article_ids_inview", [articles] * 20, dtype=inview),
    )
    pl.concat([behaviors, beyond]).write_parquet(folder / "test" / "behaviors.parquet")
    return folder


@pytest.fixture(scope="module")
def by_one_process(trained, beyond_accuracy, tmp_path_factory):
    file = tmp_path_factory.mktemp("one") / "predictions.zip"
    printed = predict(trained, file, *data_of(beyond_accuracy))
    assert "320 impressions" in printed
    return file


def test_a_submission_ranks_every_candidate_in_the_splits_order(by_one_process, beyond_accuracy):
    behaviors = pl.read_parquet(beyond_accuracy / "test" / "behaviors.parquet")
    lines = lines_of(by_one_process)
    assert [impression for impression, _ in lines] == behaviors["impression_id"].to_list()
    assert [len(ranks) for _, ranks in lines[-20:]] == [250] * 20
    for (_, ranks), inview in zip(lines, behaviors["article_ids_inview"], strict=True):
        assert sorted(ranks) == list(range(1, len(inview) + 1))


@pytest.mark.parametrize("devices", [2, 3])
def test_more_processes_write_the_bytes_of_one(
    trained, beyond_accuracy, by_one_process, tmp_path, devices
):
    file = tmp_path / "made" / "predictions.zip"
    printed = predict(trained, file, *data_of(beyond_accuracy), f"trainer.devices={devices}")
    assert file.read_bytes() == by_one_process.read_bytes()
    assert printed.count("candidates ranked in") == 1
    assert list(file.parent.iterdir()) == [file], "no part is left"


def test_a_table_holds_scores_and_their_ranks(trained, beyond_accuracy, by_one_process, tmp_path):
    file = tmp_path / "predictions.parquet"
    predict(trained, file, *data_of(beyond_accuracy), "trainer.devices=2")
    table = pl.read_parquet(file)
    assert table.columns == ["impression_id", "scores", "ranks"]
    assert list(table.select("impression_id", "ranks").iter_rows()) == lines_of(by_one_process)
    for scores, ranks in table.select("scores", "ranks").iter_rows():
        assert np.all(np.diff(np.array(scores)[np.argsort(ranks)]) <= 0)


def test_three_impressions_on_four_ranks(trained, three_impressions, tmp_path):
    data = [*data_of(three_impressions), "split=validation"]
    one, four = tmp_path / "one.zip", tmp_path / "four.zip"
    predict(trained, one, *data)
    predict(trained, four, *data, "trainer.devices=4")
    assert len(lines_of(one)) == 3
    assert four.read_bytes() == one.read_bytes()


def test_parts_that_a_killed_run_left_are_not_joined(
    trained, beyond_accuracy, by_one_process, tmp_path
):
    file = tmp_path / "predictions.zip"
    parts = tmp_path / ".predictions.zip.parts"
    parts.mkdir()
    left = pl.DataFrame({"position": [0], "rank": [1]}, schema={"position": int, "rank": pl.Int32})
    left.write_parquet(parts / "00007-00000.parquet")
    predict(trained, file, *data_of(beyond_accuracy))
    assert file.read_bytes() == by_one_process.read_bytes()
    assert list(tmp_path.iterdir()) == [file]


def test_a_rank_that_is_killed_leaves_no_output(trained, beyond_accuracy, tmp_path):
    # So many impressions that the other rank is killed while it scores them.
    folder = shutil.copytree(beyond_accuracy, tmp_path / "data")
    behaviors = folder / "test" / "behaviors.parquet"
    pl.concat([pl.read_parquet(behaviors)] * 60).write_parquet(behaviors)
    file = tmp_path / "made" / "predictions.zip"
    launcher = psutil.Popen(
        [
            *script("predict"),
            f"run={trained}",
            f"output={file}",
            *data_of(folder),
            "trainer.devices=2",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not (file.parent / ".predictions.zip.parts").is_dir():
            assert launcher.poll() is None, "the command ended before it scored"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        (other,) = launcher.children()
        other.kill()
        assert launcher.wait(timeout=60) != 0
        assert not file.exists()
    finally:
        if launcher.is_running():
            launcher.kill()


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_prediction_that_was_killed_goes_on_to_the_same_bytes(
    trained, beyond_accuracy, by_one_process, tmp_path, devices
):
    """Parts are of 4 million candidates: of smaller ones a kill leaves some."""
    file = tmp_path / "predictions.zip"
    program = """
import os, signal
from nrms_torch.data import loading
from nrms_torch.evaluation import prediction_parts
loading.HISTORIES_PER_CHUNK, prediction_parts.PART_CANDIDATES = 8, 200
written = prediction_parts.PartWriter.flush
def killed(writer):
    written(writer)
    if writer.written == int(os.environ["KILLED_AFTER"]):
        os.kill(os.getpid(), signal.SIGKILL)
prediction_parts.PartWriter.flush = killed
from nrms_torch.commands.main import door
door("predict")
"""
    words = [f"run={trained}", f"output={file}", *data_of(beyond_accuracy)]
    words.append(f"trainer.devices={devices}")
    code = tmp_path / "killed.py"
    code.write_text(program)

    def run(killed_after):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "KILLED_AFTER": str(killed_after)}
        command = [sys.executable, str(code), *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
        )

    assert run(2).returncode != 0
    parts = tmp_path / ".predictions.zip.parts"
    left = sorted(part.name for part in parts.glob("*.parquet"))
    assert len(left) >= 2
    done = run(-1)
    assert done.returncode == 0, done.stderr
    assert f"{parts}: going on after " in done.stdout
    assert file.read_bytes() == by_one_process.read_bytes()
    assert not parts.exists()
    code.unlink()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
def test_parts_of_another_checkpoint_are_not_gone_on_from(
    trained, beyond_accuracy, by_one_process, tmp_path
):
    file = tmp_path / "predictions.zip"
    parts = tmp_path / ".predictions.zip.parts"
    parts.mkdir()
    (parts / "made_of.json").write_text('{"checkpoint": "other", "ranks": 1}')
    left = pl.DataFrame({"position": [0], "rank": [9]}, schema={"position": int, "rank": pl.Int32})
    left.write_parquet(parts / "00000-00000-00000001.parquet")
    assert "going on" not in predict(trained, file, *data_of(beyond_accuracy))
    assert file.read_bytes() == by_one_process.read_bytes()


@pytest.mark.parametrize("name", ["predictions", "predictions.csv"])
def test_an_output_of_another_kind_is_told_before_anything_is_read(tmp_path, name):
    printed = run_script("predict", "run=nowhere", f"output={tmp_path}/{name}", status=2)
    assert printed.startswith(f"error: output: {tmp_path}/{name} ends in neither .zip")
    assert printed.count("\n") == 1


def test_an_output_that_cannot_be_written_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "file").touch()
    file = tmp_path / "file" / "predictions.zip"
    printed = run_script("predict", "run=nowhere", f"output={file}", status=2)
    assert printed.startswith(f"error: {file}: cannot be written")
    assert printed.count("\n") == 1
