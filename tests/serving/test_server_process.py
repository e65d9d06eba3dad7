"""A server process: signals, swaps, overload, and what it does not start with."""

import json
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from run_script import TIMEOUT_S, run_script
from served import client_of, running_server, wait_for

from nrms_torch.serving.api.listening import listen

KEY = {"X-API-Key": "secret"}


def test_a_server_prints_where_it_is_ready_and_ends_by_sigterm_with_status_0(bundle, ids):
    with running_server(bundle) as server, client_of(server) as client:
        assert client.post("/recommend", json={"history": ids[:2]}).status_code == 200
        assert client.get("/v2/health/ready").json() == {"ready": True}
        assert server.terminate() == (0, "")


def test_sigterm_waits_for_the_request_that_has_begun(bundle, ids):
    body = json.dumps({"history": ids[:2]}).encode()
    head = (
        "POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with running_server(bundle) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as begun:
            begun.sendall(head + body[:5])
            with client_of(server) as client:  # so that the server has read what came before
                client.get("/v2/health/live")
            server.process.terminate()
            wait_for(lambda: not accepts(host, int(port)), "the server takes new connections")
            begun.sendall(body[5:])
            answer = begun.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b'"ranking"' in answer
        assert server.process.wait(TIMEOUT_S) == 0


def accepts(host, port):
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_S).close()
    except ConnectionError:
        return False
    return True


def test_a_swap_drops_no_request(bundle, exported):
    other = exported("nrms_docvec", "baseline")[1]
    with running_server(bundle, NRMS_API_KEY="secret") as server:
        ended = Event()

        def ask():
            statuses, versions = set(), set()
            with client_of(server) as client:
                while not ended.is_set():
                    response = client.post("/recommend", json={"history": [], "k": 1})
                    statuses.add(response.status_code)
                    versions.add(response.json().get("model_version"))
            return statuses, versions

        with ThreadPoolExecutor(4) as readers, client_of(server) as client:
            answers = [readers.submit(ask) for _ in range(4)]
            try:
                loaded = [
                    client.post("/v2/models/nrms/load", json={"bundle": str(each)}, headers=KEY)
                    for each in (other, bundle, other)
                ]
            finally:
                ended.set()
            assert [response.status_code for response in loaded] == [200] * 3
            expected = {loaded[0].json()["model_version"], loaded[1].json()["model_version"]}
            for answer in answers:
                statuses, versions = answer.result()
                assert statuses == {200}
                assert versions == expected


def test_overload_is_answered_503_and_passes(bundle):
    with running_server(bundle, "max_waiting=2") as server:
        until = time.monotonic() + 3

        def ask(_):
            statuses = []
            with client_of(server) as client:
                while time.monotonic() < until:
                    response = client.post("/recommend", json={"history": []})
                    statuses.append(response.status_code)
                    if response.status_code == 503:
                        assert response.headers["retry-after"] == "1"
                        assert response.json()["status"] == 503
            return statuses

        with ThreadPoolExecutor(8) as readers:
            statuses = [status for each in readers.map(ask, range(8)) for status in each]
        assert set(statuses) == {200, 503}
        with client_of(server) as client:
            assert client.post("/recommend", json={"history": []}).status_code == 200
            metrics = client.get("/metrics").text
        refused = f'nrms_requests_total{{route="/recommend",status="503"}} {statuses.count(503)}.0'
        assert refused in metrics
        assert server.terminate()[0] == 0


def test_a_bundle_that_is_not_whole_is_one_line_and_status_2(bundle, tmp_path):
    damaged = tmp_path / "bundle"
    shutil.copytree(bundle, damaged)
    with (damaged / "article_vectors.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    for folder, what in ((damaged, "article_vectors.npy"), (tmp_path / "none", "model.json")):
        output = run_script("serve", f"bundle={folder}", "port=0", status=2)
        assert output.startswith("error: ")
        assert what in output
        assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "bundle: missing"),
        (["bundle=x", "prot=1"], "prot: serve has no such setting; did you mean port?"),
        (["bundle=x", "serve"], "'serve': expected a setting, name=value"),
        (["bundle=x", "port=http"], "port: "),
        (["bundle=x", "port=70000"], "port: "),
        (["bundle=x", "max_waiting=0"], "max_waiting: "),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_2(arguments, message):
    output = run_script("serve", *arguments, status=2)
    assert output.startswith(f"error: {message}")
    assert output.count("\n") == 1


def test_a_port_in_use_is_one_line_and_status_2(bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        output = run_script("serve", f"bundle={bundle}", f"port={port}", status=2)
    assert output.startswith(f"error: port: {port}")
    assert output.count("\n") == 1


def test_the_server_needs_neither_torch_nor_hydra(bundle):
    program = """
import sys
for name in ("torch", "tensorflow", "lightning", "hydra", "omegaconf", "transformers", "onnx"):
    sys.modules[name] = None
from pathlib import Path
from nrms_torch.serving.api.server import serve
from nrms_torch.serving.api.app import create_app
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.settings import Settings
bundle = Path(sys.argv[1])
slot = ModelSlot()
slot.load(bundle)
create_app(slot, Settings(bundle=bundle)).openapi()
"""
    subprocess.run([sys.executable, "-c", program, str(bundle)], check=True, timeout=TIMEOUT_S)


def test_connections_send_without_delay():
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
