"""Reads how documents stand now: rows of both ERPs, what the firm accepted, what was delivered and how that went."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from router.canonical.kinds import KINDS
from router.connectors.port import Connector, Record
from router.dualrun.policy import SIDES, Side
from router.dualrun.repairs.corrected import Corrected
from router.dualrun.repairs.standing import Sent, Standing
from router.errors import BadInput
from router.journal.journal import Journal
from router.journal.repairing import CLIENT
from router.model import SystemId

Name = tuple[str, str]
"""(kind, our id in the ERPs)."""
NEAR = timedelta(days=62)
"""How far from the day the firm knows a row is looked for: a period late at most, else it counts as moved."""
FAR = ("1900-01-01", "9999-12-31")


class Gathering:
    """Standings of documents in two ERPs. Reads only."""

    def __init__(self, *, journal: Journal, connectors: Mapping[SystemId, Connector]) -> None:
        self._journal = journal
        self._connectors = connectors

    async def standings(
        self, names: Collection[Name], systems: Mapping[Side, SystemId]
    ) -> dict[Name, Standing]:
        """How each document stands. Raises VendorUnknown and VendorRefused where an ERP can't be read."""
        for side in SIDES:
            if side not in systems or systems[side] not in self._connectors:
                raise BadInput(f"there is no connected {side} ERP {systems.get(side, '')!r}")
        known = {name: await self._accepted(name) for name in dict.fromkeys(names)}
        rows: dict[tuple[Side, str, str], list[Record]] = {}
        for kind in dict.fromkeys(kind for kind, _ in known):
            mine = {name: row for (of, name), row in known.items() if of == kind}
            for side in SIDES:
                for record in await self._read(kind, mine, systems[side]):
                    if record.external_id in mine:
                        rows.setdefault((side, kind, record.external_id), []).append(record)
        return {
            (kind, name): await self._standing(kind, name, row, rows, systems)
            for (kind, name), row in known.items()
        }

    async def _read(
        self, kind: str, wanted: Mapping[str, Mapping[str, Any] | None], system: SystemId
    ) -> list[Record]:
        days = sorted(str(row["accounting_date"]) for row in wanted.values() if row is not None)
        entities = sorted({str(row["legal_entity"]) for row in wanted.values() if row is not None})
        if not days or not entities:
            return []
        since, until = FAR
        if KINDS[kind].transactional and kind != "invoice":
            since = (date.fromisoformat(days[0]) - NEAR).isoformat()
            until = (date.fromisoformat(days[-1]) + NEAR).isoformat()
        connector = Corrected(self._connectors[system], self._journal)
        return list(await connector.read_back(kind, legal_entities=entities, since=since, until=until))

    async def _accepted(self, name: Name) -> Mapping[str, Any] | None:
        """The newest transaction by which the firm sent a document; an invoice's is its billing event."""
        kind, document_id = name
        kinds = ("billing_event", "invoice") if kind == "invoice" else (kind,)
        found = [await self._journal.transaction(one) for one in await self._journal.find(document_id)]
        rows = [
            row
            for row in found
            if row is not None
            and (row["kind"] in kinds and row["document_id"] == document_id)
            and row["document"] is not None
            and row["client"] != CLIENT
        ]
        return rows[-1] if rows else None

    async def _standing(
        self,
        kind: str,
        name: str,
        row: Mapping[str, Any] | None,
        rows: Mapping[tuple[Side, str, str], list[Record]],
        systems: Mapping[Side, SystemId],
    ) -> Standing:
        held = {side: tuple(rows.get((side, kind, name), ())) for side in SIDES}
        if row is None:
            return Standing(kind=kind, document_id=name, rows=held)
        own = name if row["kind"] == kind else f"INV-{name}"  # which an ERP made of a billing event
        document = (await self._journal.documents(kind, [own])).get(own)
        sent: dict[Side, Sent] = {}
        for side in SIDES:
            for job in row["jobs"]:
                if job["target"] == systems[side] and job["role"] != "feedback":
                    sent[side] = Sent(state=job["state"], why=job["why"])
        owner = next((side for side in SIDES if systems[side] == row["authority"]), None)
        return Standing(
            kind=kind,
            document_id=name,
            rows=held,
            document=document,
            transaction_id=row["transaction_id"],
            owner=owner,
            sent=sent,
        )
