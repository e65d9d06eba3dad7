"""What holds for all tests."""

import os
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from run_script import ROOT, run_script, small

# How long an example takes says more of who else uses the machine than of the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
# Of a mutant the first wrong example is enough.
settings.register_profile(
    "mutants",
    settings.get_profile("tests"),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
)

# Before torch is imported, here and in every command that a test starts: the tensors of tests are
# so small that a second thread only costs time, and much of it where tests share their cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests are offline: a model's name must not make a library ask for it.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Nor may anybody's account be used.
os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_ERROR_REPORTING"] = "false"


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """Generated data, small."""
    from nrms_torch.data.demo.generate import generate

    folder = tmp_path_factory.mktemp("demo") / "data"
    generate(folder, impressions=1_500)
    return folder


@pytest.fixture(scope="session")
def vectors_of_20(demo_folder, tmp_path_factory):
    """Document vectors of the width that the recorded NRMSDocVec has."""
    import polars as pl

    table = pl.read_parquet(demo_folder / "document_vectors.parquet")
    file = tmp_path_factory.mktemp("vectors") / "vectors.parquet"
    table.with_columns(pl.col("document_vector").list.head(20)).write_parquet(file)
    return file


@pytest.fixture(scope="session")
def trained(tmp_path_factory, demo_folder):
    """A small NRMSDocVec, trained by the command itself."""
    run = tmp_path_factory.mktemp("runs") / "docvec"
    run_script("train", *small("nrms_docvec", demo_folder), f"run={run}")
    return run


@pytest.fixture(scope="session")
def exported(request, tmp_path_factory):
    """Give the run and the bundle of a model kind and variant, made once.

    Once a session, or once for all sessions where NRMS_KEPT_RUNS names a folder: `make mutants`
    starts hundreds of them.
    """
    from exported_runs import export, make_run

    kept = os.environ.get("NRMS_KEPT_RUNS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("exported")

    def exported(kind, variant="baseline"):
        run = folder / f"{kind}_{variant}"
        if not (run / "bundle").is_dir():
            make_run(kind, variant, request.getfixturevalue("demo_folder"), run)
            export(run)
        return run, run / "bundle"

    return exported


@pytest.fixture(scope="session")
def bundle(exported):
    """A bundle of a model that reads titles."""
    return exported("nrms", "standard")[1]


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the system's."""
    from playwright.sync_api import expect, sync_playwright
    from shown_page import TIMEOUT_MS

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(names)} is in PATH")
    expect.set_options(timeout=TIMEOUT_MS)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        yield browser


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a script in this process, for speed, and give its exit status and standard error."""

    def call(name, *overrides):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, overrides)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
        return stop.value.code, capsys.readouterr().err

    return call
