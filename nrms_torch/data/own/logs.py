"""A raw log, of events or of impressions, as events: a row an article that was shown or clicked.

GROUP tells the rows of one impression, in the order shown; READER, ARTICLE and GROUP are codes.
"""

import polars as pl

from nrms_torch.data.own.articles import OwnArticles
from nrms_torch.data.own.mapping import EVENTS, Section
from nrms_torch.data.own.raw import ROW, RawTable, read_tables
from nrms_torch.data.own.summary import READ, USED, Summary
from nrms_torch.errors import InputError, nearest

READER, ARTICLE, TIME, IS_CLICK, GROUP = "reader", "article", "time", "is_click", "group"
_KINDS_TOLD = 8
_IDS = "ids in lists"
_UNKNOWN = "of an article that articles lack"


def read_events(
    section: Section, articles: OwnArticles, summary: Summary, *, stop_at_bad: bool, pause: int
) -> pl.DataFrame:
    """Read a log: READER, ARTICLE, GROUP (UInt32), TIME (microseconds, Int64) and IS_CLICK.

    Sorted by time, but for impressions that are lists, which keep their order. Rows that say the
    same as an earlier one are left out. Without an impression id, rows of a reader with no `pause`
    (microseconds) between them are one impression. Raises InputError where the log cannot be read,
    and where nothing of it is left.
    """
    read = _read_events if section.name == EVENTS else _read_impressions
    parts: list[pl.DataFrame] = []
    for number, table in enumerate(read_tables(section)):
        part = read(table, articles, summary, stop_at_bad=stop_at_bad)
        if parts and part.columns != parts[0].columns[:-1]:
            raise InputError(f"{table.name}: has other columns than {section.place}")
        parts.append(part.with_columns(pl.lit(number, dtype=pl.UInt32).alias("file")))
    events = pl.concat(parts)
    _require_clicks(section, events)
    has_groups = GROUP in events.columns
    events = events.with_columns(_numbered(events[READER]))
    if section.name == EVENTS:
        events = events.sort(TIME, maintain_order=True)
    if has_groups:
        keys = [READER, GROUP] if section.name == EVENTS else ["file", GROUP]
        events = events.with_columns(_numbered(events.select(pl.struct(keys)).to_series(), GROUP))
    else:
        events = _with_sessions(events, pause)
    kept = events.drop("file").unique(maintain_order=True)
    counted = EVENTS if section.name == EVENTS else _IDS
    summary.count(counted, "said before", len(events) - len(kept))
    summary.count(counted, USED, len(kept))
    return kept


def _read_events(
    table: RawTable, articles: OwnArticles, summary: Summary, *, stop_at_bad: bool
) -> pl.DataFrame:
    columns = {READER: table.ids("reader"), ARTICLE: table.ids("article")}
    times = table.times("time", stop_at_bad=stop_at_bad)
    codes = articles.codes(columns[ARTICLE])
    is_click = pl.Series([True]).new_from_index(0, len(times))
    reasons = _reasons(table, columns, times)
    if "kind" in table:
        kinds = table.ids("kind")
        is_click = kinds.is_in(table.section.click).fill_null(value=False)
        is_shown = kinds.is_in(table.section.shown).fill_null(value=False)
        _require_kinds(table, kinds)
        reasons["of another kind"] = ~(is_click | is_shown)
    reasons[_UNKNOWN] = codes.is_null()
    frame = pl.DataFrame([columns[READER].alias(READER), codes.alias(ARTICLE), times.alias(TIME)])
    frame = frame.with_columns(is_click.alias(IS_CLICK))
    if "impression" in table:
        groups = table.ids("impression")
        reasons["without an impression"] = groups.is_null()
        frame = frame.with_columns(groups.alias(GROUP))
    return frame.filter(_kept(summary, table, reasons))


