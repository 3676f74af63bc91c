"""Tax: net x rate in percent, rounded per line or per document; the rate by its tax code.

What net does to tax is net's cause, what the code does is the code's, what is left is the rounding:
the parts sum to the tax difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, added_up, because, shown
from router.dualrun.causes.net import line_and_document, modes
from router.dualrun.causes.reckoning import MODES, Mode, rounded, walk
from router.dualrun.policy import SIDES, Side
from router.dualrun.results import Difference, Row

Operands = tuple[int, Fraction]


def tax(case: Case, difference: Difference) -> Explanation | None:
    """Why tax differs; None where its operands prove nothing."""
    included = inclusive(case)
    if included is not None or not case.one_to_one:
        return included or _of_several_rows(case)
    legacy, cloud = _operands(case, case.pair.legacy[0]), _operands(case, case.pair.cloud[0])
    amounts = case.total("legacy", "tax"), case.total("cloud", "tax")
    if legacy is None or cloud is None or amounts[0] is None or amounts[1] is None:
        return None
    told = _fitting(legacy, cloud, (amounts[0], amounts[1]))
    if told is None:
        return _per_document(case, legacy, cloud, difference)
    shares = _steps(case, legacy, cloud, told)
    return added_up(shares, difference.delta_minor) if shares else None


def _operands(case: Case, row: Row) -> Operands | None:
    net, rate = case.minor(row, "net"), case.number(row, "tax_rate")
    return None if net is None or rate is None else (net, rate)


def _exact(given: Operands) -> Fraction:
    return given[0] * given[1] / 100


def _fitting(legacy: Operands, cloud: Operands, amounts: tuple[int, int]) -> tuple[Mode, Mode] | None:
    """How each side rounds its own line, alike where that fits; cut-off tax is nobody's rule."""
    usable = [mode for mode in MODES if mode != "truncated"]
    fits = [
        (one, other)
        for one in usable
        for other in usable
        if rounded(_exact(legacy), one) == amounts[0] and rounded(_exact(cloud), other) == amounts[1]
    ]
    return min(fits, key=lambda pair: pair[0] != pair[1]) if fits else None


def _steps(
    case: Case, legacy: Operands, cloud: Operands, told: tuple[Mode, Mode]
) -> list[tuple[Explanation, int]]:
    def value(state: Mapping[str, Any]) -> int:
        return rounded(_exact((state["net"], state["rate"])), state["mode"])

    steps = walk(
        value,
        {"net": legacy[0], "rate": legacy[1], "mode": told[0]},
        {"net": cloud[0], "rate": cloud[1], "mode": told[1]},
    )
    return [(_why(case, step, legacy, cloud, told), delta) for step, delta in steps]


def _why(case: Case, step: str, legacy: Operands, cloud: Operands, told: tuple[Mode, Mode]) -> Explanation:
    column = case.table.columns["tax"]
    if step == "mode":
        return modes(case, column, _exact(cloud), told)
    if step == "rate":
        return rate(case, legacy[1], cloud[1])
    reason, net = case.reason("net"), case.table.columns["net"]
    said = f"{column} follows {net}: {shown(legacy[1])}% of {case.money(legacy[0], net)} and {case.money(cloud[0], net)}"
    return because(reason.cause, reason.code, said)


def rate(case: Case, legacy: Fraction, cloud: Fraction) -> Explanation:
    """Two tax rates: by two tax codes, or under the same one."""
    codes = case.text("legacy", "tax_code"), case.text("cloud", "tax_code")
    rates = f"{shown(legacy)}% in the legacy ERP, {shown(cloud)}% in the cloud"
    if codes[0] != codes[1]:
        return because("tax", "tax-code", f"tax code {codes[0] or 'none'} and {codes[1] or 'none'}: {rates}")
    under = f" under the same code {codes[0]}" if codes[0] else ""
    return because("tax", "tax-rate", f"{rates}{under}")


def inclusive(case: Case) -> Explanation | None:
    """Whether one side's net holds the tax: it is the other side's net and tax, and the totals agree."""
    sums = {
        side: (case.total(side, "net"), case.total(side, "tax"), case.total(side, "total")) for side in SIDES
    }
    for one, other in ((SIDES[0], SIDES[1]), (SIDES[1], SIDES[0])):
        (net, _, total), (whole, _, same) = sums[one], sums[other]
        tax_there = sums[one][1]
        if net is None or whole is None or not tax_there or total is None:
            continue
        if whole == net + tax_there and same == total:
            column = case.table.columns["net"]
            said = (
                f"net {case.money(whole, column)} in the {other} ERP holds the tax of "
                f"{case.money(tax_there, column)}; the totals agree"
            )
            return because("tax", "tax-inclusive", said)
    return None


def _of_several_rows(case: Case) -> Explanation | None:
    """A split or merged row: tax rounded once on one side and once a row on the other."""
    sums: list[tuple[int, int, Fraction]] = []
    for side in SIDES:
        rows = case.rows(side)
        given = [_operands(case, row) for row in rows]
        exact = [_exact(one) for one in given if one is not None]
        each = sum(rounded(one, "half-up") for one in exact)
        if not rows or len(exact) != len(rows) or case.total(side, "tax") != each:
            return None
        sums.append((len(rows), each, sum(exact, Fraction())))
    (legacy_rows, legacy, exact_legacy), (cloud_rows, cloud, exact_cloud) = sums
    if exact_legacy != exact_cloud or legacy == cloud:
        return None
    column = case.table.columns["tax"]
    said = (
        f"the tax on the same net rounded in {legacy_rows} and in {cloud_rows} rows comes to "
        f"{case.money(legacy, column)} and {case.money(cloud, column)}"
    )
    return because("tax", "tax-per-line", said)


def _per_document(
    case: Case, legacy: Operands, cloud: Operands, difference: Difference
) -> Explanation | None:
    """One side's tax is rounded on the sum of the lines of a tax code and shared over them."""
    groups = [_group(case, "legacy"), _group(case, "cloud")]
    told = line_and_document([group[0] for group in groups], [group[1] for group in groups])
    if told is None or difference.delta_minor is None:
        return None
    column = case.table.columns["tax"]
    code = case.text("legacy", "tax_code")
    said = (
        f"rounded line by line the tax of the {len(groups[0][0])} lines"
        f"{f' of {code}' if code else ''} comes to {case.money(told[0], column)}, on their sum to "
        f"{case.money(told[1], column)}; the difference stands on this line"
    )
    shares = _steps(case, legacy, cloud, ("half-up", "half-up"))
    rest = difference.delta_minor - sum(delta for _, delta in shares)
    if rest:
        shares.append((because("tax", "tax-per-line", said), rest))
    return added_up(shares, difference.delta_minor)


def _group(case: Case, side: Side) -> tuple[list[Fraction], list[int]]:
    """Exact and shown tax of the document's lines with this line's tax code and rate."""
    here = case.rows(side)[0]
    code, percent = case.table.text(here, "tax_code"), case.number(here, "tax_rate")
    exact: list[Fraction] = []
    amounts: list[int] = []
    for row in case.document(side):
        if case.table.text(row, "tax_code") != code or case.number(row, "tax_rate") != percent:
            continue
        given, amount = _operands(case, row), case.minor(row, "tax")
        if given is None or amount is None:
            return [], []
        exact.append(_exact(given))
        amounts.append(amount)
    return exact, amounts
