"""The requests a simulator received: bounded, cheap to write, rendered only when somebody looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.core.clock import stamp

KEPT = 5_000
"""Requests remembered; `total` counts them all."""
BODY_KEPT = 4_096
"""Bytes of a body that are remembered."""
_MASKED = (b"authorization", b"cookie", b"proxy-authorization")


@dataclass(slots=True)
class Received:
    """One request as it came, and the status it got (0: no answer was sent)."""

    at: datetime
    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    status: int = 0
    faults: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """JSON-able, credentials masked."""
        return {
            "at": stamp(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query.decode("latin-1"),
            "headers": {
                name.decode("latin-1"): "…" if name.lower() in _MASKED else value.decode("latin-1")
                for name, value in self.headers
            },
            "body": self.body.decode("utf-8", "replace"),
            "status": self.status,
            "faults": list(self.faults),
        }


class RequestJournal:
    """The last requests, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self.total = 0
        self._kept: deque[Received] = deque(maxlen=kept)

    def append(self, entry: Received) -> None:
        """Remember a request, forgetting the oldest beyond the bound."""
        self.total += 1
        self._kept.append(entry)

    def clear(self) -> None:
        """Forget all, the count too."""
        self.total = 0
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Received]:
        return iter(self._kept)

    def last(self, count: int) -> list[Received]:
        """The newest `count`, oldest of them first."""
        return list(self._kept)[-count:] if count > 0 else []
