from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.data.own.times import parse_length, parse_times
from nrms_torch.errors import InputError

MOMENT = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
MICROS = int(MOMENT.timestamp()) * 1_000_000
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def parsed(values, time_format=None):
    return parse_times(pl.Series("t", values, strict=False), time_format).to_list()


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-01T10:00:00Z",
        "2026-11-01 10:00",
        " 2026-11-01 10:00:00 UTC",
        "2026-11-01T12:00:00+02:00",
        "2026-11-01T12:00:00.000+0200",
        "2026-11-01T07:00:00,0-03",
        str(MICROS // 10**6),
        str(MICROS // 10**3),
        str(MICROS),
        str(MICROS * 1_000),
        f"{MICROS // 10**6}.0",
        MICROS // 10**6,
        MICROS // 10**3,
        MICROS,
        MICROS * 1_000,
        MICROS / 10**6,
        MOMENT,
        MOMENT.replace(tzinfo=None),
    ],
)
def test_every_way_to_write_a_moment_is_the_same_moment(written):
    assert parsed([written]) == [MICROS]


@given(st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1), timezones=zones))
def test_iso_times_of_any_zone_are_read_exactly(moment):
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parsed([moment.isoformat(), moment.isoformat(" ")]) == [expected, expected]


def test_a_date_is_its_midnight():
    midnight = MICROS - 10 * 3_600 * 10**6
    assert parsed([date(2026, 11, 1)]) == parsed(["2026-11-01"]) == [midnight]


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01", "20261101", "17", "", None, "nan"])
def test_what_is_no_time_is_null_and_leaves_the_others_as_they_are(bad):
    assert parsed([bad, "2026-11-01 10:00"]) == [None, MICROS]
    assert parsed([bad, str(MICROS)]) == [None, MICROS]


def test_a_format_reads_any_other_form():
    assert parsed(["01.11.2026 10:00", "2026-11-01"], "%d.%m.%Y %H:%M") == [MICROS, None]
    assert parsed(["11:00 01/11/26 +0100"], "%H:%M %d/%m/%y %z") == [MICROS]


def test_a_column_of_another_type_has_no_times():
    assert parse_times(pl.Series([[1]]), None) is None


def test_lengths_of_time():
    assert parse_length("alive", "90m") == 90 * 60 * 10**6
    assert parse_length("alive", "2d") == 48 * 3_600 * 10**6
    for bad in ("2 weeks", 48, None, "h"):
        with pytest.raises(InputError, match="alive: expected a length of time such as 30m"):
            parse_length("alive", bad)
