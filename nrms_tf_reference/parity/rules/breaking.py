"""Break a rule and see what fails: the checks of a golden file, or a test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.rules import data, metrics, model, training
from nrms_tf_reference.parity.rules.document import ROOT
from nrms_tf_reference.parity.rules.patching import Patch, broken
from nrms_tf_reference.parity.suite import run_checks
from nrms_torch.errors import InputError

# What breaks each rule, under the name that docs/parity_rules.md has for it.
BREAKERS: dict[str, tuple[Patch, ...]] = {
    **model.ATTENTION,
    **model.DENSE_LAYERS,
    **model.DROPOUT,
    **model.LOSS,
    **model.L2,
    **model.INITIAL_WEIGHTS,
    **training.ADAM,
    **training.SCHEDULE,
    **data.LOOKUP,
    **data.TRAINING_ROWS,
    **data.TITLES,
    **metrics.METRICS,
}


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


def break_rule(patches: Sequence[Patch], shown_by: str) -> Outcome:
    """Break a rule for the time of the checks of `shown_by`, a golden file or a node of pytest.

    Both are named from the root of the repository.
    """
    if "::" in shown_by:
        return Outcome(failed_tests=_failed_tests(patches, shown_by))
    path = ROOT / shown_by
    with broken(patches):
        try:
            return Outcome(misses=run_checks([path], weights=None, reference=False).misses)
        except InputError as refusal:
            return Outcome(refusal=str(refusal).removeprefix(f"{path}: "))


def _failed_tests(patches: Sequence[Patch], node: str) -> list[str]:
    """Run a test, and give the cases of it that found something else than expected."""
    import pytest

    breaker = _Breaker(patches)
    # Without the options of whoever runs this, maybe a test run; and without the collection of
    # garbage behind each run, which takes longer than the test.
    without = ("cacheprovider", "terminal", "unraisableexception", "threadexception")
    own = ["--rootdir", str(ROOT), "-o", "addopts=", *(f"-pno:{plugin}" for plugin in without)]
    status = pytest.main([*own, str(ROOT / node)], [breaker])
    if breaker.error or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{node}: shows nothing: {breaker.error or status!r}")
    return breaker.failed


class _Breaker:
    """A plugin of pytest: the rule is sound while tests are imported, and broken while they run."""

    def __init__(self, patches: Sequence[Patch]) -> None:
        self.patches = patches
        self.failed: list[str] = []
        self.error: BaseException | None = None

    def pytest_runtestloop(self, session: Any) -> None:
        """Break the rule; pytest goes on to its own loop."""
        session.config.add_cleanup(broken(self.patches).close)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Keep the name of a test that an assertion ended: any other error proves nothing."""
        import pytest

        if call.excinfo.errisinstance((AssertionError, pytest.fail.Exception)):
            self.failed.append(node.name)
        else:
            self.error = call.excinfo.value
