"""What idle, slow and wrong clients cost the good ones, and whether a server stays the same.

`python -m benchmarks.load.hostile BUNDLE [SECONDS]`, with the environment's NRMS_API_KEY unset.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import polars as pl
import psutil

from benchmarks.load.measure import memory_mib
from nrms_torch.serving.process import ServerProcess, server

_RATE, _HISTORY, _CANDIDATES = 200, 20, 100
_KEY = {"X-API-Key": "load"}
_IDLE, _SLOW, _WRONG = 400, 100, 10


@dataclass
class Seen:
    """What good clients saw: seconds an answer took, and what failed."""

    rankings: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    failed: int = 0

    def __str__(self) -> str:
        answers, health = (np.array(each) * 1e3 for each in (self.rankings, self.health))
        return (
            f"{len(answers):,} rankings, median {np.median(answers):.0f} ms, "
            f"99 % {np.quantile(answers, 0.99):.0f} ms, most {answers.max():.0f} ms; "
            f"{len(health)} health checks, most {health.max():.0f} ms; {self.failed} failed"
        )


async def _timed(call: Coroutine[Any, Any, httpx.Response], into: list[float], seen: Seen) -> None:
    start = time.perf_counter()
    try:
        seen.failed += (await call).status_code != 200
    except httpx.HTTPError:
        seen.failed += 1
    into.append(time.perf_counter() - start)


async def _good(client: httpx.AsyncClient, ids: list[Any], seconds: float) -> Seen:
    """Ask for 200 rankings and 5 health checks a second, whether or not the last is answered."""
    seen, generator, tasks = Seen(), np.random.default_rng(0), []
    start = time.perf_counter()
    for number in range(int(seconds * _RATE)):
        await asyncio.sleep(max(0, start + number / _RATE - time.perf_counter()))
        drawn = [ids[n] for n in generator.integers(len(ids), size=_HISTORY + _CANDIDATES)]
        body = {"history": drawn[:_HISTORY], "candidates": drawn[_HISTORY:]}
        call = client.post("/recommend", json=body)
        tasks.append(asyncio.create_task(_timed(call, seen.rankings, seen)))
        if number % (_RATE // 5) == 0:
            call = client.get("/v2/health/live", headers={"Connection": "close"})
            tasks.append(asyncio.create_task(_timed(call, seen.health, seen)))
    await asyncio.gather(*tasks)
    return seen


async def _silent(url: str, head: bytes, drip: bytes) -> None:
    """Connect, say `head`, then `drip` once a second; and again when the server has closed."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head)
            while not reader.at_eof() and not writer.is_closing():
                await asyncio.sleep(1)
                writer.write(drip)
            writer.close()
        await asyncio.sleep(1)


@contextmanager
def _beside(hostile: Callable[[str], Coroutine[Any, Any, None]], url: str) -> Iterator[None]:
    """Run hostile clients in a process of their own, so that they keep only the server busy."""
    process = get_context("spawn").Process(target=_run, args=(hostile, url))
    process.start()
    try:
        time.sleep(3)
        yield
    finally:
        process.kill()
        process.join()


def _run(hostile: Callable[[str], Coroutine[Any, Any, None]], url: str) -> None:
    asyncio.run(hostile(url))


