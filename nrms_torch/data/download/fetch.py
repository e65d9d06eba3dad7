"""Fetch a large zip over HTTP: it goes on where it stopped, and is known to be whole."""

import re
import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from nrms_torch import __version__
from nrms_torch.console import progress
from nrms_torch.data.download.part import Part, WrongArchiveError
from nrms_torch.errors import InputError, first_line
from nrms_torch.files import require_space

_TIMEOUT_S = 30
_TRIES = 5  # in a row that bring nothing new
_PAUSE_S = 1.0  # before the second of them; then twice as long each time
_CHUNK = 2**20
_BUSY = (408, 429, 500, 502, 503, 504)  # a server that answers so may do better soon
_PARTIAL, _NO_SUCH_RANGE = 206, 416
_ZIP_BEGINS = b"PK\x03\x04"
_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+)")


class _LostError(Exception):
    """The connection broke, or the server is busy: worth another try."""


class _UnreachableError(_LostError):
    """There is no way to the server; worth another try only if there was one before."""


def without_secrets(url: str) -> str:
    """Give a URL without its query, which may hold a signature; InputError unless it is of HTTP."""
    try:
        parts = urlsplit(url)
        is_of_http = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_of_http = False
    if not is_of_http or "@" in parts.netloc or re.search(r"[^!-~]", url):
        raise InputError(
            "url: expected http:// or https://, a host and a path, without a password, and ASCII "
            "alone (%20 for a blank)"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def fetch(url: str, folder: Path, *, hint: str = "") -> Path:
    """Fetch the zip at `url` into `folder`, and give its file.

    Goes on with the part that is there, if the server still has the same file (RFC 9110: Range,
    If-Range), or else begins again. A lost connection is tried again. Raises InputError, in which
    `hint` says what may help, where the server has no such file, breaks off again and again, or the
    disk is too small for the archive and as much unpacked; WrongArchiveError where it is no zip.
    """
    part = Part(folder, without_secrets(url))
    if part.version is not None:
        print(f"{part.place}: {_progress(part)} are there")
    failures, longest, is_reached = 0, part.size, False
    start = time.perf_counter()
    while not part.is_whole():
        try:
            _fetch_rest(url, part, hint)
            break
        except _LostError as error:
            if isinstance(error, _UnreachableError) and not is_reached:
                raise InputError(f"{part.place}: cannot be reached: {error}") from error
            reason = str(error)
        is_reached = True
        failures = 0 if part.size > longest else failures + 1
        longest = max(longest, part.size)
        if failures == _TRIES:
            raise InputError(
                f"{part.place}: broke off {_TRIES} times, last with {_progress(part)}: {reason}; "
                "the same command goes on"
            )
        print(f"{part.place}: {reason}, with {_progress(part)}; trying again")
        time.sleep(_PAUSE_S * 2**failures)
    seconds = time.perf_counter() - start
    print(f"fetched {part.place}: {part.size / 2**20:,.1f} MiB in {seconds:.1f} s")
    return part.file


def _fetch_rest(url: str, part: Part, hint: str) -> None:
    """Ask for what is missing, or all where the file is another, and write it; else _LostError."""
    try:
        answer = _ask(url, part)
    except HTTPError as error:
        if error.code == _NO_SUCH_RANGE:  # the file is shorter now
            part.begin(None, None)
        elif error.code not in _BUSY:
            told = f"{error.code} {error.reason}".strip()
            raise InputError(f"{part.place}: the server answers {told}{hint}") from error
        raise _LostError(f"the server answers {error.code}") from error
    except URLError as error:
        raise _UnreachableError(str(error.reason)) from error
    except (HTTPException, OSError) as error:
        raise _LostError(first_line(error)) from error
    with answer:
        _begin_or_go_on(answer, part)
        if part.total is not None:
            require_space(part.file.parent, 2 * part.total - part.size)  # unpacked beside it
        _receive(answer, part)
    if part.total is not None and part.size < part.total:
        raise _LostError("the connection was closed")
    if part.total is not None and part.size > part.total:
        part.begin(None, None)
        raise _LostError("more came than was told")


def _ask(url: str, part: Part) -> Any:
    headers = {"User-Agent": f"nrms-torch/{__version__}", "Accept-Encoding": "identity"}
    if part.size and part.version:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.version}
    return urlopen(Request(url, headers=headers), timeout=_TIMEOUT_S)


def _begin_or_go_on(answer: HTTPResponse, part: Part) -> None:
    """Make `part` one that the answer's bytes belong behind; _LostError where there is none."""
    version = _version(answer)
    if answer.status == _PARTIAL:
        sent = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        total = int(sent["total"]) if sent and int(sent["first"]) == part.size else None
        is_same = version in (None, part.version) and part.total in (None, total)
        if total is None or not is_same:
            part.begin(None, None)
            raise _LostError("the file has changed")
        part.total = total
    else:
        length = answer.headers.get("Content-Length", "")
        part.begin(version, int(length) if length.isdecimal() else None)


def _version(answer: HTTPResponse) -> str | None:
    """Give what If-Range may name: a strong ETag, or else the time of the last change."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified")


def _receive(answer: HTTPResponse, part: Part) -> None:
    """Write what comes behind the part; WrongArchiveError where it begins as no zip does."""
    what = f"{part.place.rpartition('/')[2]}, bytes"
    try:
        with part.file.open("a+b") as file, progress(what, part.total) as advance:
            size = file.seek(0, 2)
            is_checked = size >= len(_ZIP_BEGINS)
            advance(size)
            for chunk in _chunks(answer):
                size += file.write(chunk)
                file.flush()
                advance(len(chunk))
                if not is_checked and size >= len(_ZIP_BEGINS):
                    _require_zip(part)
                    is_checked = True
    except OSError as error:
        raise InputError(f"{part.file}: cannot be written: {error.strerror}") from error


def _chunks(answer: HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := answer.read1(_CHUNK):  # whatever has come, so that a break loses nothing
            yield chunk
    except (OSError, HTTPException) as error:
        raise _LostError(first_line(error)) from error


def _require_zip(part: Part) -> None:
    """Raise WrongArchiveError where the first bytes are no zip's, before gigabytes of it come."""
    with part.file.open("rb") as file:
        head = file.read(40)
    if not head.startswith(_ZIP_BEGINS):
        raise WrongArchiveError(f"{part.place}: is no zip archive: it begins with {head!r}")


def _progress(part: Part) -> str:
    return f"{part.size:,} of {'?' if part.total is None else format(part.total, ',')} bytes"
