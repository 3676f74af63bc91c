"""Amounts and other numbers that differ: to the rule of the column's role, else slips of the hand."""

from __future__ import annotations

from fractions import Fraction

from router.dualrun.breaks import UNEXPLAINED, Explanation
from router.dualrun.causes import fx, net, tax
from router.dualrun.causes.digits import slip
from router.dualrun.causes.facts import Case, added_up, because, shown
from router.dualrun.causes.reckoning import read, rounded
from router.dualrun.policy import SIDES, Role
from router.dualrun.results import Difference

PLACES_MAX = 10


def amount(case: Case, difference: Difference) -> Explanation:
    """Why a number differs, or that nothing shows why, with what was tried."""
    role = case.table.roles.get(difference.column)
    return _by_role(case, difference, role) or _slip(case, difference) or _rest(case, difference, role)


def _by_role(case: Case, difference: Difference, role: Role | None) -> Explanation | None:
    if role == "net":
        return tax.inclusive(case) or net.net(case, difference)
    if role == "tax":
        return tax.tax(case, difference)
    if role == "total":
        return _total(case, difference)
    if role == "base_amount":
        return fx.base_amount(case, difference)
    if role == "quantity":
        return _hours(case)
    if role == "fx_rate" and case.one_to_one:
        return _slip(case, difference) or fx.rate(case)
    if role == "tax_rate" and case.one_to_one:
        return _tax_rate(case)
    return None


def _total(case: Case, difference: Difference) -> Explanation | None:
    """Net and tax: what each adds to the difference is its part."""
    sums = [(case.total(side, "net"), case.total(side, "tax")) for side in SIDES]
    (net_l, tax_l), (net_c, tax_c) = sums
    if net_l is None or net_c is None or difference.delta_minor is None:
        return None
    by_net, by_tax = net_c - net_l, (tax_c or 0) - (tax_l or 0)
    shares = [(_following(case, "net"), by_net), (_following(case, "tax"), by_tax)]
    shares = [share for share in shares if share[1]]
    if not shares or by_net + by_tax != difference.delta_minor:
        return None
    return added_up(shares, difference.delta_minor)


def _following(case: Case, role: Role) -> Explanation:
    reason = case.reason(role)
    name = case.table.columns.get(role, "")
    evidence = f"{name}: {reason.evidence}" if reason.evidence else f"{name} differs"
    return Explanation(cause=reason.cause, code=reason.code, evidence=evidence, parts=reason.parts)


def _hours(case: Case) -> Explanation | None:
    """Hours kept in hundredths on one side and finer on the other."""
    if not case.one_to_one:
        return None
    legacy, cloud = (case.number(case.rows(side)[0], "quantity") for side in SIDES)
    if legacy is None or cloud is None:
        return None
    for coarse, fine, side in ((legacy, cloud, "legacy"), (cloud, legacy, "cloud")):
        if coarse in (read(fine, "in hundredths"), read(read(fine, "in minutes"), "in hundredths")):
            said = f"{shown(fine)} h are {shown(coarse)} h in hundredths, as the {side} ERP keeps them"
            return because("rounding", "hours-in-hundredths", said)
    return None


def _tax_rate(case: Case) -> Explanation | None:
    legacy, cloud = (case.number(case.rows(side)[0], "tax_rate") for side in SIDES)
    return None if legacy is None or cloud is None else tax.rate(case, legacy, cloud)


def _slip(case: Case, difference: Difference) -> Explanation | None:
    if not case.one_to_one:
        return None
    legacy, cloud = (case.column_number(case.rows(side)[0], difference.column) for side in SIDES)
    return slip(legacy, cloud, _places(case, difference.column, legacy, cloud))


def _places(case: Case, name: str, *numbers: Fraction | None) -> int:
    """Decimals that hold both numbers: the currency's, or as many as it takes."""
    column = case.table.column(name)
    if column is not None and column.type == "money":
        return case.places(case.pair.legacy[0], name)
    return next(
        (
            places
            for places in range(PLACES_MAX + 1)
            if all((number or Fraction()) * 10**places % 1 == 0 for number in numbers)
        ),
        PLACES_MAX,
    )


def _rest(case: Case, difference: Difference, role: Role | None) -> Explanation:
    """Unexplained, with what the operands say; what they do explain is a part of its own."""
    evidence = _tried(case, role)
    if role == "total" and difference.delta_minor is not None:
        known = [(_following(case, one), _moved(case, one)) for one in ("net", "tax")]
        known = [share for share in known if share[1]]
        rest = difference.delta_minor - sum(delta for _, delta in known)
        if known and rest:
            left = because(
                "unexplained", "unexplained", f"{case.money(rest, difference.column)} beyond net and tax"
            )
            return added_up([*known, (left, rest)], difference.delta_minor)
    return because("unexplained", "unexplained", evidence) if evidence else UNEXPLAINED


def _moved(case: Case, role: Role) -> int:
    legacy, cloud = case.total("legacy", role), case.total("cloud", role)
    return 0 if legacy is None or cloud is None else cloud - legacy


def _tried(case: Case, role: Role | None) -> str:
    """What the amount's operands give on both sides."""
    if not case.one_to_one:
        return ""
    said: list[str] = []
    for side in SIDES:
        row = case.rows(side)[0]
        expected: int | None = None
        if role == "net":
            given = net.operands(case, row)
            expected = rounded(given[0] * given[1], "half-up") if given else None
        elif role == "tax":
            amount, percent = case.minor(row, "net"), case.number(row, "tax_rate")
            expected = (
                None if amount is None or percent is None else rounded(amount * percent / 100, "half-up")
            )
        elif role == "total":
            parts = case.minor(row, "net"), case.minor(row, "tax")
            expected = None if parts[0] is None else parts[0] + (parts[1] or 0)
        if role is None or expected is None:
            return ""
        said.append(case.money(expected, case.table.columns[role]))
    what = {"net": "hours x rate", "tax": "net x tax rate", "total": "net + tax"}.get(role or "", "")
    both = (
        f"{said[0]} on both sides"
        if said[0] == said[1]
        else f"{said[0]} in the legacy ERP and {said[1]} in the cloud"
    )
    return f"{what} gives {both}; no rounding that is known gives what stands there"
