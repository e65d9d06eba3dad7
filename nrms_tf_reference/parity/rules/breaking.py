"""Break a rule and see what fails: the checks of a golden file, or a test."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.rules.rule import Rule
from nrms_tf_reference.parity.suite import run_checks
from nrms_torch.errors import InputError

ROOT = Path(__file__).parents[3]
GOLDEN = Path("tests") / "golden"


@dataclass(frozen=True)
class Outcome:
    """What came of a broken rule: checks that miss, a refusal of the file, or tests that fail."""

    misses: list[Check] = field(default_factory=list)
    refusal: str = ""
    failed_tests: list[str] = field(default_factory=list)

    @property
    def is_seen(self) -> bool:
        """Whether anything failed."""
        return bool(self.misses or self.refusal or self.failed_tests)


def break_rule(rule: Rule) -> Outcome:
    """Break a rule for the time of its golden file's checks, or of its test.

    Raises InputError outside a checkout of the repository, which has both.
    """
    if not (ROOT / GOLDEN).is_dir():
        raise InputError(f"{ROOT}: has no {GOLDEN}; expected a checkout of the repository")
    if not rule.is_recorded:
        return Outcome(failed_tests=_failed_tests(rule))
    path = ROOT / GOLDEN / rule.shown_by
    with rule.broken():
        try:
            return Outcome(misses=run_checks([path], weights=None, reference=False).misses)
        except InputError as refusal:
            return Outcome(refusal=str(refusal).removeprefix(f"{path}: "))


def _failed_tests(rule: Rule) -> list[str]:
    """Run the rule's test, and give the cases of it that found something else than expected."""
    import pytest

    breaker = _Breaker(rule)
    # Without the options of whoever runs this, maybe a test run; and without the collection of
    # garbage behind each run, which takes longer than the test.
    without = ("cacheprovider", "terminal", "unraisableexception", "threadexception")
    own = ["--rootdir", str(ROOT), "-o", "addopts=", *(f"-pno:{plugin}" for plugin in without)]
    status = pytest.main([*own, str(ROOT / rule.shown_by)], [breaker])
    if breaker.error or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{rule.shown_by}: shows nothing: {breaker.error or status!r}")
    return breaker.failed


class _Breaker:
    """A plugin of pytest: the rule is sound while tests are imported, and broken while they run."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.failed: list[str] = []
        self.error: BaseException | None = None

    def pytest_runtestloop(self, session: Any) -> None:
        """Break the rule; pytest goes on to its own loop."""
        session.config.add_cleanup(self.rule.broken().close)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Keep the name of a test that an assertion ended: any other error proves nothing."""
        import pytest

        if call.excinfo.errisinstance((AssertionError, pytest.fail.Exception)):
            self.failed.append(node.name)
        else:
            self.error = call.excinfo.value
