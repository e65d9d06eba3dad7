"""The baseline's two losses, on dots and labels of shape (B, C)."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from nrms_torch.model.attention import full_precision


def cross_entropy_loss(dots: Tensor, labels: Tensor) -> Tensor:
    """Give −Σ y log softmax(dots), mean over B."""
    return -(labels * F.log_softmax(full_precision(dots), dim=1)).sum(dim=1).mean()


def log_loss(dots: Tensor, labels: Tensor) -> Tensor:
    """Give the binary cross-entropy of sigmoid(dots), mean over B x C.

    Keras 2 finds the logits behind the model's softmax and applies a sigmoid to the raw dots
    (measured on the TensorFlow baseline).
    """
    return F.binary_cross_entropy_with_logits(full_precision(dots), labels)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy_loss": cross_entropy_loss,
    "log_loss": log_loss,
}
