"""Where dropout stands, seen at what goes into the layers around it."""

import pytest
import torch
from small_models import KINDS, article_table, rows, trained_model

P = 0.375  # a whole number of 65,536ths, to which fast generators round


class Seen:
    """What went into a module and came out of it at its last call."""

    def __init__(self, module):
        module.register_forward_hook(self.see)

    def see(self, module, inputs, output):
        self.input, self.output = inputs[0], output


def model_in_training(kind):
    torch.manual_seed(0)  # dropout draws from torch's own generator
    return trained_model(kind, dropout=P).train()


def assert_dropped(after, before):
    """Each value is 0 or scaled by 1 / (1 - P), and about P of them are 0."""
    kept = after != 0
    # The rate is a multiple of 1 / 65,536.
    torch.testing.assert_close(after[kept], (before / (1 - P))[kept], rtol=2e-5, atol=0)
    able = (before != 0).sum()
    four_deviations = 4 * (P * (1 - P) / able.item()) ** 0.5
    assert (before[~kept] != 0).sum() / able == pytest.approx(P, abs=four_deviations)


def encode_titles(encoder):
    return encoder(article_table("nrms"))


@pytest.mark.parametrize("kind", ["nrms", "nrms_dense_layers"])
def test_words_are_dropped_before_attention(kind):
    encoder = model_in_training(kind).news_encoder
    words, attention = Seen(encoder.embedding), Seen(encoder.self_attention)
    encode_titles(encoder)
    assert_dropped(attention.input, words.output)


def test_attended_words_are_dropped_before_pooling_without_dense_layers():
    encoder = model_in_training("nrms").news_encoder
    attention, pooling = Seen(encoder.self_attention), Seen(encoder.pooling)
    encode_titles(encoder)
    assert_dropped(pooling.input, attention.output)


def test_dense_layers_get_attended_words_whole_and_drop_behind_each_batch_norm():
    encoder = model_in_training("nrms_dense_layers").news_encoder
    attention, pooling = Seen(encoder.self_attention), Seen(encoder.pooling)
    dense = [Seen(layer) for layer in encoder.stack.dense]
    batch_norms = [Seen(layer) for layer in encoder.stack.batch_norm]
    encode_titles(encoder)
    assert torch.equal(dense[0].input, attention.output)
    for layer, batch_norm in zip(dense, batch_norms, strict=True):
        assert torch.equal(batch_norm.input, layer.output.relu())
    for behind, batch_norm in zip([*dense[1:], pooling], batch_norms, strict=True):
        assert_dropped(behind.input, batch_norm.output)


def test_document_vectors_are_not_dropped_and_the_last_layers_input_is():
    encoder = model_in_training("nrms_docvec").news_encoder
    first, last = Seen(encoder.stack.dense[0]), Seen(encoder.output)
    batch_norm = Seen(encoder.stack.batch_norm[-1])
    vectors = article_table("nrms_docvec")
    article_vectors = encoder(vectors)
    assert torch.equal(first.input, vectors)
    assert_dropped(last.input, batch_norm.output)
    assert torch.equal(article_vectors, last.output.relu())


@pytest.mark.parametrize("kind", KINDS)
def test_users_are_encoded_without_dropout(kind):
    model = model_in_training(kind)
    clicked = torch.randn(5, 6, model.hyper_parameters.vector_size)
    in_training = model.encode_users(clicked, rows(5, 6))
    in_evaluation = model.eval().encode_users(clicked, rows(5, 6))
    assert torch.equal(in_training, in_evaluation)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_dropped_in_evaluation(kind):
    model, table = model_in_training(kind).eval(), article_table(kind)
    first, second = (model(table, rows(5, 6), rows(5, 3)) for _ in range(2))
    assert torch.equal(first, second)
