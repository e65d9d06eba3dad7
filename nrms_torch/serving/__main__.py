"""Serve a bundle: `python -m nrms_torch.serving bundle=FOLDER host=127.0.0.1 port=8000`."""

import os
import sys

from nrms_torch.errors import InputError, stop
from nrms_torch.serving.api.server import serve
from nrms_torch.serving.api.settings import Settings


def main() -> None:
    """Serve until a signal; a user's mistake is one line and exit status 2."""
    try:
        serve(Settings.parse(sys.argv[1:], os.environ))
    except InputError as error:
        stop(error)


if __name__ == "__main__":
    main()
