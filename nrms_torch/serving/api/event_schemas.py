"""The bodies of POST /events: what readers were shown and clicked."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nrms_torch.serving import Click, Shown
from nrms_torch.serving.api.schemas import ArticleId, Body, Finite, ReaderId

Time = Annotated[
    Finite, Field(ge=0, description="Seconds since 1970, UTC; by default when it arrives.")
]


class ShownEvent(Body):
    """A list of articles that a reader was shown, beside the article `page` or on a front page."""

    kind: Literal["shown"]
    articles: list[ArticleId] = Field(max_length=1_000, fail_fast=True)
    time: Time | None = None
    reader: ReaderId | None = None
    page: ArticleId | None = None

    def event(self) -> Shown:
        """Give it as the recommender takes it."""
        return Shown(articles=self.articles, time=self.time, reader=self.reader, page=self.page)


class ClickEvent(Body):
    """A reader's click on an article."""

    kind: Literal["click"]
    article: ArticleId
    time: Time | None = None
    reader: ReaderId | None = None

    def event(self) -> Click:
        """Give it as the recommender takes it."""
        return Click(article=self.article, time=self.time, reader=self.reader)


class EventsRequest(Body):
    """What readers were shown and clicked; all of it counts, or none where one is wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {"kind": "shown", "articles": [9_000_001, 9_000_002], "reader": "r1"},
                        {"kind": "click", "article": 9_000_002, "reader": "r1"},
                    ]
                }
            ]
        }
    )

    events: list[Annotated[ShownEvent | ClickEvent, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=10_000, fail_fast=True
    )


class EventsResponse(BaseModel):
    """How many events were counted; they live in this server's memory and end with it."""

    counted: int
