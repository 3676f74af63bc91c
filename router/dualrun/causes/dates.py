"""Dates and periods that differ: on either side of a period's end, cut in two time zones, day for month."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, because
from router.dualrun.policy import SIDES
from router.dualrun.results import Difference

CUT_OFF_DAYS = 31
"""Days between two posting dates beyond which a period's end between them says nothing: a year mistyped."""
_MONTH = re.compile(r"(\d{4})[-/. ]?(?:M|P)?(0[1-9]|1[0-2])\Z", re.ASCII)


def dates(case: Case, difference: Difference) -> Explanation | None:
    """Why a date differs; None when it just does."""
    if not case.one_to_one:
        return None
    legacy, cloud = (case.rows(side)[0].cells.get(difference.column) for side in SIDES)
    if not isinstance(legacy, date) or not isinstance(cloud, date):
        return None
    zone = _time_zone(case, difference.column, legacy, cloud)
    if zone is not None:
        return zone
    if (legacy.year, legacy.month, legacy.day) == (cloud.year, cloud.day, cloud.month):
        return because(
            "data_entry", "day-month-swapped", f"{legacy} and {cloud}: day and month in each other's place"
        )
    role = case.table.roles.get(difference.column)
    if role == "fx_date":
        return because(
            "fx", "fx-date", f"converted by the rate of {legacy} in the legacy ERP, of {cloud} in the cloud"
        )
    periods = case.text("legacy", "period"), case.text("cloud", "period")
    if not all(periods):
        periods = f"{legacy:%Y-%m}", f"{cloud:%Y-%m}"
    if periods[0] != periods[1]:
        days = abs((cloud - legacy).days)
        if days > CUT_OFF_DAYS:
            return None
        return because(
            "period",
            "cut-off",
            f"posted on {legacy} in period {periods[0]} and on {cloud} in period {periods[1]}, {days} days apart",
        )
    return None


def period(case: Case, difference: Difference) -> Explanation | None:
    """Why the period differs: by the posting date, or although that is the same."""
    when = case.table.columns.get("accounting_date")
    if when in case.reasons:
        found = case.reasons[when]
        if found.cause != "unexplained":
            return because(found.cause, found.code, f"{difference.column} follows {when}: {found.evidence}")
        return None
    if when is None or not case.one_to_one:
        return None
    day = case.rows("legacy")[0].cells.get(when)
    if not isinstance(day, date) or case.rows("cloud")[0].cells.get(when) != day:
        return None
    months = [_MONTH.match(text or "") for text in (difference.legacy, difference.cloud)]
    if all(months):
        if len({month.groups() for month in months if month}) == 1:
            return None  # one month, written in two ways
    elif not case.learned.agreed(difference.column, difference.legacy or ""):
        return None  # each ERP has names of its own for periods
    said = f"posted on {day} on both sides, in period {difference.legacy or 'none'} and {difference.cloud or 'none'}"
    return because("period", "wrong-period", said)


def _time_zone(case: Case, name: str, legacy: date, cloud: date) -> Explanation | None:
    """A day apart because one instant was cut to a date in two time zones."""
    column = case.table.column(name)
    if column is None or abs((cloud - legacy).days) != 1:
        return None
    zones = [column.time_zones.get(side, "") for side in SIDES]
    if not all(zones) or zones[0] == zones[1]:
        return None
    instants = _instants(case, name)
    if instants:
        if any([_cut(one, zone) for zone in zones] != [legacy, cloud] for one in instants):
            return None
        instant = instants[0]
        return because(
            "timing",
            "time-zone",
            f"{instant:%Y-%m-%d %H:%M} UTC is {legacy} in {zones[0]} and {cloud} in {zones[1]}",
        )
    offsets = [_offset(legacy, zone) for zone in zones]
    if offsets[0] is None or offsets[1] is None or (cloud > legacy) != (offsets[1] > offsets[0]):
        return None
    ahead = abs(offsets[1] - offsets[0])
    said = f"{legacy} and {cloud}: the {'cloud' if cloud > legacy else 'legacy'} ERP's clock is {ahead} ahead ({zones[0]}, {zones[1]})"
    return because("timing", "time-zone", said)


def _instants(case: Case, name: str) -> list[datetime]:
    """The instants behind the dates: times with their offset in the column itself or in `posted_at`."""
    posted = case.table.columns.get("posted_at")
    told: list[datetime] = []
    for side in SIDES:
        row = case.rows(side)[0]
        texts = [row.raw.get(name), row.raw.get(posted or ""), row.cells.get(posted or "")]
        for text in texts:
            if isinstance(text, str) and len(text) > len("2026-10-31T00:00"):
                found = _parsed(text)
                if found is not None:
                    told.append(found)
    return told


def _parsed(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _cut(instant: datetime, zone: str) -> date | None:
    there = _zone(zone)
    return instant.astimezone(there).date() if there else None


def _offset(day: date, zone: str) -> timedelta | None:
    there = _zone(zone)
    return datetime(day.year, day.month, day.day, 12, tzinfo=there).utcoffset() if there else None


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
