"""An ERP as a comparison should see it: rows that a repair took back are set off against what takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from router.canonical.kinds import Kind
from router.connectors.port import (
    Connector,
    Delivery,
    LookUpResult,
    Page,
    Record,
    Result,
    Written,
    WrittenSource,
)
from router.dualrun.repairs.setting_off import Correction, correction_of, set_off
from router.journal.journal import Journal
from router.model import SystemId


async def corrections(journal: Journal) -> list[Correction]:
    """Every correction of one ERP that was ever accepted, oldest first."""
    return [correction_of(row) for row in await journal.corrections()]


class Corrected:
    """A connector whose read-back has corrections set off; everything else goes through unchanged."""

    def __init__(self, connector: Connector, journal: Journal) -> None:
        self._connector = connector
        self._journal = journal
        self.system: SystemId = connector.system
        self.capabilities = connector.capabilities

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """Documents of a kind, as if what a repair took back had never been there."""
        found = await self._connector.read_back(kind, legal_entities=legal_entities, since=since, until=until)
        known = [one for one in await corrections(self._journal) if one.system == self.system]
        return set_off(kind, found, known) if known else found

    async def written(
        self, *, legal_entities: Sequence[str], since: datetime, until: datetime
    ) -> Sequence[Written] | None:
        """Who wrote what since when; None where the system can't tell."""
        if not isinstance(self._connector, WrittenSource):
            return None
        return await self._connector.written(legal_entities=legal_entities, since=since, until=until)

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Send documents."""
        return await self._connector.post(deliveries)

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Ask which the system has."""
        return await self._connector.look_up(deliveries)

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """A page of a change feed."""
        return await self._connector.changes(feed, cursor, limit=limit)

    async def ping(self) -> None:
        """Reach and authenticate."""
        await self._connector.ping()

    async def aclose(self) -> None:
        """Close connections."""
        await self._connector.aclose()
