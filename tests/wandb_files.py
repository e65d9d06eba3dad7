"""Read what an offline W&B run has written: a log of protobuf records, in LevelDB's log format."""

import json
import struct
from pathlib import Path

_HEADER, _BLOCK = 7, 32_768
_FULL, _FIRST, _LAST = 1, 2, 4


def records(run_folder: Path) -> list:
    """Give the records of the one W&B run that a run folder has, in the order they were written."""
    (file,) = run_folder.glob("wandb/offline-run-*/*.wandb")
    return records_of(file)


def records_of(file: Path) -> list:
    """Give the records of a .wandb file."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for content in _contents(file.read_bytes()):
        record = Record()
        record.ParseFromString(content)
        found.append(record)
    return found


def _contents(data: bytes):
    assert data[:4] == b":W&B"
    at, parts = _HEADER, []
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # no header begins so close to the end of a block
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        at += _HEADER
        parts.append(data[at : at + length])
        at += length
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = []


def config(found: list) -> dict:
    """Merge what was logged of the configuration."""
    merged = {}
    for record in found:
        for part in (record.config, record.run.config):
            for item in part.update:
                merged[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
    return merged


def history(found: list) -> list[dict]:
    """Give the rows of metrics."""
    return [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        for row in (record.history for record in found if record.HasField("history"))
    ]


def artifacts(found: list) -> dict:
    """Give the artifacts by their names."""
    logged = (record.request.log_artifact.artifact for record in found)
    saved = [*logged, *(record.artifact for record in found)]
    return {artifact.name: artifact for artifact in saved if artifact.name}
