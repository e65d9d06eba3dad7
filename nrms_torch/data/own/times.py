"""Times as raw logs have them, and lengths of time such as 48h."""

import re

import polars as pl

from nrms_torch.errors import InputError

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_SECOND = 1_000_000  # microseconds
# A count since 1970 below a bound is of that unit: seconds until the year 5138, and so on.
_EPOCH_UNITS = ((10**11, _SECOND), (10**14, 1_000), (10**17, 1))
_LEAST_COUNT = 10**8  # seconds: March 1973; anything less is an id, or a date such as 20261128
_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<hours>\d{2}:\d{2})(?<seconds>:\d{2})?"
    r"(?<part>[.,]\d{1,9})?)?\s*(?<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?$"
)


def parse_length(field: str, given: object) -> int:
    """Give a length of time such as 30m, 48h or 2d in microseconds; InputError for another."""
    found = re.fullmatch(r"(\d+)([mhd])", str(given))
    if not found:
        raise InputError(
            f"{field}: expected a length of time such as 30m, 48h or 2d, found {given!r}"
        )
    return int(found[1]) * _UNITS[found[2]] * _SECOND


def parse_times(times: pl.Series, time_format: str | None) -> pl.Series | None:
    """Give times as microseconds since 1970 in UTC (Int64), null for what is no time.

    Takes datetimes and dates, ISO 8601 text with or without a zone, text of `time_format`
    (strptime's letters), and counts of seconds, milli-, micro- or nanoseconds since 1970, told
    apart by their size. A time without a zone is taken as UTC. None where the column is of another
    type.
    """
    dtype = times.dtype
    if isinstance(dtype, pl.Datetime):
        return times.cast(pl.Datetime("us", dtype.time_zone)).to_physical()
    if dtype == pl.Date:
        return times.cast(pl.Datetime("us")).to_physical()
    if dtype.is_numeric():
        return _from_epoch(times)
    if dtype == pl.String:
        return _from_text(times, time_format)
    return times.cast(pl.Int64) if dtype == pl.Null else None


def _from_epoch(counts: pl.Series) -> pl.Series:
    count = pl.col(counts.name)
    micros = count.cast(pl.Int64, strict=False) // 1_000  # nanoseconds
    for bound, factor in reversed(_EPOCH_UNITS):
        # A fraction of a second counts, and whole counts stay exact.
        moment = (count * factor).cast(pl.Int64, strict=False)
        micros = pl.when(count < bound).then(moment).otherwise(micros)
    return counts.to_frame().select(pl.when(count >= _LEAST_COUNT).then(micros)).to_series()


def _from_text(texts: pl.Series, time_format: str | None) -> pl.Series:
    text = texts.str.strip_chars()
    if time_format is not None:
        zoned = re.search(r"%[:#]*z", time_format) is not None
        dtype = pl.Datetime("us", "UTC") if zoned else pl.Datetime("us")
        return text.str.strptime(dtype, time_format, strict=False).to_physical()
    whole = _from_epoch(text.cast(pl.Int64, strict=False))
    if whole.null_count() == text.null_count():
        return whole
    fractions = _from_epoch(text.cast(pl.Float64, strict=False))
    columns = [_from_iso(text).alias("iso"), whole.alias("whole"), fractions.alias("part")]
    return pl.DataFrame(columns).select(pl.coalesce(pl.all())).to_series()


def _from_iso(text: pl.Series) -> pl.Series:
    parts = text.str.extract_groups(_ISO).struct
    zone = parts.field("zone").fill_null("Z").replace({"Z": "+0000", "UTC": "+0000"})
    written = (
        parts.field("day")
        + "T"
        + parts.field("hours").fill_null("00:00")
        + parts.field("seconds").fill_null(":00")
        + parts.field("part").fill_null("").str.replace(",", ".", literal=True)
        + zone.str.replace(":", "", literal=True).str.pad_end(5, "0")
    )
    moment = pl.Datetime("us", "UTC")
    return written.str.strptime(moment, "%Y-%m-%dT%H:%M:%S%.f%z", strict=False).to_physical()
