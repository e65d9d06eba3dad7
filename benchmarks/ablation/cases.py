"""The cases: the standard variant as it is, and with one thing changed.

A case is overrides of the configuration, and a change of the module before it trains, for what no
user needs an option for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from nrms_torch.model.standard.news_encoder import StandardDocumentEncoder, StandardTitleEncoder
from nrms_torch.model.standard.user_encoder import StandardUserEncoder
from nrms_torch.training.lightning_module import NRMSModule

Change = Callable[[NRMSModule], None]


@dataclass(frozen=True)
class Case:
    """What is changed: overrides, and changes of the module."""

    overrides: tuple[str, ...] = ()
    changes: tuple[Change, ...] = field(default=())


def _users(module: NRMSModule) -> StandardUserEncoder:
    encoder = module.model.user_encoder
    assert isinstance(encoder, StandardUserEncoder)
    return encoder


def _news(module: NRMSModule) -> StandardTitleEncoder | StandardDocumentEncoder:
    encoder = module.model.news_encoder
    assert isinstance(encoder, StandardTitleEncoder | StandardDocumentEncoder)
    return encoder


def _frozen(choose: Callable[[NRMSModule], list[nn.Parameter]]) -> Change:
    def change(module: NRMSModule) -> None:
        for parameter in choose(module):
            parameter.requires_grad_(False)

    return change


@torch.no_grad()
def _no_category(module: NRMSModule) -> None:
    module.table[:, -2] = 0


@torch.no_grad()
def _no_popularity(module: NRMSModule) -> None:
    module.table[:, -1] = 0


def _half_popularity(module: NRMSModule) -> None:
    module.table[:, -1] = module.table[:, -1] // 2


@torch.no_grad()
def _not_centred(module: NRMSModule) -> None:
    _news(module).article_vector.mean.zero_()


def _low_temperature(module: NRMSModule) -> None:
    with torch.no_grad():
        _users(module).log_temperature.fill_(0)


_no_common = _frozen(lambda module: [_users(module).common])
_no_attention = _frozen(
    lambda module: [
        parameter for name, parameter in module.model.named_parameters() if "attention." in name
    ]
)
_no_pooling = _frozen(
    lambda module: [
        parameter for name, parameter in module.model.named_parameters() if "pooling." in name
    ]
)
_fixed_scales = _frozen(lambda module: [_news(module).article_vector.category_scale])
_UNTRAINED = "trainer.max_epochs=0"

REFERENCE = "centred cosine"
CASES = {
    REFERENCE: Case((_UNTRAINED,), (_no_category, _no_popularity)),
    "cosine, not centred": Case((_UNTRAINED,), (_no_category, _no_popularity, _not_centred)),
    "cosine and category": Case((_UNTRAINED,), (_no_popularity,)),
    "the start": Case((_UNTRAINED,)),
    "standard": Case(),
    "without popularity": Case((), (_no_popularity,)),
    "half the popularity": Case((), (_half_popularity,)),
    "without category": Case((), (_no_category,)),
    "category scales fixed": Case((), (_fixed_scales,)),
    "not centred": Case((), (_not_centred,)),
    "without the common vector": Case((), (_no_common,)),
    "without attention": Case((), (_no_attention,)),
    "pools to the mean": Case((), (_no_pooling,)),
    "temperature from 1": Case((), (_low_temperature,)),
    "history 10": Case(("model.history_size=10",)),
    "history 20": Case(("model.history_size=20",)),
    "4 negatives": Case(("data.npratio=4",)),
    "negatives drawn once": Case(("data.sampling=once",)),
    "no decay": Case(("training.weight_decay=0",)),
    "decay 0.1": Case(("training.weight_decay=0.1",)),
    "learning rate 1e-3": Case(("training.learning_rate=1e-3",)),
    "learning rate 3e-3": Case(("training.learning_rate=3e-3",)),
    "batch size 256": Case(("data.batch_size=256",)),
    "10 epochs": Case(("trainer.max_epochs=10",)),
    "loss of single articles": Case(("training.loss=log_loss",)),
    "baseline": Case(("model.variant=baseline",)),
}
