"""Small modules of ours, and what the live tests feed them."""

import numpy as np
import torch
from small_models import article_table, trained_model

from nrms_torch.model.hyper_parameters import to_mapping
from nrms_torch.training.lightning_module import NRMSModule


def trained_module(kind):
    """A module whose weights, BatchNorm's moving statistics among them, are far from a start."""
    model = trained_model(kind)
    module = NRMSModule(to_mapping(model.hyper_parameters), {"learning_rate": 1e-3}, seed=0)
    state = model.state_dict()
    generator = torch.Generator().manual_seed(1)
    for name, tensor in state.items():
        if "running" in name:
            state[name] = tensor + torch.rand(tensor.shape, generator=generator)
    module.model.load_state_dict(state)
    module.table = article_table(kind)
    return module.eval()


def features(module):
    """The article table as the reference takes it."""
    table = module.table.numpy()
    return table.astype(np.float32 if table.dtype.kind == "f" else np.int32)
