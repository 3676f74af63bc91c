"""The way from the legacy's invoice to the cloud's, one habit at a time: what each adds to net and tax. Pure.

In this order: the rows on it, what a row holds, mode, hours, rounding, tax. Each station is the invoice
reckoned whole, so that what neighbours differ by sums to the difference to the minor unit. The order says
what a habit's share means: its first steps change what the legacy does and its last what the cloud does. A
legacy that gives up its mode, or its hours, starts at the next station, and the rest of the way stays as it
is; a cloud that gives up its tax habit ends a station earlier. Only rounding, in the middle, bears on both
sides: without it tax is reckoned on other nets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from router.connectors.port import Record
from router.dualrun.breaks import Part
from router.dualrun.live_causes.habits import Learned, again, bill_of, pieces_of, row_key
from router.dualrun.live_causes.reckoning import Amounts, Bill, Habits, Piece, rounded

CAUSE_OF: Mapping[str, str] = {
    "billed-elsewhere": "timing",
    "tax-code": "tax",
    "row-differs": "data_entry",
    "half-up-half-even": "rounding",
    "over-cap": "rounding",
    "hours-in-hundredths": "rounding",
    "rounded-per-line": "rounding",
    "tax-per-line": "tax",
    "unexplained": "unexplained",
}
"""Cause of each code, in the order of the way."""
Pieces = Mapping[tuple[str, str], Piece]


@dataclass(frozen=True, slots=True)
class Station:
    """An invoice reckoned under some habits, and the code of what led here."""

    code: str
    amounts: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The stations of one invoice, the legacy's first."""

    stations: tuple[Station, ...]
    legacy_again: bool
    """Whether the legacy's habits make the invoice it shows."""
    cloud_again: bool
    rows: int
    rows_by_hours: int
    """Rows worth something else for how their hours are kept."""
    longest: tuple[str, int, int] | None = None
    """Of those the one that differs most: its id, and its worth in both ERPs, rounded for itself."""

    def steps(self) -> list[tuple[str, Amounts, Amounts]]:
        """(code, from, to) of each step."""
        return [
            (station.code, before.amounts, station.amounts)
            for before, station in zip(self.stations, self.stations[1:], strict=False)
        ]


def way(old: Record, new: Record, legacy: Learned, cloud: Learned, rates: Mapping[str, int]) -> Way | None:
    """The way of an invoice that billed work in both ERPs; None where it can't be reckoned again."""
    first, last = bill_of(old), bill_of(new)
    if first is None or last is None or not old.billed:
        return None
    theirs, ours = dict(pieces_of(old.billed)), dict(pieces_of(new.billed))
    carried = _carried(last, new, theirs, ours)
    same_rows = _same_rows(last, new, theirs, ours)
    habits, target = legacy.habits, cloud.habits
    legs: list[tuple[str, Bill, Habits]] = [
        ("", first, habits),
        (_regrouped(old, new, first, last), carried, habits),
        ("row-differs", same_rows, habits),
    ]
    habits = replace(habits, mode=target.mode)
    legs.append(("half-up-half-even", same_rows, habits))
    hours = "hours-in-hundredths" if habits.hours != target.hours else "over-cap"
    for code, name in ((hours, "hours"), ("rounded-per-line", "rounding"), ("tax-per-line", "tax")):
        habits = replace(habits, **{name: getattr(target, name)})
        legs.append((code, last, habits))
    stations = []
    for code, bill, kept in legs:
        made = again(bill, kept, rates)
        if made is None:
            return None
        stations.append(Station(code, made))
    moved = _moved(theirs, ours, legacy.habits, target)
    return Way(
        stations=tuple(stations),
        legacy_again=_shows(old, stations[0].amounts),
        cloud_again=_shows(new, stations[-1].amounts),
        rows=len(new.billed),
        rows_by_hours=len(moved),
        longest=max(moved, key=lambda row: (abs(row[2] - row[1]), row[0]), default=None),
    )


def parts_of(taken: Way, column: str, delta: int) -> tuple[Part, ...]:
    """What each habit adds to a column of a document; sums to its delta, with a part for what none explains."""
    found: dict[str, int] = {}
    for code, before, after in taken.steps():
        step = {"net": after.net - before.net, "tax": after.tax - before.tax}
        found[code] = found.get(code, 0) + (sum(step.values()) if column == "total" else step[column])
    return closed(found, delta)


def parts_of_lines(
    taken: Way, column: str, delta: int, lines: Mapping[int, str], name: str
) -> tuple[Part, ...]:
    """The same for the lines of one name; `lines` names those of the cloud's invoice."""
    found: dict[str, int] = {}
    for code, before, after in taken.steps():
        if code in ("billed-elsewhere", "tax-code"):
            continue  # it stands on the legacy's lines; what it adds is left for the rest
        step = 0
        for line, called in lines.items():
            if called == name:
                nets = after.nets.get(line, 0) - before.nets.get(line, 0)
                taxes = after.taxes.get(line, 0) - before.taxes.get(line, 0)
                step += {"net": nets, "tax": taxes, "total": nets + taxes}[column]
        found[code] = found.get(code, 0) + step
    return closed(found, delta)


def closed(found: Mapping[str, int], delta: int) -> tuple[Part, ...]:
    """Parts in the order of the way, without those of nothing, and the rest as unexplained."""
    rest = delta - sum(found.values())
    all_of = {**found, "unexplained": rest}
    return tuple(
        Part(cause=CAUSE_OF[code], code=code, delta_minor=all_of[code])
        for code in CAUSE_OF
        if all_of.get(code)
    )


def _shows(record: Record, made: Amounts) -> bool:
    return (record.net_minor, record.tax_minor) == (made.net, made.tax)


def _regrouped(old: Record, new: Record, first: Bill, last: Bill) -> str:
    """What putting the legacy's rows on the cloud's lines means."""
    left = {row_key(work): first.tax_codes[work.line] for work in old.billed}
    right = {row_key(work): last.tax_codes[work.line] for work in new.billed}
    return "tax-code" if left.keys() == right.keys() and left != right else "billed-elsewhere"


def _carried(last: Bill, new: Record, theirs: Pieces, ours: Pieces) -> Bill:
    """The cloud's rows on the cloud's lines, each as the legacy has it where it has it."""
    pieces = tuple(
        replace(theirs.get(row_key(work), ours[row_key(work)]), line=work.line) for work in new.billed
    )
    return Bill(pieces=pieces, tax_codes=last.tax_codes)


def _same_rows(last: Bill, new: Record, theirs: Pieces, ours: Pieces) -> Bill:
    """As `_carried`, but hours, rate and amount as the cloud has them; what a cap cut in either stays the legacy's."""
    pieces = []
    for work in new.billed:
        own = ours[row_key(work)]
        other = replace(theirs.get(row_key(work), own), line=work.line)
        of_one_sort = (own.minutes is None) == (other.minutes is None)
        timed = work.minutes is not None
        pieces.append(own if of_one_sort and not (timed and own.minutes is None) else other)
    return Bill(pieces=tuple(pieces), tax_codes=last.tax_codes)


def _moved(theirs: Pieces, ours: Pieces, legacy: Habits, cloud: Habits) -> list[tuple[str, int, int]]:
    found = []
    for key, own in ours.items():
        other = theirs.get(key)
        if other is None or other.value(legacy.hours) == own.value(cloud.hours):
            continue
        found.append(
            (
                key[1],
                rounded(other.value(legacy.hours), legacy.mode),
                rounded(own.value(cloud.hours), cloud.mode),
            )
        )
    return found
