"""What a shell, a container or a service manager brings along does not end a command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from run_script import TIMEOUT_S, run_script, script, small

from nrms_torch.data.prepared.places import require_writable_place
from nrms_torch.files import users_cache


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_letters_that_the_output_lacks_are_replaced(exported, monkeypatch, encoding):
    _, bundle = exported("nrms_docvec")
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    done = subprocess.run(
        [*script("recommend"), f"bundle={bundle}", "k=2"],
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"the best of" in done.stdout
    done.stdout.decode(encoding)


@pytest.mark.parametrize(
    "name", ["with blank", "nyheder æøå", "新闻", "epoch=3", "a,b[1]{c}", "it's"]
)
def test_a_path_needs_no_quotes_on_the_command_line(trained, demo_folder, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    shutil.copytree(demo_folder / "validation", folder / "validation")
    metrics = folder / "metrics.json"
    vectors = demo_folder / "document_vectors.parquet"
    run_script(
        *("evaluate", f"run={trained}", f"data.path={folder}"),
        *(f"data.vectors={vectors}", f"metrics={metrics}"),
    )
    assert metrics.is_file()


@pytest.fixture
def homeless(monkeypatch):
    """Take the home away, as a container does whose user the system does not know."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)


def test_data_in_a_folder_that_can_be_written_needs_no_home(homeless, tmp_path):
    from nrms_torch.data.config import DataConfig
    from nrms_torch.errors import InputError

    config = DataConfig(format="ebnerd", path=str(tmp_path))
    assert require_writable_place(config) == tmp_path / ".prepared"
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match=r"data\.cache: cannot write into .*name another folder"):
        require_writable_place(config)
    tmp_path.chmod(0o755)
    with pytest.raises(InputError, match=r"expected HOME, XDG_CACHE_HOME or data\.cache"):
        users_cache()


@pytest.mark.parametrize("name", ["RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_AS"])
def test_an_upload_is_decoded_under_limits_lower_than_our_own(demo_folder, tmp_path, name):
    for file in ("behaviors", "history"):
        shutil.copy(demo_folder / "test" / f"{file}.parquet", tmp_path)
    lower = {"RLIMIT_CPU": 50, "RLIMIT_FSIZE": 100 * 2**20, "RLIMIT_AS": 2**31}[name]
    # In a process of its own: this one may have used more already, and would be killed.
    program = f"""
import resource
from pathlib import Path
from nrms_torch.serving.decoding import decode
hard = resource.getrlimit(resource.{name})[1]
resource.setrlimit(resource.{name}, ({lower}, hard))
assert decode(Path({str(tmp_path)!r}), integer_ids=True).labelled
"""
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=TIMEOUT_S)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"MPLBACKEND": "QtAgg", "PYTHONWARNINGS": "error", "CUDA_VISIBLE_DEVICES": ""},
        {"LANG": "C", "LC_ALL": "C", "COLUMNS": "1", "HOME": "/proc", "PYTHONSAFEPATH": "1"},
        {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "40", "PYTHONUTF8": "0", "LC_ALL": "POSIX"},
    ],
    ids=str,
)
def test_a_run_is_the_same_whatever_the_shell_brings_along(demo_folder, tmp_path, variables):
    run = tmp_path / "run"
    command = [*script("train"), *small("nrms_docvec", demo_folder), f"run={run}"]
    done = subprocess.run(
        [*command, "trainer.max_epochs=1"],
        env=os.environ | variables,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (run / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "metrics.json").is_file()


def test_onnxruntime_is_told_to_tell_nobody_before_it_is_imported():
    code = "import nrms_torch.serving.encoders, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, expected in ((None, "1"), ("0", "0")):
        environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
        environment |= {} if given is None else {"ORT_DISABLE_TELEMETRY": given}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
