"""The process of one side: `python -m benchmarks.speed.worker FILE_DESCRIPTOR`.

It imports nothing but what its side needs, so that its memory is that side's own.
"""

import sys
from multiprocessing.connection import Connection

from benchmarks.speed.turns import Turns
from nrms_torch.errors import InputError


def main() -> None:
    """Receive a function and its arguments and run it over this process' turns."""
    connection = Connection(int(sys.argv[1]))
    try:
        work, arguments = connection.recv()
        work(Turns(connection), **arguments)
    except InputError as error:
        connection.send(error)


if __name__ == "__main__":
    main()
