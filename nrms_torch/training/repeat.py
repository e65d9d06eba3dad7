"""A run that follows another, by resuming or repeating it: the same data, and the same weights."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.prepared.places import kept_hashes
from nrms_torch.data.transformer import word_embeddings
from nrms_torch.errors import InputError
from nrms_torch.training.checkpoints import read_checkpoint
from nrms_torch.training.origin import describe_origin, differences
from nrms_torch.training.processes import is_process_zero
from nrms_torch.training.run_folder import RunFolder

VECTORS = "data.vectors"
DIGITS = 16  # of a hash, in what people read


def check_origin(
    datamodule: NewsDataModule, devices: int, before: RunFolder | None
) -> dict[str, Any]:
    """Tell what a run is made of, its data's hashes included, and hold it to the run `before`.

    Raises InputError where the data is not what that run was trained on; where code, packages or
    machine differ it says so in a line. Rank 0 alone looks, the others get an empty mapping.
    """
    if not is_process_zero():
        return {}
    files = training_files(datamodule.config, reads_titles=datamodule.vocabulary is not None)
    kept = kept_hashes(datamodule.config)
    hashes = {name: kept.of(path) for name, path in files.items()}
    if datamodule.vocabulary is not None and datamodule.vocabulary.transformer:
        # They can come from a Hub, where there is no file to name.
        vocabulary = datamodule.vocabulary
        embeddings = word_embeddings(str(vocabulary.transformer), vocabulary.token_ids)
        hashes["data.transformer"] = hashlib.sha256(embeddings.tobytes()).hexdigest()
    origin = describe_origin(devices) | {"data": hashes}
    then = before.origin() if before else {}
    if before and "data" in then:  # imported weights have none
        require_same(hashes, then["data"], files, before.path)
    if before and then and (found := differences(then, origin)):
        print(f"{before.path} began under {'; '.join(found)}: the last digits can differ")
    return origin


def compare_weights(before: RunFolder, run: RunFolder) -> str:
    """Say in a line whether two runs ended with the same weights, bit for bit.

    They are only compared where both ended at the same step.
    """
    if not before.last_checkpoint.is_file():  # a repetition can be resumed much later
        return f"{run.path}: {before.path} has gone, so its weights are not compared"
    last, last_other = (read_checkpoint(each.last_checkpoint) for each in (before, run))
    if (end := _end(last)) != (end_other := _end(last_other)):
        return f"{run.path}: ended at {end_other}, {before.path} at {end}: weights not compared"
    one, other = last["state_dict"], last_other["state_dict"]
    if one.keys() != other.keys() or any(one[name].shape != other[name].shape for name in one):
        return f"{run.path}: has other layers than {before.path}"
    if all(torch.equal(one[name], other[name]) for name in one):
        return f"{run.path}: the same weights as {before.path}, bit for bit"
    largest = max((one[name] - other[name]).abs().max().item() for name in one)
    return f"{run.path}: the weights of {before.path} but for differences of up to {largest:.1e}"


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


def _end(checkpoint: dict[str, Any]) -> str:
    return f"epoch {checkpoint['epoch'] + 1}, step {checkpoint['global_step']:,}"
