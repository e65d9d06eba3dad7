"""Our model without its short cut, to tell what of a difference is the short cut's."""

import torch
from torch import Tensor

from nrms_torch.model.nrms import NRMS
from nrms_torch.training.lightning_module import NRMSModule


class PerCopyNRMS(NRMS):
    """Encodes each copy of an article by itself, as the baseline does, with its own dropout."""

    def _encode_distinct(self, table: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        places = torch.arange(rows.numel(), device=rows.device).view(rows.shape)
        return self.encode_news(table[rows.flatten()]), places


def encode_per_copy(module: NRMSModule) -> None:
    """Put such a model with the same weights in place of the module's."""
    model = PerCopyNRMS(module.model.hyper_parameters)
    model.load_state_dict(module.model.state_dict())
    module.model = model
