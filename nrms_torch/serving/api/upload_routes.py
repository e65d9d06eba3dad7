"""POST /predict: scores and ranks of an uploaded table, and metrics where it has labels."""

from functools import partial
from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, File, Header, Query, Response, UploadFile

from nrms_torch.serving.api.ending import Ending
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.predictions import predict
from nrms_torch.serving.api.problems import declared, of_input_error
from nrms_torch.serving.api.schemas import PredictResponse
from nrms_torch.serving.decoding import BEHAVIORS, HISTORIES, TooLargeError

PREDICT = "/predict"
PARQUET = "application/vnd.apache.parquet"
# At a time: tables take memory.
_PREDICTIONS = 1


def upload_routes(slot: ModelSlot, ending: Ending) -> APIRouter:
    """Make the route that takes files; what it computes is given up when the server's time is."""
    router = APIRouter(tags=["ranking"])
    one_at_a_time = CapacityLimiter(_PREDICTIONS)

    @router.post(f"{PREDICT}/", include_in_schema=False)
    @router.post(
        PREDICT,
        response_model=PredictResponse,
        responses={
            200: {
                "content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}},
                "description": "JSON, or a parquet of the columns impression_id, article_ids, "
                "scores and ranks, with metrics and model_version in its metadata.",
            },
            **declared(400, 408, 413, 415, 422, 503, 507),
        },
    )
    async def predict_impressions(
        behaviors: Annotated[
            UploadFile,
            File(
                description="A parquet with the columns impression_id, article_ids_inview, maybe "
                "article_ids_clicked, which gives metrics, and article_id_fixed, the reader's "
                "history; or user_id in its place, with the second file."
            ),
        ],
        history: Annotated[
            UploadFile | None,
            File(description="A parquet with the columns user_id and article_id_fixed."),
        ] = None,
        as_format: Annotated[
            Literal["json", "parquet"] | None,
            Query(alias="format", description="Counts before the Accept header."),
        ] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Score and rank all candidates of all impressions, as evaluation does."""
        as_parquet = as_format == "parquet" or (as_format is None and PARQUET in accept)
        files = {BEHAVIORS: behaviors.file} | ({HISTORIES: history.file} if history else {})
        work = partial(
            predict,
            slot.recommender,
            files,
            as_parquet=as_parquet,
            between=ending.require_time_to_work,
        )
        try:
            content = await to_thread.run_sync(work, limiter=one_at_a_time)
        except TooLargeError as error:
            raise of_input_error(error, status=413) from error
        return Response(content, media_type=PARQUET if as_parquet else "application/json")

    return router
