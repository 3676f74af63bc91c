"""Closing and re-opening fiscal periods: what stands in the way, who decided, and what came too late.

A soft close asks for nothing: it only ends ordinary entries. A hard close is refused while documents
of the period are not in their ERP, while unbilled work is not accrued, or while intercompany legs do
not match; it can be forced with a reason, and what was overridden is recorded with it. A close ends
what is accepted into a period: deliveries that are on their way then go on, and are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, Protocol

from router.canonical.kinds import KINDS
from router.clock import Clock
from router.errors import BadInput, OpenItems
from router.finance.calendar import Period, periods_between
from router.journal.journal import Journal
from router.journal.periods import Entered, PeriodMark
from router.landscape import Landscape
from router.model import State
from router.workflows.period_book import PeriodBook
from router.workflows.submissions import payload_of

Wanted = Literal["open", "soft_closed", "closed"]
TRANSACTIONAL = tuple(kind for kind, model in KINDS.items() if model.transactional)
WORK = ("time_entry", "expense_item", "milestone", "charge")
"""Kinds that become revenue: not in the ERP, they are accrued."""
DATES = ("accounting_date", "work_date", "expense_date", "completed_on", "paid_on")
"""Fields of a payload that say when it happened, the first one given counts."""
SHOWN = 50
"""Blockers and deliveries named in a refusal or a line of the history; the count is always whole."""
ON_ITS_WAY = frozenset({State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing in the way of a hard close."""

    code: str
    """`undelivered`, `unread`, `not-accrued`, `intercompany-mismatch`."""
    what: str
    transaction_id: str = ""


