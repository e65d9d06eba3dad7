"""torch, the ONNX graphs and the engine: one impression set, the same scores, the same ranks."""

import numpy as np
import onnxruntime
import pytest
import torch
from exported_runs import KINDS_OF_VARIANTS, OWN_DATA, export, import_run, make_run, save

from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.export.bundle import export_run
from nrms_torch.export.check import check_bundle, compare
from nrms_torch.serving import Recommender
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.run_folder import RunFolder

EACH = pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
BATCHES = (1, 7, 64)


def expect_the_scores_of_torch(run, bundle, data=OWN_DATA):
    """Score the validation split by evaluation's own path, and by the engine."""
    datamodule, module = for_evaluation(RunFolder(run), data)
    impressions = datamodule.impressions("validation")
    model = module.model.eval()
    news = encode_articles(model, module.table)
    scores = score_impressions(model, news, impressions)
    expected = ranks(scores, torch.from_numpy(impressions.offsets))

    config = datamodule.config
    recommender = Recommender(bundle)
    found = recommender.score_impressions(config.reader.read_split(config.folder, "validation"))
    assert len(scores) > 3_000
    np.testing.assert_array_equal(found.impressions.candidates, impressions.candidates)
    # float32 has seven digits: of scores beyond 1 the fifth place is asked, not of their decimals.
    tolerance = 1e-5 * max(1, scores.abs().max().item())
    np.testing.assert_allclose(found.scores, scores, rtol=0, atol=tolerance)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.scores)), scores.sigmoid(), atol=1e-5)
    np.testing.assert_array_equal(found.ranks, expected)
    return recommender, datamodule, found


@EACH
def test_the_engine_scores_an_evaluation_as_torch_does(exported, kind, variant):
    expect_the_scores_of_torch(*exported(kind, variant))


@EACH
def test_one_request_ranks_as_the_whole_split_does(exported, kind, variant):
    recommender, datamodule, found = expect_the_scores_of_torch(*exported(kind, variant))
    ids = np.array([0, *datamodule.table.ids])
    impressions = found.impressions
    for position in range(0, len(impressions), 30):
        part = slice(*impressions.offsets[position : position + 2])
        history = ids[impressions.histories[impressions.history_index[position]]]
        candidates = ids[impressions.candidates[part]].tolist()
        ranking = recommender.rank([i for i in history.tolist() if i], candidates)
        order = found.ranks[part].argsort()
        assert ranking.article_ids == [candidates[place] for place in order]
        np.testing.assert_allclose(ranking.scores, found.scores[part][order], atol=1e-5)


@EACH
def test_graphs_compute_what_torch_does_at_any_batch_size(exported, kind, variant):
    run, bundle = exported(kind, variant)
    _, module = for_evaluation(RunFolder(run), OWN_DATA)
    model = module.model.eval()
    news, users = (
        onnxruntime.InferenceSession(bundle / f"{name}_encoder.onnx") for name in ("news", "user")
    )
    for batch in BATCHES:
        articles = module.table[torch.arange(batch) * 3]
        with torch.no_grad():
            expected = model.encode_news(articles)
        found = news.run(["vectors"], {"articles": articles.numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)

        size = model.hyper_parameters.history_size
        clicked = torch.randn(batch, size, expected.shape[1])
        rows = torch.randint(0, 3, (batch, size))
        inputs = {"clicked": clicked.numpy()}
        if variant == "standard":
            inputs["known"] = (rows != 0).numpy()
        with torch.no_grad():
            expected = model.encode_users(clicked, rows)
        np.testing.assert_allclose(users.run(["users"], inputs)[0], expected, atol=1e-5)


def test_imported_keras_weights_are_served_as_any_other(demo_folder, vectors_of_20, tmp_path):
    run = import_run(demo_folder, vectors_of_20, tmp_path / "run")
    expect_the_scores_of_torch(run, export(run))


def test_a_bundle_of_other_weights_is_refused(exported):
    _, bundle = exported("nrms_docvec")
    run, _ = exported("nrms_docvec", "standard")
    datamodule, module = for_evaluation(RunFolder(run), OWN_DATA)
    with pytest.raises(InputError, match=r"differ from torch's by .*; expected"):
        check_bundle(Recommender(bundle), module.model.eval(), datamodule.table)


def test_scores_that_are_not_finite_leave_the_old_bundle_alone(demo_folder, tmp_path):
    run = RunFolder(tmp_path / "run")
    make_run("nrms_docvec", "baseline", demo_folder, run.path)
    bundle = export(run.path)
    before = {file: file.read_bytes() for file in bundle.iterdir()}
    _, module = for_evaluation(run, OWN_DATA)
    with torch.no_grad():
        module.model.user_encoder.pooling.q *= 1e6  # exp overflows
    save(module, run)
    with pytest.raises(
        InputError, match=r"^export: scores: 100 of 6400 are NaN, .*so none is written$"
    ):
        export_run(run, bundle, OWN_DATA, quantize=None, readers=8)
    assert {file: file.read_bytes() for file in bundle.iterdir()} == before
    assert not [file for file in run.path.iterdir() if file.name.startswith(".")]


SCORES = np.array([3.0, 1.0, 1.0 + 4e-6, 2.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("found", "moved"),
    [
        ([1, 4, 3, 2], 0),
        ([1, 3, 4, 2], 2),  # between scores closer than the tolerance
    ],
)
def test_ranks_may_differ_between_scores_as_good_as_equal(found, moved):
    agreement = compare(SCORES, np.array(found), SCORES, np.array([0, 4]))
    assert (agreement.candidates, agreement.difference, agreement.moved) == (4, 0.0, moved)


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        (SCORES, [2, 4, 3, 1]),
        (SCORES + np.float32(1e-4), [1, 4, 3, 2]),
        (SCORES * np.float32("nan"), [1, 4, 3, 2]),
    ],
)
def test_other_ranks_or_scores_do_not_agree(scores, found):
    with pytest.raises(InputError, match="differ"):
        compare(scores, np.array(found), SCORES, np.array([0, 4]))
