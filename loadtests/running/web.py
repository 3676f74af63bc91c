"""The port of Locust's own pages."""

from __future__ import annotations

import socket

from cutover.served.processes import free_port

LOCUSTS = 8089
"""Where people look for them first."""


def web_port() -> int:
    """Locust's usual port, or a free one when somebody has it."""
    with socket.socket() as door:
        try:
            door.bind(("127.0.0.1", LOCUSTS))
        except OSError:
            return free_port()
    return LOCUSTS
