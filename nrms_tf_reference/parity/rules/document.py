"""docs/parity_rules.md, the one table of the rules: read, and its results written anew.

A row is a rule: its name in backticks, what the baseline does, why, what is done instead to break
it, a link to the golden file or the test that shows it, and what then fails.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nrms_torch.errors import InputError
from nrms_torch.files import replacing

ROOT = Path(__file__).parents[3]
_TOLD = 5  # columns that say what a rule is; those behind them are results
_ROW = re.compile(r"\| `(\w+)` \| (.*) \|")
_LINK = re.compile(r"\[(\w[\w.]*)\]\(\.\./([\w/.]+)\)")


@dataclass(frozen=True)
class Rule:
    """A row: the rule's name, its text, and what shows it broken, from the repository's root.

    `shown_by` is a golden file, or the pytest node of a test where no recording can show the rule.
    """

    name: str
    text: str
    shown_by: str

    @property
    def has_numbers(self) -> bool:
        """Whether a recording shows it, so that its results are numbers."""
        return self.shown_by.endswith(".npz")


def read_rules(document: Path) -> list[Rule]:
    """Read the rules of a document, in order; InputError where it has none or a row is no rule."""
    if not document.is_file():
        raise InputError(f"rules: {document}: no such file; expected a document")
    rules = [
        _rule(f"{document}, line {number}", line)
        for number, line in enumerate(document.read_text().splitlines(), start=1)
        if _ROW.fullmatch(line)
    ]
    if not rules:
        raise InputError(f"rules: {document}: expected rows that begin with the name of a rule")
    return rules


def write_results(document: Path, results: Callable[[Rule], list[str]]) -> None:
    """Put `results(rule)`, the last cells of a row, in place of those that a document has."""
    lines, columns = document.read_text().splitlines(), 0
    for number, line in enumerate(lines):
        if line.startswith("| name |"):
            columns = line.count(" | ") + 1
        elif _ROW.fullmatch(line):
            cells = results(_rule(str(document), line))
            told = line.split(" | ")[:_TOLD]
            empty = ["–"] * (columns - _TOLD - len(cells))
            lines[number] = " | ".join([*told, *cells, *empty]) + " |"
    with replacing(document) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _rule(place: str, row: str) -> Rule:
    name, text, *_ = cells = row[2:-2].split(" | ")
    link = _LINK.fullmatch(cells[_TOLD - 1]) if len(cells) > _TOLD else None
    if link is None:
        raise InputError(f"rules: {place}: expected a link to what shows the rule in column 5")
    label, file = link.groups()
    shown_by = f"{file}::{label}" if file.endswith(".py") else file
    return Rule(name.strip("`"), text, shown_by)
