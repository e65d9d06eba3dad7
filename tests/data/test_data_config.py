from pathlib import Path

import pytest

from nrms_torch.data import ebnerd, mind
from nrms_torch.data.config import DataConfig
from nrms_torch.errors import InputError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "csv"),
        ("format", None),
        ("sampling", "twice"),
        ("unknown_article", "ones"),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("batch_size", "32"),
        ("batch_size", True),
        ("npratio", 0),
        ("npratio", None),
        ("vocabulary_size", 0),
        ("vocabulary_size", 1e4),
        ("num_workers", -1),
        ("num_workers", None),
        ("text_columns", "title"),
        ("text_columns", ()),
        ("text_columns", None),
    ],
)
def test_an_impossible_value_is_named_by_its_field(field, value):
    with pytest.raises(InputError, match=rf"^data\.{field}: ") as raised:
        DataConfig(**{"format": "ebnerd", "path": "data", field: value})
    assert "\n" not in str(raised.value)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("batch_size", 1), ("npratio", 1), ("num_workers", 0), ("text_columns", ["title", "body"])],
)
def test_the_least_value_is_possible(field, value):
    assert getattr(DataConfig(format="mind", path="data", **{field: value}), field) == value


def test_a_choice_is_complained_of_beside_those_there_are():
    with pytest.raises(InputError, match="each_epoch, once"):
        DataConfig(format="mind", path="data", sampling="never")


@pytest.mark.parametrize(("format_", "reader"), [("ebnerd", ebnerd), ("mind", mind)])
def test_the_format_chooses_the_reader(format_, reader):
    config = DataConfig(format=format_, path="some/folder")
    assert config.reader is reader
    assert config.folder == Path("some/folder")


def test_the_defaults_are_the_baselines():
    config = DataConfig(format="ebnerd", path="data")
    assert (config.batch_size, config.npratio, config.unknown_article) == (32, 4, "zeros")
