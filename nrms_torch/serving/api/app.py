"""The application: routes, limits, metrics and the page, put together."""

from collections.abc import Mapping

from fastapi import FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

import nrms_torch
from nrms_torch.serving.api import contract, page, problems
from nrms_torch.serving.api.article_routes import ARTICLES, READERS, article_routes
from nrms_torch.serving.api.bodies import Room
from nrms_torch.serving.api.compressed import Compressed
from nrms_torch.serving.api.ending import Ending
from nrms_torch.serving.api.event_routes import EVENTS, event_routes
from nrms_torch.serving.api.head import HeadAsGet
from nrms_torch.serving.api.keys import HEADER, ApiKey
from nrms_torch.serving.api.limits import FORM, JSON, BodyLimit, Limits, Places
from nrms_torch.serving.api.model_routes import LIVE, LOAD, MODEL, READY, model_routes
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.monitoring import Monitoring, RequestMetrics
from nrms_torch.serving.api.paths import Under
from nrms_torch.serving.api.ranking_routes import EXPLAIN, RECOMMEND, ranking_routes
from nrms_torch.serving.api.settings import Settings
from nrms_torch.serving.api.upload_routes import PREDICT, upload_routes

METRICS = "/metrics"
_MIB = 2**20
# A ranking of 100,000 candidates takes nearly a MiB; what is larger costs all others their turn.
_RANKING, _EXPLANATION, _LOAD = _MIB, _MIB // 4, 2**14
# At a time, those included that wait to be computed.
_UPLOADS = 4
_ROUTES = (
    RECOMMEND,
    PREDICT,
    EXPLAIN,
    EVENTS,
    ARTICLES,
    READERS,
    LOAD,
    MODEL,
    LIVE,
    READY,
    METRICS,
    "/",
)


def create_app(slot: ModelSlot, settings: Settings, ending: Ending | None = None) -> FastAPI:
    """Make the app that answers with the model in `slot`, which may still be empty.

    What has begun goes on as long as the `ending` of its server lets it.
    """
    ending = ending or Ending()
    # FastAPI's own /docs loads its viewer from another host, as /redoc does even here.
    app = FastAPIOffline(
        redoc_url=None,
        redirect_slashes=False,
        **contract.DESCRIPTION,
        version=nrms_torch.__version__,
    )
    monitoring = Monitoring(slot)
    key = ApiKey(settings.api_key)
    problems.install(app)
    for router in (
        ranking_routes(slot, monitoring),
        upload_routes(slot, ending),
        event_routes(slot, key),
        article_routes(slot, key),
        model_routes(slot, key),
    ):
        app.include_router(router)

    @app.get(METRICS, tags=["model"], response_class=Response, responses=contract.METRICS_TEXT)
    def metrics() -> Response:
        """Give the server's metrics in Prometheus' text format."""
        return Response(monitoring.exposition(), media_type=contract.METRICS_TYPE)

    page.install(app)
    contract.install(app, settings.root_path)

    # The last is the outermost.
    app.add_middleware(Compressed, unless=PREDICT)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Limits, bodies=_limits(settings, key), ending=ending)
    # Outside of the limits, so that what these refuse is counted, and readable in a browser, too.
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", HEADER],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(RequestMetrics, monitoring=monitoring, routes=_ROUTES)
    app.add_middleware(Under, root=settings.root_path)
    return app


def _limits(settings: Settings, key: ApiKey) -> Mapping[str, BodyLimit]:
    size, waiting = settings.max_json_mib * _MIB, settings.max_waiting
    json = Places(waiting, Room(waiting * size))
    upload = settings.max_upload_mib * _MIB
    forms = Places(_UPLOADS, Room(_UPLOADS * upload))
    return {
        RECOMMEND: BodyLimit(JSON, min(size, _RANKING), json),
        EXPLAIN: BodyLimit(JSON, min(size, _EXPLANATION), json),
        EVENTS: BodyLimit(JSON, size, json, key),
        ARTICLES: BodyLimit(JSON, size, json, key),
        LOAD: BodyLimit(JSON, min(size, _LOAD), json, key),
        PREDICT: BodyLimit(FORM, upload, forms),
    }
