"""Registers: exact counters that an acceptance reads and changes in its own commit.

Two documents must never both take the last hour under a cap, and two change orders must never both be
version 2, whichever gateway they came through. So the rest under a cap, the rest of a retainer, the
version a contract stands at and how often a master was changed are kept here and changed only by the acceptance that uses them, under a
lock; what a document becomes is said by pure functions it brings along (`Draw`, `Advance`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from zlib import crc32

from router.canonical.documents import Document
from router.journal.engine import Transaction
from router.journal.port import Advance, Draw, Split

_MASTER = "master:"
_MASTER_LOCKS = 64
"""Masters share so many locks: a batch of a thousand takes these at most, each in a round trip of its own."""


class Registers:
    """The registers one acceptance uses, locked to the end of its transaction."""

    def __init__(self, tx: Transaction, names: Iterable[str]) -> None:
        self._tx = tx
        wanted = sorted(set(names))
        self._values: dict[str, int] = {}
        self._changed: dict[str, str] = {}
        if not wanted:
            return
        tx.dialect.lock(tx, sorted({_lock_of(name) for name in wanted}), shared=False)
        for name, value in tx.among("SELECT name, value FROM registers WHERE {any}", "name", wanted):
            self._values[name] = int(value)

    def split(self, document: Document, draw: Draw) -> Split:
        """What fits under the bound, what does not, and how much that takes: counted at once."""
        used = self._values.get(draw.register, 0)
        found = draw.split(document, draw.bound_minor - used)
        self._set(draw.register, used + found.drawn_minor, draw.currency)
        return found

    def advance(self, wanted: Advance) -> int | None:
        """Move a version on; None when done, else the version it stands at."""
        stands = self._values.get(wanted.register, wanted.first)
        if stands != wanted.expected:
            return stands
        self._set(wanted.register, wanted.to, "")
        return None

    def move(self, wanted: Advance) -> int | None:
        """As `advance`; what would be judged anew moves on from wherever it stands: a person sends it."""
        stands = self.advance(wanted)
        if stands is None or not wanted.anew:
            return stands
        return self.advance(replace(wanted, expected=stands, to=stands + 1))

    def keep(self) -> None:
        """Write what changed."""
        self._tx.insert(
            "registers",
            "name,value,currency,at",
            [(name, self._values[name], self._changed[name], self._tx.now) for name in sorted(self._changed)],
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at",
        )

    def _set(self, name: str, value: int, currency: str) -> None:
        self._values[name] = value
        self._changed[name] = currency


def _lock_of(name: str) -> str:
    shared = f"{_MASTER}{crc32(name.encode()) % _MASTER_LOCKS}" if name.startswith(_MASTER) else name
    return f"register:{shared}"


def read(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    """The values of registers that were ever used."""
    wanted = sorted(set(names))
    rows = tx.among("SELECT name, value FROM registers WHERE {any}", "name", wanted) if wanted else []
    return {name: int(value) for name, value in rows}
