"""POST /recommend and POST /explain: what a reader is shown, and why."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Response

from nrms_torch.serving import ArticleId, Explanation, Ranking, Recommender
from nrms_torch.serving.api.json_route import JsonRoute
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.monitoring import Monitoring
from nrms_torch.serving.api.problems import declared
from nrms_torch.serving.api.schemas import (
    ExplainRequest,
    RankedArticle,
    RecommendRequest,
    RecommendResponse,
)

RECOMMEND, EXPLAIN = "/recommend", "/explain"
# Up to so many, a ranking takes less time than a thread takes to be handed it.
_AT_ONCE = 1_000
# Rankings of whole tables at a time: they share the cores.
_THREADS = 2

_Result = TypeVar("_Result")


def ranking_routes(slot: ModelSlot, monitoring: Monitoring) -> APIRouter:
    """Make the routes that rank."""
    router = APIRouter(tags=["ranking"], route_class=JsonRoute)
    threads = CapacityLimiter(_THREADS)

    async def in_thread(call: Callable[[], _Result]) -> _Result:
        return await to_thread.run_sync(call, limiter=threads)

    @router.post(
        RECOMMEND,
        response_model=RecommendResponse,
        responses=declared(400, 408, 413, 415, 422, 503),
    )
    async def recommend(body: RecommendRequest) -> Response:
        """Rank candidates, or all articles, for a reader's history."""
        recommender = slot.recommender
        answer = partial(_answer, recommender, body)
        choice = len(recommender) if body.candidates is None else len(body.candidates)
        ranking, unknown, content = answer() if choice <= _AT_ONCE else await in_thread(answer)
        monitoring.count_ranking(
            ids=min(len(body.history), recommender.history_size) + len(body.candidates or ()),
            unknown=unknown,
            candidates=choice,
            scores=ranking.scores,
        )
        return Response(content, media_type="application/json")

    @router.post(EXPLAIN, responses=declared(400, 408, 413, 415, 422, 503))
    async def explain(body: ExplainRequest) -> Explanation:
        """Say which clicks, and which words, carried a candidate's score."""
        return await in_thread(
            partial(
                slot.recommender.explain,
                body.history,
                body.candidate,
                reader=body.reader,
                page=body.page,
            )
        )

    return router


def _answer(recommender: Recommender, body: RecommendRequest) -> tuple[Ranking, int, bytes]:
    """Rank, count the ids that are unknown, repeated ones too, and write the response."""
    ranking = recommender.rank(
        body.history,
        body.candidates,
        body.k,
        body.diversity,
        reader=body.reader,
        page=body.page,
    )
    scores = ranking.scores.tolist()
    chances = [None] * len(scores)
    if ranking.probabilities is not None:
        chances = ranking.probabilities.tolist()
    response = RecommendResponse.model_construct(
        ranking=[
            RankedArticle(article_id=article_id, score=score, probability=chance)
            for article_id, score, chance in zip(ranking.article_ids, scores, chances, strict=True)
        ],
        unknown=list(dict.fromkeys(ranking.unknown_clicks + ranking.unknown_candidates)),
        model_version=recommender.bundle.version,
        late=ranking.late,
    )
    unknown = _occurrences(ranking.unknown_clicks, body.history[-recommender.history_size :])
    unknown += _occurrences(ranking.unknown_candidates, body.candidates or ())
    return ranking, unknown, response.model_dump_json().encode()


def _occurrences(wanted: Sequence[ArticleId], article_ids: Sequence[ArticleId]) -> int:
    """Count the ids that are among those wanted."""
    among = frozenset(wanted)
    return sum(article_id in among for article_id in article_ids) if among else 0
