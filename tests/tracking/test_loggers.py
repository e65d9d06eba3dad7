"""What W&B and TensorBoard are told of a run, read back from their own files."""

import base64
import hashlib
import json
import runpy
import shutil
import struct
import subprocess
import sys

import polars as pl
import pytest
import wandb_files
from exported_runs import export
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from run_script import ROOT

from nrms_torch.tracking.registry import log_bundle
from nrms_torch.tracking.wandb_logger import RunLogger
from nrms_torch.tracking.wandb_run import TrackedRun, has_key
from nrms_torch.training.run_folder import RunFolder


def csv_values(run, name):
    (file,) = run.glob("csv/version_*/metrics.csv")
    return pl.read_csv(file)[name].drop_nulls().to_list()


def tensorboard_values(run, name):
    """Read a scalar from event files: records of a length, its checksum, a protobuf, its own."""
    from tensorboard.compat.proto.event_pb2 import Event

    found = []
    for file in sorted(run.glob("tensorboard/version_*/events.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [each.simple_value for each in event.summary.value if each.tag == name]
            data = data[12 + length + 4 :]
    return found


def wandb_values(records, name):
    return [row[name] for row in wandb_files.history(records) if name in row]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("csv", {"csv"}),
        ("wandb", {"csv", "wandb"}),
        ("tensorboard", {"csv", "tensorboard"}),
        ("[csv,wandb]", {"csv", "wandb"}),
        ("[wandb,tensorboard]", {"csv", "wandb", "tensorboard"}),
    ],
)
def test_the_run_folders_own_csv_is_always_kept(choice, names):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        assert set(compose("train", [f"logger={choice}"]).logger) == names


def test_the_whole_configuration_is_logged_with_code_and_data(tracked):
    found = wandb_files.config(tracked.records)
    config = OmegaConf.to_container(OmegaConf.load(tracked.run / "config.yaml"), resolve=True)
    assert {name: found[name] for name in config} == config
    assert found["hyper_parameters"]["document_vector_size"] == 64
    origin = json.loads((tracked.run / "origin.json").read_text())
    assert "train/behaviors.parquet" in origin["data"]
    assert found["data_fingerprint"] == origin["data"]
    assert found["code_fingerprint"] == origin["code"]["source"]


def test_the_commit_is_logged(tracked):
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    found = [r.environment.git.commit for r in tracked.records if r.environment.git.commit]
    assert found == ([head] if head else [])


