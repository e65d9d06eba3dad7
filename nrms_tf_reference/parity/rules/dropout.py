"""Where dropout stands."""

from typing import Any
from unittest.mock import patch

from torch import Tensor
from torch.nn import functional as F

from nrms_tf_reference.parity.rules.dense_layers import dense_layers_with
from nrms_tf_reference.parity.rules.rule import Patch, Rule, around
from nrms_torch.model.dropout import Dropout
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.over_ranks import Counts
from nrms_torch.model.user_encoder import UserEncoder

_DROPOUT = "tests/model/test_dropout.py::"


def titles_with(*, embeddings: bool = True, attended: bool = True, dense: bool = False) -> Patch:
    """Encode titles as the baseline does, with dropout where asked."""

    def forward(self: TitleEncoder, titles: Tensor, counts: Counts | None = None) -> Tensor:
        X = self.embedding(titles)
        X = self.self_attention(self.dropout(X) if embeddings else X)
        if self.stack is not None:
            X = self.stack(self.dropout(X) if dense else X, counts)
        elif attended:
            X = self.dropout(X)
        pooled: Tensor = self.pooling(X)
        return pooled

    return patch.object(TitleEncoder, "forward", forward)


def _with_dropout(real: Any, self: UserEncoder, clicked: Tensor, *others: Tensor | None) -> Tensor:
    users: Tensor = real(self, F.dropout(clicked, 0.2, self.training), *others)
    return users


DROPOUT = (
    Rule(
        "NRMS drops word embeddings",
        "recordings are made with dropout 0, so tests hold where it stands",
        "no dropout",
        _DROPOUT + "test_words_are_dropped_before_attention",
        (titles_with(embeddings=False),),
    ),
    Rule(
        "NRMS drops what attention gives",
        "its second dropout",
        "no dropout",
        _DROPOUT + "test_attended_words_are_dropped_before_pooling_without_dense_layers",
        (titles_with(attended=False),),
    ),
    Rule(
        "Dense layers take the second dropout's place",
        "each has a dropout of its own behind it",
        "both",
        _DROPOUT + "test_dense_layers_get_attended_words_whole_and_drop_behind_each_batch_norm",
        (titles_with(dense=True),),
    ),
    Rule(
        "Dropout stands behind BatchNorm",
        "before it, dropped units would enter the statistics",
        "before BatchNorm",
        _DROPOUT + "test_dense_layers_get_attended_words_whole_and_drop_behind_each_batch_norm",
        (dense_layers_with(dropout_first=True),),
    ),
    Rule(
        "The user encoder has no dropout",
        "the paper's has one",
        "clicked vectors are dropped",
        _DROPOUT + "test_users_are_encoded_without_dropout",
        (around(UserEncoder, "forward", _with_dropout),),
    ),
    Rule(
        "Dropout is for training alone",
        "outputs are scaled in training instead",
        "always",
        _DROPOUT + "test_nothing_is_dropped_in_evaluation",
        (patch.object(Dropout, "forward", lambda self, X: F.dropout(X, self.p)),),
    ),
)
