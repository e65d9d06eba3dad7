"""Our model without its short cut, to tell what of a difference is the short cut's."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nrms_torch.model.nrms import NRMS
from nrms_torch.training.lightning_module import NRMSModule


class PerCopyNRMS(NRMS):
    """Encodes each copy of an article by itself, as the baseline does, with its own dropout."""

    def _encode_distinct(
        self, table: Tensor, *calls: Tensor
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        copies = [torch.arange(rows.numel(), device=rows.device) for rows in calls]
        counts = tuple(torch.ones_like(call) for call in copies)
        vectors = self.encode_news(table[torch.cat([rows.flatten() for rows in calls])], counts)
        places = [call.view(rows.shape) for call, rows in zip(copies, calls, strict=True)]
        return vectors.split([len(call) for call in copies]), places


def encode_per_copy(module: NRMSModule) -> None:
    """Put such a model with the same weights in place of the module's."""
    model = PerCopyNRMS(module.model.hyper_parameters)
    model.load_state_dict(module.model.state_dict())
    module.model = model