def _read_impressions(
    table: RawTable, articles: OwnArticles, summary: Summary, *, stop_at_bad: bool
) -> pl.DataFrame:
    readers, times = table.ids("reader"), table.times("time", stop_at_bad=stop_at_bad)
    kept = _kept(summary, table, _reasons(table, {READER: readers}, times))
    summary.count(table.section.name, USED, int(kept.sum()))
    rows = table.frame.select(
        ROW, readers.alias(READER), times.alias(TIME), pl.col(ROW).alias(GROUP)
    ).filter(kept)
    parts = []
    for key, is_click in (("shown", False), ("clicked", True)):
        flat = table.id_lists(key)
        codes = articles.codes(flat[key])
        ids = flat.select(ROW, codes.alias(ARTICLE), pl.lit(is_click).alias(IS_CLICK))
        part = ids.join(rows, on=ROW, maintain_order="left")
        summary.count(_IDS, READ, len(part))
        summary.count(_IDS, _UNKNOWN, part[ARTICLE].null_count())
        parts.append(part.drop_nulls(ARTICLE))
    return pl.concat(parts).select(READER, ARTICLE, TIME, IS_CLICK, GROUP)


def _reasons(table: RawTable, ids: dict[str, pl.Series], times: pl.Series) -> dict[str, pl.Series]:
    """Why rows are left out; a row counts for the first reason that it gives."""
    told = table.is_told("time")
    return {
        **{f"without {key}": series.is_null() for key, series in ids.items()},
        "without time": ~told,
        "with a time that is none": told & times.is_null(),
    }


def _kept(summary: Summary, table: RawTable, reasons: dict[str, pl.Series]) -> pl.Series:
    """Count the rows that are left out, and mark the others."""
    name = table.section.name
    summary.count(name, READ, len(table.frame))
    kept = pl.Series([True]).new_from_index(0, len(table.frame))
    for reason, broken in reasons.items():
        summary.count(name, reason, int((kept & broken).sum()))
        kept &= ~broken
    return kept


def _require_kinds(table: RawTable, kinds: pl.Series) -> None:
    """Raise InputError for a kind that the user named and no row has, in a log's only file."""
    section = table.section
    if isinstance(section.source, list) and len(section.source) > 1:
        return  # a day's file may lack a kind
    found = kinds.unique().drop_nulls().sort().to_list()
    for key, named in (("click", section.click), ("shown", section.shown)):
        for kind in named:
            if kind not in found:
                some = ", ".join(found[:_KINDS_TOLD]) + (" …" if len(found) > _KINDS_TOLD else "")
                hint = nearest(kind, found) or f"; found {some}"
                raise InputError(
                    f"{table.name}, column {table.columns['kind']}: no row is of kind {kind!r} "
                    f"({section.name}.{key}){hint}"
                )


def _require_clicks(section: Section, events: pl.DataFrame) -> None:
    if not events[IS_CLICK].any():
        raise InputError(
            f"{section.place}: no click is left; expected clicks, with a reader and a time, "
            "on articles of the articles' table"
        )


def _numbered(column: pl.Series, name: str | None = None) -> pl.Series:
    """Number a column's values by their first row."""
    name = name or column.name
    values = column.unique(maintain_order=True)
    numbers = pl.int_range(len(values), dtype=pl.UInt32, eager=True)
    table = pl.DataFrame({"value": values, name: numbers})
    rows = column.alias("value").to_frame()
    return rows.join(table, on="value", how="left", maintain_order="left")[name]


def _with_sessions(events: pl.DataFrame, pause: int) -> pl.DataFrame:
    """Add GROUP: a new one where the reader changes, or has not been seen for a pause."""
    ordered = events.sort(READER, TIME, maintain_order=True)
    is_new = (pl.col(READER) != pl.col(READER).shift()) | (pl.col(TIME).diff() > pause)
    number = is_new.fill_null(value=False).cum_sum().cast(pl.UInt32)
    return ordered.with_columns(number.alias(GROUP))
