"""Net: hours x rate, read and rounded in a way that gives each side's amount exactly.

From the legacy to the cloud amount one thing is changed at a time (hours, rate, reading of the hours,
rounding), and what each adds is its part. Where a document's net is rounded once and shared over its
lines, that shows in the sums of the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, added_up, because, shown
from router.dualrun.causes.reckoning import Mode, Way, closest, read, rounded, walk, ways
from router.dualrun.policy import SIDES, Role, Side
from router.dualrun.results import Difference, Row

SEEN_BEFORE = 2
"""Rows of a side that must show a habit before one row is explained by it, where chance could do as well."""


def net(case: Case, difference: Difference) -> Explanation | None:
    """Why net differs; None where its operands prove nothing."""
    if not case.one_to_one:
        return _of_several_rows(case)
    return _of_one_row(case, difference) or _per_document(case)


def operands(case: Case, row: Row) -> tuple[Fraction, Fraction] | None:
    """Hours, and the rate in minor units of net."""
    hours, rate = case.number(row, "quantity"), case.number(row, "rate")
    if hours is None or rate is None:
        return None
    return hours, rate * 10 ** case.places(row, case.table.columns["net"])


def _of_one_row(case: Case, difference: Difference) -> Explanation | None:
    legacy, cloud = _operands(case, "legacy"), _operands(case, "cloud")
    amounts = case.total("legacy", "net"), case.total("cloud", "net")
    if legacy is None or cloud is None or amounts[0] is None or amounts[1] is None:
        return None
    fits = closest(ways(*legacy, amounts[0]), ways(*cloud, amounts[1]))
    pair = next((one for one in fits if _shown_before(case, one, difference)), None)
    if pair is None:
        return None

    def value(state: Mapping[str, Any]) -> int:
        return rounded(read(state["quantity"], state["reading"]) * state["rate"], state["mode"])

    steps = walk(value, _state(legacy, pair[0]), _state(cloud, pair[1]))
    shares = [(_why(case, step, pair, (legacy, cloud)), delta) for step, delta in steps]
    return added_up(shares, difference.delta_minor) if shares else None


def _operands(case: Case, side: Side) -> tuple[Fraction, Fraction] | None:
    return operands(case, case.rows(side)[0])


def _state(given: tuple[Fraction, Fraction], way: Way) -> dict[str, Any]:
    return {"quantity": given[0], "rate": given[1], "reading": way.reading, "mode": way.mode}


def _shown_before(case: Case, pair: tuple[Way, Way], difference: Difference) -> bool:
    """Whether a way that fits by chance once in a while has been seen of that side before.

    A cut-off fraction fits every second amount that is a cent too low, so it must be the side's habit.
    """
    for side, way in zip(SIDES, pair, strict=True):
        habits = case.learned.habits
        if way.mode == "truncated" and pair[0].mode != pair[1].mode:
            seen = habits[side, "truncated"]
            if seen < SEEN_BEFORE or seen <= habits[side, "nearest"]:
                return False
    readings = pair[0].reading != pair[1].reading
    return not (readings and not case.differs("quantity") and abs(difference.delta_minor or 0) <= 1)


def _why(
    case: Case, step: str, pair: tuple[Way, Way], given: tuple[tuple[Fraction, Fraction], ...]
) -> Explanation:
    (hours, rate), (cloud_hours, cloud_rate) = given
    column = case.table.columns["net"]
    if step in ("quantity", "rate"):
        role: Role = "quantity" if step == "quantity" else "rate"
        reason = case.reason(role)
        one, other = (hours, cloud_hours) if step == "quantity" else (rate, cloud_rate)
        if step == "rate":
            scale = 10 ** case.places(case.pair.legacy[0], column)
            one, other = one / scale, other / scale
        said = f"{column} follows {case.table.columns[role]}: {shown(one)} and {shown(other)}"
        if reason.evidence:
            said += f" ({reason.evidence})"
        return because(reason.cause, reason.code, said)
    if step == "reading":
        legacy = read(hours, pair[0].reading), read(cloud_hours, pair[1].reading)
        said = f"{shown(legacy[0])} h {pair[0].reading} in the legacy ERP, {shown(legacy[1])} h {pair[1].reading} in the cloud"
        return because("rounding", "hours-in-hundredths", said)
    return modes(case, column, read(cloud_hours, pair[1].reading) * cloud_rate, (pair[0].mode, pair[1].mode))


def modes(case: Case, column: str, exact: Fraction, told: tuple[Mode, Mode]) -> Explanation:
    """Two ways of rounding one exact amount, given in minor units."""
    code = "truncated" if "truncated" in told else "half-up-half-even"
    row = case.pair.legacy[0]
    places = case.places(row, column)
    said = [f"{mode} {case.money(rounded(exact, mode), column)}" for mode in told]
    return because(
        "rounding",
        code,
        f"{column} is {shown(exact / 10**places)} exactly: {said[0]} in the legacy ERP, {said[1]} in the cloud",
    )


def _of_several_rows(case: Case) -> Explanation | None:
    """One row here is several there: rounded once, or once each."""
    sums: list[tuple[int, int, Fraction]] = []
    for side in SIDES:
        rows = case.rows(side)
        given = [operands(case, row) for row in rows]
        amounts = [case.minor(row, "net") for row in rows]
        exact = [one[0] * one[1] for one in given if one is not None]
        if not rows or len(exact) != len(rows) or None in amounts:
            return None
        each = sum(rounded(one, "half-up") for one in exact)
        if sum(one for one in amounts if one is not None) != each:
            return None
        sums.append((len(rows), each, sum(exact, Fraction())))
    (legacy_rows, legacy, exact_legacy), (cloud_rows, cloud, exact_cloud) = sums
    if exact_legacy != exact_cloud or legacy == cloud:
        return None
    column = case.table.columns["net"]
    said = (
        f"the same hours and rate rounded in {legacy_rows} and in {cloud_rows} rows come to "
        f"{case.money(legacy, column)} and {case.money(cloud, column)}"
    )
    return because("rounding", "rounded-per-line", said)


def _per_document(case: Case) -> Explanation | None:
    """One side rounds each line, the other the document, and shares the rest over its lines."""
    if len(case.document("legacy")) < 2 or len(case.document("cloud")) < 2:
        return None
    exact: list[list[Fraction]] = []
    amounts: list[list[int]] = []
    for side in SIDES:
        rows = case.document(side)
        given = [operands(case, row) for row in rows]
        nets = [case.minor(row, "net") for row in rows]
        exact.append([one[0] * one[1] for one in given if one is not None])
        amounts.append([one for one in nets if one is not None])
        if len(exact[-1]) != len(rows) or len(amounts[-1]) != len(rows):
            return None
    here = [operands(case, case.rows(side)[0]) for side in SIDES]
    if here[0] != here[1]:
        return None
    told = line_and_document(exact, amounts)
    if told is None:
        return None
    column = case.table.columns["net"]
    each, once = told
    said = (
        f"rounded line by line the {len(exact[0])} lines come to {case.money(each, column)}, "
        f"on their sum to {case.money(once, column)}; the difference stands on this line"
    )
    return because("rounding", "rounded-per-line", said)


def line_and_document(exact: list[list[Fraction]], amounts: list[list[int]]) -> tuple[int, int] | None:
    """(rounded line by line, rounded once) where one side does the one and the other the other; else None.

    `exact` and `amounts` are those of the legacy and of the cloud lines. The side that rounds once must
    have each line within the rest that there is to share: half a minor unit a line.
    """
    for one, other in ((0, 1), (1, 0)):
        each = [rounded(value, "half-up") for value in exact[one]]
        once = rounded(sum(exact[other], Fraction()), "half-up")
        rest = Fraction(len(exact[other]), 2) + 1
        near = all(
            abs(amount - value) <= rest for amount, value in zip(amounts[other], exact[other], strict=True)
        )
        if (
            amounts[one] == each
            and sum(amounts[other]) == once
            and near
            and amounts[other] != [rounded(value, "half-up") for value in exact[other]]
        ):
            return sum(each), once
    return None
