"""The amount in the base currency: total or net by an exchange rate; and the rate itself, by its day.

A rate is quoted either way round: the amount is multiplied or divided by it, alike on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, added_up, because, shown
from router.dualrun.causes.net import modes
from router.dualrun.causes.reckoning import Mode, rounded, walk
from router.dualrun.policy import SIDES, Role
from router.dualrun.results import Difference, Row

DAYS_NEAR = 31
"""How far away the day may be whose rate was taken."""
NEAREST: tuple[Mode, ...] = ("half-up", "half-even")


def base_amount(case: Case, difference: Difference) -> Explanation | None:
    """Why the amount in the base currency differs; None where nothing proves it."""
    if not case.one_to_one:
        return None
    legacy, cloud = case.pair.legacy[0], case.pair.cloud[0]
    column = case.table.columns["base_amount"]
    shown_amounts = case.minor(legacy, "base_amount"), case.minor(cloud, "base_amount")
    rates = case.number(legacy, "fx_rate"), case.number(cloud, "fx_rate")
    if shown_amounts[0] is None or shown_amounts[1] is None:
        return None
    scales = 10 ** case.places(legacy, column), 10 ** case.places(cloud, column)
    roles: tuple[Role, ...] = ("total", "net")
    for role in roles:
        amounts = case.number(legacy, role), case.number(cloud, role)
        if amounts[0] is None or amounts[1] is None:
            continue
        if not rates[0] or not rates[1]:
            found = _implied(
                case, role, (amounts[0], amounts[1]), (shown_amounts[0], shown_amounts[1]), scales
            )
            if found is not None:
                return found
            continue
        found = _by_rates(
            case,
            role,
            difference,
            ({"amount": amounts[0], "rate": rates[0]}, {"amount": amounts[1], "rate": rates[1]}),
            (shown_amounts[0], shown_amounts[1]),
            scales,
        ) or _other_day(case, role, (shown_amounts[0], shown_amounts[1]), scales)
        if found is not None:
            return found
    return None


def _converted(amount: Fraction, rate: Fraction, scale: int, *, divide: bool) -> Fraction:
    return (amount / rate if divide else amount * rate) * scale


def _by_rates(
    case: Case,
    role: Role,
    difference: Difference,
    given: tuple[dict[str, Any], dict[str, Any]],
    amounts: tuple[int, int],
    scales: tuple[int, int],
) -> Explanation | None:
    """Each side's amount follows from its own operands: what differs among them is why."""
    for divide in (False, True):
        exact = [
            _converted(one["amount"], one["rate"], scale, divide=divide)
            for one, scale in zip(given, scales, strict=True)
        ]
        fits = [
            (one, other)
            for one in NEAREST
            for other in NEAREST
            if rounded(exact[0], one) == amounts[0] and rounded(exact[1], other) == amounts[1]
        ]
        if not fits:
            continue
        told = min(fits, key=lambda pair: pair[0] != pair[1])

        def value(state: Mapping[str, Any], divide: bool = divide) -> int:  # noqa: FBT001 - bound in the loop
            return rounded(
                _converted(state["amount"], state["rate"], scales[0], divide=divide), state["mode"]
            )

        steps = walk(value, {**given[0], "mode": told[0]}, {**given[1], "mode": told[1]})
        shares = [(_why(case, step, role, exact[1], told), delta) for step, delta in steps]
        if shares and sum(delta for _, delta in shares) == difference.delta_minor:
            return added_up(shares, difference.delta_minor)
    return None


def _why(case: Case, step: str, role: Role, exact: Fraction, told: tuple[Mode, Mode]) -> Explanation:
    column = case.table.columns["base_amount"]
    if step == "mode":
        return modes(case, column, exact, told)
    if step == "rate":
        found = rate(case)
        return because(found.cause, found.code, f"{column} follows the rate: {found.evidence}")
    reason = case.reason(role)
    return because(reason.cause, reason.code, f"{column} follows {case.table.columns[role]}")


