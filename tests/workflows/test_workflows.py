"""The workflows of data and of a new version in the registry: their form, and their own lines."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from run_script import ROOT, TIMEOUT_S

from nrms_torch.tracking.registry import BUNDLE, CHECKPOINT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
FOLDER = "model"


def content_of(workflow):
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yaml").read_text())


def steps(workflow="model"):
    (job,) = content_of(workflow)["jobs"].values()
    return job["steps"]


def line_of(word, workflow="model"):
    (line,) = [step["run"] for step in steps(workflow) if word in step.get("run", "")]
    return line


def shell(line, folder, **variables):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", line],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_has_the_form_that_github_asks_for(file):
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    done = subprocess.run(
        [*checker, "vendor.github-workflows", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_an_event_waits_for_those_of_its_own_artifact_alone():
    content = content_of("model")
    artifact = content["jobs"]["check"]["env"]["ARTIFACT"]
    assert content["concurrency"]["group"].endswith(artifact)


def test_what_comes_from_outside_is_never_part_of_a_script():
    for step in steps():
        assert "${{" not in step.get("run", ""), "a payload could hold commands"


def test_each_command_names_a_script_and_settings_that_it_has():
    found = re.findall(
        r"python scripts/(\w+)\.py ([^|\n]*)", "\n".join(map(str, map(_run, steps())))
    )
    assert [name for name, _ in found] == ["parity", "check_bundle", "load_test"]
    for name, arguments in found:
        assert (ROOT / "scripts" / f"{name}.py").is_file()
        overrides = [each for each in shlex.split(arguments) if "=" in each]
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            compose(name, overrides)


def test_what_is_fetched_is_checked_and_reported(exported, tmp_path):
    run, bundle = exported("nrms_docvec")
    # The artifact as tracking.registry makes it; to fetch it takes an account.
    assert "--root " + FOLDER in line_of("wandb artifact get")
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / BUNDLE).symlink_to(bundle)
    (tmp_path / FOLDER / CHECKPOINT).symlink_to(run / "checkpoints" / "best.ckpt")
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    done = shell(line_of("check_bundle.py"), tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "load.md").write_text("| load |\n")
    shell(line_of("GITHUB_STEP_SUMMARY"), tmp_path, GITHUB_STEP_SUMMARY="report.md", ARTIFACT="a:1")
    report = (tmp_path / "report.md").read_text()
    for part in ("## a:1", "agrees with torch on 6,400 candidates", "| load |"):
        assert part in report


@pytest.mark.parametrize(
    ("workflow", "word"),
    [("model", "check_bundle.py"), ("model", "load_test.py"), ("data", "data_drift.py")],
)
def test_a_command_that_fails_fails_the_job_though_its_output_is_kept(tmp_path, workflow, word):
    done = shell(line_of(word, workflow), tmp_path)  # where there is no scripts/ at all
    assert done.returncode != 0


def _run(step):
    return step.get("run", "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_later_step_finds_the_credentials_of_the_checkout(file):
    jobs = yaml.safe_load(file.read_text())["jobs"].values()
    checkouts = [
        step for job in jobs for step in job["steps"] if "actions/checkout" in step.get("uses", "")
    ]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
