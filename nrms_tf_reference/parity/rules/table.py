"""The rules as tables of Markdown, and the place for them in a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.rules.breaking import GOLDEN, Outcome
from nrms_tf_reference.parity.rules.rule import Rule
from nrms_torch.errors import InputError
from nrms_torch.files import replacing

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
# The columns of numbers, each the largest of some checks of a recording.
_LARGEST_OF = {
    "softmax": ("softmax", "train_softmax", "final_softmax"),
    "gradient": ("gradient",),
    "losses": ("trajectory_losses",),
    "weights": ("final weights",),
}
_SHOWN = 3


def description(rule: Rule) -> list[str]:
    """Give the cells that say what a rule is: its text, its reason, how it is broken, by what."""
    return [rule.text, rule.reason, rule.instead, _link(rule.shown_by)]


def summary(outcome: Outcome) -> str:
    """Say in a few words what failed."""
    if outcome.failed_tests:
        cases = len(outcome.failed_tests)
        return "the test fails" if cases == 1 else f"{cases} cases fail"
    if outcome.refusal:
        return f"refused: {outcome.refusal}"
    shown = ", ".join(_how_far(check) for check in outcome.misses[:_SHOWN])
    more = len(outcome.misses) - _SHOWN
    return (shown + (f", and {more} more" if more > 0 else "")) or "nothing fails"


def markdown(sections: Mapping[str, Sequence[tuple[Rule, Outcome]]]) -> str:
    """Lay the rules out, a table a section."""
    return "\n".join(f"### {title}\n\n{_table(rows)}" for title, rows in sections.items())


def require_place(file: Path) -> None:
    """Raise InputError where `file` is no document with a place for the rules."""
    if not file.is_file():
        raise InputError(f"output: {file}: no such file; expected a document")
    text = file.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"output: {file}: expected one line {BEGIN} and one {END} behind it")


def replace_rules(file: Path, tables: str) -> None:
    """Put `tables` between the two marks of a document."""
    require_place(file)
    text = file.read_text()
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    with replacing(file) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{tables}\n{after}")


def _table(rows: Sequence[tuple[Rule, Outcome]]) -> str:
    has_numbers = any(rule.shown_by.endswith(".npz") for rule, _ in rows)
    last = list(_LARGEST_OF) if has_numbers else ["what fails"]
    header = ["rule", "why", "broken", "shown by", *last]
    lines = [header, ["---"] * 4 + ["---:" if has_numbers else "---"] * len(last)]
    for rule, outcome in rows:
        cells = _numbers(outcome) if rule.shown_by.endswith(".npz") else [summary(outcome)]
        lines.append([*description(rule), *cells, *["–"] * (len(last) - len(cells))])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _numbers(outcome: Outcome) -> list[str]:
    """Give the largest errors over the tolerances; a refused recording has none."""
    if outcome.refusal:
        return ["refused"]
    largest = []
    for names in _LARGEST_OF.values():
        over = [check.difference for check in outcome.misses if check.what in names]
        largest.append(_number(max(over)) if over else "·")
    return largest


def _how_far(check: Check) -> str:
    of_all = check.note.removesuffix(" that differ") if check.note.startswith("of ") else ""
    return f"{check.what}: {_number(check.difference)} {of_all}".strip()


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}".replace("e-0", "e-")


def _link(shown_by: str) -> str:
    if "::" not in shown_by:
        return f"[{shown_by}](../{GOLDEN.as_posix()}/{shown_by})"
    file, test = shown_by.split("::")
    return f"[{test}](../{file})"
