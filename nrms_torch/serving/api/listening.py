"""The socket that a server listens on."""

import socket

from nrms_torch.errors import InputError

_BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port, 0 for any free one; InputError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InputError(
            f"port: {port} of host {host} cannot be listened on: {error.strerror}"
        ) from error
    # Connections take this over. Without it the body of an answer, which is sent after its head,
    # waits 40 ms for the client to acknowledge the head; asyncio sees to that for its own sockets.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
