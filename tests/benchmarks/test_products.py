"""The products that are made once more are those that were made."""

import torch

from benchmarks.speed.products import products_of

CPU = torch.device("cpu")


def operations(work):
    """The floating-point operations of each kind of product, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_flop_counts().get("Global", {})


def test_forward_and_backward_products_are_made_again_and_nothing_else():
    layer, X = torch.nn.Linear(7, 5), torch.randn(4, 3, 7, requires_grad=True)

    def work():
        # A transposed factor, and the expanded gradient of a sum.
        (layer(X) @ layer(X).transpose(1, 2)).tanh().sum().backward()

    again = products_of(work, CPU)
    assert operations(again) == operations(work)
    before = X.grad.clone()
    again()
    assert torch.equal(X.grad, before)


def test_work_without_a_product_has_none_to_make():
    assert operations(products_of(lambda: torch.ones(3).exp(), CPU)) == {}
