"""How a month-end's work arrives by the hour, each entity by its own clock. Pure.

The hours are the firm's own (`simulators.firm.curve`), those the rehearsals use: Asia's evening comes before
Europe's noon, and America's evening closes the day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from router.errors import BadInput
from simulators.firm.build import MONTH
from simulators.firm.curve import HOUR, local_moment, weight
from simulators.firm.entities import WEIGHTS, workdays
from simulators.firm.model import Entity

Kind = Literal["friday", "three-days", "last-day"]
NOON, MIDNIGHT = 12, 0
FRIDAY = 4
WEEKEND = (5, 6)


Entities = tuple[Entity, ...]


def levels(kind: Kind, firm: Entities, named: tuple[str, ...] = ()) -> tuple[Fraction, ...]:
    """The level of every hour of a month-end for some entities together (none named: the whole firm).

    `firm`: all its entities, in the landscape's order. 1 is the busiest hour of the whole firm, whose entities are
    not busy all at once: one of them lies above it when its own clock strikes five.
    Raises BadInput when the landscape lacks one.
    """
    every = tuple(entity.code for entity in firm)
    if strangers := [name for name in named if name not in every]:
        raise BadInput(
            f"the landscape has no entity {strangers[0]!r}", mend="take it out of the scenario's streams"
        )
    busiest = max(_hours(kind, firm, every))
    return tuple(hour / busiest for hour in _hours(kind, firm, named or every))


def window(kind: Kind, firm: Entities) -> tuple[datetime, datetime]:
    """The instants the curve begins and ends at: the first and the last local moment of any entity, whole hours."""
    days = workdays(MONTH, WEEKEND)
    last = days[-1]
    if kind == "friday":
        friday = last - timedelta(days=(last.weekday() - FRIDAY) % 7)
        return _first(firm, friday, NOON), _last(firm, friday)
    return _first(firm, days[-3] if kind == "three-days" else last, MIDNIGHT), _last(firm, last)


@cache
def _hours(kind: Kind, firm: Entities, named: tuple[str, ...]) -> tuple[Fraction, ...]:
    """The mean weight of every hour; an entity counts as much as its share of the firm."""
    start, end = window(kind, firm)
    # Entities beyond the weights have the last one's, as in the firm itself.
    part = [
        (entity, WEIGHTS[min(at, len(WEIGHTS) - 1)]) for at, entity in enumerate(firm) if entity.code in named
    ]
    whole = sum(share for _, share in part)
    return tuple(
        Fraction(sum(share * _weight(entity, start + at * HOUR) for entity, share in part), whole)
        for at in range((end - start) // HOUR)
    )


def _weight(entity: Entity, at: datetime) -> int:
    zone = ZoneInfo(entity.time_zone)
    last = workdays(MONTH, entity.weekend)[-1]
    return weight(
        at.astimezone(zone),
        last_workday=local_moment(entity.time_zone, last, NOON).astimezone(zone),
        weekend=entity.weekend,
    )


def _first(firm: Entities, day: date, hour: int) -> datetime:
    return _whole(min(local_moment(entity.time_zone, day, hour) for entity in firm))


def _last(firm: Entities, day: date) -> datetime:
    after = day + timedelta(days=1)
    latest = max(local_moment(entity.time_zone, after, MIDNIGHT) for entity in firm)
    return _whole(latest + HOUR - timedelta.resolution)


def _whole(at: datetime) -> datetime:
    """The full hour at or before it: zones of half hours."""
    return at.replace(minute=0, second=0, microsecond=0)
