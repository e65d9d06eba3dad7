"""Data in an object store: fetched once, and again when the store says that it has changed."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from nrms_torch.data.config import DataConfig
from nrms_torch.data.demo.generate import TRUTH
from nrms_torch.errors import InputError, first_line
from nrms_torch.files import replacing, users_cache

# What the stores say of a file: S3's and GCS' own names, and those of fsspec's other systems.
_VERSION_FIELDS = (
    *("ETag", "LastModified", "etag", "md5Hash", "generation", "updated"),
    *("mtime", "created", "size"),
)


def is_remote(path: str) -> bool:
    """Tell a URL, such as gs://bucket/folder or s3://bucket/folder, from a local path."""
    return "://" in path


def local_copy(config: DataConfig) -> DataConfig:
    """Fetch what `config` names in an object store, and give it with the copies' names instead.

    Copies are in `data.cache`, or in the user's cache, under the name that they have in the store.
    A file is fetched anew when its ETag, size or time of change is another; it appears whole or not
    at all, and of processes that start together one fetches. Any store that fsspec has a package
    for will do. Raises InputError where there is nothing to fetch, or no way to.
    """
    changes: dict[str, Any] = {}
    if is_remote(str(config.path)):
        names = (*config.reader.FILES, TRUTH)
        changes["path"] = str(_fetch("data.path", config.path, names, _cache(config)))
    if config.vectors is not None and is_remote(config.vectors):
        folder, _, name = config.vectors.rpartition("/")
        changes["vectors"] = str(_fetch("data.vectors", folder, [name], _cache(config)) / name)
    return replace(config, **changes)


def _cache(config: DataConfig) -> Path:
    return (Path(config.cache) if config.cache else users_cache()) / "remote"


def _fetch(field: str, url: str, names: Sequence[str], cache: Path) -> Path:
    """Copy those of the files `names` that are at `url` into the cache; give their folder."""
    protocol, _, place = url.partition("://")
    if ".." in PurePosixPath(place).parts:
        raise InputError(f"{field}: {url} has .. in it; expected the folder's own name")
    folder = cache / protocol / place
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written: {error.strerror}; data.cache names another folder"
        ) from error
    with _telling(field, url), FileLock(folder / ".lock"):
        import fsspec

        store, root = fsspec.url_to_fs(url)
        store.invalidate_cache()
        start = time.perf_counter()
        found = {name: _fetch_file(store, f"{root}/{name}", folder / name) for name in names}
    if all(size is None for size in found.values()):
        raise InputError(
            f"{field}: {url}: no such bucket or folder, or nothing in it; expected "
            f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
        )
    if size := sum(filter(None, found.values())):
        seconds = time.perf_counter() - start
        print(f"fetched {url}: {size / 2**20:,.1f} MiB in {seconds:.1f} s, kept in {folder}")
    return folder


def _fetch_file(store: Any, name: str, local: Path) -> int | None:
    """Make `local` what the store has; give the bytes fetched, None where it has no such file."""
    note = local.with_name(f".{local.name}.version.json")
    try:
        version = _version(store, name)
    except FileNotFoundError:
        note.unlink(missing_ok=True)
        local.unlink(missing_ok=True)
        return None
    if local.is_file() and note.is_file() and note.read_text() == version:
        return 0
    with replacing(local) as temporary:
        store.get_file(name, str(temporary))
        if _version(store, name) != version:
            raise InputError(f"{store.unstrip_protocol(name)}: changed while it was fetched")
        note.unlink(missing_ok=True)  # so that the new file never has the old one's
        fetched = temporary.stat().st_size
    with replacing(note) as temporary:
        temporary.write_text(version)
    return fetched


def _version(store: Any, name: str) -> str:
    """Give what the store says of a file's version; FileNotFoundError where it has none."""
    info = store.info(name)
    if info["type"] != "file":
        raise FileNotFoundError(name)
    said = {field: str(info[field]) for field in _VERSION_FIELDS if field in info}
    return json.dumps(said, sort_keys=True)


@contextmanager
def _telling(field: str, url: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"{field}: {url}: {first_line(error)}; expected pip install 'nrms-torch[data]'"
        ) from error
    except Exception as error:  # each store has errors of its own kind
        raise InputError(f"{field}: {url} cannot be read: {first_line(error)}") from error