def test_the_curves_are_those_of_the_run_folders_own_csv(tracked):
    for name in ("train/loss_step", "train/loss_epoch", "val/auc", "val/ndcg@10"):
        assert wandb_values(tracked.records, name) == csv_values(tracked.run, name)
    assert len(csv_values(tracked.run, "val/auc")) == 2
    assert (tracked.run / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_each_number_is_logged_under_the_split_that_it_was_measured_on(tracked):
    """After training the best checkpoint is measured on the validation split."""
    metrics = json.loads((tracked.run / "metrics.json").read_text())
    assert metrics["split"] == "validation"
    measured = ("auc", "mrr", "reciprocal_rank", "ndcg@5", "ndcg@10")
    for name in measured:
        logged, expected = f"best/validation/{name}", pytest.approx([metrics[name]], abs=1e-7)
        assert csv_values(tracked.run, logged) == expected
        assert wandb_values(tracked.records, logged) == expected
        assert tensorboard_values(tracked.run, logged) == expected
    (file,) = tracked.run.glob("csv/version_*/metrics.csv")
    of_wandb = {name for row in wandb_files.history(tracked.records) for name in row}
    for names in (set(pl.read_csv(file).columns), of_wandb):
        kinds = {name.rpartition("/")[0] for name in names if name.endswith(measured)}
        assert kinds == {"val", "best/validation"}, "nothing was measured on the test split"


def test_the_best_auc_is_what_tables_and_sweeps_see(tracked):
    (metric,) = [r.metric for r in tracked.records if r.metric.name == "val/auc"]
    assert metric.summary.max
    assert metric.step_metric == "trainer/global_step"


def test_system_metrics_and_the_gradients_that_were_asked_for_are_logged(tracked):
    assert any(record.HasField("stats") for record in tracked.records)
    rows = [r for r in wandb_files.history(tracked.records) if any("gradients/" in n for n in r)]
    assert len(rows) == 48 // 5
    assert any("user_encoder" in name for name in rows[0])


def test_the_best_checkpoint_is_an_artifact_with_its_aliases(tracked):
    known = TrackedRun.of(tracked.run)
    found = wandb_files.artifacts(tracked.records)
    assert set(found) == {f"model-{known.id}"}
    artifact = found[f"model-{known.id}"]
    assert set(artifact.aliases) == {"best", "latest"}
    (entry,) = artifact.manifest.contents
    content = (tracked.run / "checkpoints" / "best.ckpt").read_bytes()
    assert entry.digest == base64.b64encode(hashlib.md5(content).digest()).decode()


def test_tensorboard_has_the_same_curves(tracked):
    found = tensorboard_values(tracked.run, "val/auc")
    assert found == pytest.approx(csv_values(tracked.run, "val/auc"), abs=1e-6)


def test_two_processes_make_one_run_and_one_log(tracked):
    assert len(list(tracked.run.glob("wandb/offline-run-*"))) == 1
    assert len(list(tracked.run.glob("tensorboard/version_*"))) == 1
    assert len(list(tracked.run.glob("csv/version_*"))) == 1
    assert [folder.name for folder in tracked.run.parent.iterdir()] == ["run"]
    for once in ("1,511 training rows", "val AUC", f"written to {tracked.run}/"):
        assert tracked.printed.count(once) == 1, once
    assert "Warning" not in tracked.printed, "which is ours to heed, not the user's"


def test_one_line_says_how_to_upload(tracked):
    (line,) = [line for line in tracked.printed.splitlines() if "wandb sync" in line]
    assert line.endswith(f"wandb sync {tracked.run}/wandb/offline-run-*")
    assert "wandb:" not in tracked.printed, "and nothing else is said of W&B"


def test_a_bundle_is_logged_to_the_run_that_trained_it(tracked, logged_out, capsys):
    known = TrackedRun.of(tracked.run)
    bundle = export(tracked.run)
    name = log_bundle(RunFolder(tracked.run), bundle)
    assert name.startswith(f"bundle-{known.id}")
    first, last = sorted(tracked.run.glob("wandb/offline-run-*"))
    assert first.name.endswith(known.id)
    assert last.name.endswith(known.id)
    records = wandb_files.records_of(next(last.glob("*.wandb")))
    artifact = wandb_files.artifacts(records)[f"bundle-{known.id}"]
    assert set(artifact.aliases) == {"best", "latest", "float32"}
    paths = {entry.path for entry in artifact.manifest.contents}
    files = {f"bundle/{file.relative_to(bundle)}" for file in bundle.rglob("*") if file.is_file()}
    assert paths == files | {"best.ckpt"}
    manifest = json.loads((bundle / "model.json").read_text())
    assert json.loads(artifact.metadata)["checkpoint"] == manifest["checkpoint"]
    assert "wandb sync" in capsys.readouterr().out


@pytest.mark.parametrize("host", ["api.forge.coreweave.com", "api.wandb.ai", "w.example.com"])
def test_a_key_of_wandb_login_is_found_under_the_host_that_is_asked(logged_out, monkeypatch, host):
    assert not has_key()
    (logged_out / ".netrc").write_text(f"machine {host}\n  login user\n  password {'k' * 40}\n")
    assert has_key() == (host != "w.example.com")
    monkeypatch.setenv("WANDB_BASE_URL", "https://w.example.com")
    assert has_key() == (host == "w.example.com")


def not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)


def refused(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "no key")


def disabled(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.mark.parametrize("without", [not_installed, refused, disabled])
def test_a_bundle_is_exported_where_wandb_cannot_be_had(
    exported, logged_out, tmp_path, monkeypatch, capfd, without
):
    run = shutil.copytree(exported("nrms_docvec")[0], tmp_path / "run")
    known = TrackedRun("nrms-torch", None, "abcd1234")
    known.keep(run)
    without(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["export_onnx.py", f"run={run}", f"bundle={tmp_path}/bundle"])
    runpy.run_path(str(ROOT / "scripts" / "export_onnx.py"), run_name="__main__")
    assert (tmp_path / "bundle" / "model.json").exists()
    told = [line for line in capfd.readouterr().err.splitlines() if "not logged" in line]
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path}/bundle: written, but not logged: W&B")
    assert TrackedRun.of(run) == known


def test_a_run_that_wandb_does_not_keep_is_not_kept_either(tmp_path, logged_out, monkeypatch):
    disabled(monkeypatch)
    logger = RunLogger(str(tmp_path), project="nrms-torch")
    logger.log_metrics({"val/auc": 0.5})
    assert logger.experiment.disabled
    assert TrackedRun.of(tmp_path) is None


def test_a_run_that_resumes_goes_on_in_the_same_wandb_run(tracked, logged_out):
    logger = RunLogger(str(tracked.run), project="nrms-torch")
    assert logger.version == TrackedRun.of(tracked.run).id
