"""What both readers check alike, seen from the readers."""

import polars as pl
import pytest

from nrms_torch.data import checks, ebnerd, mind
from nrms_torch.errors import InputError


def refusal(read):
    with pytest.raises(InputError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("reader", [ebnerd, mind])
def test_a_missing_data_folder_is_named(tmp_path, reader):
    folder = tmp_path / "nowhere"
    for read in (
        lambda: reader.read_split(folder, "train"),
        lambda: reader.read_articles(folder),
        lambda: reader.available_splits(folder),
    ):
        assert refusal(read).startswith(f"{folder}: no such folder")


@pytest.mark.parametrize(("reader", "name"), [(ebnerd, "validation"), (mind, "dev")])
def test_a_missing_split_is_told_with_those_that_exist(tmp_path, reader, name):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    message = refusal(lambda: reader.read_split(tmp_path, "validation"))
    assert message.startswith(f"{tmp_path}, split 'validation': no folder {name};")
    assert message.endswith("expected train, test")


@pytest.mark.parametrize("reader", [ebnerd, mind])
def test_an_unknown_split_is_told_with_those_that_exist(tmp_path, reader):
    (tmp_path / "train").mkdir()
    message = refusal(lambda: reader.read_split(tmp_path, "training"))
    assert message == f"{tmp_path}, split 'training': no such split; expected train"


@pytest.mark.parametrize("reader", [ebnerd, mind])
def test_a_folder_without_any_split_is_told_what_it_needs(tmp_path, reader):
    message = refusal(lambda: reader.read_split(tmp_path, "train"))
    assert message.startswith(f"{tmp_path}, split 'train': no folder train; expected a folder of")


def test_the_first_broken_row_is_the_one_told_by_the_first_rule_it_breaks(tmp_path):
    rows = pl.LazyFrame({checks.ROW: [1, 2, 3], "size": [4, -1, -2], "name": ["a", None, None]})
    rules = [
        checks.not_null("name", "a name"),
        checks.Rule("column size", pl.col("size") < 0, pl.col("size").cast(pl.String), "no debt"),
    ]
    place = pl.format("row {}", checks.ROW)
    for order, told in ((rules, "column name: found null"), (rules[::-1], "column size: found -1")):
        message = refusal(lambda order=order: checks.check_rows(rows, tmp_path, place, order))
        assert message.startswith(f"{tmp_path}, row 2, {told}; expected")


def test_rows_that_break_no_rule_pass(tmp_path):
    rows = pl.LazyFrame({checks.ROW: [1, 2], "name": ["a", "b"]})
    checks.check_rows(
        rows, tmp_path, pl.format("row {}", checks.ROW), [checks.not_null("name", "")]
    )
