"""Impressions of a log that says what was shown: its events, those of one impression together."""

import polars as pl

from nrms_torch.data.own.logs import ARTICLE, GROUP, IS_CLICK, READER, TIME
from nrms_torch.data.own.summary import READ, Summary
from nrms_torch.data.schema import CLICKED, INVIEW

MADE = "impressions made"


def group_impressions(events: pl.DataFrame, summary: Summary) -> pl.DataFrame:
    """Give READER, TIME, INVIEW and CLICKED (lists of codes) of impressions that can be used.

    An impression's time is that of its first row. A clicked article that was not shown is in view
    too. Impressions without a click, or without an article that was not clicked, are left out.
    """
    articles = events.group_by(GROUP, ARTICLE, maintain_order=True).agg(
        pl.col(IS_CLICK).any(), pl.col(READER).first(), pl.col(TIME).min()
    )
    impressions = articles.group_by(GROUP, maintain_order=True).agg(
        pl.col(READER).first(),
        pl.col(TIME).min(),
        pl.col(ARTICLE).alias(INVIEW),
        pl.col(ARTICLE).filter(IS_CLICK).alias(CLICKED),
    )
    clicks, in_view = pl.col(CLICKED).list.len(), pl.col(INVIEW).list.len()
    summary.count(MADE, READ, len(impressions))
    for reason, broken in (
        ("without a click", clicks == 0),
        ("without an article that was not clicked", clicks == in_view),
    ):
        summary.count(MADE, reason, impressions.filter(broken).height)
    return impressions.filter((clicks > 0) & (clicks < in_view)).drop(GROUP)
