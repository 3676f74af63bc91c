"""Boxes: a set of positions on each of some axes; their difference, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from router.routing.axis import Axis, bits, runs
from router.routing.index import Index

Box = tuple[int, ...]
"""One bit set of positions an axis, in the order of the axes."""
MAX_NAMED = 5
"""Values of a gap named one by one."""


def meet(one: Box, other: Box) -> Box | None:
    """What two boxes share, or None."""
    shared = tuple(a & b for a, b in zip(one, other, strict=True))
    return shared if all(shared) else None


def within(one: Box, other: Box) -> bool:
    """Whether the first lies wholly within the second."""
    return all(a & ~b == 0 for a, b in zip(one, other, strict=True))


def without(box: Box, cut: Box) -> list[Box]:
    """A box less another, as disjoint boxes: at most one an axis."""
    if meet(box, cut) is None:
        return [box]
    left: list[Box] = []
    rest = list(box)
    for at, taken in enumerate(cut):
        outside = rest[at] & ~taken
        if outside:
            left.append((*rest[:at], outside, *rest[at + 1 :]))
        rest[at] &= taken
    return left


def windows(axis: Axis, positions: int) -> list[tuple[str | None, str | None]]:
    """Positions on the axis of days as windows (first day, first day after), None where open."""
    inhabited = axis.inhabited()
    # Positions no day can lie in join what they lie between.
    empty = axis.present & ~inhabited
    positions &= axis.present
    for place in bits(empty):
        if positions >> (place - 1) & 1 and positions >> (place + 1) & 1:
            positions |= 1 << place
    found: list[tuple[str | None, str | None]] = []
    for first, end in runs(positions):
        since = None if first == 0 else str(_first_day(axis, first))
        until = None if end >= axis.null else str(_first_day(axis, end))
        found.append((since, until))
    return found


def _first_day(axis: Axis, place: int) -> object:
    point = axis.points[(place - 1) // 2]
    return point if place % 2 else point + timedelta(days=1)


def describe(index: Index, box: Mapping[str, int]) -> str:
    """The conditions of a box besides the accounting date, in words; empty when there are none."""
    parts = []
    for field, positions in box.items():
        axis = index.axes[field]
        if field == "accounting_date" or positions == axis.full:
            continue
        parts.append(f"{field} {_values(axis, positions)}")
    return " and ".join(parts)


def _values(axis: Axis, positions: int) -> str:
    null = bool(positions >> axis.null & 1)
    there = positions & axis.present
    if not there:
        return "is missing"
    told = "is present" if there == axis.present else _present_values(axis, there)
    return f"{told} or missing" if null else told


def _present_values(axis: Axis, there: int) -> str:
    if axis.ordered:
        return "is " + " or ".join(_range(axis, first, end) for first, end in runs(there))
    if there & 1:
        left_out = [axis.points[place // 2] for place in bits(axis.present & ~there) if place % 2]
        return "is none of " + _named(left_out)
    return "is " + _named([axis.points[place // 2] for place in bits(there) if place % 2])


def _named(values: list[object]) -> str:
    shown = ", ".join(str(value) for value in values[:MAX_NAMED])
    more = len(values) - MAX_NAMED
    return shown + (f" and {more} more" if more > 0 else "")


def _range(axis: Axis, first: int, end: int) -> str:
    if end - first == 1 and first % 2:
        return str(axis.points[first // 2])
    parts = []
    if first > 0:
        parts.append(("at least " if first % 2 else "above ") + str(axis.points[(first - 1) // 2]))
    if end < axis.null:
        # The last position is a literal itself when `end` is even: then the range includes it.
        parts.append(("below " if end % 2 else "at most ") + str(axis.points[(end - 1) // 2]))
    return " and ".join(parts) if parts else "anything"
