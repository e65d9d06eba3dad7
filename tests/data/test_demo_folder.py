import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from hydra import compose, initialize_config_dir

from nrms_torch.data.demo import clicks
from nrms_torch.data.demo import generate as generator
from nrms_torch.data.demo.generate import generate
from nrms_torch.errors import InputError

CONFIGS = Path(__file__).parents[2] / "configs"


def contents(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        generate(tmp_path / name, impressions=500, seed=seed)
    one, again, other = (contents(tmp_path / name) for name in ("one", "again", "other"))
    assert len(one) == 9
    assert one == again
    assert one.keys() == other.keys()
    assert all(one[file] != other[file] for file in one)


def test_a_folder_that_holds_the_data_is_left_alone(tmp_path):
    first = generate(tmp_path / "data", impressions=200)
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "data").rglob("*")}
    assert generate(tmp_path / "data", impressions=200) == first
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "data").rglob("*")} == times
    assert json.loads((tmp_path / "data" / "truth.json").read_text()) == first


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path):
    (tmp_path / "a" / "empty").mkdir(parents=True)
    generate(tmp_path / "a" / "empty", impressions=100)
    generate(tmp_path / "a" / "b" / "c", impressions=100)
    assert contents(tmp_path / "a" / "empty") == contents(tmp_path / "a" / "b" / "c")


def test_a_folder_made_with_other_arguments_is_refused(tmp_path):
    generate(tmp_path / "data", impressions=100)
    before = contents(tmp_path / "data")
    with pytest.raises(InputError, match=r"data: holds data generated with .*: 100.* not .*: 200"):
        generate(tmp_path / "data", impressions=200)
    assert contents(tmp_path / "data") == before


@pytest.mark.parametrize("truth", [None, "{", "[]", "{}"])
def test_a_folder_with_anything_else_is_refused(tmp_path, truth):
    (tmp_path / "notes.txt").write_text("mine")
    if truth is not None:
        (tmp_path / "truth.json").write_text(truth)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="holds something else than generated data"):
        generate(tmp_path, impressions=100)
    assert contents(tmp_path) == before


def test_a_path_where_no_folder_can_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"holds something else|cannot be written"):
            generate(path, impressions=100)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "arguments", [{"impressions": 99}, {"impressions": 1e3}, {"impressions": True}, {"seed": -1}]
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments):
    with pytest.raises(InputError, match="expected a whole number of at least"):
        generate(tmp_path / "data", **arguments)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_when_it_is_interrupted_while_it_writes(tmp_path, monkeypatch):
    def interrupted(world, plan):
        yield from [next(clicks.history_tables(world, plan))]
        raise KeyboardInterrupt

    monkeypatch.setattr(generator, "history_tables", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "data", impressions=100)
    assert not list(tmp_path.iterdir())


def test_parts_on_disk_join_into_one_table(tmp_path, monkeypatch):
    monkeypatch.setattr(clicks, "CHUNK", 70)
    monkeypatch.setattr(clicks, "READERS_CHUNK", 7)
    truth = generate(tmp_path / "data", impressions=500)
    behaviors = pl.read_parquet(tmp_path / "data" / "train" / "behaviors.parquet")
    assert behaviors["impression_id"].to_list() == list(range(1, 501))
    assert behaviors["impression_time"].is_sorted()
    assert (
        behaviors["article_ids_inview"].list.len().sum() == (truth["splits"]["train"]["candidates"])
    )
    for split, readers in (("train", 33), ("validation", 20), ("test", 20)):
        users = pl.read_parquet(tmp_path / "data" / split / "history.parquet")["user_id"]
        assert users.n_unique() == len(users) == readers


def test_what_the_command_makes_is_what_training_on_the_demo_asks_for():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        made, trained = compose("generate_data"), compose("train", overrides=["experiment=demo"])
        changed = compose("generate_data", overrides=["data.generate.impressions=300"])
    assert made.path == trained.data.path
    assert {name: made[name] for name in trained.data.generate} == trained.data.generate
    assert changed.impressions == 300, "one place decides"


def test_the_command_takes_a_size_with_underscores():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("generate_data", overrides=["impressions=2_000_000"])
    assert config.impressions == 2_000_000
