"""What a data folder lacks is told before it is read, with what is there and where to look."""

import shutil

import numpy as np
import polars as pl
import pytest

from nrms_torch.data import ebnerd, mind
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.prepare import prepare
from nrms_torch.data.presence import require_data
from nrms_torch.data.tables import titles
from nrms_torch.errors import InputError

READERS = {"ebnerd": ebnerd, "mind": mind}


def config(folder, kind="mind", **more):
    return DataConfig(format=kind, path=str(folder), **more)


def refusal(*arguments, **more):
    with pytest.raises(InputError) as told:
        require_data(config(*arguments, **more))
    return str(told.value)


@pytest.mark.parametrize("kind", READERS)
def test_an_empty_folder_is_told_what_was_expected(tmp_path, kind):
    expected = ", ".join(READERS[kind].FILES)
    assert refusal(tmp_path, kind) == f"{tmp_path}: found nothing; expected {expected}"
    for name in ("b", "a", "c/inside"):
        (tmp_path / name).mkdir(parents=True)
    assert refusal(tmp_path, kind).startswith(f"{tmp_path}: found a/, b/, c/; expected {expected}")
    for name in "defghi":
        (tmp_path / name).touch()
    assert "found a/, b/, c/, d, e, f, …; expected" in refusal(tmp_path, kind)


def test_a_folder_that_is_nowhere_is_told_with_the_nearest_name(tmp_path):
    (tmp_path / "mind_small").mkdir()
    told = refusal(tmp_path / "mind_smal")
    assert told.startswith(f"{tmp_path}/mind_smal: no such folder; ")
    assert told.endswith("did you mean mind_small?")
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file").startswith(f"{tmp_path}/file: is a file; expected a folder")
    with pytest.raises(InputError, match=r"^data\.path: missing; expected data\.path=FOLDER$"):
        require_data(DataConfig(format="mind", path=None))


def test_a_folder_too_high_or_too_low_is_told_with_the_right_one(mind_folder):
    above, below = mind_folder.parent, mind_folder / "train"
    for wrong in (above, below):
        assert refusal(wrong).endswith(f"; did you mean {mind_folder}?")
    assert require_data(config(mind_folder)) is None


def test_files_of_the_other_format_are_told(mind_folder, ebnerd_folder):
    assert refusal(mind_folder, "ebnerd").endswith("; these are files of data=mind")
    assert refusal(ebnerd_folder, "mind").endswith("; these are files of data=ebnerd")


def test_a_split_without_its_articles_is_told_unless_others_are_enough(mind_folder):
    (mind_folder / "train" / "news.tsv").unlink()
    with pytest.raises(InputError) as told:
        titles(config(mind_folder), 4, None)
    assert str(told.value).startswith(f"{mind_folder}/train/news.tsv: no such file; expected")
    assert "data.unknown_share=1" in str(told.value)
    table, _ = titles(config(mind_folder, unknown_share=1), 4, None)
    assert len(table.ids)


def table_of(ids):
    return ArticleTable(pl.Series(ids), np.zeros((len(ids) + 1, 0), dtype=np.float32))


def test_more_unknown_articles_than_the_share_are_refused(ebnerd_folder, tmp_path):
    """The split has articles 10 to 13; of each history the last three clicks are read."""
    three, two = table_of([10, 12, 13]), table_of([10, 12])

    def articles(table, **more):
        found = prepare(config(ebnerd_folder, "ebnerd", **more), "train", table, 3)
        return found.unknown_articles, found.counts["known_articles"]

    assert articles(three) == (1, 3), "a quarter, and no more"
    for share in (0.25, 0.49):
        with pytest.raises(InputError) as told:
            articles(two, unknown_share=share)
        assert str(told.value) == (
            f"{ebnerd_folder}: of the 4 articles in train, 2 are not among the 2 that have a text "
            f"or a vector (50%); expected at most {share:.0%}: a file may be missing; "
            "data.unknown_share=1 allows it"
        )
    assert articles(two, unknown_share=0.5) == (2, 2)
    assert articles(two, unknown_share=1) == (2, 2)


@pytest.mark.parametrize("share", [-0.1, 1.1, "all", True, None])
def test_a_share_is_a_number_from_0_to_1(share):
    with pytest.raises(InputError, match=r"^data\.unknown_share: expected 0 <= number <= 1, found"):
        DataConfig(format="mind", path="mind", unknown_share=share)


def test_the_share_counts_each_article_once_whatever_the_parts(mind_folder):
    shutil.rmtree(mind_folder / "dev", ignore_errors=True)
    found = prepare(config(mind_folder, unknown_share=1), "train", table_of(["N1", "N4"]), 5)
    split = mind.read_split(mind_folder, "train")
    used = set()
    for frame, column in ((split.impressions, "inview"), (split.histories, "history")):
        used |= set(frame.select(pl.col(column).explode()).collect()[column].drop_nulls())
    assert found.counts["known_articles"] + found.unknown_articles == len(used)
