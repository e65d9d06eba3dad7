"""The application: routes, limits, metrics and the page, put together."""

from fastapi import FastAPI, Response
from fastapi_offline import FastAPIOffline

import nrms_torch
from nrms_torch.serving.api import page, problems
from nrms_torch.serving.api.article_routes import ARTICLES, READERS, article_routes
from nrms_torch.serving.api.head import HeadAsGet
from nrms_torch.serving.api.keys import ApiKey
from nrms_torch.serving.api.limits import FORM, JSON, BodyLimit, Limits, Places
from nrms_torch.serving.api.model_routes import LIVE, LOAD, MODEL, READY, model_routes
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.monitoring import Monitoring, RequestMetrics
from nrms_torch.serving.api.ranking_routes import EXPLAIN, RECOMMEND, ranking_routes
from nrms_torch.serving.api.settings import Settings
from nrms_torch.serving.api.upload_routes import PREDICT, upload_routes

METRICS = "/metrics"
_MIB = 2**20
# At a time, those included that are still arriving: each may fill the disk to its limit.
_UPLOADS = 4


def create_app(slot: ModelSlot, settings: Settings) -> FastAPI:
    """Make the app that answers with the model in `slot`, which may still be empty."""
    # FastAPI's own /docs loads its viewer from another host, as /redoc does even here.
    app = FastAPIOffline(
        redoc_url=None,
        title="nrms-torch",
        version=nrms_torch.__version__,
        summary="Ranks news articles for readers by what they clicked.",
        license_info={"name": "MIT"},
    )
    monitoring = Monitoring(slot)
    key = ApiKey(settings.api_key)
    problems.install(app)
    for router in (
        ranking_routes(slot, monitoring),
        upload_routes(slot),
        article_routes(slot, key),
        model_routes(slot, key),
    ):
        app.include_router(router)

    @app.get(METRICS, tags=["model"], response_class=Response)
    def metrics() -> Response:
        """Give the server's metrics in Prometheus' text format."""
        return Response(monitoring.exposition(), media_type="text/plain; version=0.0.4")

    page.install(app)

    app.add_middleware(HeadAsGet)
    json = BodyLimit(JSON, settings.max_json_mib * _MIB, Places(settings.max_waiting))
    form = BodyLimit(FORM, settings.max_upload_mib * _MIB, Places(_UPLOADS))
    app.add_middleware(
        Limits, bodies=dict.fromkeys((RECOMMEND, EXPLAIN, ARTICLES, LOAD), json) | {PREDICT: form}
    )
    # Outermost, so that what the limits refuse is counted too.
    app.add_middleware(
        RequestMetrics,
        monitoring=monitoring,
        routes=(
            RECOMMEND,
            PREDICT,
            EXPLAIN,
            ARTICLES,
            READERS,
            LOAD,
            MODEL,
            LIVE,
            READY,
            METRICS,
            "/",
        ),
    )
    return app
