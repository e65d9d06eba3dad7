"""What a model learns from, known by its whole content: the same wherever it lies, however old."""

from collections.abc import Mapping
from pathlib import Path

from nrms_torch.data.config import DataConfig
from nrms_torch.errors import InputError
from nrms_torch.files import file_sha256

VECTORS = "data.vectors"
DIGITS = 16  # of a hash, in what people read


def training_files(config: DataConfig, *, reads_titles: bool) -> dict[str, Path]:
    """Name the files that training and its validation read.

    A file of the data folder has its place there for a name, the vectors their field.
    """
    reader, folder = config.reader, config.folder
    files = [*reader.split_files(folder, "train"), *reader.split_files(folder, "validation")]
    if reads_titles:
        files += reader.article_files(folder)
    named = {file.relative_to(folder).as_posix(): file for file in files}
    return named if reads_titles else {**named, VECTORS: Path(str(config.vectors))}


def hash_files(files: Mapping[str, Path]) -> dict[str, str]:
    """Give the SHA-256 of each file by its name; InputError where one cannot be read."""
    hashes = {}
    for name, path in files.items():
        try:
            hashes[name] = file_sha256(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return hashes


def require_same(
    now: Mapping[str, str], before: Mapping[str, str], files: Mapping[str, Path], run: Path
) -> None:
    """Raise InputError for the first thing whose hash is not what it was when `run` began.

    `files` tells where things lie that are files; others are told by their name.
    """
    for name in sorted(now.keys() | before.keys()):
        found, expected = (hashes.get(name) for hashes in (now, before))
        if found != expected:
            raise InputError(
                f"{files.get(name, name)}: {_shown(found)}, but {run} was trained on "
                f"{_shown(expected)}; expected the same data"
            )


def _shown(fingerprint: str | None) -> str:
    return f"sha256 {fingerprint[:DIGITS]}" if fingerprint else "no such file"
