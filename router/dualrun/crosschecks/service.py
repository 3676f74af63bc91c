"""Makes the cross-checks: asks PSA, CRM, ERPs and the journal, and stores what does not agree as breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

from router.canonical.billing import BillingEvent, CreditMemo, Invoice
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Contract, Project
from router.clock import Clock, to_text
from router.connectors.port import Connector, Observed, Record, ShownTotal, TotalSource, WorkSource
from router.dualrun.books import Books
from router.dualrun.crosschecks.check import Check, Group
from router.dualrun.crosschecks.entities import intercompany
from router.dualrun.crosschecks.hours import hours
from router.dualrun.crosschecks.invoices import Billing, invoices
from router.dualrun.crosschecks.revenue import Earned, month_before, revenue
from router.dualrun.intercompany import IntercompanyMatch
from router.dualrun.lifecycle import Scope
from router.errors import BadInput, VendorRefused, VendorUnknown
from router.finance.calendar import Calendars
from router.finance.charges import last_of
from router.finance.matching import Pair
from router.journal.break_states import BreakRun
from router.journal.journal import Journal
from router.journal.periods import Entered
from router.model import SystemId
from router.workflows.recognition import Recognition

NAMES = ("hours", "invoices", "intercompany", "revenue")
AROUND = timedelta(days=62)
"""How far outside its period a document is looked for: what came late is dated into a later one."""
SINCE, UNTIL = date(2000, 1, 1), date(9999, 12, 31)
NOT_READ_YET = timedelta(minutes=30)
"""How long after an approval the router may not have looked at the PSA again."""
TRIES, PAUSE_S = 4, 20.0
SCALE: Mapping[str, tuple[str, str]] = {
    "hours": ("time_entry", "cross_check"),
    "invoices": ("invoice", "cross_check"),
    "intercompany": ("journal_entry", "intercompany"),
    "revenue": ("revenue_schedule", "cross_check"),
}
"""Kind and class of each check's breaks, also of one that could not be made."""
Answer = TypeVar("Answer")
UNDER_WAY = ("queued", "in_flight", "in_doubt", "held", "refused", "dead")


