"""Reads an ERP's books back for a comparison: patient with an ERP that is busy, strict with what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from router.clock import Clock, to_text
from router.connectors.port import Connector, Record, Written, WrittenSource
from router.errors import Broken, VendorUnknown
from router.model import SystemId

log = structlog.get_logger(__name__)
TRIES = 6
"""Readings of one kind before a comparison gives up: with the pauses below a quarter of an hour of storms."""
PAUSE_S = 30.0
PAUSE_MAX_S = 300.0


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
        self, system: SystemId, kinds: Sequence[str], *, entities: Sequence[str], since: str, until: str
    ) -> Reading:
        """Everything of some kinds, entities and accounting dates in [since, until).

        An ERP that is throttled, down or unreadable is asked again, `TRIES` times a kind. Raises VendorUnknown
        when it still is, VendorRefused for a kind it can't be asked for; then nothing was read.
        """
        connector = self._connectors.get(system)
        if connector is None:
            raise Broken(f"there is no connector for {system}")
        begun, repeated = to_text(self._clock.now()), 0
        records: dict[str, tuple[Record, ...]] = {}
        for kind in kinds:
            rows = await self._patiently(connector, kind, entities, since, until)
            records[kind], again = _each_once(kind, rows, system)
            repeated += again
        return Reading(
            system=system, begun=begun, ended=to_text(self._clock.now()), records=records, repeated=repeated
        )

    async def written(
        self, system: SystemId, *, entities: Sequence[str], since: datetime, until: datetime
    ) -> Sequence[Written] | None:
        """What anybody wrote in an ERP in [since, until]; None where it can't tell. Raises as `read`."""
        connector = self._connectors.get(system)
        if not isinstance(connector, WrittenSource):
            return None
        pause = PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return await connector.written(legal_entities=entities, since=since, until=until)
            except VendorUnknown as error:
                if not left:
                    raise
                log.warning("read_back_again", system=system, kind="written", why=error.message)
                await asyncio.sleep(min(max(pause, error.retry_after_s or 0.0), PAUSE_MAX_S))
                pause = min(2 * pause, PAUSE_MAX_S)
        raise AssertionError("a reading ends by its own")

    async def _patiently(
        self, connector: Connector, kind: str, entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        pause = PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return await connector.read_back(
                    kind,
                    legal_entities=entities,
                    since=since,
                    until=until,
                )
            except VendorUnknown as error:
                if not left:
                    raise
                log.warning("read_back_again", system=connector.system, kind=kind, why=error.message)
                await asyncio.sleep(min(max(pause, error.retry_after_s or 0.0), PAUSE_MAX_S))
                pause = min(2 * pause, PAUSE_MAX_S)
        raise AssertionError("a reading ends by its own")


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
