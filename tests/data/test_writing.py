"""Arrays written in parts, however small, are those of all rows at once, in bounded memory."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_impressions import (
    article,
    assert_same,
    many_impressions,
    readers,
    shown_to_readers,
    split_of,
    unhurried,
)
from run_script import TIMEOUT_S

from nrms_torch.data import impressions as impressions_module
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.impressions import Impressions
from nrms_torch.data.indexing import index_impressions, index_in_batches
from nrms_torch.data.prepared.mapped import open_impressions
from nrms_torch.data.prepared.writing import write_impressions

HERE = Path(__file__).parent
TABLE = ArticleTable(pl.Series([3, 1, 4, 15, 9]), np.zeros((6, 0), dtype=np.float32))

some_impressions = st.lists(shown_to_readers(), min_size=1, max_size=8)
made = st.builds(
    many_impressions,
    number=st.sampled_from([1, 2, 30, 300]),
    histories=st.sampled_from([1, 2, 40]),
    seed=st.integers(0, 99),
    labelled=st.booleans(),
)


@unhurried
@given(some_impressions, readers, st.integers(1, 9), st.booleans())
def test_any_number_of_rows_at_a_time_gives_the_arrays_of_all_at_once(
    impressions, histories, rows, labelled
):
    split = split_of(HERE, impressions, histories, labelled=labelled)
    with tempfile.TemporaryDirectory() as folder:
        counts = write_impressions(Path(folder), split, TABLE, 3, {"fingerprint": "f"}, rows)
        found = open_impressions(Path(folder))
        expected = index_impressions(split, TABLE, 3)
        assert_same(found, expected)
        assert found.counts == counts
        assert counts["known_candidates"] == np.count_nonzero(expected.candidates)


def test_rows_come_in_as_many_parts_as_were_asked_for():
    split = split_of(HERE, [(7, [3, 4], [3])] * 10, {key: [3] for key in range(5)})
    parts: dict[str, list[int]] = {}
    index_in_batches(
        split, TABLE, 3, lambda name, part: parts.setdefault(name, []).append(len(part)), rows=4
    )
    assert parts["impression_ids"] == [0, 4, 4, 2]
    assert parts["candidates"] == [0, 8, 8, 4]
    assert parts["histories"] == [1, 0, 4, 1]


@unhurried
@given(st.lists(st.lists(article, max_size=9), max_size=6), st.integers(1, 3))
def test_an_article_unknown_in_several_parts_is_one(histories, rows):
    split = split_of(HERE, [(0, [1000, 3], [])] * 5, dict(enumerate(histories)))
    kept = {id_ for clicks in histories for id_ in clicks[-3:]}
    found = index_in_batches(split, TABLE, 3, lambda *_: None, rows)
    assert found == len((kept | {1000}) - set(TABLE.ids) - {0, None})


@unhurried
@given(made, st.integers(1, 9), st.integers(1, 40))
def test_what_is_derived_in_parts_is_what_all_impressions_give(data, per_part, together):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impressions_module, "IMPRESSIONS_PER_PART", per_part)
        patch.setattr(impressions_module, "SORTED_TOGETHER", together)
        found = Impressions(**vars(data))
        order, ends = found.by_history
        unusable = found.unusable()
        clicks = found.usable_clicks if data.labels is not None else None
    assert order.dtype == np.int32
    np.testing.assert_array_equal(order, data.history_index.argsort(kind="stable"))
    np.testing.assert_array_equal(
        np.diff(ends), np.bincount(data.history_index, minlength=len(data.histories))
    )
    if data.labels is None:
        assert not unusable.any()
        return
    own = np.split(data.labels, data.offsets[1:-1])
    np.testing.assert_array_equal(unusable, [part.all() or not part.any() for part in own])
    owner = np.repeat(np.arange(len(data)), np.diff(data.offsets))
    expected = np.flatnonzero(data.labels & ~unusable[owner])
    np.testing.assert_array_equal(clicks[1], expected)
    np.testing.assert_array_equal(clicks[0], owner[expected])


MEASURE = """
import resource, sys
import numpy as np, polars as pl
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.prepare import prepare

table = ArticleTable(pl.Series(range(1, 1001)), np.zeros((1001, 0), dtype=np.float32))
found = prepare(DataConfig(format="ebnerd", path=sys.argv[1]), "train", table, 20)
unit = 1 if sys.platform == "darwin" else 1024
print(len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
"""


def write_train(folder, impressions, candidates=10):
    """A train split of random impressions by 1,000 readers, in row groups of 10,000."""
    rng = np.random.default_rng(0)
    shown = rng.integers(1, 1001, (impressions, candidates), dtype=np.int32)
    behaviors = {
        "impression_id": np.arange(impressions, dtype=np.uint32),
        "user_id": rng.integers(0, 1000, impressions, dtype=np.uint32),
        "article_ids_inview": shown,
        "article_ids_clicked": shown[:, :1],
    }
    lists = {name: pl.List(pl.Int32) for name in ("article_ids_inview", "article_ids_clicked")}
    frame = pl.DataFrame(behaviors).cast(lists)
    (folder / "train").mkdir(parents=True)
    frame.write_parquet(folder / "train" / "behaviors.parquet", row_group_size=10_000)
    history = {"user_id": np.arange(1000, dtype=np.uint32), "article_id_fixed": shown[:1000]}
    pl.DataFrame(history).cast({"article_id_fixed": pl.List(pl.Int32)}).write_parquet(
        folder / "train" / "history.parquet"
    )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_impressions(tmp_path):
    peaks = {}
    for impressions in (250_000, 750_000):
        folder = tmp_path / str(impressions)
        write_train(folder, impressions)
        command = [sys.executable, "-c", MEASURE, str(folder)]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        number, peaks[impressions] = done.stdout.split()[-2:]
        assert int(number) == impressions
    growth = float(peaks[750_000]) - float(peaks[250_000])
    # Held in memory, the tables of the half a million that are more would take 700 MiB.
    assert growth < 120, peaks
