"""From a configuration's `data` section to local files: fetched, generated, or made of titles."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig

from nrms_torch.configuration import plain
from nrms_torch.console import progress
from nrms_torch.data.articles import article_texts
from nrms_torch.data.config import DataConfig
from nrms_torch.data.demo.generate import generate
from nrms_torch.data.prepared.places import kept_hashes, require_writable_place
from nrms_torch.data.presence import require_articles, require_data
from nrms_torch.data.remote import is_remote, local_copy
from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields
from nrms_torch.files import file_sha256

_TEXTS_A_BATCH = 64


def local_data(section: DictConfig, **overrides: Any) -> DataConfig:
    """Make the data configuration of a `data` section, over local copies of what is remote.

    InputError for a field that it does not have, and for data that cannot be fetched or is not
    there.
    """
    data = _local(section, overrides)
    require_data(data)
    return data


def made_data(section: DictConfig, **overrides: Any) -> DataConfig:
    """Make the data configuration of a `data` section, and generate the data that it asks for."""
    data = _local(section, overrides)
    if data.generate:
        generate(data.folder, **data.generate)  # processes that start together agree on one
    require_data(data)
    return data


def _local(section: DictConfig, overrides: Mapping[str, Any]) -> DataConfig:
    given = plain(section) | dict(overrides)
    # What is the variant's to say, and no variant is asked, has the default.
    told = {name: value for name, value in given.items() if value is not None or name == "path"}
    data = from_fields(DataConfig, "data", told)
    if data.generate and is_remote(data.path):
        raise InputError(
            f"data.generate: data is generated in a local folder, not in {data.path}; expected "
            "data.generate=null"
        )
    return local_copy(data)


def with_vectors(data: DataConfig) -> DataConfig:
    """Give `data` with document vectors: its own, or those that its transformer makes of titles.

    Where neither is named a folder's own `document_vectors.parquet` is taken. Those of titles are
    made once, kept beside the prepared arrays, and made anew for another articles file, transformer
    or choice of columns. Raises InputError where there is none of the three.
    """
    if data.vectors is not None:
        return data
    if data.transformer is None and (own := data.folder / "document_vectors.parquet").is_file():
        return replace(data, vectors=str(own))
    if data.transformer is None:
        raise InputError(
            "data.vectors: NRMSDocVec needs document vectors; expected data.vectors=FILE.parquet "
            "(EB-NeRD's artifacts have some), or data.transformer=NAME, which makes them from "
            "titles, or model=nrms, which reads titles without either"
        )
    place = require_writable_place(data)
    place.mkdir(parents=True, exist_ok=True)
    hashes = kept_hashes(data)
    made_of = {
        "articles": [hashes.of(file) for file in data.reader.article_files(data.folder)],
        "transformer": data.transformer,
        "text_columns": list(data.text_columns),
    }
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    file, note = (place / f"title_vectors-{digest}.{ending}" for ending in ("parquet", "sha256"))
    with FileLock(place / "vectors.lock"):
        if file.is_file() and note.is_file() and hashes.of(file) != note.read_text().strip():
            print(f"{file}: damaged; made again")
            file.unlink()
        if not file.is_file():
            embed_articles(data, data.transformer, file)
            note.write_text(file_sha256(file))
    return replace(data, vectors=str(file))


def embed_articles(
    data: DataConfig, transformer: str, output: Path, *, batch_size: int = _TEXTS_A_BATCH
) -> tuple[int, int]:
    """Write a document vector of each article's text; give their number and the empty ones'.

    An article without text gets zeros. Raises InputError where there are no articles, or no such
    transformer.
    """
    from nrms_torch.data.embedding import embed_texts, write_vectors

    require_articles(data)
    articles = data.reader.read_articles(data.folder)
    if articles is None:
        raise InputError(f"{data.folder}: has no articles file, so there are no titles to embed")
    ids, texts = article_texts(articles, data.text_columns)
    with progress("embedding", len(texts)) as advance:
        vectors = embed_texts(texts, transformer, batch_size=batch_size, advance=advance)
    write_vectors(output, ids, vectors)
    empty = sum(not text for text in texts)
    print(f"{output}: {len(ids):,} vectors of width {vectors.shape[1]}, {empty:,} without text")
    return len(ids), empty
