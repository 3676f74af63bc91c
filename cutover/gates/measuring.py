"""Answers what gates ask, for a router that is up: its journal, its exceptions desk, its systems."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from cutover.checks import check_all, read_facts
from cutover.gates.port import Checked, Compared, Open
from router.app import Router
from router.clock import Clock, from_text
from router.connectors.port import Balance, Connector, LedgerSource, Record
from router.dualrun.books import PAUSE_MAX_S, PAUSE_S, TRIES, Books
from router.dualrun.crosschecks.service import CrossChecks
from router.errors import VendorUnknown
from router.exceptions.service import Desk
from router.journal.gate_facts import Followed, Tally, Wait
from router.journal.journal import Journal
from router.journal.port import Scope
from router.model import SystemId


class RouterMeasures:
    """`cutover.gates.port.Measures` over a router's parts."""

    def __init__(
        self,
        *,
        journal: Journal,
        desk: Desk,
        cross_checks: CrossChecks,
        connectors: Mapping[SystemId, Connector],
        clock: Clock,
        database: str,
        compares: Sequence[str],
    ) -> None:
        """`database`: where the journal is, for the invariants, which read it with queries of their own.

        `compares`: the kinds of document a comparison looks at where nothing narrows it.
        """
        self._compares = tuple(compares)
        self._journal = journal
        self._desk = desk
        self._cross_checks = cross_checks
        self._connectors = connectors
        self._books = Books(connectors=connectors, clock=clock)
        self._database = database

    @classmethod
    def of(cls, router: Router, *, database: str, clock: Clock) -> RouterMeasures:
        """Over a built router."""
        return cls(
            journal=router.journal,
            desk=router.desk,
            cross_checks=router.cross_checks,
            connectors=router.connectors,
            clock=clock,
            database=database,
            compares=router.dual_run.kinds,
        )

    async def deliveries(self, scope: Scope, targets: Sequence[SystemId]) -> list[Tally]:
        """Authority and shadow deliveries of a scope to some systems, counted."""
        return await self._journal.deliveries(scope, targets)

    async def waits(self, scope: Scope, targets: Sequence[SystemId], since: datetime) -> list[Wait]:
        """How long authority deliveries of a scope waited that still wait or ended since."""
        return await self._journal.waits(scope, targets, since=since)

    async def followed(self, scope: Scope, target: SystemId, since: datetime) -> list[Followed]:
        """What was accepted for, or let go to, an ERP since, oldest first."""
        return await self._journal.followed(scope, target, since=since)

    async def exceptions(self, scope: Scope) -> list[Open]:
        """Exceptions of a scope that wait for a person; what names no entity counts in every scope."""
        every, _ = await self._desk.every()
        return [
            Open(
                exception_id=one.raised.exception_id,
                queue=one.queue,
                since=from_text(one.raised.since),
                kind=one.raised.kind,
                legal_entity=one.raised.legal_entity,
            )
            for one in every
            if one.case_state != "resolved"
            and one.raised.legal_entity in ("", *scope.entities)
            and (not scope.kinds or one.raised.kind in scope.kinds)
        ]

    async def compared(self, scope: Scope, legacy: SystemId, cloud: SystemId) -> Compared | None:
        """The newest comparison on record that looked at all of the scope."""
        kinds = [kind for kind in self._compares if not scope.kinds or kind in scope.kinds]
        row = await self._journal.newest_run(f"dual-run:{legacy}:{cloud}", scope, kinds or self._compares)
        if row is None:
            return None
        counts = row["counts"]
        names = ("compared", "pending", "held_back", "missing", "unexplained", "untied", "expired")
        return Compared(
            run_id=row["run_id"],
            at=from_text(row["at"]),
            invoices=counts.get("invoices", {}),
            **{name: int(counts.get(name, 0)) for name in names},
        )

    async def cross_checks(self) -> list[Checked]:
        """The cross-checks of the current period, made now and not stored."""
        return [
            Checked(
                name=check.name,
                what=f"{check.left_name} / {check.right_name}" if check.left_name else "",
                looked_at=len(check.groups),
                wrong=len(check.open),
                problem=check.problem,
                examples=tuple(" ".join(value for value in one.key.values() if value) for one in check.open),
            )
            for check in await self._cross_checks.run(self._cross_checks.period)
        ]

    async def invariants(self) -> list[Checked]:
        """The invariants a live journal can answer, checked now."""
        return [
            Checked(
                name=one.name,
                what=one.claim,
                looked_at=one.checked,
                wrong=one.violations if one.checked else 0,
                problem="" if one.checked else "there was nothing to check",
                examples=one.examples,
            )
            for one in check_all(read_facts(self._database))
            # A journal without a comparison has no break to check: as `coexist verify` does.
            if one.name != "I7" or one.checked
        ]

    async def balances(
        self, system: SystemId, *, entities: Sequence[str], as_of: date
    ) -> Sequence[Balance] | None:
        """An ERP's trial balance at the end of a day; None: it can't be asked. Raises VendorUnknown."""
        connector = self._connectors.get(system)
        if not isinstance(connector, LedgerSource):
            return None
        for _ in range(TRIES - 1):
            try:
                return await connector.trial_balance(legal_entities=entities, as_of=as_of)
            except VendorUnknown as error:
                await asyncio.sleep(min(error.retry_after_s or PAUSE_S, PAUSE_MAX_S))
        return await connector.trial_balance(legal_entities=entities, as_of=as_of)

    async def held_by(
        self, system: SystemId, kind: str, *, entities: Sequence[str], since: str, until: str
    ) -> list[Record]:
        """What an ERP holds of a kind; raises VendorUnknown, VendorRefused."""
        read = await self._books.read(system, (kind,), entities=entities, since=since, until=until)
        return list(read.records[kind])
