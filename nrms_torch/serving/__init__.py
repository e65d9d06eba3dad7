"""Serving: rank articles from an exported bundle, without torch."""

from nrms_torch.serving.articles import Added, Article, ArticleId
from nrms_torch.serving.bundle import Bundle
from nrms_torch.serving.engine import Recommender
from nrms_torch.serving.explanation import ClickPart, Explanation, TitlePart, WordPart
from nrms_torch.serving.late import Click, Shown
from nrms_torch.serving.ranking import ImpressionScores, Ranking

__all__ = [
    "Added",
    "Article",
    "ArticleId",
    "Bundle",
    "Click",
    "ClickPart",
    "Explanation",
    "ImpressionScores",
    "Ranking",
    "Recommender",
    "Shown",
    "TitlePart",
    "WordPart",
]
