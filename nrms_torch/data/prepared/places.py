"""Where what is made of the data is kept: beside it, or in the user's cache."""

import os
from contextlib import suppress
from pathlib import Path

from nrms_torch.data.config import DataConfig
from nrms_torch.data.prepared.content import ContentHashes
from nrms_torch.errors import InputError
from nrms_torch.files import users_cache

FOLDER = ".prepared"


def places(config: DataConfig) -> list[Path]:
    """List the folders that can hold what was made of the data, the best first."""
    if config.cache:
        return [Path(config.cache)]
    found = [config.folder / FOLDER]
    with suppress(InputError):  # without a home the data's own folder has to do
        found.append(users_cache() / "prepared")
    return found


def writable_place(config: DataConfig) -> Path | None:
    """Give the first of those folders that can be written, which may not be there yet."""
    return next(filter(_is_writable, places(config)), None)


def require_writable_place(config: DataConfig) -> Path:
    """Give the first of those folders that can be written; InputError where there is none."""
    if place := writable_place(config):
        return place
    raise InputError(
        f"data.cache: cannot write into {' or '.join(map(str, places(config)))}; name another "
        "folder"
    )


def kept_hashes(config: DataConfig) -> ContentHashes:
    """Give the hashes of files, kept where what is made of the data is kept."""
    return ContentHashes(places(config), writable_place(config))


def _is_writable(place: Path) -> bool:
    existing = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    # The mode is asked too: a folder that is marked read-only stays as it is, for root too.
    return os.access(existing, os.W_OK | os.X_OK) and bool(existing.stat().st_mode & 0o222)
