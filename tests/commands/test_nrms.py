"""`nrms`: its pages, its mistakes, and that neither waits for torch."""

import subprocess
import sys

import pytest
from run_script import ROOT, TIMEOUT_S, assert_one_line

from nrms_torch.commands import help as pages
from nrms_torch.commands.main import main
from nrms_torch.commands.verbs import VERBS
from nrms_torch.configuration import compose, settings

# Ends the process before anything heavy is imported.
WITHOUT_TORCH = """
import sys
for name in ("torch", "lightning", "tensorflow", "transformers"):
    sys.modules[name] = None
from nrms_torch.commands.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def nrms(capsys):
    """Run `nrms` in this process; gives status, output and errors."""

    def nrms(*words):
        try:
            main(words)
            status = 0
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return nrms


def without_torch(*words):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_nrms_alone_lists_every_verb_with_what_it_does(nrms):
    status, page, _ = nrms()
    assert status == 0
    for verb, how in VERBS.items():
        assert f"  {verb} " in page
        assert pages.summary(how.config)[:30] in page


def test_the_version_is_told(nrms):
    assert nrms("--version")[1].startswith("nrms 0.")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_page_with_an_example_and_each_setting(verb, nrms):
    status, page, _ = nrms(verb, "--help")
    assert status == 0
    assert pages.head(VERBS[verb].config).text.split()[0] in page
    assert f"  nrms {verb}" in page
    assert "scripts/" not in page
    shown = settings(compose(VERBS[verb].config, complete=False))
    for name in shown:
        if not name.startswith(("callbacks.", "logger.")) and "._" not in name:
            assert f"{name}=" in page, name


def test_pages_and_mistakes_need_no_torch():
    assert "Train a model" in without_torch("train", "--help").stdout
    for words in (["tran"], ["train", "trainer.max_epoch=1"], ["train", "--epochs"], ["evaluate"]):
        found = without_torch(*words)
        assert_one_line(found.returncode, found.stderr, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tran"], "did you mean train?"),
        (["train", "trainer.max_epoch=1"], "did you mean trainer.max_epochs?"),
        (["train", "modle=nrms"], "did you mean model?"),
        (["train", "model=nmrs"], "did you mean nrms?"),
        (["train", "model=NRMS"], "none of late, nrms, nrms_docvec"),
        (["train", "data=minds"], "did you mean mind?"),
        (["train", "logger=[wandb,tensorbord]"], "did you mean tensorboard?"),
        (["train", "experiment=dmo"], "did you mean demo?"),
        (["train", "data=mind"], "data.path: missing"),
        (["train", "seed"], "'seed': expected a setting, name=value"),
        (["train", "--epochs"], "--epochs"),
        (["train", "--multirun", "seed=1,2"], "--multirun"),
        (["train", "--config-dir", "nowhere"], "nowhere is no folder"),
        (["evaluate"], "run: missing"),
        (["evaluate", "one", "two"], "'two': expected a setting"),
        (["evaluate", "run=x", "splitt=test"], "did you mean split?"),
        (["recommend", "x", "histroy=[1]"], "did you mean history?"),
        (["serve", "bundle=x", "prot=1"], "did you mean port?"),
        (["generate", "impresions=5"], "did you mean impressions?"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_nearest(words, told, nrms, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, error = nrms(*words)
    assert_one_line(status, error, told)
    assert not list(tmp_path.iterdir())


def test_a_bare_word_is_the_verbs_own_setting(nrms):
    assert "run: nowhere is no run folder" in nrms("evaluate", "nowhere")[2]
    assert "no model.json" in nrms("recommend", "nowhere", "k=3")[2]


def test_the_configuration_can_be_printed(nrms):
    status, printed, _ = nrms("train", "seed=3", "--cfg", "job")
    assert status == 0
    assert printed.startswith("seed: 3\n")


def test_completion_knows_verbs_settings_and_choices(monkeypatch, capsys):
    for typed, word, expected in (
        ("nrms ev", 1, "evaluate"),
        ("nrms train trainer.max_e", 2, "trainer.max_epochs="),
        ("nrms train model=nr", 2, "model=nrms_docvec"),
    ):
        monkeypatch.setenv("_NRMS_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(word))
        with pytest.raises(SystemExit):
            main(["nothing"])
        assert expected in capsys.readouterr().out