def rate(case: Case) -> Explanation:
    """Two exchange rates: of two days where that can be shown, else two rates."""
    legacy, cloud = case.pair.legacy[0], case.pair.cloud[0]
    one, other = case.number(legacy, "fx_rate"), case.number(cloud, "fx_rate")
    if one is None or other is None:
        return because("fx", "fx-rate", "one side has no exchange rate")
    said = f"{shown(one)} in the legacy ERP, {shown(other)} in the cloud"
    days = _day(case, legacy), _day(case, cloud)
    if case.differs("fx_date") and days[0] and days[1] and days[0] != days[1]:
        return because("fx", "fx-date", f"{said}: rates of {days[0]} and of {days[1]}")
    for mine, side, row in ((one, "legacy", legacy), (other, "cloud", cloud)):
        elsewhere = _days_of(case, row, mine)
        if elsewhere is not None:
            return because(
                "fx",
                "fx-date",
                f"{said}; other documents show that {shown(mine)}, used in the {side} ERP, is the rate of {elsewhere}",
            )
    return because("fx", "fx-rate", said)


def _day(case: Case, row: Row) -> date | None:
    columns = case.table.columns
    roles: tuple[Role, ...] = ("fx_date", "accounting_date")
    for role in roles:
        found = row.cells.get(columns.get(role, ""))
        if isinstance(found, date):
            return found
    return None


def _days_of(case: Case, row: Row, rate: Fraction) -> date | None:
    """The nearest other day whose usual rate this is, where its own day has another usual rate."""
    own = _day(case, row)
    if own is None or "rates" in case.learned.full:
        return None
    rates = case.learned.rates
    usual = rates.get(_market(case, row, own))
    if not usual or usual[rate] * 2 > usual.total():
        return None
    for day in _near(own):
        others = rates.get(_market(case, row, day))
        if others and others[rate] * 2 > others.total():
            return day
    return None


def _market(case: Case, row: Row, day: date) -> tuple[str, str, date]:
    """What has one rate: the entity, for its base currency, the currency and the day."""
    name = case.table.columns.get("total", case.table.columns.get("net", ""))
    return (case.table.text(row, "legal_entity"), case.currency(row, name), day)


def _near(own: date) -> Iterator[date]:
    """The days around one, the nearest first."""
    for apart in range(1, DAYS_NEAR + 1):
        yield own - timedelta(apart)
        yield own + timedelta(apart)


def _other_day(
    case: Case, role: Role, amounts: tuple[int, int], scales: tuple[int, int]
) -> Explanation | None:
    """The rates agree, but one side's amount is by the rate of another day, and no other rate near fits."""
    for side, amount, scale in zip(SIDES, amounts, scales, strict=True):
        row = case.rows(side)[0]
        own, value, told = _day(case, row), case.number(row, role), case.number(row, "fx_rate")
        if own is None or value is None or told is None or "rates" in case.learned.full:
            return None
        if rounded(value * told * scale, "half-up") == amount:
            continue
        fits = [
            (used, day)
            for day in _near(own)
            for used in case.learned.rates.get(_market(case, row, day), ())
            if used != told and rounded(value * used * scale, "half-up") == amount
        ]
        if fits and len({used for used, _ in fits}) == 1:
            used, day = fits[0]
            said = f"the {side} ERP states {shown(told)} but converts by {shown(used)}, the rate of {day}"
            return because("fx", "fx-date", said)
    return None


def _implied(
    case: Case, role: Role, amounts: tuple[Fraction, Fraction], base: tuple[int, int], scales: tuple[int, int]
) -> Explanation | None:
    """Without a column of rates: equal amounts with unequal values in the base currency imply two rates."""
    if (
        case.table.columns.get("fx_rate")
        or not amounts[0]
        or amounts[0] != amounts[1]
        or not base[0]
        or not base[1]
    ):
        return None
    if abs(base[0] - base[1]) <= 1 or (base[0] < 0) != (base[1] < 0):
        return None
    one, other = Fraction(base[0], scales[0]) / amounts[0], Fraction(base[1], scales[1]) / amounts[1]
    said = f"the same {case.table.columns[role]} was converted by {shown(one)} and by {shown(other)}"
    return because("fx", "fx-rate", said)
