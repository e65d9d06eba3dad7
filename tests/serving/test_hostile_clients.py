"""Clients that are slow, idle, wrong or many: none costs another its answer."""

import json
import logging
import shutil
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from run_script import TIMEOUT_S
from served import client_of, fields, make_client, problem, running_server, wait_for

from nrms_torch.serving.api.logs import Seldom

JSON = {"content-type": "application/json"}
pytestmark = pytest.mark.slow


def connect(server, *head):
    """Open a connection, and send what there is of a head."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
    connection.sendall("\r\n".join(head).encode())
    return connection


def post(path, size, kind="application/json", *more):
    """The head of a POST of a body of `size` bytes."""
    head = (f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", f"Content-Length: {size}")
    return (*head, *more, "", "")


def upload(size):
    return post("/predict", size, "multipart/form-data; boundary=b")


def seconds(call):
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_idle_and_slow_connections_leave_room_for_others_and_are_closed(bundle):
    with running_server(bundle, "max_connections=20") as server, ExitStack() as opened:
        heads = [(), ("GET /v2/health/live HTTP/1.1", "Host: x"), post("/recommend", 1_000)]
        held = [
            opened.enter_context(closing(connect(server, *heads[number % 3])))
            for number in range(60)
        ]

        def healthy():
            assert httpx.get(f"{server.url}/v2/health/live", timeout=5).status_code == 200

        times = []
        start = time.monotonic()
        while time.monotonic() - start < 19:
            times.append(seconds(healthy))
            time.sleep(0.2)
        assert max(times) < 1
        assert [each.recv(1_000)[:12] for each in held[-3:]] == [b"", b"", b"HTTP/1.1 408"]
        status, log = server.terminate()
    assert status == 0
    assert len(log) < 1_000


def test_a_head_that_does_not_end_is_refused(bundle):
    with running_server(bundle) as server:
        with closing(connect(server, "GET / HTTP/1.1")) as connection:
            # The server may close while this is still being sent.
            try:
                for number in range(40):
                    connection.sendall(f"\r\nX-{number}: {'x' * 10_000}".encode())
                    time.sleep(0.01)
                answer = connection.recv(1_000)
            except ConnectionError:
                answer = b"HTTP/1.1 431"
        assert answer.startswith(b"HTTP/1.1 431")
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200


def test_a_client_that_takes_nothing_of_its_answer_is_left(bundle, ids):
    body = json.dumps({"history": [], "candidates": ids[:1] * 50_000, "k": 50_000}).encode()
    with running_server(bundle) as server:
        head = "\r\n".join(post("/recommend", len(body))).encode()
        with closing(connect(server)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.sendall(head + body)
            time.sleep(1)
            assert open_sockets(server) == 1
            wait_for(lambda: open_sockets(server) == 0, "the connection stays")


def open_sockets(server):
    import psutil

    return len(
        [each for each in psutil.Process(server.process.pid).net_connections() if each.raddr]
    )


def test_uploads_that_do_not_arrive_hold_nobodys_place(bundle, demo_folder):
    files = {
        "behaviors": (demo_folder / "validation" / "behaviors.parquet").read_bytes(),
        "history": (demo_folder / "validation" / "history.parquet").read_bytes(),
    }
    with running_server(bundle) as server, ExitStack() as opened:
        idle = [opened.enter_context(closing(connect(server, *upload(10**6)))) for _ in range(8)]
        with client_of(server) as client:
            assert client.post("/predict", files=files).status_code == 200
        for each in idle:
            assert each.recv(1_000).startswith(b"HTTP/1.1 408")


def test_sigterm_does_not_wait_for_bodies_that_do_not_arrive(bundle):
    with running_server(bundle) as server, ExitStack() as opened:
        idle = [opened.enter_context(closing(connect(server, *upload(10**6)))) for _ in range(3)]
        idle.append(opened.enter_context(closing(connect(server, *post("/recommend", 1_000)))))
        with client_of(server) as client:
            client.get("/v2/health/live")
        assert seconds(lambda: server.process.terminate() or server.process.wait(60)) < 10
        assert server.process.returncode == 0
        for each in idle:
            assert each.recv(1_000).startswith(b"HTTP/1.1 503")


WRONG = {
    "many unknown fields": {"articles": [{f"f{n}": 1 for n in range(290_000)}]},
    "unknown fields": {"articles": [{f"f{n}": 1 for n in range(90_000)}]},
    "vectors of texts": {
        "articles": [{"article_id": n, "vector": ["1.0"] * 65_536} for n in range(7)]
    },
    "many wrong articles": {"articles": [{}] * 900_000},
    "unknown names": {f"f{n}": "x" * 30 for n in range(90_000)},
    "a long name": {"x" * 4_000_000: 1},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_body_is_told_in_a_few_words(client, what):
    response = client.post("/articles", json=WRONG[what])
    assert response.status_code == (413 if "many" in what else 422)
    assert len(response.content) < 3_000
    assert len(fields(response, response.status_code)) <= 20


def test_wrong_bodies_of_megabytes_keep_nobody_waiting(bundle, ids):
    bodies = [json.dumps(body).encode() for body in WRONG.values()]
    with running_server(bundle) as server, ThreadPoolExecutor(len(bodies)) as clients:
        with client_of(server) as client:
            wrong = [
                clients.submit(
                    httpx.post, f"{server.url}/articles", content=body, headers=JSON, timeout=60
                )
                for body in bodies
            ]
            times = []
            while not all(each.done() for each in wrong):
                times.append(seconds(lambda: client.get("/v2/health/live")))
                times.append(seconds(lambda: client.post("/recommend", json={"history": ids[:2]})))
        assert {each.result().status_code for each in wrong} == {413, 422}
        assert max(times) < 2, "a second on a machine that has nothing else to do"


def test_a_ranking_takes_less_than_an_article_may(client):
    body = b" " * (2**20 + 1)
    problem(client.post("/recommend", content=body, headers=JSON), 413)
    problem(client.post("/explain", content=body, headers=JSON), 413)
    problem(client.post("/articles", content=body, headers=JSON), 422)


def test_without_the_key_no_body_is_read(bundle):
    with running_server(bundle, NRMS_API_KEY="secret") as server:
        for path in ("/articles", "/v2/models/nrms/load"):
            with closing(connect(server, *post(path, 10_000))) as connection:
                assert connection.recv(1_000).startswith(b"HTTP/1.1 401")


def test_a_compressed_body_is_a_415_that_says_so(client):
    headers = JSON | {"content-encoding": "gzip"}
    response = client.post("/recommend", content=b"\x1f\x8b", headers=headers)
    assert "Content-Encoding: found gzip" in problem(response, 415)["detail"]


def test_a_full_disk_is_told_by_its_name(bundle, demo_folder, monkeypatch, caplog):
    def to_a_full_disk(source, target):
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    monkeypatch.setattr(shutil, "copyfileobj", to_a_full_disk)
    file = (demo_folder / "validation" / "behaviors.parquet").read_bytes()
    response = make_client(bundle).post("/predict", files={"behaviors": file})
    assert "disk is full" in problem(response, 507)["detail"]
    assert "full" in caplog.text


def test_what_a_killed_server_left_is_removed_by_the_next(bundle, tmp_path):
    folder = {"TMPDIR": str(tmp_path)}
    with running_server(bundle, **folder) as killed:
        (left,) = tmp_path.glob("nrms-serve-*")
        (left / "table.parquet").write_bytes(b"x")
        killed.process.kill()
        killed.process.wait()
    assert left.is_dir()
    with running_server(bundle, **folder) as first:
        assert not left.exists()
        (own,) = tmp_path.glob("nrms-serve-*")
        with running_server(bundle, **folder) as second:
            assert own.is_dir(), "that of a server that runs stays"
            second.terminate()
        first.terminate()
    assert list(tmp_path.glob("nrms-serve-*")) == []
    assert tempfile.gettempdir() != str(tmp_path)


def test_a_log_says_one_thing_once_a_minute_and_how_often_it_was(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    seldom = Seldom()

    def passes(text, *values):
        record = logging.LogRecord("asyncio", logging.ERROR, "", 0, text, values, None)
        return record.getMessage() if seldom.filter(record) else None

    assert passes("%s failed", 1) == "1 failed"
    assert [passes("%s failed", n) for n in range(99)] == [None] * 99
    assert passes("other") == "other"
    now[0] = 61
    assert passes("%s failed", 3) == "3 failed (and 99 times more since it was last said)"
    for number in range(5_000):
        passes(f"{number} is new")
    assert len(seldom._last) <= 500


def test_the_limits_hold_behind_a_proxys_prefix(bundle, ids):
    client = make_client(bundle, root_path="/news", max_json_mib=1)
    for prefix in ("", "/news"):  # a proxy may cut it off, or not
        ranked = client.post(f"{prefix}/recommend", json={"history": ids[:1]})
        assert ranked.status_code == 200
        problem(client.post(f"{prefix}/recommend", content=b"{}"), 415)
        problem(client.post(f"{prefix}/articles", content=b" " * 2**21, headers=JSON), 413)
        assert "/news/static-offline-docs/" in client.get(f"{prefix}/docs").text
    metrics = client.get("/metrics").text
    assert 'nrms_requests_total{route="/recommend",status="200"} 2.0' in metrics
    assert 'nrms_requests_total{route="/articles",status="413"} 2.0' in metrics
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/news"}]


def test_other_sites_may_ask_where_they_are_named(bundle):
    origin = "https://news.example"
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "content-type,x-api-key"
    named, closed = make_client(bundle, origins=origin), make_client(bundle)
    before = named.options("/recommend", headers=asks)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == origin
    for response in (
        named.post("/recommend", json={"history": []}, headers={"Origin": origin}),
        named.post("/recommend", content=b"", headers={"Origin": origin}),
    ):
        assert response.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in closed.get("/", headers={"Origin": origin}).headers
    other = named.get("/", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


def test_long_answers_are_compressed_for_who_asks(client, ids):
    body = {"history": [], "k": 1_000}
    packed = client.post("/recommend", json=body, headers={"accept-encoding": "gzip"})
    plain = client.post("/recommend", json=body, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    short = client.get("/v2/health/live", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in short.headers
