"""/v2: health, the model's metadata and its replacement, by the names of KServe's V2 protocol."""

from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Depends

from nrms_torch.serving.api.json_route import JsonRoute
from nrms_torch.serving.api.keys import ApiKey
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.problems import declared
from nrms_torch.serving.api.schemas import Live, LoadRequest, LoadResponse, ModelMetadata, Ready

LIVE, READY = "/v2/health/live", "/v2/health/ready"
MODEL, LOAD = "/v2/models/nrms", "/v2/models/nrms/load"


def model_routes(slot: ModelSlot, key: ApiKey) -> APIRouter:
    """Make the routes about the server and its model."""
    router = APIRouter(tags=["model"], route_class=JsonRoute)

    @router.get(LIVE)
    async def live() -> Live:
        """Tell that the server runs."""
        return Live(live=True)

    @router.get(READY, responses=declared(503))
    async def ready() -> Ready:
        """Tell that the server has a model; a 503 while it loads its first."""
        _ = slot.recommender  # a 503 where there is none
        return Ready(ready=True)

    @router.get(MODEL, responses=declared(503))
    async def model() -> ModelMetadata:
        """Describe the model that answers."""
        recommender = slot.recommender
        return ModelMetadata(
            name="nrms",
            versions=[recommender.bundle.version],
            platform="onnxruntime_onnx",
            articles=len(recommender),
            added=recommender.added,
            added_lasting=False,
            history_size=recommender.history_size,
            integer_ids=recommender.integer_ids,
            reads_titles=recommender.bundle.reads_titles,
            manifest=recommender.model,
        )

    @router.post(
        LOAD,
        responses=declared(400, 401, 403, 408, 409, 413, 415, 422, 503),
        dependencies=[Depends(key.require_always)],
    )
    async def load(body: LoadRequest) -> LoadResponse:
        """Swap to another bundle: it is verified first, and no request is dropped.

        Articles that were added since the start are not in it.
        """
        replaced = slot.recommender.bundle.version
        recommender = await to_thread.run_sync(slot.load, Path(body.bundle))
        return LoadResponse(
            model_version=recommender.bundle.version, replaced=replaced, articles=len(recommender)
        )

    return router
