"""Tables as pyarrow and pandas write them, each type in each column: read as meant, or told."""

import polars as pl
import pytest
from test_columns import COLUMNS, everything, plain, written

from nrms_torch.errors import InputError

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")

WHOLE = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
    *(pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(18), pa.decimal256(40)),
    *(pa.dictionary(pa.int8(), pa.int64()), pa.dictionary(pa.int32(), pa.int32())),
)
TEXTS = (
    *(pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())),
    pa.dictionary(pa.int32(), pa.large_string()),
)
TIMES = tuple(
    pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "+02:00")
)
OTHERS = (
    *(pa.null(), pa.bool_(), pa.binary(), pa.large_binary(), pa.binary(2), pa.date32()),
    *(pa.date64(), pa.time32("ms"), pa.duration("s"), pa.struct([("a", pa.int64())])),
    pa.map_(pa.string(), pa.int64()),
)


def lists_of(element):
    return pa.list_(element), pa.large_list(element), pa.list_(element, 2)


TYPES = (
    *(*WHOLE, *TEXTS, *TIMES, *OTHERS),
    *(each for element in (*WHOLE, *TEXTS, pa.null(), pa.bool_()) for each in lists_of(element)),
)
PANDAS = ("Int64", "UInt32", "Float64", "string", "category", "object", "boolean", "float64")


def as_arrow(table):
    """Give a table of polars as plain lists make it in pyarrow."""
    return pa.table(table.to_dict(as_series=False))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return everything(written(tmp_path_factory.mktemp("plain"), plain()))


def outcome(folder, file, table, **options):
    """Read a folder one of whose files pyarrow has written; give what is read, or what is told."""
    written(folder, plain())
    target = next(folder.rglob(f"{file}.parquet"))
    pq.write_table(table, target, **options)
    try:
        return everything(folder)
    except InputError as error:
        told = str(error)
        assert "\n" not in told, told
        assert f"{file}.parquet" in told, told
        return told


@pytest.mark.parametrize(("file", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_every_type_of_pyarrow_is_read_as_meant_or_told(tmp_path, expected, file, column):
    read = 0
    for number, kind in enumerate(TYPES):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = as_arrow(plain()[file])
        place = table.column_names.index(column)
        values = table[column].to_pylist()
        try:
            changed = table.set_column(place, column, [pa.array(values).cast(kind)])
            found = outcome(folder, file, changed)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            continue  # the values are none of this type, or it cannot be written
        if isinstance(found, str):
            assert "column" in found, (kind, found)
        elif not pa.types.is_timestamp(kind) or kind.tz != "+02:00":
            # What was cast to a type that means another thing, as times to dates, differs here.
            read += found == expected
    assert read >= 3, "those that mean the same"


@pytest.mark.parametrize(("file", "column"), COLUMNS, ids=map(".".join, COLUMNS))
def test_every_type_of_pandas_is_read_as_meant_or_told(tmp_path, expected, file, column):
    for number, kind in enumerate(PANDAS):
        folder = tmp_path / str(number)
        folder.mkdir()
        frame = as_arrow(plain()[file]).to_pandas()
        try:
            frame[column] = frame[column].astype(kind)
            table = pa.Table.from_pandas(frame.iloc[::1].rename_axis(index="row"))
        except (TypeError, ValueError, pa.ArrowInvalid, pa.ArrowTypeError):
            continue
        found = outcome(folder, file, table)
        # An article's id may be a text, which is another id than the number.
        is_text = column == "article_id" and kind == "string"
        assert isinstance(found, str) or found == expected or is_text, kind


@pytest.mark.parametrize("file", ["behaviors", "history", "articles", "vectors"])
def test_row_groups_order_compression_and_more_columns_change_nothing(tmp_path, expected, file):
    for number, compression in enumerate(("none", "snappy", "gzip", "zstd", "brotli")):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = as_arrow(plain()[file])
        table = table.select(table.column_names[::-1])
        if file != "vectors":  # of which one column is the id and one the vector, whatever names
            table = table.append_column("extra", [pa.array(["more"] * len(table))])
        options = {"row_group_size": 1, "compression": compression, "use_dictionary": bool(number)}
        assert outcome(folder, file, table, **options) == expected


def test_the_writers_differ_from_polars_own(tmp_path):
    """Its lists are of elements that polars calls otherwise, and its texts are not large."""
    pq.write_table(as_arrow(plain()["behaviors"]), tmp_path / "b.parquet")
    assert pl.read_parquet(tmp_path / "b.parquet").equals(plain()["behaviors"])
