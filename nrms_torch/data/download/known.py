"""The archives that are known by name: EB-NeRD's bundles and artifacts, and why MIND is not one."""

from typing import NamedTuple

from nrms_torch.data.ebnerd import ARTICLES_FILE, BEHAVIORS_FILE, HISTORY_FILE
from nrms_torch.errors import InputError, nearest

TERMS = "https://recsys.eb.dk"
_BUCKET = "https://ebnerd-dataset.s3.eu-west-1.amazonaws.com"
_MIND = (
    "MIND has no official download: its link answers 409 since July 2024. A copy is at "
    "https://huggingface.co/datasets/Recommenders/MIND; expected nrms download "
    "url=…/MINDsmall_train.zip output=mind/train, and MINDsmall_dev.zip as mind/dev"
)


class Archive(NamedTuple):
    """Where an archive is, and the files, as patterns, that it must have."""

    url: str
    files: tuple[str, ...]


def _bundle(name: str, *splits: str) -> tuple[str, Archive]:
    files = (f"{split}/{file}" for split in splits for file in (BEHAVIORS_FILE, HISTORY_FILE))
    return name, Archive(f"{_BUCKET}/{name}.zip", (ARTICLES_FILE, *files))


def _artifact(name: str) -> tuple[str, Archive]:
    return name, Archive(f"{_BUCKET}/artifacts/{name}.zip", ("*.parquet",))


ARCHIVES = dict(
    [
        _bundle("ebnerd_demo", "train", "validation"),
        _bundle("ebnerd_small", "train", "validation"),
        _bundle("ebnerd_large", "train", "validation"),
        _bundle("ebnerd_testset", "test"),
        _artifact("Ekstra_Bladet_word2vec"),
        _artifact("Ekstra_Bladet_contrastive_vector"),
        _artifact("Ekstra_Bladet_image_embeddings"),
        _artifact("google_bert_base_multilingual_cased"),
        _artifact("FacebookAI_xlm_roberta_base"),
    ]
)


def known_archive(name: str) -> Archive:
    """Give the archive of a name; InputError names the nearest, or says where MIND's copies are."""
    if name.lower().startswith("mind"):
        raise InputError(_MIND)
    if name not in ARCHIVES:
        raise InputError(
            f"name={name}: no archive of EB-NeRD{nearest(name, ARCHIVES)}; expected one of "
            f"{', '.join(ARCHIVES)}"
        )
    return ARCHIVES[name]
