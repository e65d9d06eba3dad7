"""/articles: what can be ranked, and what is added while the server runs; /readers to try it on."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Query

from nrms_torch.serving import Article, Recommender
from nrms_torch.serving.api.json_route import JsonRoute
from nrms_torch.serving.api.keys import ApiKey
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.problems import declared, of_input_error
from nrms_torch.serving.api.schemas import (
    ArticleList,
    ArticlesRequest,
    ArticlesResponse,
    ReaderList,
    SampleReader,
    ShownArticle,
)
from nrms_torch.serving.articles import FullError

ARTICLES, READERS = "/articles", "/readers"


def article_routes(slot: ModelSlot, key: ApiKey) -> APIRouter:
    """Make the routes that show and take articles."""
    router = APIRouter(tags=["articles"], route_class=JsonRoute)

    @router.post(
        ARTICLES,
        responses=declared(400, 401, 408, 413, 415, 422, 503, 507),
        dependencies=[Depends(key.require)],
    )
    async def add_articles(body: ArticlesRequest) -> ArticlesResponse:
        """Add articles, or update those whose id is known; they can be ranked at once.

        They are kept in memory: a restart, or another model, is without them.
        """
        articles = [article.article() for article in body.articles]
        try:
            added = await to_thread.run_sync(slot.recommender.add_articles, articles)
        except FullError as error:
            raise of_input_error(error, status=507) from error
        return ArticlesResponse(
            added=added.added,
            updated=added.updated,
            unknown_tokens=added.unknown_tokens,
            lasting=False,
        )

    @router.get(ARTICLES, responses=declared(422, 503))
    def articles(
        article_id: Annotated[
            list[str], Query(max_length=1_000, description="Only these; unknown ones are left out.")
        ] = [],  # noqa: B006 - FastAPI's way to say that there are none
        search: Annotated[
            str,
            Query(
                max_length=200,
                description="Only those with this text in their title, where no ids are given.",
            ),
        ] = "",
        limit: Annotated[int, Query(ge=0, le=1_000)] = 20,
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    ) -> ArticleList:
        """List articles by id, or by a text in their title in the order in which they came."""
        recommender = slot.recommender
        if article_id:
            listed = _by_id(recommender, article_id)
            found, total = listed[offset : offset + limit], len(listed)
        else:
            found, total = recommender.find_articles(search, offset, limit)
        return ArticleList(articles=[ShownArticle.of(article) for article in found], total=total)

    @router.get(READERS, responses=declared(503))
    def readers() -> ReaderList:
        """List the sample readers that came with the model, by what they clicked last."""
        histories = slot.recommender.sample_readers()
        return ReaderList(
            readers=[
                SampleReader(history=[ShownArticle.of(article) for article in history])
                for history in histories
            ]
        )

    return router


def _by_id(recommender: Recommender, texts: list[str]) -> list[Article]:
    """Look up ids that a URL gives as text."""
    ids = [int(text) for text in texts if _is_integer(text)] if recommender.integer_ids else texts
    found = [recommender.article(article_id) for article_id in ids]
    return [article for article in found if article is not None]


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 20
