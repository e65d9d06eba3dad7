"""Downloads from a server on this machine that makes each mistake a server can make."""

import io
import random
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from run_script import assert_one_line, heed_signals, run_script, script
from web_server import Served, serving, zip_of

from nrms_torch.data.download import fetch as fetching
from nrms_torch.data.download.download import download
from nrms_torch.data.download.fetch import without_secrets
from nrms_torch.data.download.known import ARCHIVES
from nrms_torch.data.download.unpack import unpack
from nrms_torch.errors import InputError

NOISE = random.Random(1).randbytes(300_000)  # which does not compress
BUNDLE = {
    "articles.parquet": NOISE,
    **{
        f"{split}/{name}.parquet": f"{split} {name}"
        for split in ("train", "validation")
        for name in ("behaviors", "history")
    },
}
ARCHIVE = zip_of(BUNDLE)
NEWER = zip_of(BUNDLE | {"articles.parquet": NOISE[::-1]})


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No waiting between tries, and no proxy on the way to this machine."""
    monkeypatch.setattr(fetching, "_PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def served():
    with serving(Served(ARCHIVE)) as served:
        yield served


@pytest.fixture
def output(tmp_path):
    return tmp_path / "small"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def get(served, output):
    return download("ebnerd_small", output, url=served.url, accept_terms=True)


def require_bundle(output, files=BUNDLE):
    found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert found == set(files)
    for name, content in files.items():
        expected = content.encode() if isinstance(content, str) else content
        assert (output / name).read_bytes() == expected
    assert names_in(output.parent) == [output.name], "nothing else is left"


def require_nothing(output):
    assert names_in(output.parent) == []


def require_part(output, size):
    assert names_in(output.parent) == ["small.part"]
    assert (output.parent / "small.part" / "archive.zip").stat().st_size == size


def refused(served, output, told):
    with pytest.raises(InputError, match=told) as error:
        get(served, output)
    assert "\n" not in str(error.value)
    return str(error.value)


def break_off(served, output, size):
    """Have a download stop for good after `size` bytes."""
    served.breaks = [size, *[0] * fetching._TRIES]
    refused(served, output, f"broke off 5 times, last with {size:,} of ")
    served.breaks = []
    served.requests.clear()


def test_a_bundle_is_fetched_and_unpacked(served, output, capsys):
    assert get(served, output) == output
    require_bundle(output)
    assert len(served.requests) == 1
    assert "5 files" in capsys.readouterr().out


def test_a_dropped_connection_is_gone_on_with(served, output):
    served.breaks = [100_000, 50_000, 0]
    get(served, output)
    require_bundle(output)
    ranges = [request.get("Range") for request in served.requests]
    assert ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    assert {request["If-Range"] for request in served.requests[1:]} == {'"one"'}


def test_the_next_command_goes_on(served, output):
    break_off(served, output, 123_456)
    require_part(output, 123_456)
    get(served, output)
    assert [request["Range"] for request in served.requests] == ["bytes=123456-"]
    require_bundle(output)


def test_a_part_of_another_url_is_not_gone_on_with(served, output):
    break_off(served, output, 1_000)
    served.url = served.url.replace("/files/", "/others/")
    get(served, output)
    assert "Range" not in served.requests[0]
    require_bundle(output)


def test_a_signature_in_a_url_is_neither_kept_nor_told_and_may_change(served, output):
    served.url += "?signature=secret"
    break_off(served, output, 1_000)
    assert "secret" not in (output.parent / "small.part" / "origin.json").read_text()
    served.url = served.url.replace("secret", "other")
    served.statuses = [403]
    assert "other" not in refused(served, output, "403")
    get(served, output)
    assert served.requests[-1]["Range"] == "bytes=1000-"


def test_a_server_without_ranges_sends_all_again(served, output):
    served.has_ranges = False
    served.breaks = [100_000]
    get(served, output)
    require_bundle(output)


@pytest.mark.parametrize(
    ("etag", "changed", "named"),
    [
        (None, "Sat, 28 Nov 2026 01:00:00 GMT", "Sat, 28 Nov 2026 01:00:00 GMT"),
        ('W/"weak"', "Sat, 28 Nov 2026 01:00:00 GMT", "Sat, 28 Nov 2026 01:00:00 GMT"),
        (None, None, None),
    ],
)
def test_without_a_strong_etag_the_time_of_change_is_the_version(
    etag, changed, named, served, output
):
    served.etag, served.changed = etag, changed
    served.breaks = [100_000]
    get(served, output)
    require_bundle(output)
    assert served.requests[1].get("If-Range") == named
    assert ("Range" in served.requests[1]) == (named is not None)


@pytest.mark.parametrize("minds_if_range", [True, False])
def test_a_file_that_changes_between_two_parts_is_fetched_anew(minds_if_range, served, output):
    break_off(served, output, 100_000)
    served.minds_if_range = minds_if_range
    served.replace(NEWER, '"two"')
    get(served, output)
    require_bundle(output, BUNDLE | {"articles.parquet": NOISE[::-1]})


def test_a_file_that_changes_and_nobody_says_so_is_found_by_its_checksum(served, output):
    break_off(served, output, 100_000)
    assert len(NEWER) == len(ARCHIVE)
    served.minds_if_range = False
    served.replace(NEWER, None)
    refused(served, output, "no whole zip archive")
    require_nothing(output)
    get(served, output)
    require_bundle(output, BUNDLE | {"articles.parquet": NOISE[::-1]})


def test_a_file_that_has_become_shorter_is_fetched_anew(served, output):
    break_off(served, output, 200_000)
    served.minds_if_range = False
    shorter = BUNDLE | {"articles.parquet": NOISE[:1_000]}
    served.replace(zip_of(shorter), '"two"')
    get(served, output)
    require_bundle(output, shorter)


def test_a_server_that_tells_too_great_a_length_is_refused(served, output):
    served.told_more, served.has_ranges = 1_000, False
    refused(served, output, f"{len(ARCHIVE):,} of {len(ARCHIVE) + 1_000:,} bytes")
    require_part(output, len(ARCHIVE))


def test_a_server_that_tells_too_small_a_length_is_refused(served, output):
    served.told_more = -1_000
    refused(served, output, "is no whole zip archive")
    require_nothing(output)


def test_a_server_may_tell_no_length(served, output):
    served.tells_length = False
    served.breaks = [100_000]
    get(served, output)
    require_bundle(output)
    assert served.requests[1]["Range"] == "bytes=100000-"


def test_a_busy_server_is_asked_again(served, output):
    served.statuses = [503, 429]
    get(served, output)
    require_bundle(output)


@pytest.mark.parametrize("status", [403, 404])
def test_where_there_is_no_file_one_line_says_where_to_look(status, served, output):
    served.statuses = [status]
    refused(served, output, f"answers {status} .*recsys.eb.dk")
    assert len(served.requests) == 1
    require_nothing(output)


def test_a_host_that_is_not_there_is_told_at_once(served, output):
    with serving(Served(b"")) as gone:
        pass
    refused(gone, output, "cannot be reached")
    require_nothing(output)


def test_a_host_that_is_gone_for_now_keeps_the_part(served, output):
    break_off(served, output, 1_000)
    with serving(Served(b"")) as gone:
        pass
    there, served.url = served.url, gone.url
    refused(served, output, "cannot be reached")
    require_part(output, 1_000)
    served.url = there
    get(served, output)
    assert served.requests[0]["Range"] == "bytes=1000-"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>Please log in</html>" * 1_000, "it begins with b'<html>Please"),
        (b"PK", "no whole zip archive"),
        (b"", "no whole zip archive"),
        (ARCHIVE[:200_000], "no whole zip archive"),
        (ARCHIVE[:9_000] + b"\0" + ARCHIVE[9_001:], "no whole zip archive: Bad CRC-32"),
        (zip_of({"vectors.parquet": "x"}), "has vectors.parquet; expected articles.parquet, train"),
        (zip_of({"empty/": ""}), "has no file; expected articles.parquet"),
    ],
    ids=["a page", "two bytes", "nothing", "cut", "damaged", "another", "empty"],
)
def test_a_wrong_file_leaves_nothing(body, told, served, output):
    served.body = body
    refused(served, output, told)
    require_nothing(output)


@pytest.mark.parametrize(
    "name", ["../outside.txt", "train/../../outside.txt", "/outside.txt", "..\\out.txt", "C:out"]
)
def test_nothing_is_written_outside_the_folder(name, served, output):
    served.body = zip_of(BUNDLE | {name: "x"})
    refused(served, output, "leaves the folder")
    require_nothing(output)


def test_a_link_is_not_made(served, output):
    buffer = io.BytesIO(ARCHIVE)
    link = zipfile.ZipInfo("train/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, "/etc")
    served.body = buffer.getvalue()
    refused(served, output, "leaves the folder")
    require_nothing(output)


def test_a_folder_around_all_and_what_a_mac_adds_are_left_out(served, output):
    inside = {f"ebnerd_small/{name}": content for name, content in BUNDLE.items()}
    mac = {"__MACOSX/._ebnerd_small": "x", "ebnerd_small/.DS_Store": "x"}
    served.body = zip_of(inside | mac)
    get(served, output)
    require_bundle(output)


def test_a_disk_without_room_is_told_before_anything_comes(served, output, monkeypatch):
    usage = shutil.disk_usage(output.parent)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=400_000))
    refused(served, output, r"the disk has 0\.4 MiB free; expected 0\.6 MiB")
    require_nothing(output)


@pytest.mark.parametrize("size", [100_000, len(ARCHIVE)])
def test_a_disk_that_is_full_on_the_way_keeps_the_part(size, served, output):
    """A limit on the size of a file is as real an end as a full disk's."""
    served.body = body = zip_of({**BUNDLE, "train/history.parquet": b"\0" * 2 * len(ARCHIVE)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3_000, before[1]))
    try:
        refused(served, output, "cannot be written: File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    require_part(output, min(size + 3_000, len(body)))
    get(served, output)
    assert (output / "train/history.parquet").stat().st_size == 2 * len(ARCHIVE)


def test_an_archive_that_is_whole_already_is_not_fetched_again(served, output):
    served.breaks = [len(ARCHIVE) - 1, *[0] * 5]
    refused(served, output, "broke off")
    with (output.parent / "small.part" / "archive.zip").open("ab") as file:
        file.write(ARCHIVE[-1:])
    served.requests.clear()
    get(served, output)
    assert not served.requests
    require_bundle(output)


def test_a_folder_in_use_is_not_touched(served, output):
    output.mkdir()
    (output / "mine").write_text("x")
    refused(served, output, "is there already")
    assert names_in(output) == ["mine"]
    assert not served.requests


def test_two_processes_do_not_fetch_the_same(served, output):
    part = output.parent / "small.part"
    part.mkdir()
    with FileLock(part / ".lock"):
        refused(served, output, "another process")
    assert not served.requests
    get(served, output)
    require_bundle(output)


@given(st.integers(0, len(ARCHIVE) - 1), st.binary(min_size=1, max_size=40))
@settings(max_examples=200)
def test_a_damaged_zip_is_a_line_or_the_files(tmp_path_factory, at, damage):
    folder = tmp_path_factory.mktemp("zip")
    (folder / "output").mkdir()
    archive = folder / "archive.zip"
    small = zip_of({"a.parquet": "one" * 20, "b/c.parquet": "two"})
    at = at % len(small)
    archive.write_bytes(small[:at] + damage + small[at + len(damage) :])
    with suppress(InputError):
        unpack(archive, folder / "output", [], place="https://example.org/a.zip")
    assert names_in(folder) == ["archive.zip", "output"]


@pytest.mark.parametrize(
    "url",
    ["ftp://a/b.zip", "file:///b.zip", "b.zip", "http://", "https://me:word@a/b", "http://a/ö"],
)
def test_a_url_that_is_not_of_http_is_refused(url):
    with pytest.raises(InputError, match="url: expected http"):
        without_secrets(url)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ebnerd_smal", "did you mean ebnerd_small?"),
        ("small", "expected one of ebnerd_demo, "),
        ("MINDsmall", "huggingface.co/datasets/Recommenders/MIND"),
        ("ebnerd_demo", "accept_terms=true"),
        (None, "name: missing"),
    ],
)
def test_what_cannot_be_downloaded_is_told_before_a_host_is_asked(name, told, output):
    with pytest.raises(InputError, match=told):
        download(name, output)
    require_nothing(output)


