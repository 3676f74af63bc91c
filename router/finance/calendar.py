"""Fiscal calendars: which period a day lies in, which one follows, and what may enter a closed one.

Monthly periods are calendar months. A 4-4-5 year starts on the weekday of the calendar's `year_starts`
nearest to its anniversary, so that it has 52 weeks and now and then 53 (the National Retail
Federation's rule); the week too many belongs to its last period. A fiscal year is named for the
calendar year that most of the days from its anniversary on lie in, a period for its number in that year: `2026-01` is the
first period of fiscal 2026, whatever month it begins in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from router.canonical.billing import CreditMemo, WriteOff
from router.canonical.documents import Document
from router.canonical.ledger import JournalEntry
from router.canonical.reference import FiscalCalendar, LegalEntity
from router.canonical.work import ExpenseItem, TimeEntry
from router.errors import BadInput

PeriodState = Literal["open", "soft_closed", "closed"]
PERIODS = 12
WEEKS = (4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5)
"""Weeks of the twelve periods of a 4-4-5 year."""
_KEPT = 4_096
"""Days whose period is remembered: eleven years of one calendar."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A fiscal period, `YYYY-MM`, with its first and last day."""

    name: str
    first: date
    last: date

    def __contains__(self, on: object) -> bool:
        return isinstance(on, date) and self.first <= on <= self.last


def period_on(calendar: FiscalCalendar, on: date) -> Period:
    """The period a day lies in."""
    return _period_on(_weekly_from(calendar), on)


def period_named(calendar: FiscalCalendar, name: str) -> Period:
    """The period of a name; raises BadInput for what is no name of a period."""
    year, _, number = name.partition("-")
    good = len(year) == 4 and len(number) == 2 and name.isascii() and (year + number).isdigit()
    if not good or not 1 <= int(number) <= PERIODS or not 1900 <= int(year) <= 2200:
        raise BadInput(f"period: {name[:20]!r} is no fiscal period", mend="use YYYY-MM, such as 2026-10")
    starts = _weekly_from(calendar)
    if starts is None:
        return period_on(calendar, date(int(year), int(number), 1))
    return _year(starts, _start_of_year_named(starts, int(year)))[int(number) - 1]


def following(calendar: FiscalCalendar, period: Period) -> Period:
    """The period after one."""
    return period_on(calendar, period.last + timedelta(days=1))


def periods_between(calendar: FiscalCalendar, first: date, last: date) -> Iterator[Period]:
    """The periods that hold any day from `first` to `last`, in order."""
    period = period_on(calendar, first)
    while period.first <= last:
        yield period
        period = following(calendar, period)


def is_adjustment(document: Document) -> bool:
    """Whether a document may still enter a soft-closed period: it corrects, and says what or why."""
    if isinstance(document, JournalEntry):
        return bool(document.reverses or document.text)
    if isinstance(document, TimeEntry | ExpenseItem):
        return document.adjusts is not None
    return isinstance(document, CreditMemo | WriteOff) and bool(document.reason)


def may_enter(document: Document, state: PeriodState) -> bool:
    """Whether a document may be accepted into a period that stands so."""
    return state == "open" or (state == "soft_closed" and is_adjustment(document))


class Calendars:
    """The calendar of every entity of the firm."""

    def __init__(self, entities: Mapping[str, LegalEntity], calendars: Mapping[str, FiscalCalendar]) -> None:
        self._of = {name: calendars[entity.calendar] for name, entity in entities.items()}

    def of(self, entity: str) -> FiscalCalendar:
        """The calendar of an entity; raises BadInput for an unknown one."""
        found = self._of.get(entity)
        if found is None:
            raise BadInput(
                f"legal_entity: there is no {entity[:40]!r}", mend="use one of " + ", ".join(self._of)
            )
        return found

    def on(self, entity: str, on: date) -> Period:
        """The period of an entity's books a day lies in."""
        return period_on(self.of(entity), on)

    def named(self, entity: str, name: str) -> Period:
        """A period of an entity's books by its name; raises BadInput."""
        return period_named(self.of(entity), name)

    def late(self, document: Document, states: Mapping[tuple[str, str], str]) -> bool:
        """Whether a document may not enter its period, as periods stand; one left out is open."""
        calendar = self._of.get(document.legal_entity)
        if calendar is None:
            return False
        name = period_on(calendar, document.accounting_date).name
        state = states.get((document.legal_entity, name), "open")
        return state == "closed" or (state == "soft_closed" and not is_adjustment(document))

    def moved(self, document: Document, states: Mapping[tuple[str, str], str]) -> Document | None:
        """A late document dated into the first period that takes it; None when it may stay, or none does."""
        if not document.transactional or not self.late(document, states):
            return None
        entity, calendar = document.legal_entity, self._of[document.legal_entity]
        period = period_on(calendar, document.accounting_date)
        for _ in range(PERIODS * 5):
            period = following(calendar, period)
            state = states.get((entity, period.name), "open")
            if state == "open" or (state == "soft_closed" and is_adjustment(document)):
                return document.model_copy(update={"accounting_date": period.first})
        return None


def _weekly_from(calendar: FiscalCalendar) -> date | None:
    return calendar.year_starts if calendar.periods == "4-4-5" else None


@lru_cache(maxsize=_KEPT)
def _period_on(starts: date | None, on: date) -> Period:
    if starts is None:
        first = on.replace(day=1)
        then = date(on.year + on.month // PERIODS, on.month % PERIODS + 1, 1)
        return Period(f"{on.year:04d}-{on.month:02d}", first, then - timedelta(days=1))
    near = (_year_start(starts, year) for year in (on.year - 1, on.year, on.year + 1))
    start = max(start for start in near if start <= on)
    return next(period for period in _year(starts, start) if on in period)


def _anniversary(starts: date, year: int) -> date:
    day = 28 if (starts.month, starts.day) == (2, 29) else starts.day
    return date(year, starts.month, day)


def _year_start(starts: date, year: int) -> date:
    """The first day of the fiscal year that starts about the anniversary in a calendar year."""
    about = _anniversary(starts, year)
    later = (starts.weekday() - about.weekday()) % 7
    return about + timedelta(days=later if later <= 3 else later - 7)


def _named_later(starts: date) -> int:
    """1 where most days from the anniversary on lie in the year after it, else 0.

    By the anniversary and not by the first day itself: about mid-year that moves to and fro by days, and
    two years would have one name.
    """
    return (_anniversary(starts, 2001) + timedelta(days=182)).year - 2001


def _name_of_year(starts: date, start: date) -> int:
    near = (start.year - 1, start.year, start.year + 1)
    return next(year for year in near if _year_start(starts, year) == start) + _named_later(starts)


def _start_of_year_named(starts: date, name: int) -> date:
    return _year_start(starts, name - _named_later(starts))


def _year(starts: date, start: date) -> list[Period]:
    """The twelve periods of the fiscal year that starts on a day."""
    near = (_year_start(starts, year) for year in (start.year, start.year + 1, start.year + 2))
    next_year = min(day for day in near if day > start)
    found: list[Period] = []
    name, first = _name_of_year(starts, start), start
    for number, weeks in enumerate(WEEKS, start=1):
        last = first + timedelta(weeks=weeks) - timedelta(days=1)
        if number == PERIODS:
            last = next_year - timedelta(days=1)
        found.append(Period(f"{name:04d}-{number:02d}", first, last))
        first = last + timedelta(days=1)
    return found
