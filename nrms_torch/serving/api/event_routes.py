"""POST /events: what readers were shown and clicked, for late features."""

from anyio import to_thread
from fastapi import APIRouter, Depends

from nrms_torch.serving.api.event_schemas import EventsRequest, EventsResponse
from nrms_torch.serving.api.json_route import JsonRoute
from nrms_torch.serving.api.keys import ApiKey
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.problems import declared

EVENTS = "/events"


def event_routes(slot: ModelSlot, key: ApiKey) -> APIRouter:
    """Make the route that takes events."""
    router = APIRouter(tags=["events"], route_class=JsonRoute)

    @router.post(
        EVENTS,
        responses=declared(400, 401, 408, 413, 415, 422, 503),
        dependencies=[Depends(key.require)],
    )
    async def tell(body: EventsRequest) -> EventsResponse:
        """Count what readers were shown and clicked; rankings know of it from then on."""
        events = [each.event() for each in body.events]
        await to_thread.run_sync(slot.recommender.tell, events)
        return EventsResponse(counted=len(events))

    return router
