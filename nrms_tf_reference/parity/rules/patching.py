"""How code that is sound is made to do something else for a while."""

import inspect
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from types import FunctionType, TracebackType
from typing import Any
from unittest.mock import patch

# What a patch of unittest.mock is: it can be entered time and again.
Patch = AbstractContextManager[Any]


def broken(patches: Iterable[Patch]) -> ExitStack:
    """Enter the patches that break a rule; the stack mends it when it is closed."""
    stack = ExitStack()
    for one in patches:
        stack.enter_context(one)
    return stack


def fixed(owner: type, name: str, value: Any) -> Patch:
    """Give an attribute of all instances one value, whatever they set it to."""
    return patch.object(owner, name, property(lambda _: value, lambda *_: None), create=True)


def around(owner: type, name: str, wrapper: Callable[..., Any]) -> Patch:
    """Put `wrapper(original, self, …)` in place of a method; a static one has no `self`."""
    original = getattr(owner, name)

    def changed(*arguments: Any, **options: Any) -> Any:
        return wrapper(original, *arguments, **options)

    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    return patch.object(owner, name, staticmethod(changed) if is_static else changed)


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
        def changed(*arguments: Any, **options: Any) -> Any:
            return self.wrapper(self.function, *arguments, **options)

        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is self.function:
                    self._stack.enter_context(patch.object(module, name, changed))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