class Matches(Protocol):
    """What says whether intercompany legs match."""

    async def mismatches(
        self, period: str, entity: str, *, store: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """The mismatches of a period that an entity is a side of, each with a `problem`."""
        ...


class Accrued(Protocol):
    """What says which work of a period was accrued."""

    async def covered(self, entity: str, period: str) -> frozenset[tuple[str, str]]:
        """(kind, document id) of the work whose accrual is posted."""
        ...


class PeriodClose:
    """Closes and re-opens periods, and shows how they stand."""

    def __init__(
        self,
        *,
        landscape: Landscape,
        journal: Journal,
        book: PeriodBook,
        clock: Clock,
        matches: Matches,
        accrued: Accrued,
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._book = book
        self._clock = clock
        self._matches = matches
        self._accrued = accrued

    async def periods(self, entity: str) -> list[dict[str, Any]]:
        """How an entity's periods stand: all that somebody marked, and those around today."""
        await self._book.load()
        calendar = self._book.calendars.of(entity)
        marks = {row["period"]: row for row in await self._journal.periods() if row["legal_entity"] == entity}
        today = self._clock.now().date()
        around = periods_between(calendar, today - timedelta(days=120), today + timedelta(days=62))
        named = {period.name: period for period in around}
        named |= {name: self._book.calendars.named(entity, name) for name in marks if name not in named}
        return [self._shown(entity, period, marks.get(period.name)) for period in sorted(named.values())]

    async def period(self, entity: str, name: str) -> dict[str, Any]:
        """One period: its state, what is in the way of closing it, and what came too late for it."""
        await self._book.load()
        period = self._book.calendars.named(entity, name)
        marks = {(row["legal_entity"], row["period"]): row for row in await self._journal.periods()}
        blockers = await self.blockers(entity, period)
        late = [
            {"transaction_id": row["transaction_id"], "at": row["at"], **row["detail"]}
            async for row in self._journal.history(what="late")
            if row["detail"]["legal_entity"] == entity and date.fromisoformat(row["detail"]["from"]) in period
        ]
        return {
            **self._shown(entity, period, marks.get((entity, name))),
            "blockers": _rows(blockers),
            "deliveries": _rows(await self.deliveries(entity, period)),
            "late": late,
        }

    async def close(
        self, entity: str, name: str, wanted: Wanted, *, by: str, why: str, force: bool = False
    ) -> dict[str, Any]:
        """Soft or hard close a period; raises OpenItems while something is in the way of a hard one.

        The blockers are looked at before and again after the mark is set: what was accepted in
        between is in the answer, for nothing can enter any more. Deliveries that are on their way are in
        the answer and in the history: they reach their ERP after the close.
        """
        period = self._book.calendars.named(entity, name)
        await self._book.load()
        if wanted == "soft_closed" and self._book.state(entity, period) == "closed":
            raise BadInput(
                f"period: {name} of {entity} is closed for good",
                mend="re-open it with a second person's approval",
            )
        blockers = await self.blockers(entity, period, store=True) if wanted == "closed" else []
        if blockers and not force:
            raise OpenItems(
                f"{len(blockers)} in the way of closing {name} of {entity}: "
                + "; ".join(one.what for one in blockers[:3]),
                mend=f"see GET /v1/periods/{entity}/{name}; settle them, accrue, or force with a reason",
            )
        detail = {
            "was": self._book.state(entity, period),
            "force": force,
            "blockers": len(blockers),
            "named": _rows(blockers[:SHOWN]),
        }
        if wanted == "closed":
            going = await self.deliveries(entity, period)
            detail |= {"on_their_way": len(going), "deliveries": _rows(going[:SHOWN])}
        await self._book.mark(
            PeriodMark(legal_entity=entity, period=name, state=wanted, by=by, why=why, detail=detail)
        )
        found = await self.period(entity, name)
        return {**found, "overridden": len(blockers)}

    async def deliveries(self, entity: str, period: Period) -> list[Blocker]:
        """What was accepted into a period and is on its way to its ERP, oldest first."""
        rows = await self._entered(entity, period)
        return [
            Blocker(code="on-its-way", what=_words(row), transaction_id=row.transaction_id)
            for row in rows
            if row.state in ON_ITS_WAY
        ]

    async def _entered(self, entity: str, period: Period) -> list[Entered]:
        """What is dated in a period and in no ERP."""
        first, last = period.first.isoformat(), period.last.isoformat()
        return await self._journal.entered(TRANSACTIONAL, first=first, last=last, entity=entity, posted=False)

    async def reopen(self, entity: str, name: str, *, by: str, why: str, approved_by: str) -> dict[str, Any]:
        """Open a period again; a second person approves it. Raises BadInput without one."""
        period = self._book.calendars.named(entity, name)
        if not approved_by or approved_by == by:
            raise BadInput(
                "approved_by: re-opening a period is approved by somebody other than who asks for it",
                mend="name another person",
            )
        await self._book.load()
        detail = {"was": self._book.state(entity, period), "approved_by": approved_by}
        await self._book.mark(
            PeriodMark(legal_entity=entity, period=name, state="open", by=by, why=why, detail=detail)
        )
        return await self.period(entity, name)

    async def blockers(self, entity: str, period: Period, *, store: bool = False) -> list[Blocker]:
        """Everything in the way of a hard close, oldest transaction first; `store`: mismatches as breaks."""
        rows = await self._entered(entity, period)
        covered = await self._accrued.covered(entity, period.name)
        found = [
            _undelivered(row) for row in rows if row.state != State.POSTED and not _is_covered(row, covered)
        ]
        found += [
            Blocker(
                code="unread",
                what=f"{row['transaction_id']}, a {row['kind']}, is parked: {row['problem']}",
                transaction_id=row["transaction_id"],
            )
            for row in await self._journal.unread()
            if row["legal_entity"] == entity and _lies_in(row["received"], period)
        ]
        found += [
            Blocker(code="intercompany-mismatch", what=str(row["problem"]))
            for row in await self._matches.mismatches(period.name, entity, store=store)
        ]
        return found

    def _shown(self, entity: str, period: Period, mark: Mapping[str, Any] | None) -> dict[str, Any]:
        row = {
            "legal_entity": entity,
            "period": period.name,
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "state": self._book.state(entity, period),
        }
        given = mark or {"by": "", "why": "", "at": ""}
        return row | {name: given[name] for name in ("by", "why", "at")}


def _is_covered(row: Entered, covered: frozenset[tuple[str, str]]) -> bool:
    return (row.document.kind, row.document.document_id) in covered


def _undelivered(row: Entered) -> Blocker:
    document = row.document
    worth = document.money
    return Blocker(
        code="not-accrued" if document.kind in WORK and worth is not None and worth.minor else "undelivered",
        what=_words(row),
        transaction_id=row.transaction_id,
    )


def _words(row: Entered) -> str:
    why = f": {row.why}" if row.why else ""
    return f"{row.document.kind} {row.document.document_id} is {row.state.replace('_', ' ')}{why}"


def _lies_in(received: str, period: Period) -> bool:
    """Whether a payload without a document may belong to a period: it does unless its date says no."""
    seen = payload_of(received) or {}
    given = next((str(seen[name]) for name in DATES if seen.get(name)), "")
    try:
        return date.fromisoformat(given[:10]) in period
    except ValueError:
        return True


def _rows(blockers: Sequence[Blocker]) -> list[dict[str, Any]]:
    return [{"code": one.code, "what": one.what, "transaction_id": one.transaction_id} for one in blockers]
