"""A web server on this machine that serves one archive, as well or as badly as a test wants."""

import io
import re
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def zip_of(files):
    """Give the bytes of a zip of the texts or bytes by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Served:
    """What is served, and what is wrong with it."""

    body: bytes
    etag: str | None = '"one"'
    changed: str | None = None  # Last-Modified
    has_ranges: bool = True
    minds_if_range: bool = True
    told_more: int = 0  # bytes that Content-Length has too many
    tells_length: bool = True  # or sends chunks
    statuses: list[int] = field(default_factory=list)  # of the next answers
    breaks: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    hold: threading.Event | None = None  # until which a break waits
    requests: list[dict] = field(default_factory=list)
    url: str = ""

    def replace(self, body, etag):
        self.body, self.etag = body, etag


@contextmanager
def serving(served):
    """Serve on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            served.requests.append(dict(self.headers))
            self.close_connection = True
            if served.statuses:
                self.send_response(served.statuses.pop(0))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body, first = served.body, self._first()
            if first >= len(body) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            for name, value in (("ETag", served.etag), ("Last-Modified", served.changed)):
                if value is not None:
                    self.send_header(name, value)
            if served.tells_length:
                self.send_header("Content-Length", str(len(body) - first + served.told_more))
            else:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            rest = body[first:]
            is_broken = bool(served.breaks)
            if is_broken:
                rest = rest[: served.breaks.pop(0)]
            if served.tells_length:
                self.wfile.write(rest)
            else:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(rest), rest))
                self.wfile.write(b"" if is_broken else b"0\r\n\r\n")
            if is_broken and served.hold:
                served.hold.wait(60)

        def _first(self):
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if not found or not served.has_ranges:
                return 0
            is_same = self.headers.get("If-Range") in (served.etag, served.changed)
            return int(found[1]) if is_same or not served.minds_if_range else 0

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/files/ebnerd_small.zip"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
