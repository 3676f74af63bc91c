"""Who is asking. The seam authentication plugs into; the gateway knows nothing else of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from router.errors import BadInput

_CLIENT = re.compile(r"[A-Za-z0-9._@-]{1,64}\Z", re.ASCII)
CLIENT_HEADER = "x-coexist-client"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: the scope of its idempotency keys, and what it may do."""

    client: str
    scopes: frozenset[str] = frozenset({"*"})

    def may(self, scope: str) -> bool:
        """Whether the caller has a scope."""
        return "*" in self.scopes or scope in self.scopes


Authenticate = Callable[[Request], Awaitable[Principal]]


async def by_name(request: Request) -> Principal:
    """Believe the caller's own name (header `X-Coexist-Client`): for loopback and rehearsals only."""
    name = request.headers.get(CLIENT_HEADER, "anonymous")
    if not _CLIENT.match(name):
        raise BadInput(f"{CLIENT_HEADER}: should be 1 to 64 of A-Z a-z 0-9 . _ @ -")
    return Principal(client=name)
