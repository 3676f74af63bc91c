"""Two currencies: the same number in another one, or an amount that was converted."""

from __future__ import annotations

from fractions import Fraction

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, because, shown
from router.dualrun.causes.reckoning import rounded
from router.dualrun.policy import Role
from router.dualrun.results import Difference

AMOUNTS: tuple[Role, ...] = ("total", "net", "tax")


def currency(case: Case, difference: Difference) -> Explanation:
    """Why a pair stands in two currencies."""
    codes = f"{difference.legacy or 'none'} and {difference.cloud or 'none'}"
    nothing = because("unexplained", "unexplained", f"the currencies are {codes}, and the amounts differ too")
    if not case.one_to_one:
        return nothing
    legacy, cloud = case.pair.legacy[0], case.pair.cloud[0]
    for role in AMOUNTS:
        one, other = case.number(legacy, role), case.number(cloud, role)
        if not one or not other:
            continue
        if one == other:
            said = f"{case.table.columns[role]} is {shown(one)} on both sides, in {codes}"
            return because("data_entry", "currency-swapped", said)
        rate = _converted(case, role, one, other)
        if rate is not None:
            said = f"{shown(one)} times {shown(rate)} is {shown(other)}: converted from one of {codes} to the other"
            return because("fx", "converted", said)
    return nothing


def _converted(case: Case, role: Role, one: Fraction, other: Fraction) -> Fraction | None:
    """The rate of either row that turns the legacy into the cloud amount to the minor unit."""
    cloud = case.pair.cloud[0]
    scale = 10 ** case.places(cloud, case.table.columns[role])
    for row in (case.pair.legacy[0], cloud):
        told = case.number(row, "fx_rate")
        for rate in (told, 1 / told) if told else ():
            if rate != 1 and rounded(one * rate * scale, "half-up") == other * scale:
                return rate
    return None
