"""Caps of contract lines: how much of each row may still be billed. Pure.

The router splits work at a cap before it gets here; this is the ERP's own guard, which also catches
what hours in hundredths and rounding add. What is beyond a cap has been delivered and is given away:
the row is billed in part or at nothing, and keeps the excess as `over_cap_minor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from simulators.core.money import rounded
from simulators.core.rows import ExpenseRow, TimeRow


@dataclass(frozen=True, slots=True)
class Share:
    """What an invoice takes of a row, and what stays off it; exact minor units."""

    taken: Fraction
    over: Fraction = Fraction(0)


def shares(
    rows: Sequence[TimeRow | ExpenseRow],
    values: Sequence[Fraction],
    *,
    room: Fraction | int | None,
    given_away: Mapping[str, int],
) -> list[Share]:
    """The shares of rows of one contract line, in their order; `room` None: no cap.

    Corrections that take away make room before anything else is placed. `given_away` is what a cap kept
    off a billed row, by the reference a correction has for it: that is taken back first, for nothing.
    """
    if room is None:
        return [Share(value) for value in values]
    spare = dict(given_away)
    found: list[Share] = []
    for row, value in zip(rows, values, strict=True):
        back = min(Fraction(0), value)
        free = min(Fraction(spare.get(row.adjusts, 0)), -back)
        if free:
            spare[row.adjusts] -= rounded(free, "half_up")
        found.append(Share(back + free, -free))
    left = room - sum((share.taken for share in found), Fraction(0))
    for at, value in enumerate(values):
        if value > 0:
            taken = max(Fraction(0), min(value, left))
            left -= taken
            found[at] = Share(taken, value - taken)
    return found


Line = tuple[str, int]
"""A contract's vendor id and the number of one of its lines."""


def trimmed(nets: Sequence[int], lines: Sequence[Line], rooms: Mapping[Line, int]) -> list[int]:
    """Nets after rounding, brought back under the room their capped line has left.

    `lines` says which contract line each net belongs to. The largest net of a line gives way.
    """
    found = list(nets)
    for line, room in rooms.items():
        own = [at for at, of in enumerate(lines) if of == line]
        excess = sum(found[at] for at in own) - max(0, room)
        if own and excess > 0:
            found[max(own, key=lambda at: (found[at], -at))] -= excess
    return found
