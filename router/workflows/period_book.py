"""How every period of every entity's books stands, and what becomes of a document that comes too late.

The landscape says which days were closed when the router was set up (`closed_through`); what people
closed or re-opened since is in the journal and wins. Each gateway keeps a copy, read again every
`FRESH_S`: another gateway's close binds everybody at once, because the journal checks again under the
fence (`router.journal.periods`); its re-opening is seen here at most so much later, and until then the
late policy applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind
from router.clock import Clock
from router.errors import PeriodClosed
from router.finance.calendar import Calendars, Period, PeriodState, following, may_enter
from router.journal.journal import Journal
from router.journal.periods import PeriodMark
from router.journal.port import Submission
from router.landscape import Landscape
from router.workflows.submissions import parked

FRESH_S = 60
PERIODS_AHEAD = 60
"""Periods looked through for an open one: five years."""
_KEPT = 20_000
"""Days whose state is remembered; more than that is somebody sending nonsense dates."""


class PeriodBook:
    """The states of all periods, as this process knows them."""

    def __init__(self, *, landscape: Landscape, journal: Journal, calendars: Calendars, clock: Clock) -> None:
        self._landscape = landscape
        self._journal = journal
        self._clock = clock
        self._marks: dict[tuple[str, str], PeriodState] = {}
        self._known: dict[tuple[str, date], PeriodState] = {}
        self._due: datetime | None = None
        self.calendars = calendars

    async def load(self) -> None:
        """Read what people closed and re-opened."""
        rows = await self._journal.periods()
        marks = {(row["legal_entity"], row["period"]): row["state"] for row in rows}
        if marks != self._marks:
            self._marks = marks
            self._known.clear()
        self._due = self._clock.now() + timedelta(seconds=FRESH_S)

    async def freshen(self) -> None:
        """Read again when the copy is older than `FRESH_S`."""
        if self._due is None or self._clock.now() >= self._due:
            await self.load()

    def state_on(self, entity: str, on: date) -> PeriodState:
        """How the period stands that a day lies in."""
        found = self._known.get((entity, on))
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[(entity, on)] = self._state(entity, self.calendars.on(entity, on), on)
        return found

    def state(self, entity: str, period: Period) -> PeriodState:
        """How a period stands; one of which the landscape closes a part is open."""
        return self._state(entity, period, period.last)

    def _state(self, entity: str, period: Period, on: date) -> PeriodState:
        marked = self._marks.get((entity, period.name))
        if marked is not None:
            return marked
        return "closed" if self._landscape.is_closed(entity, on) else "open"

    def first_open(self, entity: str, on: date, document: Document | None = None) -> date | None:
        """The first day from `on` that takes a document (None: any); None when none does for years."""
        calendar = self.calendars.of(entity)
        day = on
        for _ in range(PERIODS_AHEAD):
            state = self.state_on(entity, day)
            if state == "open" or (document is not None and may_enter(document, state)):
                return day
            period = self.calendars.on(entity, day)
            through = calendar.closed_through
            if through is not None and period.first <= through < period.last and day <= through:
                day = through + timedelta(days=1)
            else:
                day = following(calendar, period).first
        return None

    async def mark(self, mark: PeriodMark) -> None:
        """Set how a period stands, for all gateways; this one knows at once."""
        await self._journal.mark_period(mark)
        await self.load()


class PeriodVet:
    """The late policy: refuse, move to the next open period, or park until somebody re-opens."""

    kinds: frozenset[Kind] = frozenset(kind for kind, model in KINDS.items() if model.transactional)
    alone = False

    def __init__(self, book: PeriodBook) -> None:
        self._book = book

    async def look(self, submission: Submission) -> Submission:
        """Judge one; a document in an open period costs one look at the copy."""
        document = submission.document
        if document is None or not submission.deliver:
            return submission
        await self._book.freshen()
        entity, on = document.legal_entity, document.accounting_date
        state = self._book.state_on(entity, on)
        if state == "open" or may_enter(document, state):
            return submission
        period = self._book.calendars.on(entity, on)
        policy = self._book.calendars.of(entity).late
        moved = self._book.first_open(entity, on, document) if policy == "next_period" else None
        said = _late(document, period.name, state, moved)
        if moved is not None:
            return replace(
                submission,
                document=document.model_copy(update={"accounting_date": moved}),
                as_sent=submission.as_sent or document,
                notes=(*submission.notes, ("late", said)),
            )
        shown = state.replace("_", "-")
        problem = f"accounting_date: {on} lies in {period.name}, a {shown} period of {entity}"
        if policy == "reopen":
            mend = f"re-open it (POST /v1/periods/{entity}/{period.name}:reopen), then replay"
            return parked(
                replace(submission, notes=(*submission.notes, ("late", said))),
                f"{problem} — {mend}",
                PeriodClosed.code,
            )
        raise PeriodClosed(problem, mend="use a date in an open period, or have the period re-opened")


def _late(document: Document, period: str, state: PeriodState, moved: date | None) -> Mapping[str, Any]:
    return {
        "legal_entity": document.legal_entity,
        "period": period,
        "state": state,
        "kind": document.kind,
        "document_id": document.document_id,
        "from": document.accounting_date.isoformat(),
        "to": None if moved is None else moved.isoformat(),
    }
