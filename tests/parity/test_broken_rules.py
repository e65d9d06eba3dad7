"""Every rule of the baseline fails a check or a test when it is broken, and the document says so.

That nothing fails while the rules hold is what all the other tests show.
"""

import math
import re
import runpy
import sys

import pytest
from golden_files import FOLDER
from run_script import ROOT

from nrms_tf_reference.parity.rules import metrics, stand_ins, training
from nrms_tf_reference.parity.rules.breaking import BREAKERS, Outcome, break_rule
from nrms_tf_reference.parity.rules.document import read_rules
from nrms_tf_reference.parity.rules.patching import Everywhere, broken
from nrms_tf_reference.parity.rules.results import summary
from nrms_tf_reference.parity.suite import run_checks
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.model.attention import SelfAttention

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")
DOCUMENT = ROOT / "docs" / "parity_rules.md"
RULES = read_rules(DOCUMENT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_broken_rule_is_seen(rule):
    outcome = break_rule(BREAKERS[rule.name], rule.shown_by)
    assert outcome.is_seen
    # A recording that is refused, or a number that is none, would be seen whatever the rule says.
    assert all(math.isfinite(check.difference) for check in outcome.misses)
    assert not outcome.refusal or "WO: missing" in outcome.refusal


@pytest.mark.parametrize("name", ["nrms", "nrms_dense_layers", "nrms_docvec", "nrms_tied_init"])
def test_what_stands_in_for_our_layers_and_adam_is_sound_but_for_the_rule(name):
    layers = ("attention", "pooling", "dense_layers", "batch_norm", "titles", "calls")
    with broken([*(getattr(stand_ins, layer)() for layer in layers), training.adam()]):
        results = run_checks([FOLDER / f"{name}.npz"], weights=None, reference=False)
    assert results.misses == []


def test_what_stands_in_for_ndcg_is_sound_but_for_the_rule():
    with broken(metrics.metric(f"ndcg@{k}", metrics.ndcg(k)) for k in (5, 10)):
        assert run_checks([FOLDER / "metrics.json"], weights=None, reference=False).misses == []


def test_a_rule_that_changes_nothing_is_not_seen():
    kept = Everywhere(ranks, lambda real, *rest: real(*rest))
    assert break_rule([kept], "tests/golden/metrics.json") == Outcome()
    tested = "tests/model/test_dropout.py::test_users_are_encoded_without_dropout"
    assert not break_rule([], tested).is_seen


def test_a_test_that_is_not_there_shows_nothing():
    with pytest.raises(RuntimeError, match="test_none: shows nothing"):
        break_rule([], "tests/model/test_dropout.py::test_none")


def test_a_test_that_ends_in_an_error_shows_nothing():
    def ending(*_, **__):
        raise OSError("disk")

    node = "tests/evaluation/test_ranking.py::test_infinite_scores_are_ranked_and_tie"
    with pytest.raises(RuntimeError, match="shows nothing: OSError"):
        break_rule([Everywhere(ranks, ending)], node)


def test_rules_are_mended_afterwards():
    ours = vars(sys.modules["nrms_torch.evaluation.ranking"])
    for patches in BREAKERS.values():
        with broken(patches):
            pass
    assert ours["ranks"] is ranks
    assert SelfAttention.forward.__module__ == "nrms_torch.model.attention"


def rows_of(document):
    """The cells of the rows of rules."""
    lines = document.read_text().splitlines()
    return [line[2:-2].split(" | ") for line in lines if line.startswith("| `")]


def test_the_document_has_each_rule_once_and_what_fails():
    assert sorted(rule.name for rule in RULES) == sorted(BREAKERS)
    rows = rows_of(DOCUMENT)
    assert len(rows) == len(RULES)
    assert not [row for row in rows if set(row[5:]) <= {"·", "–", "nothing fails"}]


@pytest.mark.parametrize("name", ["parity.md", "parity_rules.md"])
def test_the_documents_links_lead_to_files(name):
    document = ROOT / "docs" / name
    files = re.findall(r"\]\(([^)]*)\)", document.read_text())
    assert len(files) > 5
    assert not [file for file in files if not (document.parent / file).is_file()]


@pytest.fixture
def break_rules(tmp_path, monkeypatch, capsys):
    """Run the command on a document with some lines; give its exit status and what it printed."""

    def run(*lines):
        document = tmp_path / "rules.md"
        document.write_text("\n".join(lines) + "\n")
        monkeypatch.setattr(sys, "argv", ["break_rules.py", f"rules={document}"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts" / "break_rules.py"), run_name="__main__")
        return ended.value.code, "".join(capsys.readouterr()), document

    return run


LINK = "[metrics.json](../tests/golden/metrics.json)"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing", "expected rows that begin with the name of a rule"),
        ("| `mrr` | rule | why | broken | nowhere | 1 |", "line 1: expected a link"),
        ("| `mrr` | rule |", "line 1: expected a link"),
        (f"| `gravity` | rule | why | broken | {LINK} | 1 |", "gravity: nothing is known to break"),
    ],
)
def test_a_document_without_rules_is_left_alone(break_rules, line, message):
    status, printed, document = break_rules(line)
    assert status == 2
    assert message in printed
    assert document.read_text() == line + "\n"


def test_the_command_breaks_rules_and_writes_what_fails(break_rules, monkeypatch):
    header = "| name | rule | why | broken | shown by |"
    lines = {
        line.split("`")[1]: line for line in DOCUMENT.read_text().splitlines() if "| `" in line
    }
    told = {name: line.split(" | ")[:5] for name, line in lines.items()}
    monkeypatch.setitem(BREAKERS, "mrr", ())
    status, printed, document = break_rules(
        "first",
        f"{header} softmax | gradient | losses | weights |",
        " | ".join([*told["attention_scaled"], "of before", "1", "2", "3"]) + " |",
        " | ".join([*told["dropout_in_training"], "of before", "–", "–", "–"]) + " |",
        f"{header} what fails |",
        " | ".join([*told["later_tie_first"], "of before"]) + " |",
        " | ".join([*told["mrr"], "of before"]) + " |",
        "last",
    )
    assert status == 1
    assert "4 rules, 1 broken unseen" in printed
    text = document.read_text()
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "of before" not in text
    rows = [row[5:] for row in rows_of(document)]
    assert all(float(cell) > 0 for cell in rows[0])
    seen = break_rule(BREAKERS["later_tie_first"], "tests/golden/metrics.json")
    assert rows[1:] == [["3 cases fail", "–", "–", "–"], [summary(seen)], ["nothing fails"]]
    assert rows[2][0].startswith("ranks: 18 of 240")
