"""The matrix products of a piece of work, alone: what no code around them can beat."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_PRODUCTS = (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm)


class _Products(TorchDispatchMode):
    """Keeps each matrix product that is made, with the layouts of its factors."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[Any, tuple[Any, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note a product, and make it."""
        if func.overloadpacket in _PRODUCTS:
            self.made.append((func, tuple(map(_layout, args))))
        return func(*args, **(kwargs or {}))


def products_of(work: Callable[[], object], device: torch.device) -> Callable[[], None]:
    """Do `work`, and give what makes its matrix products once more, in order, with nothing else.

    Their factors are random, of the same shapes and strides, and lie where no other product's do.
    """
    with _Products() as products:
        work()
    made = [(func, tuple(_filled(part, device) for part in parts)) for func, parts in products.made]

    @torch.no_grad()
    def multiply() -> None:
        for func, factors in made:
            func(*factors)

    return multiply


def _layout(part: Any) -> Any:
    if not isinstance(part, torch.Tensor):
        return part
    return part.shape, part.stride(), part.dtype


def _filled(part: Any, device: torch.device) -> Any:
    if not isinstance(part, tuple):
        return part
    shape, stride, dtype = part
    reach = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    return torch.rand(reach, device=device).to(dtype).as_strided(shape, stride)
