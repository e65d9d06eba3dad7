"""Convert a site's raw logs: from a mapping to a data folder that every command reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nrms_torch.data.demo.streaming import sink_tables
from nrms_torch.data.ebnerd import (
    ARTICLES_FILE,
    BEHAVIORS_FILE,
    IDS_CLICKED,
    IDS_HISTORY,
    IDS_INVIEW,
    IMPRESSION_TIME,
    USER_ID,
)
from nrms_torch.data.own.articles import OwnArticles, read_own_articles
from nrms_torch.data.own.histories import Clicks, clicks_of
from nrms_torch.data.own.impressions import MADE, group_impressions
from nrms_torch.data.own.logs import READER, TIME, read_events
from nrms_torch.data.own.mapping import LogMapping, load_mapping
from nrms_torch.data.own.negatives import draw_impressions
from nrms_torch.data.own.splits import require_lasts, split_rows
from nrms_torch.data.own.summary import READ, USED, SplitSummary, Summary
from nrms_torch.data.own.times import parse_length
from nrms_torch.data.schema import ARTICLE_ID, CLICKED, IMPRESSION_ID, INVIEW
from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields, require_integer
from nrms_torch.files import replacing_folder, require_replaceable

RECORD = "conversion.json"  # what was converted and how; a folder that has it may be replaced
_ROWS = 50_000  # impressions written together
_BAD_TIMES = ("stop", "drop")
START, END = "start", "end"


@dataclass(frozen=True, kw_only=True)
class ConversionOptions:
    """What a conversion may be told; configs/convert_logs.yaml explains each field.

    Raises InputError, naming the field, for a value outside its range.
    """

    validation: float | str = 0.1
    test: float | str = 0.1
    max_history: int = 50
    least_history: int = 1
    negatives: int = 10
    alive: str = "48h"
    pause: str = "30m"
    bad_times: str = "stop"
    seed: int = 1

    def __post_init__(self) -> None:
        require_lasts(self.validation, self.test)
        least = {"max_history": 1, "least_history": 0, "negatives": 1, "seed": 0}
        for field, minimum in least.items():
            require_integer(field, getattr(self, field), minimum)
        parse_length("alive", self.alive)
        parse_length("pause", self.pause)
        if self.bad_times not in _BAD_TIMES:
            raise InputError(f"bad_times: {self.bad_times!r} is none of {', '.join(_BAD_TIMES)}")


def convert(mapping: Mapping[str, Any] | Path | str, output: Path | str, **options: Any) -> Summary:
    """Convert the articles and the log that a mapping names into a data folder; say what was done.

    `mapping` is a YAML file, or a dictionary of its sections in which a table in memory may stand
    for a file. The folder has EB-NeRD's files and column names, with histories in each impression:
    `format=ebnerd` reads it. A history holds the reader's clicks before its impression, whatever
    split they are in. The same input gives the same bytes; the folder appears only when it is
    complete, in place of one that a conversion made before.

    Raises InputError for whatever in the mapping, the options or the files is wrong, and for an
    `output` that holds anything else.
    """
    settings = from_fields(ConversionOptions, "options", options)
    log_mapping, output = load_mapping(mapping), Path(output)
    require_replaceable(output, known_by=RECORD)
    summary = Summary(output)
    stop_at_bad = settings.bad_times == "stop"
    articles = read_own_articles(log_mapping.articles, summary, stop_at_bad=stop_at_bad)
    impressions, clicks = _impressions(log_mapping, articles, settings, summary)
    with replacing_folder(output) as folder:
        times = impressions[TIME].to_numpy()
        for split, rows in split_rows(times, settings.validation, settings.test):
            part = impressions[rows]
            (folder / split).mkdir()
            behaviors = _behaviors(part, clicks, articles, first_id=rows.start + 1)
            sink_tables(behaviors, _schema(articles), folder / split / BEHAVIORS_FILE, _ROWS)
            summary.splits[split] = _describe(part)
        articles.write(folder / ARTICLES_FILE)
        (folder / RECORD).write_text(_record(log_mapping, settings, summary), encoding="utf-8")
    return summary


def _impressions(
    mapping: LogMapping, articles: OwnArticles, settings: ConversionOptions, summary: Summary
) -> tuple[pl.DataFrame, Clicks]:
    """Make the impressions, in order of time, each with its history: clicks START to END."""
    events = read_events(
        mapping.log,
        articles,
        summary,
        stop_at_bad=settings.bad_times == "stop",
        pause=parse_length("pause", settings.pause),
    )
    clicks = clicks_of(events)
    if mapping.log.tells_shown:
        impressions = _with_history(group_impressions(events, summary), clicks, settings, summary)
    else:
        summary.count(MADE, READ, len(events))
        again = len(events) - len(clicks)
        summary.count(MADE, "of an article that the reader clicked before", again)
        impressions = draw_impressions(
            _with_history(clicks.table(), clicks, settings, summary),
            clicks,
            articles,
            summary,
            negatives=settings.negatives,
            alive=parse_length("alive", settings.alive),
            seed=settings.seed,
        )
    summary.count(MADE, USED, len(impressions))
    if impressions.is_empty():
        why = ", ".join(f"{count:,} {reason}" for reason, count in summary.counts[MADE].items())
        raise InputError(f"{mapping.log.place}: no impression is left: {why}")
    return impressions.sort(TIME, READER, maintain_order=True), clicks


def _with_history(
    table: pl.DataFrame, clicks: Clicks, settings: ConversionOptions, summary: Summary
) -> pl.DataFrame:
    """Add START and END, at most `max_history` clicks apart, where there are enough."""
    starts, ends = clicks.before(table[READER].to_numpy(), table[TIME].to_numpy())
    starts = np.maximum(starts, ends - settings.max_history)
    enough = ends - starts >= min(settings.least_history, settings.max_history)
    least = settings.least_history
    reason = f"with fewer than {least} earlier clicks" if least > 1 else "without an earlier click"
    summary.count(MADE, f"{reason} of the reader", len(table) - int(enough.sum()))
    return table.with_columns(pl.Series(START, starts), pl.Series(END, ends)).filter(enough)


def _behaviors(
    impressions: pl.DataFrame, clicks: Clicks, articles: OwnArticles, first_id: int
) -> Iterator[pl.DataFrame]:
    """Yield the rows of one split's file in parts."""
    for start in range(0, len(impressions), _ROWS):
        part = impressions[start : start + _ROWS]
        histories = clicks.lists(part[START].to_numpy(), part[END].to_numpy())
        numbers = pl.int_range(first_id + start, first_id + start + len(part), eager=True)
        yield pl.DataFrame(
            [
                numbers.alias(IMPRESSION_ID),
                (part[READER].cast(pl.Int64) + 1).alias(USER_ID),
                part[TIME].cast(pl.Datetime("us")).alias(IMPRESSION_TIME),
                articles.id_lists(part[INVIEW]).alias(IDS_INVIEW),
                articles.id_lists(part[CLICKED]).alias(IDS_CLICKED),
                articles.id_lists(histories).alias(IDS_HISTORY),
            ]
        )


