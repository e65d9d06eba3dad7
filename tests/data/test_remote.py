"""Data in an object store: a real S3 server on this machine, and fsspec's store in memory."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest
from fsspec.registry import _registry
from omegaconf import OmegaConf

from nrms_torch.data.articles import vector_table
from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.prepare import prepare
from nrms_torch.data.remote import local_copy
from nrms_torch.data.source import local_data
from nrms_torch.data.tables import document_vectors
from nrms_torch.errors import InputError
from nrms_torch.files import file_sha256

S3_VECTORS = "s3://news/demo/document_vectors.parquet"
FILES = ("articles.parquet", "train/behaviors.parquet", "train/history.parquet")


@pytest.fixture
def store(demo_folder):
    """The store in memory, with the demo data at memory://bucket/demo."""
    store = fsspec.filesystem("memory")
    store.put(str(demo_folder), "/bucket/demo", recursive=True)
    yield store
    store.rm("/bucket", recursive=True)


@pytest.fixture
def config(tmp_path):
    return DataConfig(
        format="ebnerd",
        path="memory://bucket/demo",
        vectors="memory://bucket/demo/document_vectors.parquet",
        cache=str(tmp_path / "cache"),
    )


@pytest.fixture(scope="module")
def s3(demo_folder):
    """The environment of a client of an S3 server that holds the demo data at s3://news/demo."""
    server_of = pytest.importorskip("moto.server", reason="moto has the S3 server")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        client = fsspec.filesystem("s3", skip_instance_cache=True)
        client.mkdir("news")
        for file in demo_folder.rglob("*.*"):
            if file.is_file() and ".prepared" not in file.parts:
                client.put_file(str(file), f"news/demo/{file.relative_to(demo_folder).as_posix()}")
        yield client
    server.stop()


def test_remote_data_has_the_bytes_and_the_places_of_local_data(store, config, demo_folder):
    local = local_copy(config)
    for name in FILES:
        assert file_sha256(local.folder / name) == file_sha256(demo_folder / name)
    assert file_sha256(demo_folder / "document_vectors.parquet") == file_sha256(
        local.folder / "document_vectors.parquet"
    )
    assert local.vectors == f"{local.folder}/document_vectors.parquet"
    assert replace(local, path=config.path, vectors=config.vectors) == config


def test_what_was_fetched_is_fetched_again_only_when_it_has_changed(store, config, capsys):
    local = local_copy(config)
    assert "fetched memory://bucket/demo: " in capsys.readouterr().out
    times = {name: (local.folder / name).stat().st_mtime_ns for name in FILES}
    assert local_copy(config) == local
    assert capsys.readouterr().out == ""
    store.pipe_file("/bucket/demo/train/history.parquet", b"something else")
    local_copy(config)
    assert "fetched memory://bucket/demo: " in capsys.readouterr().out
    assert (local.folder / FILES[2]).read_bytes() == b"something else"
    assert [(local.folder / name).stat().st_mtime_ns for name in FILES[:2]] == [
        times[name] for name in FILES[:2]
    ]


def test_what_the_store_has_no_more_is_gone_here_too(store, config):
    local = local_copy(config)
    store.rm("/bucket/demo/test", recursive=True)
    local_copy(config)
    assert not list((local.folder / "test").glob("*.parquet"))
    assert (local.folder / "train" / "behaviors.parquet").is_file()


def test_a_fetch_that_breaks_off_leaves_what_was_there(store, config, monkeypatch):
    local = local_copy(config)
    file = local.folder / FILES[1]
    before = file_sha256(file)
    store.pipe_file(f"/bucket/demo/{FILES[1]}", b"new")

    def break_off(remote, target, **_):
        Path(target).write_bytes(b"n")
        raise ConnectionResetError("connection reset by peer")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "get_file", lambda _, *args, **more: break_off(*args, **more))
        with pytest.raises(InputError, match=r"memory://bucket/demo cannot be read: connection"):
            local_copy(config)
    assert file_sha256(file) == before
    assert not [part for part in file.parent.iterdir() if part.name.endswith(f".{file.name}")]
    local_copy(config)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("field", "url", "what"),
    [
        ("path", "memory://bucket/nowhere", "data.path: memory://bucket/nowhere: no such bucket"),
        ("vectors", "memory://bucket/v.parquet", "data.vectors: memory://bucket: no such bucket"),
        ("path", "magic://bucket/demo", "data.path: magic://bucket/demo cannot be read: Protocol"),
        ("path", "memory://bucket/../demo", "has .. in it"),
    ],
)
def test_what_cannot_be_fetched_is_told_by_its_field(store, config, field, url, what):
    with pytest.raises(InputError, match=what) as caught:
        local_copy(replace(config, **{field: url}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("url", "package"), [("gs://b/demo", "gcsfs"), ("s3://b/demo", "s3fs")])
def test_a_package_that_is_missing_is_named(config, monkeypatch, url, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(_registry, url.split(":")[0], raising=False)
    with pytest.raises(InputError, match=package) as caught:
        local_copy(replace(config, path=url, vectors=None))
    assert str(caught.value).endswith("expected pip install 'nrms-torch[data]'")


def test_data_is_not_generated_into_a_store(config):
    section = OmegaConf.create(vars(config) | {"generate": {"impressions": 100}})
    with pytest.raises(InputError, match=r"data\.generate: data is generated in a local folder"):
        local_data(section)


def test_data_of_s3_is_prepared_as_local_data_is(s3, config, demo_folder):
    section = OmegaConf.create(vars(config) | {"path": "s3://news/demo", "vectors": S3_VECTORS})
    remote, table = local_data(section), vector_table(demo_folder / "document_vectors.parquet")
    assert document_vectors(remote).ids.equals(table.ids)
    local = replace(config, path=str(demo_folder), vectors=None)
    one, other = (prepare(each, "train", table, 20) for each in (local, remote))
    assert other.counts == one.counts
    assert np.array_equal(other.candidates, one.candidates)


def test_an_object_of_s3_that_changes_is_fetched_again_by_its_etag(s3, config):
    config = replace(config, path="s3://news/demo", vectors=None)
    local = local_copy(config)
    file = local.folder / "train" / "history.parquet"
    table = pl.read_parquet(file)
    note = json.loads((file.parent / ".history.parquet.version.json").read_text())
    changed = file.with_name("changed.parquet")
    table.reverse().write_parquet(changed)
    s3.put_file(str(changed), "news/demo/train/history.parquet")
    local_copy(config)
    again = json.loads((file.parent / ".history.parquet.version.json").read_text())
    assert again["ETag"] != note["ETag"]
    assert file_sha256(file) == file_sha256(changed)
    s3.put_file(shutil.copy(local.folder / "truth.json", changed), "news/demo/truth.json")


def test_a_bucket_that_s3_does_not_have_is_told_in_one_line(s3, config):
    with pytest.raises(InputError, match="s3://nobody/demo: no such bucket or folder"):
        local_copy(replace(config, path="s3://nobody/demo", vectors=None))
