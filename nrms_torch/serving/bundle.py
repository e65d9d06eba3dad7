"""A bundle: the folder that holds all that serving a model takes, and the proof that it is whole.

`model.json` has the size and the hash of every other file, and a digest of itself.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nrms_torch.data.schema import ARTICLE_ID, HISTORY
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError, first_line
from nrms_torch.evaluation.calibration import Calibration
from nrms_torch.files import file_sha256
from nrms_torch.late.stage import STAGE, TREES, LateStage
from nrms_torch.model.hyper_parameters import HyperParameters, from_mapping

FORMAT = 1
BUNDLE = "bundle"  # the name that a run folder has it under
MANIFEST = "model.json"
NEWS_ENCODER = "news_encoder.onnx"
USER_ENCODER = "user_encoder.onnx"
USER_EXPLAIN = "user_explain.onnx"
ARTICLES = "articles.parquet"
FEATURES = "article_features.npy"
VECTORS = "article_vectors.npy"
VOCABULARY = "vocabulary"
READERS = "readers.parquet"

_FILES = (NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN, ARTICLES, FEATURES, VECTORS)
_OPTIONAL = (READERS, STAGE, TREES)
_VOCABULARY_FILES = (f"{VOCABULARY}/tokenizer.json", f"{VOCABULARY}/vocabulary.json")


@dataclass(frozen=True)
class Bundle:
    """A bundle's parts, verified; R counts the articles and, as row 0, the unknown one.

    `articles` has R - 1 rows of `article_id`, `title` and `category`; `features` are title tokens
    (R, T) int32 or document vectors (R, W) float32, in the standard variant with two facts behind
    each row (see data/facts.py), `feature_size` of them; `vectors` (R, D) float32 what the news
    encoder makes of them. All are copies in memory, of the very bytes that were verified: a folder
    that is written over, as by `cp`, changes nothing here. `vocabulary` is None for document
    vectors. `readers` are the histories of sample readers, oldest click first, as lists of article
    ids; a bundle may have none. `late` is what adds everybody's clicks to the scores, None where
    the run has none. `manifest` is model.json, whose `files` have all hashes.
    """

    folder: Path
    manifest: dict[str, Any]
    hyper_parameters: HyperParameters
    articles: pl.DataFrame
    feature_size: int
    vectors: np.ndarray
    vocabulary: Vocabulary | None
    readers: pl.Series
    late: LateStage | None = None

    @property
    def reads_titles(self) -> bool:
        """Whether the model reads titles (NRMS), not document vectors (NRMSDocVec)."""
        return self.vocabulary is not None

    def title_tokens(self, features: np.ndarray) -> np.ndarray:
        """Give the tokens (…, T) of a title model's features, without the facts behind them."""
        title_size: int = getattr(self.hyper_parameters, "title_size")  # noqa: B009
        return features[..., :title_size]

    @cached_property
    def features(self) -> np.ndarray:
        """What the news encoder reads of the articles (R, T or W), read when it is first asked for.

        Raises InputError where the file is another one by then.
        """
        return _array(self.folder / FEATURES, self.read(FEATURES))

    def read(self, name: str) -> bytes:
        """Read a file of the bundle; InputError where it is not the one that was verified."""
        return _verified(self.folder / name, self.manifest["files"][name])

    @cached_property
    def calibration(self) -> Calibration | None:
        """How scores become probabilities; None where the run was never measured."""
        return Calibration.of(self.manifest.get("calibration"))

    @cached_property
    def version(self) -> str:
        """Name the bundle by its content: the first digits of its digest."""
        return _digest(self.manifest)[:12]

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read and verify a bundle; InputError, in one line, where any part of it is not sound."""
        manifest = _read_manifest(folder)
        try:
            return cls._of_manifest(folder, manifest)
        except InputError:
            raise
        # A manifest may be whole, and yet of another hand than ours: anything may stand in it.
        except Exception as error:
            raise InputError(
                f"{folder}: no bundle that nrms export made: {type(error).__name__}: "
                f"{first_line(error)}"
            ) from error

    @classmethod
    def _of_manifest(cls, folder: Path, manifest: dict[str, Any]) -> "Bundle":
        hyper_parameters = from_mapping(manifest["model"])
        reads_titles = hyper_parameters.reads_titles
        names = _FILES + _VOCABULARY_FILES * reads_titles
        names += tuple(name for name in _OPTIONAL if name in manifest["files"])
        if set(manifest["files"]) != set(names):
            raise InputError(
                f"{folder / MANIFEST}: lists {', '.join(sorted(manifest['files']))}; "
                f"expected {', '.join(sorted(names))}"
            )

        def read(name: str) -> bytes:
            return _verified(folder / name, manifest["files"][name])

        for name in (NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN):
            read(name)
        articles = pl.read_parquet(read(ARTICLES))
        features = _array(folder / FEATURES, read(FEATURES))
        bundle = cls(
            folder=folder,
            manifest=manifest,
            hyper_parameters=hyper_parameters,
            articles=articles,
            feature_size=features.shape[1],
            vectors=_array(folder / VECTORS, read(VECTORS)),
            vocabulary=Vocabulary.parse(*(read(name).decode() for name in _VOCABULARY_FILES))
            if reads_titles
            else None,
            readers=pl.read_parquet(read(READERS))[HISTORY]
            if READERS in names
            else pl.Series(HISTORY, [], dtype=pl.List(articles[ARTICLE_ID].dtype)),
            late=LateStage.parse(
                read(STAGE).decode(),
                read(TREES).decode() if TREES in names else "",
                where=str(folder / STAGE),
            )
            if STAGE in names
            else None,
        )
        bundle._require_one_table(features)
        return bundle

    def _require_one_table(self, features: np.ndarray) -> None:
        rows = len(self.articles) + 1
        expected = (rows, self.hyper_parameters.vector_size)
        if self.vectors.shape != expected or len(features) != rows:
            raise InputError(
                f"{self.folder}: {ARTICLES} has {rows - 1} articles, but {VECTORS} has the shape "
                f"{self.vectors.shape} and {FEATURES} {features.shape}; expected {expected} "
                f"and {rows} rows"
            )
        if not np.isfinite(self.vectors).all():
            raise InputError(f"{self.folder / VECTORS}: has numbers that are not finite")
        if (twice := self.articles[ARTICLE_ID].is_duplicated()).any():
            first = self.articles[ARTICLE_ID].filter(twice)[0]
            raise InputError(f"{self.folder / ARTICLES}: has article {first!r} more than once")
        ids = self.articles[ARTICLE_ID].dtype
        if self.readers.dtype != pl.List(ids):
            raise InputError(
                f"{self.folder}: {READERS} has histories of the type {self.readers.dtype}, but "
                f"{ARTICLES} ids of the type {ids}"
            )


def seal(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `model.json` of `content` and of the other files that `folder` has."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    manifest = {
        "format": FORMAT,
        **content,
        "files": {path.relative_to(folder).as_posix(): _fingerprint(path) for path in files},
    }
    text = json.dumps(manifest | {"digest": _digest(manifest)}, indent=2, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n")


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"bundle: {folder} has no {MANIFEST}; expected a folder that nrms export made"
        )
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:  # no JSON, or no text
        raise InputError(f"{path}: damaged: {error}") from error
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise InputError(
            f"{path}: a bundle of format {found!r}; expected {FORMAT}, so export the run again"
        )
    if manifest.pop("digest", None) != _digest(manifest):
        raise InputError(f"{path}: damaged or edited; its digest does not fit its content")
    return dict(manifest)


def _verified(path: Path, expected: Mapping[str, Any]) -> bytes:
    """Read a file at once, and give what was read if that is what the manifest says."""
    if not path.is_file():
        raise InputError(f"{path}: missing; a bundle is complete or not used")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise InputError(f"{path}: has {size:,} bytes, expected {expected['bytes']:,}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise InputError(f"{path}: damaged, or of another bundle; its hash is not {MANIFEST}'s")
    return content


def _array(path: Path, content: bytes) -> np.ndarray:
    """Give the array of numbers of a .npy file over its own bytes, without a copy."""
    file = BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, by_columns, dtype = read_header(file)
        numbers = np.frombuffer(content, dtype, offset=file.tell())
        return numbers.reshape(shape, order="F" if by_columns else "C")
    except ValueError as error:
        raise InputError(f"{path}: no array of numbers: {first_line(error)}") from error