async def _crowd(url: str) -> None:
    json_head = b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    form_head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\n"
    calls = [
        *(_silent(url, b"", b"") for _ in range(_IDLE)),
        *(_silent(url, b"GET / HTTP/1.1\r\n", b"X: y\r\n") for _ in range(_SLOW // 2)),
        *(
            _silent(url, head + b"Content-Length: 100000\r\n\r\n", b" ")
            for head in (json_head, form_head)
            for _ in range(_SLOW // 4)
        ),
    ]
    await asyncio.gather(*calls)


def _wrong_bodies() -> list[bytes]:
    fields = {"articles": [{"article_id": 1} | {f"f{n}": 1 for n in range(280_000)}]}
    few = {"articles": [{"article_id": 1} | {f"f{n}": "x" * 30 for n in range(90_000)}]}
    vectors = {"articles": [{"article_id": n, "vector": ["1.0"] * 65_536} for n in range(7)]}
    late = {"articles": [{"article_id": n, "vector": [0.1] * 400} for n in range(999)] + [{}]}
    many: dict[str, Any] = {"articles": [{}] * 900_000}
    return [json.dumps(each).encode() for each in (fields, few, vectors, late, many)] * 2


async def _wrong(url: str) -> None:
    """Send ten wrong bodies of 4 MiB at once, again and again."""
    headers = {"Content-Type": "application/json", **_KEY}
    bodies = _wrong_bodies()
    async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
        while True:
            answers = await asyncio.gather(
                *(client.post("/articles", content=each) for each in bodies)
            )
            if others := {each.status_code for each in answers} - {413, 422}:
                print("wrong bodies were answered", others, file=sys.stderr)
            await asyncio.sleep(3)


async def _soak(client: httpx.AsyncClient, ids: list[Any], bundle: str, seconds: float) -> str:
    """Add, rank, upload and swap in turn; tell what all that cost."""
    shown = pl.Series([ids[:50]] * 1_000)
    table = {"impression_id": range(1_000), "article_ids_inview": shown}
    pl.DataFrame(table | {"article_id_fixed": shown}).write_parquet(file := BytesIO())
    manifest = (await client.get("/v2/models/nrms")).json()
    width = manifest["manifest"]["model"].get("document_vector_size")
    new = [0.1] * width if width else None
    start, turn, failed = time.perf_counter(), 0, 0
    while time.perf_counter() - start < seconds:
        added = [
            {"article_id": turn * 100 + n, "title": "storm on the way"}
            | ({"vector": new} if new else {})
            for n in range(1, 101)
        ]
        calls = [
            client.post("/articles", json={"articles": added}, headers=_KEY),
            client.post("/predict", files={"behaviors": file.getvalue()}),
            *(client.post("/recommend", json={"history": ids[:20]}) for _ in range(20)),
        ]
        if turn % 10 == 9:
            calls.append(client.post("/v2/models/nrms/load", json={"bundle": bundle}, headers=_KEY))
        failed += sum(each.status_code != 200 for each in await asyncio.gather(*calls))
        turn += 1
    return (
        f"{turn} turns of 100 articles, an upload and 20 rankings, a swap each 10; {failed} failed"
    )


def _state(target: ServerProcess, folder: Path) -> str:
    files = sum(each.is_file() for each in folder.rglob("*"))
    return (
        f"{memory_mib(target):,.0f} MiB, {psutil.Process(target.pid).num_fds()} descriptors, "
        f"{files} temporary files"
    )


async def _measure(target: ServerProcess, bundle: str, folder: Path, seconds: float) -> None:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=target.url, timeout=60, limits=limits) as client:
        page = (await client.get("/articles", params={"limit": 1_000})).json()
        ids = [article["article_id"] for article in page["articles"]]
        await _good(client, ids, 3)
        print("alone:", await _good(client, ids, seconds), flush=True)
        with _beside(_crowd, target.url):
            print(f"beside {_IDLE} idle and {_SLOW} slow:", await _good(client, ids, seconds))
        print("after:", _state(target, folder), flush=True)
        with _beside(_wrong, target.url):
            print(f"beside {_WRONG} wrong bodies of 4 MiB:", await _good(client, ids, seconds))
        print("after:", _state(target, folder), flush=True)
        for _ in range(3):
            print(await _soak(client, ids, bundle, seconds), "→", _state(target, folder))


def main(bundle: str, seconds: float = 60) -> None:
    """Measure a server of a bundle, and print what was seen."""
    with tempfile.TemporaryDirectory() as name, Path(name, "log").open("w+") as log:
        temporary = Path(name, "temporary")
        temporary.mkdir()
        os.environ["TMPDIR"] = str(temporary)
        settings = (f"bundle={bundle}", f"api_key={_KEY['X-API-Key']}")
        with server(*settings, log=log) as target:
            print("at first:", _state(target, temporary), flush=True)
            asyncio.run(_measure(target, bundle, temporary, seconds))
        print(f"log: {log.tell():,} bytes")


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
