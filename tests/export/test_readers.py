"""Sample readers: their last clicks and nothing else of them, spread over the data, or none."""

import polars as pl
import pytest
from exported_runs import OWN_DATA
from served import make_client

from nrms_torch.data import ebnerd
from nrms_torch.data.config import DataConfig
from nrms_torch.errors import InputError
from nrms_torch.export.bundle import export_run
from nrms_torch.export.readers import write_readers
from nrms_torch.serving import Recommender
from nrms_torch.training.run_folder import RunFolder


def histories(data, split):
    return ebnerd.read_split(data, split).histories.collect()["history"].to_list()


def written(data, folder, count):
    write_readers(DataConfig(format="ebnerd", path=str(data)), folder, count=count, history_size=5)
    return pl.read_parquet(folder / "readers.parquet")


def test_readers_are_the_last_clicks_of_histories_of_validation(demo_folder, tmp_path):
    table = written(demo_folder, tmp_path, 7)
    assert table.columns == ["history"]
    whole = [history[-5:] for history in histories(demo_folder, "validation")]
    places = [whole.index(history) for history in table["history"].to_list()]
    assert len(places) == 7
    assert places == sorted(set(places))
    assert places[-1] > len(whole) / 2


def test_few_readers_are_given_as_they_are_and_those_of_few_clicks_left_out(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    pl.DataFrame(
        {"user_id": [1, 2, 3], "article_id_fixed": [[1, None, 2, 3], [4, 5], None]}
    ).write_parquet(folder / "history.parquet")
    pl.DataFrame({"impression_id": [1], "user_id": [1], "article_ids_inview": [[1]]}).write_parquet(
        folder / "behaviors.parquet"
    )
    assert written(tmp_path, tmp_path, 20)["history"].to_list() == [[1, 2, 3]]


def test_without_readers_or_a_split_nothing_is_written(demo_folder, tmp_path):
    for data, count in ((demo_folder, 0), (tmp_path, 8)):
        config = DataConfig(format="ebnerd", path=str(data))
        write_readers(config, tmp_path, count=count, history_size=5)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_may_leave_readers_out(exported, tmp_path):
    run, bundle = exported("nrms_docvec")
    assert "readers.parquet" in Recommender(bundle).model["files"]
    export_run(RunFolder(run), tmp_path / "bundle", OWN_DATA, quantize=None, readers=0)
    assert not (tmp_path / "bundle" / "readers.parquet").exists()
    assert make_client(tmp_path / "bundle").get("/readers").json() == {"readers": []}


@pytest.mark.parametrize("count", [-1, 21, 2.5, None, True])
def test_a_number_of_readers_that_none_has_is_told(exported, tmp_path, count):
    run, _ = exported("nrms_docvec")
    with pytest.raises(InputError, match=r"^readers: expected"):
        export_run(RunFolder(run), tmp_path / "bundle", OWN_DATA, quantize=None, readers=count)
    assert list(tmp_path.iterdir()) == []
