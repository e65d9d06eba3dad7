"""The baseline's scorer behind the same API: `python -m benchmarks.load.reference bundle=FOLDER`.

For a comparison of speed only: the weights are initial ones. Each candidate is one row of
`scorer.predict`, with the whole history, as in the baseline's own evaluation.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

from nrms_tf_reference.reference import Reference, build
from nrms_torch.configuration import compose, plain
from nrms_torch.errors import InputError, stop
from nrms_torch.model.hyper_parameters import (
    BaselineHyperParameters,
    HyperParameters,
    NRMSHyperParameters,
)
from nrms_torch.serving import Bundle
from nrms_torch.serving.api.listening import listen
from nrms_torch.serving.api.schemas import (
    ArticleList,
    RankedArticle,
    RecommendRequest,
    RecommendResponse,
    ShownArticle,
)
from nrms_torch.serving.api.settings import read_settings


def reference_app(bundle: Bundle, reference: Reference) -> FastAPI:
    """Make the app: POST /recommend for given candidates, and the list of articles."""
    app = FastAPI(title="The baseline's scorer")
    ids = bundle.articles["article_id"].to_list()
    row_of = {article_id: row for row, article_id in enumerate(ids, start=1)}

    @app.post("/recommend")
    def recommend(body: RecommendRequest) -> RecommendResponse:
        candidates = body.candidates or []
        size = bundle.hyper_parameters.history_size
        rows = np.zeros(size, dtype=np.int64)
        clicks = [row_of.get(each, 0) for each in body.history[-size:]]
        rows[size - len(clicks) :] = clicks
        history = bundle.features[rows][None].repeat(len(candidates), axis=0)
        shown = bundle.features[[row_of.get(each, 0) for each in candidates]][:, None]
        scores = reference.scorer.predict([history, shown], verbose=0)[:, 0]
        best = np.argsort(scores, kind="stable")[::-1][: body.k].tolist()
        ranking = [
            RankedArticle(article_id=candidates[n], score=float(scores[n]), probability=None)
            for n in best
        ]
        return RecommendResponse(ranking=ranking, unknown=[], late=False, model_version="reference")

    @app.get("/articles")
    def articles(limit: int = 20, offset: int = 0) -> ArticleList:
        page = [
            ShownArticle(article_id=each, title="", category="")
            for each in ids[offset : offset + limit]
        ]
        return ArticleList(articles=page, total=len(ids))

    return app


def _config(hyper_parameters: HyperParameters, width: int) -> dict[str, Any]:
    """Name a bundle's hyper-parameters as the baseline does; `width` is that of its features."""
    if not isinstance(hyper_parameters, BaselineHyperParameters):
        raise InputError(
            f"bundle: is of the {hyper_parameters.variant} variant; expected baseline, for the "
            "reference is no other"
        )
    names = ("history_size", "head_num", "head_dim", "attention_hidden_dim")
    config = {name: getattr(hyper_parameters, name) for name in names}
    config["newsencoder_units_per_layer"] = hyper_parameters.newsencoder_units_per_layer
    config["title_size"] = width
    if isinstance(hyper_parameters, NRMSHyperParameters):
        words = hyper_parameters.vocabulary_size, hyper_parameters.embedding_size
        return config | {"model": "nrms", "vocab_size": words[0], "word_emb_dim": words[1]}
    return config | {"model": "docvec"}


def main() -> None:
    """Serve until a signal."""
    settings = read_settings(plain(compose("serve", sys.argv[1:])))
    bundle = Bundle.load(Path(settings.bundle))
    reference = build(_config(bundle.hyper_parameters, bundle.features.shape[1]))
    app = reference_app(bundle, reference)
    with listen(settings.host, settings.port) as listening:
        host, port = listening.getsockname()
        print(f"ready on http://{host}:{port}", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        stop(error)
