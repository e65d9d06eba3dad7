"""docs/own_data.md does what it says: its script, mapping and commands are run as they stand."""

import re
import runpy
import shlex

import pytest
import yaml
from run_script import ROOT, metrics_of, run_script

from nrms_torch.data.own.mapping import load_mapping

PAGE = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
SCRIPTS = {"convert": "convert_logs", "train": "train"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def command(verb):
    """Give the words after `nrms VERB` of the page's first such command."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return shlex.split(next(line for line in lines if line.startswith(f"nrms {verb} ")))[2:]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The two files of the page's site, and its mapping."""
    folder = tmp_path_factory.mktemp("own_data")
    (folder / "make_site.py").write_text(blocks("python")[0], encoding="utf-8")
    (folder / "site.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runpy.run_path("make_site.py")
    return folder


def test_the_page_shows_how_its_files_begin(raw):
    shown = next(text for text in blocks("text") if "sku" in text)
    for part, name in zip(shown.split("\n\n"), ("articles.csv", "clicks.csv"), strict=True):
        assert (raw / name).read_text(encoding="utf-8").startswith(part.strip())


def test_the_pages_commands_convert_and_train(raw, monkeypatch):
    monkeypatch.chdir(raw)
    inside = {"mapping": raw, "output": raw, "data.path": raw, "run": raw}

    def words(verb):
        pairs = (word.split("=", 1) for word in command(verb))
        return [f"{key}={inside[key] / value if key in inside else value}" for key, value in pairs]

    printed = run_script("convert_logs", *words("convert"))
    row = next(line for line in PAGE.splitlines() if line.startswith("| train |"))
    for number in row.split("|")[2:-1]:
        assert f" {number.strip()} " in next(
            line for line in printed.splitlines() if line.startswith("│ train")
        )
    run_script("train", *words("train"), "trainer.max_epochs=1")
    assert metrics_of(raw / "runs" / "site")["auc"] > 0.6


def test_the_pages_python_gives_what_it_says(raw, monkeypatch, capsys):
    monkeypatch.chdir(raw)
    exec(blocks("python")[1], {})
    assert "articles" in capsys.readouterr().out
    assert (raw / "site_again" / "test" / "behaviors.parquet").exists()


@pytest.mark.parametrize("text", blocks("yaml")[1:])
def test_the_pages_other_mappings_are_sound(text):
    log = load_mapping({"articles": {"file": "articles.csv"}, **yaml.safe_load(text)}).log
    assert log.tells_shown
