"""The bodies of requests and responses."""

from itertools import islice
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic_core import core_schema
from typing_extensions import TypedDict  # what pydantic reads before Python 3.12

from nrms_torch.serving import Article

_INT64 = 2**63
# Of names that are no fields' the first few tell enough; an error for each would take seconds.
_SHOWN_UNKNOWN = 5


class _OneMessage:
    """Gives a union one message where it would have one for each of its types."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return {
            **handler(source),
            "custom_error_type": "article_id",
            "custom_error_message": "expected an article id: an integer, or a string of at most "
            "256 characters",
        }


ArticleId = Annotated[
    Annotated[StrictInt, Field(ge=-_INT64, lt=_INT64)]
    | Annotated[StrictStr, Field(min_length=1, max_length=256)],
    _OneMessage(),
]
Text = Annotated[StrictStr, Field(max_length=100_000)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]

History = Annotated[
    list[ArticleId],
    Field(
        max_length=10_000,
        fail_fast=True,
        description="Clicked articles, oldest first; the last ones count, as many as the model "
        "reads. An unknown one counts as the unknown article.",
    ),
]


ReaderId = ArticleId  # of the same kinds, and any of them


class Body(BaseModel):
    """A request's body: a field that is not known is a mistake.

    Of a list's mistakes the first is told, for the other checks of it would cost the next reader.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_unknown(cls, body: object) -> object:
        if not isinstance(body, dict) or len(body) <= len(cls.model_fields) + _SHOWN_UNKNOWN:
            return body
        known = {name: body[name] for name in cls.model_fields if name in body}
        unknown = (name for name in body if name not in cls.model_fields)
        return known | dict.fromkeys(islice(unknown, _SHOWN_UNKNOWN))


class RecommendRequest(Body):
    """A reader's clicks, and what to rank for them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "history": [9_000_017, 9_000_023],
                    "candidates": [9_000_001, 9_000_002, 9_000_003],
                    "k": 10,
                },
                {"history": [9_000_017], "candidates": None, "k": 5},
            ]
        }
    )

    history: History
    candidates: list[ArticleId] | None = Field(
        None,
        max_length=100_000,
        fail_fast=True,
        description="Articles to rank; null ranks all of them but those of the history.",
    )
    k: int = Field(10, ge=1, strict=True, description="How many of the best to give.")
    diversity: float = Field(
        0,
        ge=0,
        le=1,
        description="0 gives the best in order; the more, the less alike the articles given are.",
    )
    reader: ReaderId | None = Field(None, description="Who reads, for late features of their own.")
    page: ArticleId | None = Field(None, description="The article that the reader is on, if any.")


class RankedArticle(TypedDict):
    """An article and its score, a dot product: comparable within one ranking only.

    `probability` is the score as the probability of a click where the article is shown, as fitted
    on the model's validation data; null where the model was never measured.
    """

    article_id: ArticleId
    score: float
    probability: float | None


class RecommendResponse(BaseModel):
    """The best articles, best first; `unknown` are the ids that the server lacks, once each.

    An unknown candidate is not ranked. `late` tells whether late features are in the scores: not
    before the server was told of an event, nor without weights for them.
    """

    ranking: list[RankedArticle]
    unknown: list[ArticleId]
    model_version: str
    late: bool


class ScoredImpression(BaseModel):
    """An impression's candidates in the order shown; rank 1 is the best."""

    impression_id: int
    article_ids: list[ArticleId | None]
    scores: list[float]
    ranks: list[int]


class RankingMetrics(BaseModel):
    """Means over impressions, as `nrms evaluate` writes them; null where none counts."""

    auc: float | None
    mrr: float | None
    reciprocal_rank: float | None
    ndcg_at_5: float | None = Field(alias="ndcg@5")
    ndcg_at_10: float | None = Field(alias="ndcg@10")
    impressions: int
    skipped: int
    unknown_articles: int


class PredictResponse(BaseModel):
    """All impressions in the order of the upload; metrics are null without labels."""

    model_version: str
    metrics: RankingMetrics | None
    impressions: list[ScoredImpression]


class ExplainRequest(Body):
    """A reader's clicks, and the article whose score is to be explained."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"history": [9_000_017, 9_000_023], "candidate": 9_000_001}]
        }
    )

    history: History
    candidate: ArticleId
    reader: ReaderId | None = Field(None, description="Who reads, for late features of their own.")
    page: ArticleId | None = Field(None, description="The article that the reader is on, if any.")


class NewArticle(Body):
    """An article to add, or to update: texts for NRMS, a document vector for NRMSDocVec.

    Title and category are also what is shown of it.
    """

    article_id: ArticleId
    title: Text = ""
    subtitle: Text = ""
    body: Text = ""
    category: Annotated[StrictStr, Field(max_length=1_000)] = ""
    vector: list[Finite] | None = Field(None, max_length=65_536, fail_fast=True)

    def article(self) -> Article:
        """Give it as the recommender takes it."""
        return Article(**dict(self))


class ArticlesRequest(Body):
    """Articles to add or to update; all of them, or none where one is wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "articles": [
                        {
                            "article_id": 9_990_001,
                            "title": "Storm on the way",
                            "category": "weather",
                        }
                    ]
                }
            ]
        }
    )

    articles: list[NewArticle] = Field(min_length=1, max_length=1_000, fail_fast=True)


class ArticlesResponse(BaseModel):
    """How many articles are new and how many were updated; they can be ranked from now on.

    Of two with one id the later counts. `unknown_tokens` of the texts were left out, since the
    model has no embedding for them. `lasting` says whether the articles outlive the server.
    """

    added: int
    updated: int
    unknown_tokens: int
    lasting: bool


class ShownArticle(BaseModel):
    """What is shown of an article."""

    article_id: ArticleId
    title: str
    category: str

    @classmethod
    def of(cls, article: Article) -> "ShownArticle":
        """Show an article of the recommender."""
        return cls(article_id=article.article_id, title=article.title, category=article.category)


class SampleReader(BaseModel):
    """A reader's last clicks, oldest first; of an unknown article there is the id alone."""

    history: list[ShownArticle]


class ReaderList(BaseModel):
    """The readers that came with the model, to try it on; maybe none."""

    readers: list[SampleReader]


class ArticleList(BaseModel):
    """Some articles; `total` counts all that were found."""

    articles: list[ShownArticle]
    total: int


class Live(BaseModel):
    """The server runs."""

    live: bool


class Ready(BaseModel):
    """The server has a model to answer with."""

    ready: bool


class ModelMetadata(BaseModel):
    """What is served; `manifest` is the bundle's model.json.

    Of the `articles` so many were `added`, which are kept in memory: a restart is without them.
    """

    name: str
    versions: list[str]
    platform: str
    articles: int
    added: int
    added_lasting: bool
    history_size: int
    integer_ids: bool
    reads_titles: bool
    manifest: dict[str, Any]


class LoadRequest(Body):
    """A bundle's folder, as the server sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"bundle": "runs/newer/bundle"}]})

    bundle: Annotated[StrictStr, Field(min_length=1, max_length=4_096)]


class LoadResponse(BaseModel):
    """Which model answers from now on, and which one did until now."""

    model_version: str
    replaced: str
    articles: int
