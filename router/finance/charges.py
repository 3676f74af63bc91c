"""Fees by the calendar month, for subscriptions and retainers, prorated by days.

A month's fee is `fee x days of service / days of the month`. Where the price changes inside a month,
each stretch of days is a part of its own; parts sum exactly to the month's fee, rounded once half up
and spread by largest remainder. Fees fall due in advance, with the first day of their month. A month
that was charged stays as charged: a change agreed later takes effect with the next month's charge.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

from router.canonical.masters import ContractLine
from router.canonical.money import Money
from router.canonical.reference import period_of
from router.finance.identity import derived
from router.finance.spread import round_together
from router.finance.terms import Terms, in_force

DAY = timedelta(days=1)
FEES = ("retainer", "subscription")
LONGEST_TERM = 600
"""Months: a contract to 2099-12-31 or 9999-12-31 is one without an end, as a schedule has so many lines at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A stretch of days of one month at one price."""

    charge_id: str
    line: ContractLine
    amount: Money
    first: date
    last: date


def first_of(period: str) -> date:
    """The first day of a calendar month `2026-10`."""
    return date(int(period[:4]), int(period[5:]), 1)


def last_of(period: str) -> date:
    """The last day of a calendar month."""
    first = first_of(period)
    return first.replace(day=monthrange(first.year, first.month)[1])


def months(first: date, last: date) -> Iterator[str]:
    """Every month that has a day of a span, in order."""
    for at in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield f"{at // 12:04d}-{at % 12 + 1:02d}"


def last_day(starts: date, ends: date | None) -> date | None:
    """The last day of a term; None where it has none, or one so far away that it only stands for none."""
    if ends is None or (ends.year - starts.year) * 12 + ends.month - starts.month >= LONGEST_TERM:
        return None
    return ends


def month_fees(contract_id: str, terms: Sequence[Terms], number: int, period: str) -> list[Fee]:
    """The fees of a contract's line for one month: one, or one a price; none outside its service."""
    begins, ends = first_of(period), last_of(period)
    # Between these days nothing changes, so a price is asked once a stretch and not once a day.
    cuts = [begins, *sorted(day for day in _changes(terms, number) if begins < day <= ends)]
    priced = [
        (_price(terms, number, day), day, until)
        for day, until in zip(cuts, [*(day - DAY for day in cuts[1:]), ends], strict=True)
    ]
    stretches: list[tuple[ContractLine, date, date]] = []
    for line, run in groupby(priced, key=lambda row: row[0]):
        if line is not None:
            served = list(run)
            stretches.append((line, served[0][1], served[-1][2]))
    whole = (ends - begins).days + 1
    exact = [Fraction(_fee(line).minor * ((last - first).days + 1), whole) for line, first, last in stretches]
    stem = derived(f"CH-{contract_id}", f"-{number}-{period.replace('-', '')}")
    return [
        Fee(
            charge_id=stem if len(stretches) == 1 else stem + chr(ord("a") + at),
            line=line,
            amount=Money(minor, _fee(line).currency),
            first=first,
            last=last,
        )
        for at, ((line, first, last), minor) in enumerate(zip(stretches, round_together(exact), strict=True))
    ]


def _changes(terms: Sequence[Terms], number: int) -> set[date]:
    """The days on which the price of a line may differ from the day before."""
    lines = [line for one in terms for line in one.lines if line.line == number]
    days = {one.effective for one in terms} | {line.starts for line in lines if line.starts}
    lasts = [one.ends for one in terms if one.ends] + [line.ends for line in lines if line.ends]
    return days | {day + DAY for day in lasts if day < date.max}


def fees_through(contract_id: str, terms: Sequence[Terms], number: int, period: str) -> list[Fee]:
    """The fees of a line for every month from its start through a month."""
    start = min(one.effective for one in terms)
    starts = [line.starts for one in terms for line in one.lines if line.line == number and line.starts]
    first = min([start, *starts])
    return [
        fee
        for month in months(first, last_of(period))
        for fee in month_fees(contract_id, terms, number, month)
    ]


def due(
    contract_id: str, terms: Sequence[Terms], *, period: str, through: date, charged: Collection[str]
) -> list[Fee]:
    """The fees of all lines that fell due through a month and were never charged.

    `charged`: ids of this contract's charges. A month of a line is charged once, whole or in parts: all of
    its parts fall due with its first, also those whose price begins after `through`.
    """
    numbers = sorted({line.line for one in terms for line in one.lines if line.bills in FEES})
    found: list[Fee] = []
    for number in numbers:
        for month, run in groupby(
            fees_through(contract_id, terms, number, period), key=lambda fee: period_of(fee.first)
        ):
            fees = list(run)
            stem = derived(f"CH-{contract_id}", f"-{number}-{month.replace('-', '')}")
            names = {stem, stem + "a", *(fee.charge_id for fee in fees)}
            if fees[0].first <= through and names.isdisjoint(charged):
                found += [fee for fee in fees if fee.amount.minor]
    return found


def retained(contract_id: str, terms: Sequence[Terms], number: int, on: date) -> int:
    """What a retainer line has been paid for through the month of a day: minor units, unused ones included."""
    return sum(fee.amount.minor for fee in fees_through(contract_id, terms, number, period_of(on)))


def _price(terms: Sequence[Terms], number: int, day: date) -> ContractLine | None:
    """The line as it stands on a day, when it is served that day."""
    if day < terms[0].effective:
        return None
    now = in_force(terms, day)
    line = next((one for one in now.lines if one.line == number and one.bills in FEES and one.fee), None)
    if line is None:
        return None
    ends = line.ends or _newest_end(terms, day)
    if (line.starts and day < line.starts) or (ends and day > ends):
        return None
    return line


def _newest_end(terms: Sequence[Terms], day: date) -> date | None:
    """The contract's last day as agreed by versions in force on a day; a renewal moves it."""
    return in_force(terms, day).ends


def _fee(line: ContractLine) -> Money:
    assert line.fee is not None
    return line.fee
