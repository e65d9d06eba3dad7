"""What a data folder must have, told with what is there before anything is read."""

from collections.abc import Iterator
from pathlib import Path

from nrms_torch.data.config import READERS, DataConfig
from nrms_torch.errors import InputError, nearest

_SHOWN = 6  # names of a folder's contents


def require_data(config: DataConfig) -> None:
    """Raise InputError where a data folder has none of its format's files.

    It says what is there, what was expected, and where the data may lie.
    """
    folder, files = config.folder, config.reader.FILES
    if config.path is None:
        raise InputError("data.path: missing; expected data.path=FOLDER")
    if not folder.is_dir():
        fault = "is a file" if folder.exists() else "no such folder"
        beside = [each.name for each in folder.absolute().parent.glob("*/")]
        raise InputError(f"{folder}: {fault}; expected a folder of impressions"
                         f"{nearest(folder.name, beside)}")  # fmt: skip
    if _has_some(folder, files):
        return
    hint = next(_hints(config), "")
    raise InputError(f"{folder}: found {_contents(folder)}; expected {', '.join(files)}{hint}")


def require_articles(config: DataConfig) -> None:
    """Raise InputError where a split of the data has no articles file of its own, and should."""
    missing = config.reader.missing_article_files(config.folder)
    if missing and config.unknown_share < 1:
        raise InputError(
            f"{missing[0]}: no such file; expected the articles of each split, or "
            "data.unknown_share=1 where those of another split are enough"
        )


def _has_some(folder: Path, files: tuple[str, ...]) -> bool:
    return any((folder / file).exists() for file in files)


def _contents(folder: Path) -> str:
    names = sorted(each.name + "/" * each.is_dir() for each in folder.iterdir())
    more = ", …" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"


def _hints(config: DataConfig) -> Iterator[str]:
    """Give where the files may be instead, the likeliest first."""
    folder, files = config.folder, config.reader.FILES
    for name, reader in READERS.items():
        if _has_some(folder, reader.FILES):
            yield f"; these are files of data={name}"
    for other in (folder.absolute().parent, *sorted(folder.glob("*/"))):
        if _has_some(other, files):
            yield f"; did you mean {other}?"
