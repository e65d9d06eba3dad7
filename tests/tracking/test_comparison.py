"""Runs beside each other, from the files in their folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.loggers import CSVLogger
from omegaconf import OmegaConf

from nrms_torch.console import plain_console
from nrms_torch.errors import InputError
from nrms_torch.tracking.comparison import draw, read_runs, table
from nrms_torch.tracking.curves import read_curves
from nrms_torch.training.run_folder import RunFolder


def make_run(path, aucs, rate, metrics=None):
    """Make the part of a run folder that a comparison reads."""
    path.mkdir(parents=True)
    OmegaConf.save({"run": str(path), "training": {"learning_rate": rate}}, path / "config.yaml")
    log(path, enumerate(aucs))
    if metrics:
        RunFolder(path).write_metrics(metrics)
    return path


def log(path, aucs):
    logger = CSVLogger(path, name="csv")
    for epoch, auc in aucs:
        logger.log_metrics({"train/loss_step": 2.0, "epoch": epoch}, step=epoch)
        logger.log_metrics({"val/auc": auc, "epoch": epoch}, step=epoch)
        logger.log_metrics({"train/loss_epoch": 1.0 - auc, "epoch": epoch}, step=epoch)
        logger.save()


def test_a_comparison_has_what_differs_and_what_came_of_it(tmp_path, capsys):
    one = make_run(tmp_path / "one [b]", [0.5, 0.7, 0.6], 1e-3, {"split": "test", "auc": 0.71})
    two = make_run(tmp_path / "two", [0.55, 0.65], 1e-4)
    figure = tmp_path / "figures" / "both.png"
    runs = read_runs([str(one), str(two)])
    plain_console(least_width=120).print(table(runs))
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    for part in ("one [b]", "0.001", "test", "3, best 2", "0.7100"):
        assert part in rows[0]
    for part in ("two", "0.0001", "2, best 2"):
        assert part in rows[1]
    draw(runs, figure)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_runs_of_one_name_are_told_apart(tmp_path):
    runs = [make_run(tmp_path / part / "run", [0.5], 1e-3) for part in "ab"]
    assert [run.name for run in read_runs([str(run) for run in runs])] == [str(r) for r in runs]


def test_what_is_no_run_or_has_no_epoch_is_told(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        read_runs([str(tmp_path)])
    with pytest.raises(InputError, match="measured no epoch"):
        read_runs([str(make_run(tmp_path / "new", [], 1e-3))])


def test_of_a_run_that_was_resumed_the_later_part_counts(tmp_path):
    run = make_run(tmp_path / "run", [0.5, 0.6, 0.65], 1e-3)
    log(run, [(2, 0.7), (3, 0.8)])  # killed in its third epoch, which was trained again
    assert read_curves(run)["val/auc"] == [(1, 0.5), (2, 0.6), (3, 0.7), (4, 0.8)]


@given(cut=st.integers(0, 400))
def test_a_file_that_is_still_being_written_gives_what_is_whole(tmp_path_factory, cut):
    run = tmp_path_factory.mktemp("run") / "run"
    make_run(run, [0.5, 0.625, 0.75], 1e-3)
    (file,) = run.glob("csv/version_*/metrics.csv")
    file.write_text(file.read_text()[:cut])
    whole = [(1, 0.5), (2, 0.625), (3, 0.75)]
    found = read_curves(run).get("val/auc", [])
    assert found == whole[: len(found)]
