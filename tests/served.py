"""A server to test: the app in this process, or a process of its own on a free port."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
from fastapi.testclient import TestClient
from run_script import ROOT, TIMEOUT_S

from nrms_torch.serving.api.app import create_app
from nrms_torch.serving.api.model_slot import ModelSlot
from nrms_torch.serving.api.settings import Settings

PROBLEM = "application/problem+json"


def make_app(bundle, *, loaded=True, **settings):
    """The app over a bundle, as a server makes it."""
    slot = ModelSlot(max_added=settings.get("max_added"))
    if loaded:
        slot.load(bundle)
    return create_app(slot, Settings(bundle=bundle, **settings))


def make_client(bundle, **settings):
    """A client of such an app; an error that the app lets through is the client's answer."""
    return TestClient(make_app(bundle, **settings), raise_server_exceptions=False)


class Server:
    """A server process."""

    def __init__(self, process, url):
        self.process, self.url = process, url

    def terminate(self):
        """Send SIGTERM, and give the exit status and what was printed since."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, output


@contextmanager
def running_server(bundle, *settings, **environment):
    """Start the server as a user does, and wait until it says that it is ready."""
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "scripts" / "serve.py"),
            f"bundle={bundle}",
            "port=0",
            *settings,
        ],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert "ready on" in line, line + process.stdout.read()
        yield Server(process, re.search(r"http://\S+", line)[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for(condition, what):
    """Poll until `condition()` holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def problem(response, status):
    """Check that a response is a problem of that status, and give it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert "\n" not in body["detail"]
    return body


def fields(response, status=422):
    """The fields that a problem names."""
    return [error["field"] for error in problem(response, status)["errors"]]


def client_of(server):
    """An HTTP client of a server process."""
    return httpx.Client(base_url=server.url, timeout=TIMEOUT_S)
