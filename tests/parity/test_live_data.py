"""The same impressions through both data loaders, and through both scoring paths."""

import numpy as np
import polars as pl
import pytest
import torch

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
from nrms_tf_reference.data import EvaluationLoader, Impression, TrainingLoader
from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_tf_reference.parity.twin import build_twin, give_weights, twin_dots
from nrms_tf_reference.parity.twin_data import twin_impressions, twin_lookup
from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.training.lightning_module import NRMSModule

HISTORY_SIZE, TITLE_SIZE, WIDTH = 3, 5, 6
SIZES = {"history_size": HISTORY_SIZE, "head_num": 2, "head_dim": 3, "attention_hidden_dim": 4}
KNOWN = range(1, 30)  # article 30 and on are unknown


def write_folder(folder):
    """EB-NeRD impressions with all that is odd: unknown ids, null, id 0, users without clicks."""
    rng = np.random.default_rng(0)
    inview = [rng.integers(1, 36, size=rng.integers(2, 7)).tolist() for _ in range(40)]
    inview[0][:2] = [0, None]
    inview[1] = [7, 7, 33, 7]  # one article several times, all of them clicked
    clicked = [[ids[-1]] for ids in inview]
    clicked[2], clicked[3] = [], list(dict.fromkeys(inview[3]))
    users = [int(user) for user in rng.integers(8, size=40)]
    users[4], users[5] = 99, None  # who are in no history
    histories = [rng.integers(1, 36, size=n).tolist() for n in (0, 1, 2, 3, 4, 9, 30, 5)]
    histories[7] = [0, None, 34, 2, None]
    for split in ("train", "validation"):
        (folder / split).mkdir(parents=True)
        pl.DataFrame(
            {
                "impression_id": range(40),
                "user_id": users,
                "article_ids_inview": inview,
                "article_ids_clicked": clicked,
            }
        ).write_parquet(folder / split / "behaviors.parquet")
        pl.DataFrame({"user_id": range(8), "article_id_fixed": histories}).write_parquet(
            folder / split / "history.parquet"
        )
    words = np.array([f"word{number}" for number in range(15)])
    titles = [" ".join(rng.choice(words, size=rng.integers(1, 9))) for _ in KNOWN]
    pl.DataFrame({"article_id": KNOWN, "title": titles}).write_parquet(folder / "articles.parquet")
    vectors = rng.normal(size=(len(KNOWN), WIDTH)).astype(np.float32)
    pl.DataFrame({"article_id": KNOWN, "document_vector": vectors.tolist()}).write_parquet(
        folder / "vectors.parquet"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "data"
    write_folder(folder)
    return folder


@pytest.fixture(scope="module", params=["titles", "vectors", "vectors, mean for unknown"])
def data(request, folder):
    kind, _, mean = request.param.partition(", ")
    config = DataConfig(
        format="ebnerd",
        path=str(folder),
        vectors=str(folder / "vectors.parquet"),
        unknown_article="mean" if mean else "zeros",
    )
    title_size = TITLE_SIZE if kind == "titles" else None
    return NewsDataModule(config, history_size=HISTORY_SIZE, title_size=title_size, seed=1)


@pytest.fixture(scope="module")
def lookup(data):
    return twin_lookup(data.table, mean_for_unknown=data.config.unknown_article == "mean")


@pytest.fixture(scope="module")
def evaluation(data, lookup):
    """All of validation as the reference's loader gives it, in batches of seven impressions."""
    split = data.config.reader.read_split(data.config.folder, "validation")
    loader = EvaluationLoader(twin_impressions(split), lookup, HISTORY_SIZE, batch_size=7)
    return tuple(np.concatenate(parts) for parts in zip(*loader, strict=True))


def test_histories_candidates_and_labels_are_the_same(data, evaluation):
    impressions, features = data.impressions("validation"), data.table.features
    repeated = impressions.history_index.repeat(np.diff(impressions.offsets))
    history, candidates, labels = evaluation
    np.testing.assert_array_equal(features[impressions.histories[repeated]], history)
    np.testing.assert_array_equal(features[impressions.candidates], candidates[:, 0])
    np.testing.assert_array_equal(impressions.labels, labels[:, 0])
    assert impressions.unknown_articles > 0
    assert (impressions.candidates == 0).any()
    assert (impressions.histories[impressions.history_index] == 0).all(axis=1).any()


def test_training_rows_of_our_drawing_are_the_same_features(data, lookup):
    """The reference is told the ids that we drew; labels and features it makes itself."""
    impressions, features = data.impressions("train"), data.table.features
    id_of = [None, *data.table.ids.to_list()]
    batches = list(data.train_dataloader())
    rows = [
        Impression([id_of[row] for row in history], [id_of[row] for row in candidates], labels)
        for batch in batches
        for history, candidates, labels in zip(*(t.numpy() for t in batch), strict=True)
    ]
    assert len(rows) == len(data.rows) < impressions.labels.sum()  # some cannot be used
    theirs = TrainingLoader(rows, lookup, HISTORY_SIZE, data.config.batch_size)
    for batch, expected in zip(batches, theirs, strict=True):
        np.testing.assert_array_equal(features[batch.history], expected.history)
        np.testing.assert_array_equal(features[batch.candidates], expected.candidates)
        np.testing.assert_array_equal(batch.labels, expected.labels)


def test_encoding_once_scores_as_the_scorer_with_repeated_histories(data, evaluation):
    own = {"name": "nrms_docvec", "document_vector_size": WIDTH}
    own["newsencoder_units_per_layer"] = [5, 5]
    if data.vocabulary is not None:
        own = {"name": "nrms", "title_size": TITLE_SIZE, "embedding_size": 4}
        own["vocabulary_size"] = len(data.vocabulary.token_ids)
    module = NRMSModule(own | SIZES, {}, seed=3)
    features, impressions = data.table.features, data.impressions("validation")
    module.table = torch.from_numpy(features)
    twin = build_twin(module, seed=0)
    give_weights(module, twin)
    model = module.model.eval()
    news = encode_articles(model, module.table)
    dots = score_impressions(model, news, impressions)
    expected = twin.score(*evaluation[:2])
    assert 1e-3 < expected.std() < 0.4, expected.std()  # neither all alike nor at the ends
    np.testing.assert_allclose(dots.sigmoid(), expected, rtol=0, atol=RECORDED["sigmoid"].limit)
    once = torch.from_numpy(twin_dots(twin, features, impressions))
    np.testing.assert_allclose(once.sigmoid(), expected, rtol=0, atol=RECORDED["sigmoid"].limit)