class CrossChecks:
    """The four checks over the systems of a landscape."""

    def __init__(
        self,
        *,
        journal: Journal,
        connectors: Mapping[SystemId, Connector],
        erps: Sequence[SystemId],
        psa: SystemId | None,
        crm: SystemId | None,
        matches: IntercompanyMatch,
        recognition: Recognition,
        calendars: Calendars,
        entities: Sequence[str],
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._connectors = connectors
        self._erps = tuple(name for name in erps if name in connectors)
        self._psa, self._crm = psa, crm
        self._matches = matches
        self._recognition = recognition
        self._calendars = calendars
        self._entities = tuple(entities)
        self._clock = clock
        self._books = Books(connectors=connectors, clock=clock)

    @property
    def period(self) -> str:
        """The period of today."""
        return self._calendars.on(self._entities[0], self._clock.now().date()).name

    async def run(self, period: str, *, entity: str = "", store: bool = False) -> list[Check]:
        """Every check of a period; raises BadInput for what is no period or entity.

        `store`: mismatches become breaks; only of all entities together, since a part says nothing of the rest.
        """
        if entity and entity not in self._entities:
            raise BadInput(f"there is no entity {entity!r}", mend="use one of " + ", ".join(self._entities))
        if entity and store:
            raise BadInput("cross-checks of one entity are not stored", mend="leave the entity out")
        for one in self._entities:
            self._calendars.named(one, period)
        found = [
            await self._made("hours", period, self._hours),
            await self._made("invoices", period, self._invoices),
            await self._made("intercompany", period, self._intercompany),
            await self._made("revenue", period, self._revenue),
        ]
        if entity:
            found = [_of_entity(check, entity) for check in found]
        if store:
            for check in found:
                await self.store(check)
        return found

    async def store(self, check: Check) -> None:
        """Store a check's mismatches as breaks; what could not be told changes nothing that is known."""
        if check.problem:
            return
        if check.name == "intercompany":
            # The match stores each leg that is wrong: a break of its pair beside them would be the same again.
            pairs = await self._pairs(check.period)
            await self._matches.store(check.period, pairs, uncharged=False)
            return
        # What is shown as invoiced is shown to date: it belongs to no period.
        period = "" if check.name == "invoices" else f":{check.period}"
        name = f"cross-check:{check.name}{period}"
        scope = Scope(subject=name, kinds=(check.kind,))
        await self._journal.store_run(BreakRun(run_id=name, scope=scope, series=True), check.breaks())

    async def _made(self, name: str, period: str, make: Callable[[str], Awaitable[Check]]) -> Check:
        try:
            return await make(period)
        except (VendorUnknown, VendorRefused) as error:
            kind, _ = SCALE[name]
            return Check(
                name=name,
                kind=kind,
                what="intercompany" if name == "intercompany" else "cross_check",
                column="",
                left_name="",
                right_name="",
                period=period,
                problem=error.one_line(),
            )

    async def _hours(self, period: str) -> Check:
        first, last = self._span(period)
        approved = await self._approved(first, last)
        entered = await self._journal.entered(
            ("time_entry",), first=(first - AROUND).isoformat(), last=(last + AROUND).isoformat()
        )
        projects = await self._journal.masters("project")
        parked = await self._journal.parked()
        return hours(
            approved=approved,
            entered=entered,
            held=await self._held(("time_entry",), first - AROUND, last + AROUND),
            parked=[
                (str(row["document_id"] or ""), str(row["problem"] or row["why"] or ""))
                for row in parked
                if row["kind"] == "time_entry"
            ],
            entity_of={one.document_id: one.legal_entity for one in projects if isinstance(one, Project)},
            period_of=self._name,
            period=period,
            read_after=to_text(self._clock.now() - NOT_READ_YET),
        )

    async def _invoices(self, period: str) -> Check:
        shown = await self._shown()
        rows = await self._journal.entered(
            ("invoice", "credit_memo", "billing_event"), first=SINCE.isoformat(), last=UNTIL.isoformat()
        )
        authority = {row.document.document_id: row.authority or "" for row in rows}
        billed = {row.document.document_id: row.document for row in rows if isinstance(row.document, Invoice)}
        known: dict[str, Billing] = {}
        for row in rows:
            document = row.document
            if isinstance(document, BillingEvent):
                # Refused by its ERP it has no invoice here; the shadow's, which took it, is nobody's claim.
                billing = Billing(project_id=document.project_id, authority=row.authority or "")
                known.setdefault(document.document_id, billing)
            if not isinstance(document, Invoice | CreditMemo):
                continue
            source = document if isinstance(document, Invoice) else billed.get(document.invoice_id)
            by_event = authority.get((source and source.billing_event_id) or "", "")
            billing = Billing(
                project_id=document.project_id or (source.project_id if source else None) or "",
                authority=row.authority or by_event,
            )
            known[document.document_id] = billing
            if isinstance(document, Invoice) and document.billing_event_id:
                # An ERP knows an invoice it made by the event that asked for it.
                known[document.billing_event_id] = billing
        feedback = await self._journal.feedback(self._crm, "invoice") if self._crm else []
        return invoices(
            held=await self._held(("invoice", "credit_memo"), SINCE, UNTIL),
            shown=shown,
            known=known,
            on_its_way={lane: state for lane, state in feedback if state in UNDER_WAY},
            told=frozenset(lane for lane, _ in feedback),
            period=period,
        )

    async def _intercompany(self, period: str) -> Check:
        return intercompany(await self._pairs(period), period)

    async def _pairs(self, period: str) -> list[Pair]:
        return await _patiently(lambda: self._matches.match(period, uncharged=False))

    async def _revenue(self, period: str) -> Check:
        last = self._span(period)[1]
        # A schedule is dated into the period it was made in; what was late is recognised in a later one.
        entered = await self._journal.entered(
            ("revenue_schedule", "journal_entry"), first=SINCE.isoformat(), last=UNTIL.isoformat()
        )
        held = (
            await self._held(("revenue_schedule", "journal_entry"), SINCE, last + AROUND) if entered else ()
        )
        contracts = await self._journal.masters("contract")

        def made(earned: Mapping[tuple[str, int], Earned]) -> Check:
            return revenue(
                entered=entered,
                held=held,
                earned=earned,
                changed=frozenset(
                    one.document_id
                    for one in contracts
                    if isinstance(one, Contract) and one.contract_version > 1
                ),
                period=period,
                over={one: self._over(one) for one in self._entities},
            )

        # What lines earn is asked only where plan and books differ: it reads all work of an entity.
        apart = sorted({one.legal_entity for one in made({}).mismatches})
        return made(
            {
                key: one
                for entity in apart
                for key, one in (await self._earned(entity, period, entered)).items()
            }
        )

    async def _earned(
        self, entity: str, period: str, entered: Sequence[Entered]
    ) -> dict[tuple[str, int], dict[str, int]]:
        """By (contract, line), from the terms and the work that stand; lines that can't be told are left out."""
        due = min(period, self._over(entity))
        months = {
            row.document.accounting_date.isoformat()[:7]
            for row in entered
            if isinstance(row.document, JournalEntry)
            and row.document.purpose == "revenue"
            and row.document.legal_entity == entity
        }
        asked = {due, *(one for one in months if one > due)}
        found: dict[tuple[str, int], dict[str, int]] = {}
        for month in sorted(asked):
            for one in await self._recognition.plan(entity, month):
                if not one.problem:
                    found.setdefault((one.contract_id, one.line), {})[month] = one.earned_minor
        return found

    def _over(self, entity: str) -> str:
        """The last month whose revenue is dated into a period of the entity that is over."""
        today = self._clock.now().date()
        month = today.isoformat()[:7]
        while self._calendars.on(entity, last_of(month)).last >= today:
            month = month_before(month)
        return month

    async def _approved(self, first: date, last: date) -> Sequence[Observed]:
        connector = self._connectors.get(self._psa) if self._psa else None
        if not isinstance(connector, WorkSource):
            raise VendorUnknown("no PSA is connected that can be asked for approved time")

        async def ask() -> Sequence[Observed]:
            return await connector.approved("time_entries", first=first, last=last)

        return await _patiently(ask)

    async def _shown(self) -> Sequence[ShownTotal]:
        connector = self._connectors.get(self._crm) if self._crm else None
        if not isinstance(connector, TotalSource):
            raise VendorUnknown("no CRM is connected that can be asked for invoiced totals")
        return await _patiently(connector.invoiced)

    async def _held(self, kinds: Sequence[str], first: date, last: date) -> list[Record]:
        found: list[Record] = []
        until = min(last, UNTIL - timedelta(days=1)) + timedelta(days=1)
        for name in self._erps:
            able = self._connectors[name].capabilities.kinds
            read = await self._books.read(
                name,
                [kind for kind in kinds if kind in able or kind == "invoice"],
                entities=self._entities,
                since=first.isoformat(),
                until=until.isoformat(),
            )
            found += [row for rows in read.records.values() for row in rows]
        return found

    def _span(self, period: str) -> tuple[date, date]:
        spans = [self._calendars.named(entity, period) for entity in self._entities]
        return min(one.first for one in spans), max(one.last for one in spans)

    def _name(self, entity: str, on: date) -> str:
        known = entity if entity in self._entities else self._entities[0]
        return self._calendars.on(known, on).name


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask a system that may be busy; raises what it says last."""
    for _ in range(TRIES - 1):
        try:
            return await ask()
        except VendorUnknown as error:
            await asyncio.sleep(min(error.retry_after_s or PAUSE_S, 300.0))
    return await ask()


def _of_entity(check: Check, entity: str) -> Check:
    return replace(check, groups=tuple(one for one in check.groups if entity in _entities_of(one)))


def _entities_of(group: Group) -> tuple[str, ...]:
    return (group.legal_entity, group.key.get("provider", ""), group.key.get("receiver", ""))