def test_any_zip_can_be_had_by_its_url(served, output):
    served.body = zip_of({"news.tsv": "x", "behaviors.tsv": "y"})
    download(None, output, url=served.url)
    require_bundle(output, {"news.tsv": "x", "behaviors.tsv": "y"})
    with pytest.raises(InputError, match="output: missing"):
        download(None, None, url=served.url)


def test_known_archives_are_where_ebnerd_has_them():
    bucket = "https://ebnerd-dataset.s3.eu-west-1.amazonaws.com"
    assert ARCHIVES["ebnerd_testset"].url == f"{bucket}/ebnerd_testset.zip"
    assert (
        ARCHIVES["Ekstra_Bladet_word2vec"].url == f"{bucket}/artifacts/Ekstra_Bladet_word2vec.zip"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_command_that_is_stopped_is_gone_on_with(sent, status, served, output):
    served.breaks, served.hold = [100_000], threading.Event()
    words = ["name=ebnerd_small", f"url={served.url}", f"output={output}", "accept_terms=true"]
    part = output.parent / "small.part" / "archive.zip"
    with subprocess.Popen(
        [*script("download"), *words], stderr=subprocess.DEVNULL, preexec_fn=heed_signals
    ) as running:
        deadline = time.monotonic() + 60
        while not part.is_file() or part.stat().st_size < 100_000:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(sent)
        assert running.wait(60) == status
    served.hold.set()
    require_part(output, 100_000)
    get(served, output)
    assert served.requests[-1]["Range"] == "bytes=100000-"
    require_bundle(output)


def test_what_else_is_in_the_parts_folder_stays(served, output):
    mine = output.parent / "small.part" / "mine"
    mine.parent.mkdir()
    mine.write_text("x")
    get(served, output)
    assert names_in(mine.parent) == ["mine"]


@pytest.mark.slow
def test_the_command_downloads_what_training_reads(demo_folder, tmp_path, call):
    files = {
        path.relative_to(demo_folder).as_posix(): path.read_bytes()
        for path in Path(demo_folder).rglob("*.parquet")
        if ".prepared" not in path.parts
    }
    output = tmp_path / "data"
    with serving(Served(zip_of(files))) as served:
        words = ["name=ebnerd_small", f"url={served.url}", f"output={output}"]
        assert_one_line(*call("download", *words), "accept_terms")
        printed = run_script("download", *words, "accept_terms=true")
    assert "files" in printed
    for name, content in files.items():
        assert (output / name).read_bytes() == content
