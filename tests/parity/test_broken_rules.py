"""Every rule of the baseline fails a check or a test when it is broken, and docs/parity.md says so.

That nothing fails while the rules hold is what all the other tests show.
"""

import math
import re
import runpy
import sys
from contextlib import ExitStack

import pytest
from golden_files import FOLDER
from run_script import ROOT

from nrms_tf_reference.parity.rules.attention import attention_with, pooling_with
from nrms_tf_reference.parity.rules.book import SECTIONS
from nrms_tf_reference.parity.rules.breaking import Outcome, break_rule
from nrms_tf_reference.parity.rules.dense_layers import calls_with, dense_layers_with
from nrms_tf_reference.parity.rules.dropout import titles_with
from nrms_tf_reference.parity.rules.metrics import ndcg_with, ranking_with
from nrms_tf_reference.parity.rules.rule import Everywhere, Rule
from nrms_tf_reference.parity.rules.table import BEGIN, END, description, replace_rules, summary
from nrms_tf_reference.parity.suite import run_checks
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.model.attention import SelfAttention

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")
RULES = [rule for rules in SECTIONS.values() for rule in rules]
DOCUMENT = ROOT / "docs" / "parity.md"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.text)
def test_a_broken_rule_is_seen(rule):
    outcome = break_rule(rule)
    assert outcome.is_seen
    # A recording that is refused, or a number that is none, would be seen whatever the rule says.
    assert all(math.isfinite(check.difference) for check in outcome.misses)
    assert not outcome.refusal or "WO: missing" in outcome.refusal


@pytest.mark.parametrize("name", ["nrms", "nrms_dense_layers"])
def test_what_stands_in_for_our_layers_is_sound_but_for_the_rule(name):
    stand_ins = (attention_with, pooling_with, dense_layers_with, titles_with, calls_with)
    with ExitStack() as stack:
        for stand_in in stand_ins:
            stack.enter_context(stand_in())
        results = run_checks([FOLDER / f"{name}.npz"], weights=None, reference=False)
    assert results.misses == []


def test_what_stands_in_for_ndcg_is_sound_but_for_the_rule():
    with ranking_with("ndcg@5", ndcg_with(5)), ranking_with("ndcg@10", ndcg_with(10)):
        assert run_checks([FOLDER / "metrics.json"], weights=None, reference=False).misses == []


def test_a_rule_that_changes_nothing_is_not_seen():
    kept = Rule("", "", "", "metrics.json", (Everywhere(ranks, lambda real, *rest: real(*rest)),))
    assert break_rule(kept) == Outcome()
    tested = Rule(
        "", "", "", "tests/model/test_dropout.py::test_users_are_encoded_without_dropout", ()
    )
    assert not break_rule(tested).is_seen


def test_a_test_that_is_not_there_shows_nothing():
    with pytest.raises(RuntimeError, match="test_none: shows nothing"):
        break_rule(Rule("", "", "", "tests/model/test_dropout.py::test_none", ()))


def test_a_test_that_ends_in_an_error_shows_nothing():
    def broken(*_, **__):
        raise OSError("disk")

    everywhere = Everywhere(ranks, broken)
    node = "tests/evaluation/test_ranking.py::test_infinite_scores_are_ranked_and_tie"
    with pytest.raises(RuntimeError, match="shows nothing: OSError"):
        break_rule(Rule("", "", "", node, (everywhere,)))


def test_rules_are_mended_afterwards():
    ours = vars(sys.modules["nrms_torch.evaluation.ranking"])
    for rule in RULES:
        with rule.broken():
            pass
    assert ours["ranks"] is ranks
    assert SelfAttention.forward.__module__ == "nrms_torch.model.attention"
    assert "transposed" not in vars(SelfAttention)


def rows_of(text):
    """The cells of the tables between the marks, without headers."""
    tables = text[text.index(BEGIN) : text.index(END)]
    rows = [line[2:-2].split(" | ") for line in tables.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("rule", "---")]


def test_the_document_lists_the_rules_in_code_and_what_fails():
    rows = rows_of(DOCUMENT.read_text())
    assert [row[:4] for row in rows] == [description(rule) for rule in RULES]
    assert not [row for row in rows if set(row[4:]) <= {"·", "–", "nothing fails"}]
    headings = re.findall("^### (.*)$", DOCUMENT.read_text(), flags=re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)


def test_the_documents_links_lead_to_files():
    files = re.findall(r"\]\((\.\./[^)]*)\)", DOCUMENT.read_text())
    assert len(files) > len(RULES)
    assert not [file for file in files if not (DOCUMENT.parent / file).is_file()]


@pytest.mark.parametrize("content", ["", f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{BEGIN}"])
def test_a_document_without_a_place_for_the_rules_is_left_alone(tmp_path, content):
    document = tmp_path / "notes.md"
    document.write_text(content)
    with pytest.raises(InputError, match="expected one line"):
        replace_rules(document, "tables")
    assert document.read_text() == content


def test_the_command_breaks_rules_and_writes_what_fails(tmp_path, monkeypatch, capsys):
    document = tmp_path / "parity.md"
    document.write_text(f"first\n{BEGIN}\nof before\n{END}\nlast\n")
    of_recording, of_test = SECTIONS["Attention and pooling"][0], SECTIONS["Dropout"][-1]
    of_table = SECTIONS["Ranks and metrics"][0]
    nothing = Rule("nothing", "", "", "metrics.json", ())
    some = {"Numbers": (of_recording, of_test), "Words": (of_table, nothing)}
    monkeypatch.setattr("nrms_tf_reference.parity.rules.book.SECTIONS", some)
    monkeypatch.setattr(sys, "argv", ["break_rules.py", f"output={document}"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "break_rules.py"), run_name="__main__")
    assert ended.value.code == 1
    assert "4 rules, 1 broken unseen" in capsys.readouterr().out
    text = document.read_text()
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "of before" not in text
    rows = [row[4:] for row in rows_of(text)]
    assert all(float(cell) > 0 for cell in rows[0])
    assert rows[1:] == [
        ["3 cases fail", "–", "–", "–"],
        [summary(break_rule(of_table))],
        ["nothing fails"],
    ]
    assert rows[2][0].startswith("ranks: 18 of 240")
