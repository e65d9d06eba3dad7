"""What the recordings cannot tell of the TensorFlow reference: start, BatchNorm, dropout, files."""

import numpy as np
import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from nrms_tf_reference.reference import build

# Keras' own, where it writes a weight file with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZES = {
    "history_size": 3,
    "head_num": 2,
    "head_dim": 4,
    "attention_hidden_dim": 5,
    "dropout": 0.0,
    "learning_rate": 1e-2,
}
NRMS = {"model": "nrms", "title_size": 6, "vocab_size": 30, "word_emb_dim": 7, **SIZES}
DOCVEC = {"model": "docvec", "title_size": 7, "newsencoder_units_per_layer": [9, 9], **SIZES}


def batch_for(config, rows=4):
    rng = np.random.default_rng(0)

    def features(*shape):
        if config["model"] == "nrms":
            return rng.integers(config["vocab_size"], size=shape, dtype=np.int32)
        return rng.normal(size=shape).astype(np.float32)

    history = features(rows, config["history_size"], config["title_size"])
    candidates = features(rows, 5, config["title_size"])
    return history, candidates, np.eye(5, dtype=np.float32)[rng.integers(5, size=rows)]


def assert_same_weights(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_attention_and_pooling_start_tied():
    weights = build(NRMS, seed=3).get_weights()
    for encoder in ("news_encoder", "user_encoder"):
        for name in ("WK", "WV"):
            expected = weights[f"{encoder}.self_attention.WQ"]
            np.testing.assert_array_equal(weights[f"{encoder}.self_attention.{name}"], expected)
    for name in ("W", "q"):
        expected = weights[f"news_encoder.pooling.{name}"]
        np.testing.assert_array_equal(weights[f"user_encoder.pooling.{name}"], expected)


def test_dense_kernels_start_independent_and_glorot_uniform():
    config = {**DOCVEC, "newsencoder_units_per_layer": [60, 60, 60]}
    weights = build(config).get_weights()
    second, third = (weights[f"news_encoder.dense.{i}.kernel"] for i in (1, 2))
    bound = (6 / 120) ** 0.5
    assert abs(np.corrcoef(second.ravel(), third.ravel())[0, 1]) < 0.1
    assert 0.95 * bound < np.abs(second).max() <= bound


def test_a_seed_gives_the_same_start_and_another_seed_another():
    first, again, other = (build(DOCVEC, seed=seed).get_weights() for seed in (1, 1, 2))
    assert_same_weights(again, first)
    assert (other["news_encoder.dense.0.kernel"] != first["news_encoder.dense.0.kernel"]).any()


def test_batch_norm_takes_two_updates_of_the_candidates_then_two_of_the_history():
    reference = build(DOCVEC)
    weights = reference.get_weights()
    history, candidates, labels = batch_for(DOCVEC)
    mean, variance = np.zeros(9), np.ones(9)
    for features in (candidates, history):
        rows = features.reshape(-1, features.shape[-1]) @ weights["news_encoder.dense.0.kernel"]
        rows = np.maximum(rows, 0)
        for _ in range(2):
            mean = 0.99 * mean + 0.01 * rows.mean(axis=0)
            variance = 0.99 * variance + 0.01 * rows.var(axis=0)
    reference.training_pass(history, candidates, labels)
    weights = reference.get_weights()
    for name, expected in (("moving_mean", mean), ("moving_variance", variance)):
        found = weights[f"news_encoder.batch_norm.0.{name}"]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_embeddings_of_words_that_never_occurred_stay_put():
    reference = build(NRMS)
    before = reference.get_weights()["news_encoder.embedding.embeddings"]
    history, candidates, labels = batch_for(NRMS)
    first_half = (history // 2, candidates // 2, labels)
    reference.fit([first_half, first_half])
    moved = (reference.get_weights()["news_encoder.embedding.embeddings"] != before).any(axis=1)
    assert moved[np.unique(np.concatenate([features.ravel() for features in first_half[:2]]))].all()
    assert not moved[15:].any()


def test_given_embeddings_are_the_start_and_tell_the_vocabulary():
    config = {name: NRMS[name] for name in NRMS if name not in ("vocab_size", "word_emb_dim")}
    embeddings = np.random.default_rng(0).normal(size=(11, 6)).astype(np.float32)
    found = build(config, embeddings).get_weights()["news_encoder.embedding.embeddings"]
    np.testing.assert_array_equal(found, embeddings)


@pytest.mark.parametrize("config", [NRMS, DOCVEC], ids=["nrms", "docvec"])
def test_dropout_is_for_training_alone_and_follows_the_seed(config):
    config = {**config, "dropout": 0.5}
    batch = batch_for(config)
    first, again = (build(config, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.softmax(*batch[:2]), first.softmax(*batch[:2]))
    losses = [float(first.training_pass(*batch)[0].data_loss) for _ in range(2)]
    assert losses[0] != losses[1]
    assert [float(again.training_pass(*batch)[0].data_loss) for _ in range(2)] == losses


def test_dots_stand_behind_softmax_and_score():
    reference = build(DOCVEC)
    history, candidates, _ = batch_for(DOCVEC)
    dots = reference.dots(history, candidates)
    exponentials = np.exp(dots)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(reference.softmax(history, candidates), expected, rtol=1e-5)
    scores = reference.score(history, candidates[:, :1])
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-dots[:, 0])), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_weight_files_of_a_trained_model_load_into_a_new_one(tmp_path):
    trained, other = build(DOCVEC), build({**DOCVEC, "dropout": 0.2}, seed=1)
    trained.train_step(*batch_for(DOCVEC))
    trained.save_weights(tmp_path / "trained.weights.h5")
    other.load_weights(tmp_path / "trained.weights.h5")
    assert_same_weights(other.get_weights(), trained.get_weights())


def test_weight_files_have_the_groups_that_keras_gives_a_model_of_standard_layers(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    config = {**NRMS, "newsencoder_units_per_layer": [9, 8]}
    build(config).save_weights(tmp_path / "new.weights.h5")
    news, user = "layers/time_distributed/layer/layers", "layers/functional/layers"
    expected = {
        f"{news}/embedding": [(30, 7)],
        f"{news}/self_attention": [(7, 8)] * 3,
        f"{news}/dense": [(8, 9), (9,)],
        f"{news}/batch_normalization": [(9,)] * 4,
        f"{news}/dense_1": [(9, 8), (8,)],
        f"{news}/batch_normalization_1": [(8,)] * 4,
        f"{news}/att_layer2": [(8, 5), (5,), (5, 1)],
        f"{user}/self_attention": [(8, 8)] * 3,
        f"{user}/att_layer2": [(8, 5), (5,), (5, 1)],
    }
    found = {}
    with h5py.File(tmp_path / "new.weights.h5") as file:
        file["layers"].visititems(
            lambda name, entry: (
                found.setdefault(f"layers/{name}".split("/vars/")[0], []).append(entry.shape)
                if isinstance(entry, h5py.Dataset)
                else None
            )
        )
    assert found == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user_encoder.pooling.q": None}, r"user_encoder\.pooling\.q is missing"),
        ({"dense.9.kernel": np.zeros(1)}, r"dense\.9\.kernel is none of this model's"),
        ({"user_encoder.pooling.W": np.zeros((5, 8))}, r"shape \(5, 8\); expected \(8, 5\)"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_none_is_set(change, message):
    reference = build(NRMS)
    before = reference.get_weights()
    weights = {name: array + 1 for name, array in before.items()} | change
    weights = {name: array for name, array in weights.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        reference.set_weights(weights)
    assert_same_weights(reference.get_weights(), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head_number": 3}, "head_number"),
        ({"model": "lstur"}, "lstur"),
        ({"optimizer": "sgd"}, "sgd"),
        ({"loss": "hinge"}, "hinge"),
        ({"newsencoder_units_per_layer": [9]}, "ends with 9; expected head_num . head_dim = 8"),
        ({"vocab_size": None}, "vocab_size"),
    ],
)
def test_hyper_parameters_that_the_baseline_does_not_have_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(NRMS | change)
