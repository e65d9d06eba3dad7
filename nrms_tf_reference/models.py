"""NRMS and NRMSDocVec: encoders, the model that is trained and the scorer of single candidates.

Dimensions: B impressions, H history length, C candidates, D = head_num · head_dim, and an article
is T token ids or a vector of W, both called `title_size`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import layers

from nrms_tf_reference.batch_norm import BatchNormalization
from nrms_tf_reference.hyper_parameters import HyperParameters
from nrms_tf_reference.layers import AttLayer2, SelfAttention, TimeDistributed


@dataclass(frozen=True)
class Models:
    """Five views of one set of weights.

    `dots`, `model` (softmax) and `scorer` (sigmoid) take [history, candidates]: history
    (B, H, title_size), candidates (B, C, title_size) and, in the scorer, (B, 1, title_size).
    """

    news_encoder: keras.Model
    user_encoder: keras.Model
    dots: keras.Model
    model: keras.Model
    scorer: keras.Model


def build_models(hp: HyperParameters, embeddings: np.ndarray | None, seed: int) -> Models:
    """Make the models with the baseline's initial weights; `embeddings` (V, E) is NRMS' alone."""
    if hp.model == "docvec":
        news_encoder = _document_encoder(hp, seed)
    else:
        news_encoder = _title_encoder(hp, embeddings, seed)
    user_encoder = _user_encoder(hp, news_encoder, seed)
    history, candidates, one_candidate = (
        keras.Input((articles, hp.title_size), dtype=news_encoder.input.dtype)
        for articles in (hp.history_size, None, 1)
    )
    news_vectors = TimeDistributed(news_encoder)(candidates)
    user_vector = user_encoder(history)
    # Keras runs the model in the order of this list: the candidates are encoded before the history,
    # on which BatchNorm's moving statistics depend.
    dots = layers.Dot(axes=-1)([news_vectors, user_vector])
    one_vector = news_encoder(layers.Reshape((hp.title_size,))(one_candidate))
    one_dot = layers.Dot(axes=-1)([one_vector, user_vector])
    return Models(
        news_encoder,
        user_encoder,
        keras.Model([history, candidates], dots),
        keras.Model([history, candidates], layers.Activation("softmax")(dots)),
        keras.Model([history, one_candidate], layers.Activation("sigmoid")(one_dot)),
    )


def _title_encoder(hp: HyperParameters, embeddings: np.ndarray | None, seed: int) -> keras.Model:
    seeds = count(seed + 1)
    tokens = keras.Input((hp.title_size,), dtype="int32")
    X = layers.Embedding(
        hp.vocab_size,
        hp.word_emb_dim,
        embeddings_initializer=keras.initializers.GlorotUniform(seed),
        weights=None if embeddings is None else [embeddings],
    )(tokens)
    X = layers.Dropout(hp.dropout, seed=next(seeds))(X)
    X = SelfAttention(hp.head_num, hp.head_dim, seed)(X)
    if hp.newsencoder_units_per_layer:
        X = _dense_layers(X, hp, seeds)
    else:
        X = layers.Dropout(hp.dropout, seed=next(seeds))(X)
    X = AttLayer2(hp.attention_hidden_dim, seed)(X)
    return keras.Model(tokens, X, name="news_encoder")


def _document_encoder(hp: HyperParameters, seed: int) -> keras.Model:
    seeds = count(seed + 1)
    vector = keras.Input((hp.title_size,))
    X = _dense_layers(vector, hp, seeds)
    X = layers.Dense(
        hp.vector_size,
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
    )(X)
    return keras.Model(vector, X, name="news_encoder")


def _dense_layers(X: Any, hp: HyperParameters, seeds: Iterator[int]) -> Any:
    """Append (Dense relu → BatchNorm → dropout) per entry; each kernel is a draw of its own."""
    for units in hp.newsencoder_units_per_layer:
        X = layers.Dense(
            units,
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            kernel_regularizer=keras.regularizers.L2(hp.newsencoder_l2_regularization),
        )(X)
        X = BatchNormalization()(X)
        X = layers.Dropout(hp.dropout, seed=next(seeds))(X)
    return X


def _user_encoder(hp: HyperParameters, news_encoder: keras.Model, seed: int) -> keras.Model:
    history = keras.Input((hp.history_size, hp.title_size), dtype=news_encoder.input.dtype)
    X = TimeDistributed(news_encoder)(history)
    X = SelfAttention(hp.head_num, hp.head_dim, seed)(X)
    X = AttLayer2(hp.attention_hidden_dim, seed)(X)
    return keras.Model(history, X, name="user_encoder")
