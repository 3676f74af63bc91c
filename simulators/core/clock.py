"""The clock a simulator is given: virtual in a rehearsal, the machine's in `core/serve.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells what time it is, in UTC."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, UTC."""
        ...


def stamp(at: datetime) -> str:
    """An instant as RFC 3339 text in UTC with microseconds: sorts as it happened."""
    # Several times as fast as strftime: every row and event of every simulator is stamped.
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
