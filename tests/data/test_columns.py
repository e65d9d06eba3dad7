"""Tables as pandas, Arrow, Spark and DuckDB write them: read as what they mean, or told."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrms_torch.data import ebnerd
from nrms_torch.data.articles import vector_table
from nrms_torch.data.columns import INTEGER, INTEGER_LIST
from nrms_torch.errors import InputError

WHOLE = (
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    *(pl.Float32, pl.Float64, pl.Decimal(18, 0), pl.Decimal(20, 2)),
)
LISTS = tuple(pl.List(inner) for inner in WHOLE)
TEXTS = (pl.String, pl.Categorical, pl.Enum(["one", "two", "three"]))
TIMES = (
    *(pl.Datetime(unit, zone) for unit in ("ms", "us", "ns") for zone in (None, "UTC")),
    pl.Datetime("us", "Europe/Copenhagen"),
)
# All types that polars writes to parquet, beside those above.
OTHERS = (
    *(pl.Null, pl.Boolean, pl.Binary, pl.Date, pl.Time, pl.Duration("us")),
    *(pl.List(pl.Null), pl.List(pl.String), pl.List(pl.Categorical), pl.List(pl.Boolean)),
    *(pl.List(pl.List(pl.Int64)), pl.Array(pl.Int32, 2), pl.Array(pl.Float64, 2)),
    pl.Struct({"a": pl.Int64}),
)


def plain():
    """Give the tables of a small split; every list has two elements, so that it fits an array."""
    times = [datetime(2023, 5, 1, hour) for hour in (7, 8, 9)]
    return {
        "behaviors": pl.DataFrame(
            {
                "impression_id": [1, 2, 3],
                "user_id": [7, 8, 7],
                "article_ids_inview": [[1, 2], [2, 3], [1, 3]],
                "article_ids_clicked": [[1, 2], [2, 3], [3, 1]],
                "impression_time": times,
            }
        ),
        "history": pl.DataFrame({"user_id": [7, 8], "article_id_fixed": [[3, 1], [2, 2]]}),
        "articles": pl.DataFrame(
            {
                "article_id": [1, 2, 3],
                "title": ["one", "two", "three"],
                "subtitle": ["one", "two", "three"],
                "category_str": ["one", "two", "three"],
                "published_time": times,
            }
        ),
        "vectors": pl.DataFrame(
            {"article_id": [1, 2, 3], "vector": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]}
        ),
    }


COLUMNS = [(file, column) for file, table in plain().items() for column in table.columns]


def written(folder, tables):
    (folder / "train").mkdir()
    for name, table in tables.items():
        inside = name in ("behaviors", "history")
        table.write_parquet(folder / ("train" if inside else "") / f"{name}.parquet")
    return folder


def everything(folder):
    """Read all that training, prediction and drift read of a folder."""
    split = ebnerd.read_split(folder, "train")
    vectors = vector_table(folder / "vectors.parquet")
    return {
        "impressions": split.impressions.collect().to_dicts(),
        "histories": split.histories.collect().to_dicts(),
        "articles": ebnerd.read_articles(folder).collect().to_dicts(),
        "times": ebnerd.read_visits(folder, "train").collect().to_dicts(),
        "published": ebnerd.read_published(folder).collect().to_dicts(),
        "vector ids": vectors.ids.to_list(),
        "vectors": vectors.features.tolist(),
    }


def meant(dtype):
    """Give the types that mean the same as that of a plain column."""
    same = {pl.Int64: WHOLE, pl.List(pl.Int64): (*LISTS, pl.Array(pl.UInt32, 2))}
    same |= {pl.String: TEXTS, pl.Datetime("us"): TIMES}
    same |= {pl.List(pl.Float64): (pl.List(pl.Float32), pl.List(pl.Int16), pl.Array(pl.Float64, 2))}
    return same[dtype]


@pytest.mark.parametrize(("file", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_every_type_that_means_the_same_is_read_as_the_same(tmp_path, file, column):
    (tmp_path / "plain").mkdir()
    expected = everything(written(tmp_path / "plain", plain()))
    for number, dtype in enumerate(meant(plain()[file].schema[column])):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables = plain()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            series = tables[file][column].dt.replace_time_zone("UTC").cast(dtype)
        else:
            series = tables[file][column].cast(dtype)
        tables[file] = tables[file].with_columns(series)
        assert everything(written(folder, tables)) == expected, dtype


@pytest.mark.parametrize(("file", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_every_other_type_is_read_or_told_in_one_line(tmp_path, file, column):
    for number, dtype in enumerate((*WHOLE, *LISTS, *TEXTS, *TIMES, *OTHERS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables = plain()
        height = tables[file].height
        series = pl.Series(column, [value_of(dtype)] * height, dtype=dtype)
        tables[file] = tables[file].with_columns(series)
        try:
            everything(written(folder, tables))
        except InputError as error:
            message = str(error)
            assert "\n" not in message, dtype
            assert f"{file}.parquet" in message, (dtype, message)


def value_of(dtype):
    """Give a value of a type, such as a strange file could hold."""
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
        return [value_of(inner)] * 2
    values = {pl.Null: None, pl.Boolean: True, pl.Binary: b"1", pl.Struct: {"a": 1}}
    values |= {pl.Date: date(2023, 5, 1), pl.Time: datetime(2023, 5, 1).time()}
    values |= {pl.Duration: datetime(2023, 5, 2) - datetime(2023, 5, 1)}
    values |= {pl.String: "one", pl.Categorical: "one", pl.Enum: "one"}
    if isinstance(dtype, pl.Datetime):
        return datetime(2023, 5, 1, tzinfo=UTC if dtype.time_zone else None)
    return values.get(dtype.base_type() if isinstance(dtype, pl.DataType) else dtype, 1)


@pytest.mark.parametrize(
    ("file", "column", "values", "found"),
    [
        ("behaviors", "user_id", [7.5, 8.0, None], "found 7.5; expected an integer"),
        ("behaviors", "user_id", [7.0, float("inf"), 8.0], "row 2, column user_id: found inf"),
        ("behaviors", "user_id", [7.0, 8.0, 2.0**60], "row 3, column user_id: found 1.15"),
        ("behaviors", "article_ids_inview", [[1.0, 2.5], [2.0], [1.0]], "row 1, .*found 2.5"),
        ("behaviors", "user_id", ["7", "8", "7"], r"String; .*pl.col\('user_id'\).cast\(pl.Int64"),
    ],
)
def test_what_would_have_to_be_rounded_is_told(tmp_path, file, column, values, found):
    tables = plain()
    tables[file] = tables[file].with_columns(pl.Series(column, values))
    with pytest.raises(InputError, match=found):
        everything(written(tmp_path, tables))


def test_ids_too_large_for_64_bits_with_a_sign_are_told(tmp_path):
    tables = plain()
    users = pl.Series("user_id", [7, 2**63, 8], dtype=pl.UInt64)
    tables["behaviors"] = tables["behaviors"].with_columns(users)
    with pytest.raises(InputError, match="row 2, column user_id: found 9223372036854775808"):
        everything(written(tmp_path, tables))


def test_a_missing_number_of_pandas_is_a_null(tmp_path):
    tables = plain()
    tables["behaviors"] = tables["behaviors"].with_columns(
        pl.Series("user_id", [7.0, float("nan"), 7.0]),
        pl.Series("article_ids_clicked", [[1.0, float("nan")], [2.0], [3.0]]),
    )
    found = everything(written(tmp_path, tables))["impressions"]
    assert [row["history_key"] for row in found] == [7, None, 7]
    assert [row["clicked"] for row in found] == [[1], [2], [3]]


@pytest.mark.parametrize("lists", [pl.List(pl.Null), pl.Null, pl.List(pl.Float64)], ids=str)
def test_a_split_of_cold_readers_and_no_known_click_is_read(tmp_path, lists):
    tables = plain()
    empty = None if lists == pl.Null else []
    tables["behaviors"] = tables["behaviors"].with_columns(
        pl.Series("article_ids_clicked", [empty] * 3, dtype=lists)
    )
    tables["history"] = tables["history"].with_columns(
        pl.Series("article_id_fixed", [empty] * 2, dtype=lists)
    )
    found = everything(written(tmp_path, tables))
    assert [row["clicked"] for row in found["impressions"]] == [[], [], []]
    assert [row["history"] for row in found["histories"]] == [[], []]


def test_pandas_numbering_of_rows_is_no_id_of_articles(tmp_path):
    tables = plain()
    tables["vectors"] = tables["vectors"].rename({"article_id": "id"})
    tables["vectors"] = tables["vectors"].with_columns(pl.Series("__index_level_0__", [0, 1, 2]))
    assert everything(written(tmp_path, tables))["vector ids"] == [1, 2, 3]


def test_of_an_article_that_comes_twice_the_last_row_counts(tmp_path):
    tables = plain()
    again = {"article_id": [1], "title": ["new"], "subtitle": ["new"], "category_str": ["new"]}
    tables["articles"] = pl.concat([tables["articles"], pl.DataFrame(again)], how="diagonal")
    vector = pl.DataFrame({"article_id": [1], "vector": [[9.0, 9.0]]})
    tables["vectors"] = pl.concat([tables["vectors"], vector])
    found = everything(written(tmp_path, tables))
    assert [row["title"] for row in found["articles"]] == ["two", "three", "new"]
    assert found["vector ids"] == [2, 3, 1]
    assert found["vectors"][3] == [9.0, 9.0]


@given(st.lists(st.floats() | st.integers(-(2**54), 2**54).map(float) | st.none()))
def test_a_number_is_read_exactly_or_found_wrong(values):
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})
    read, wrong = (
        table.select(make(pl.col("x"), pl.Float64()))["x"].to_list()
        for make in (INTEGER.read, INTEGER.wrong)
    )
    for value, number, fault in zip(values, read, wrong, strict=True):
        if value is None or value != value:
            assert (number, fault) == (None, None)
        elif value == value // 1 and abs(value) <= 2**53:
            assert (number, fault) == (int(value), None)
        else:
            assert fault is not None


@given(st.lists(st.lists(st.integers(0, 2**64 - 1))))
def test_an_id_in_a_list_is_read_exactly_or_found_wrong(lists):
    dtype = pl.List(pl.UInt64())
    table = pl.DataFrame({"x": pl.Series(lists, dtype=dtype)})
    read, wrong = (
        table.select(make(pl.col("x"), dtype))["x"].to_list()
        for make in (INTEGER_LIST.read, INTEGER_LIST.wrong)
    )
    for values, numbers, fault in zip(lists, read, wrong, strict=True):
        too_large = [str(value) for value in values if value >= 2**63]
        assert fault == next(iter(too_large), None)
        assert too_large or numbers == values
