"""Remembers what a feed has given, so that re-reading the last seconds repeats nothing.

Stamps of whole seconds mean a feed must read its last seconds again: rows may still join them. The
memory belongs to the cursor it led to, so it can never hide a row: a caller that comes back with an
older cursor (its commit failed) is given everything after that cursor again. It is only an economy;
after a restart the same events come once more under the same ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


class Given:
    """The events given on the way to a feed's cursor: event id → change stamp."""

    def __init__(self) -> None:
        self._by_cursor: dict[str, dict[str, str]] = {}

    def before(self, cursor: str) -> Mapping[str, str]:
        """What was given on the way to this cursor, as far as it is remembered."""
        return self._by_cursor.get(cursor, {})

    def remember(self, *, before: str, after: str, given: Mapping[str, str], since: str) -> None:
        """Note a page; only events with a stamp of `since` or later can come again."""
        kept = {event: stamp for event, stamp in self.before(before).items() if stamp >= since}
        kept.update((event, stamp) for event, stamp in given.items() if stamp >= since)
        # The caller may not have stored `after` yet: both cursors stay known.
        self._by_cursor = {before: dict(self.before(before)), after: kept}


def digest(before: str, events: Iterable[str]) -> str:
    """A running check of everything given, so that different histories have different cursors."""
    joined = "\n".join(events)
    return hashlib.blake2b(f"{before}\n{joined}".encode(), digest_size=6).hexdigest() if joined else before
