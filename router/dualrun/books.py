"""Reads an ERP's books back for a comparison: patient with an ERP that is busy, strict with what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from router.clock import Clock, to_text
from router.connectors.port import Connector, Record, Written, WrittenSource
from router.errors import Broken, VendorUnknown
from router.model import SystemId

log = structlog.get_logger(__name__)
T = TypeVar("T")
TRIES = 6
"""Readings of one kind before a comparison gives up: with the pauses below a quarter of an hour of storms."""
PAUSE_S = 30.0
PAUSE_MAX_S = 300.0


@dataclass(slots=True, kw_only=True)
class Patience:
    """Of one who waits for an answer: until when an ERP is asked again, and how often that was in vain."""

    until: datetime
    every_s: float = 60.0
    tries: int = 0
    """Readings that failed."""
    last_problem: str = ""

    def pause_s(self, error: VendorUnknown, now: datetime) -> float | None:
        """How long to wait before the next try; None: there is no time for another."""
        self.tries, self.last_problem = self.tries + 1, error.one_line()
        return self.every_s if now + timedelta(seconds=self.every_s) <= self.until else None


@dataclass(slots=True)
class Storm:
    """Of one who has other things to do: `TRIES` of one reading, with pauses that grow."""

    left: int = TRIES
    next_s: float = PAUSE_S

    def pause_s(self, error: VendorUnknown, now: datetime) -> float | None:
        """As `Patience` has it."""
        del now
        self.left -= 1
        if not self.left:
            return None
        pause = min(max(self.next_s, error.retry_after_s or 0.0), PAUSE_MAX_S)
        self.next_s = min(2 * self.next_s, PAUSE_MAX_S)
        return pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one ERP holds of some entities, by kind, and when it was asked."""

    system: SystemId
    begun: str
    ended: str
    records: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)
    repeated: int = 0
    """Rows that came twice in one reading, as pages move while they are read; the last one counts."""

    def to_json(self) -> dict[str, str | int]:
        """For the consistency point."""
        return {
            "system": self.system,
            "from": self.begun,
            "until": self.ended,
            "records": sum(map(len, self.records.values())),
            "repeated": self.repeated,
        }


class Books:
    """The read side of all ERPs."""

    def __init__(self, *, connectors: Mapping[SystemId, Connector], clock: Clock) -> None:
        self._connectors = connectors
        self._clock = clock

    async def read(
        self,
        system: SystemId,
        kinds: Sequence[str],
        *,
        entities: Sequence[str],
        since: str,
        until: str,
        patience: Patience | None = None,
    ) -> Reading:
        """Everything of some kinds, entities and accounting dates in [since, until).

        An ERP that is throttled, down or unreadable is asked again, as long as `patience` says (None: `TRIES` times a
        kind). Raises VendorUnknown when it still is, VendorRefused for a kind it can't be asked for; then nothing was read.
        """
        connector = self._connectors.get(system)
        if connector is None:
            raise Broken(f"there is no connector for {system}")
        begun, repeated = to_text(self._clock.now()), 0
        records: dict[str, tuple[Record, ...]] = {}
        for kind in kinds:

            def ask(kind: str = kind) -> Awaitable[Sequence[Record]]:
                return connector.read_back(kind, legal_entities=entities, since=since, until=until)

            rows = await self._patiently(ask, patience, system=system, kind=kind)
            records[kind], again = _each_once(kind, rows, system)
            repeated += again
        return Reading(
            system=system, begun=begun, ended=to_text(self._clock.now()), records=records, repeated=repeated
        )

    async def written(
        self,
        system: SystemId,
        *,
        entities: Sequence[str],
        since: datetime,
        until: datetime,
        patience: Patience | None = None,
    ) -> Sequence[Written] | None:
        """What anybody wrote in an ERP in [since, until]; None where it can't tell. Raises as `read`."""
        connector = self._connectors.get(system)
        if not isinstance(connector, WrittenSource):
            return None

        def ask() -> Awaitable[Sequence[Written]]:
            return connector.written(legal_entities=entities, since=since, until=until)

        return await self._patiently(ask, patience, system=system, kind="written")

    async def _patiently(
        self, ask: Callable[[], Awaitable[T]], patience: Patience | None, *, system: SystemId, kind: str
    ) -> T:
        how = patience or Storm()
        while True:
            try:
                return await ask()
            except VendorUnknown as error:
                pause = how.pause_s(error, self._clock.now())
                if pause is None:
                    raise
                log.warning("read_back_again", system=system, kind=kind, why=error.message)
            await asyncio.sleep(pause)


def _each_once(kind: str, rows: Sequence[Record], system: SystemId) -> tuple[tuple[Record, ...], int]:
    """Rows without those whose vendor id came again; raises VendorUnknown for a row that was not asked for."""
    found: dict[str, Record] = {}
    for row in rows:
        if row.kind != kind or row.system != system:
            raise VendorUnknown(
                f"{system} was asked for {kind} and gave {row.kind[:40]} {row.vendor_id[:40]}"
            )
        found[row.vendor_id] = row
    return tuple(found.values()), len(rows) - len(found)