def _schema(articles: OwnArticles) -> dict[str, pl.DataType]:
    """The columns of a split's file."""
    ids = pl.List(articles.table[ARTICLE_ID].dtype)
    return {
        IMPRESSION_ID: pl.Int64(),
        USER_ID: pl.Int64(),
        IMPRESSION_TIME: pl.Datetime("us"),
        **dict.fromkeys((IDS_INVIEW, IDS_CLICKED, IDS_HISTORY), ids),
    }


def _describe(impressions: pl.DataFrame) -> SplitSummary:
    first, last = impressions[TIME].cast(pl.Datetime("us")).gather([0, len(impressions) - 1])
    return SplitSummary(
        impressions=len(impressions),
        readers=impressions[READER].n_unique(),
        candidates=int(impressions[INVIEW].list.len().cast(pl.Int64).sum()),
        clicks=int(impressions[CLICKED].list.len().cast(pl.Int64).sum()),
        history_clicks=int((impressions[END] - impressions[START]).sum()),
        first=first,
        last=last,
    )


def _record(mapping: LogMapping, settings: ConversionOptions, summary: Summary) -> str:
    sections = {section.name: section.describe() for section in (mapping.articles, mapping.log)}
    record = {"mapping": sections, "options": asdict(settings), **summary.as_values()}
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
