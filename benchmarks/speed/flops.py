"""Useful floating-point operations, counted from shapes, and the machine's own rate.

Dimensions: T tokens, E embedding width, W document-vector width, H history length, C candidates,
D = head_num · head_dim, A hidden width of the pooling. A product (n, k) · (k, m) is 2·n·k·m.
"""

import time
from itertools import pairwise

import torch

from nrms_torch.model.hyper_parameters import (
    HyperParameters,
    NRMSDocVecHyperParameters,
    NRMSHyperParameters,
    StandardHyperParameters,
    StandardNRMSDocVecHyperParameters,
    StandardNRMSHyperParameters,
)

_SGEMM_SIZE = 2048


def training_flops(
    hyper_parameters: HyperParameters, *, articles: int, clicked: int, rows: int
) -> float:
    """Count a training step on `rows` rows with `articles` distinct articles to encode.

    Each distinct article once, and the users' queries, keys and values once of each of the
    `clicked` ones; a backward pass is twice its forward pass. Dropout, activations, softmax, loss
    and optimizer are left out.
    """
    hp = hyper_parameters
    user = _attending(hp.history_size, hp) + _pooling(hp.history_size, hp)
    projected = min(clicked, rows * hp.history_size) * _projections(_width(hp), hp)
    return encoder_flops(hp, articles) + 3.0 * (projected + rows * user)


def encoder_flops(hyper_parameters: HyperParameters, articles: int) -> float:
    """Count the news encoder forward and backward on `articles`.

    NRMS, forward: 6·T·E·D for Q, K and V, 4·T²·D for attention, 2·T·D·A + 2·T·A + 2·T·D for the
    pooling, and 2·T·in·out a dense layer; the backward pass is twice that. NRMSDocVec: 2·in·out a
    layer, and twice that backward, but for the first layer, whose input takes no gradient. The
    standard variant's heads have queries and keys of P = head_num · head_dim, and the inputs for
    values; its document vectors go through no layer.
    """
    match hyper_parameters:
        case NRMSHyperParameters() as hp:
            T = hp.title_size
            dense = _dense((hp.vector_size, *hp.newsencoder_units_per_layer))
            projected = T * _projections(hp.embedding_size, hp)
            forward = projected + _attending(T, hp) + _pooling(T, hp) + T * dense
            return articles * 3.0 * forward
        case NRMSDocVecHyperParameters() as hp:
            sizes = (hp.document_vector_size, *hp.newsencoder_units_per_layer, hp.vector_size)
            return articles * (3.0 * _dense(sizes) - _dense(sizes[:2]))
        case StandardNRMSHyperParameters() as hp:
            T = hp.title_size
            projected = T * _projections(hp.embedding_size, hp)
            return articles * 3.0 * (projected + _attending(T, hp) + _pooling(T, hp))
        case StandardNRMSDocVecHyperParameters():
            return 0.0
        case _:
            raise TypeError(f"no count for {type(hyper_parameters).__name__}")


def measure_sgemm(device: torch.device) -> float:
    """Measure the rate, in FLOP/s, of one product of two square float32 matrices of 2,048."""
    matrix = torch.rand(_SGEMM_SIZE, _SGEMM_SIZE, device=device)
    out = torch.empty_like(matrix)
    with torch.no_grad():
        torch.mm(matrix, matrix, out=out)
        began = clock(device)
        torch.mm(matrix, matrix, out=out)
        return 2 * _SGEMM_SIZE**3 / (clock(device) - began)


def clock(device: torch.device) -> float:
    """Give the time in seconds, once all that the device was asked for is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _width(hp: HyperParameters) -> int:
    """Give the width of what attention and pooling sum up."""
    return hp.content_size if isinstance(hp, StandardHyperParameters) else hp.vector_size


def _projections(width: int, hp: HyperParameters) -> int:
    heads = hp.head_num * hp.head_dim
    return (4 if isinstance(hp, StandardHyperParameters) else 6) * width * heads


def _attending(length: int, hp: HyperParameters) -> int:
    return 2 * length**2 * (hp.head_num * hp.head_dim + _width(hp))


def _pooling(length: int, hp: HyperParameters) -> int:
    D, A = _width(hp), hp.attention_hidden_dim
    return 2 * length * (D * A + A + D)


def _dense(sizes: tuple[int, ...]) -> int:
    return sum(2 * before * after for before, after in pairwise(sizes))
