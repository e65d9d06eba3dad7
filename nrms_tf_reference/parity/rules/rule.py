"""A rule of the baseline, and how code that is sound is made to break it for a while."""

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import FunctionType, TracebackType
from typing import Any
from unittest.mock import patch

# What a patch of unittest.mock is: it can be entered time and again.
Patch = AbstractContextManager[Any]


@dataclass(frozen=True)
class Rule:
    """What the baseline does and why it matters, what is done `instead`, and what then fails.

    `shown_by` is a golden file, or the pytest node of a test where no recording can show it.
    """

    text: str
    reason: str
    instead: str
    shown_by: str
    patches: tuple[Patch, ...]

    @property
    def is_recorded(self) -> bool:
        """Whether a golden file shows it."""
        return "::" not in self.shown_by

    def broken(self) -> ExitStack:
        """Break the rule; the stack mends it when it is closed."""
        stack = ExitStack()
        for one in self.patches:
            stack.enter_context(one)
        return stack


def fixed(owner: type, name: str, value: Any) -> Patch:
    """Give an attribute of all instances one value, whatever they set it to."""
    return patch.object(owner, name, property(lambda _: value, lambda *_: None), create=True)


def around(owner: type, name: str, wrapper: Callable[..., Any]) -> Patch:
    """Put `wrapper(original, self, …)` in place of a method; a static one has no `self`."""
    original = getattr(owner, name)

    def broken(*arguments: Any, **options: Any) -> Any:
        return wrapper(original, *arguments, **options)

    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    return patch.object(owner, name, staticmethod(broken) if is_static else broken)


class Everywhere(AbstractContextManager[None]):
    """Puts `wrapper(function, …)` in place of a function under each name that a module has for it.

    Modules that import it meanwhile keep the wrapper, so import them before.
    """

    def __init__(self, function: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
        assert isinstance(function, FunctionType)
        self.function = function
        self.wrapper = wrapper
        self._stack = ExitStack()

    def __enter__(self) -> None:
        def broken(*arguments: Any, **options: Any) -> Any:
            return self.wrapper(self.function, *arguments, **options)

        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is self.function:
                    self._stack.enter_context(patch.object(module, name, broken))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
