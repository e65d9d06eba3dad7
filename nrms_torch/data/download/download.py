"""From a name or a URL to a data folder: fetched, checked, unpacked, and only then there."""

from pathlib import Path

from nrms_torch.data.download.fetch import fetch, without_secrets
from nrms_torch.data.download.known import TERMS, known_archive
from nrms_torch.data.download.part import part_folder
from nrms_torch.data.download.unpack import unpack
from nrms_torch.errors import InputError
from nrms_torch.files import replacing_folder


def download(
    name: str | None, output: Path | None, *, url: str | None = None, accept_terms: bool = False
) -> Path:
    """Download an archive of EB-NeRD by its name, or any zip by its URL; give the folder made.

    With both, the named archive is taken from `url`. `output` is data/NAME unless given. What has
    come of an archive stays in OUTPUT.part until all is well, and the next call goes on with it;
    what turns out to be the wrong file does not stay. Raises InputError where EB-NeRD's terms are
    not accepted, `output` is in use, or as `fetch` and `unpack` do.
    """
    if name is None and url is None:
        raise InputError("name: missing; expected a name, as ebnerd_small, or url=…")
    files: tuple[str, ...] = ()
    hint = ""
    if name is not None:
        archive = known_archive(name)
        if accept_terms is not True:
            raise InputError(
                f"accept_terms: EB-NeRD has terms, which are read and accepted at {TERMS}; once "
                "you have, accept_terms=true"
            )
        hint = f"; {TERMS} says where {name} is, and has its terms"
        files, url, output = archive.files, url or archive.url, output or Path("data") / name
    if url is None or output is None:
        raise InputError("output: missing; expected output=FOLDER")
    place = without_secrets(url)
    _require_new(output)
    with part_folder(output) as folder:
        archive_file = fetch(url, folder, hint=hint)
        with replacing_folder(output) as temporary:
            count = unpack(archive_file, temporary, files, place=place)
    print(f"{output}: {count} files")
    return output


def _require_new(output: Path) -> None:
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise InputError(f"{output}: is there already; expected the name of a new folder")
