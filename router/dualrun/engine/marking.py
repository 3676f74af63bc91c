"""Which columns of a pair differ by more than the policy allows, as SQL over a legacy row l and a cloud row r. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.dualrun.breaks import BreakClass
from router.dualrun.engine.plan import Field, Plan


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is compared: a column, or the currency of the money columns that share one."""

    field: Field
    what: BreakClass

    @property
    def sql(self) -> str:
        """True where it is a difference."""
        if self.what == "currency":
            return other_currency(self.field)
        return f"({unlike(self.field)} AND NOT {allowed(self.field)})"


def checks(plan: Plan) -> list[Check]:
    """All checks, in the policy's order; a currency stands before the first money in it."""
    currencies = {one.currency.name for one in plan.fields if one.money and one.currency is not None}
    made: dict[str, Check] = {}
    for one in plan.compared:
        if one.name in currencies:
            made.setdefault(one.name, Check(one, "currency"))
            continue
        if one.money and one.currency is not None:
            made.setdefault(one.currency.name, Check(one.currency, "currency"))
        made[one.name] = Check(one, one.what)
    return list(made.values())


def other_currency(currency: Field) -> str:
    """Both sides have a currency and it is not the same, so no amount can be subtracted."""
    return f"coalesce(l.{currency.word} <> r.{currency.word}, false)"


def value(one: Field, alias: str) -> str:
    """What is compared of a cell: the number, date or common word."""
    cell = f"{alias}.{one.word}"
    return f"coalesce({cell}, 0)" if one.rule is not None and one.rule.empty_is_zero and one.numeric else cell


def unlike(one: Field) -> str:
    """Two cells are not the same; no value and zero are not."""
    differs = f"{value(one, 'l')} IS DISTINCT FROM {value(one, 'r')}"
    if one.money and one.currency is not None:
        return f"({differs} AND NOT {other_currency(one.currency)})"
    return f"({differs})"


def allowed(one: Field) -> str:
    """They are no farther apart than the tolerance."""
    rule = one.rule
    far: str | None = None
    if rule is not None and rule.type == "money" and rule.tolerance_minor:
        far = str(rule.tolerance_minor)
    elif rule is not None and rule.type in ("count", "decimal") and rule.tolerance.strip("0."):
        far = f"{rule.tolerance}::DECIMAL(28, 10)"
    elif rule is not None and rule.type == "date" and rule.tolerance_days:
        far = str(rule.tolerance_days)
    if far is None:
        return "false"
    return f"coalesce(abs({value(one, 'l')} - {value(one, 'r')}) <= {far}, false)"


def touched(plan: Plan) -> str:
    """Anything at all differs, allowed or not: only such pairs are looked at again."""
    grouped = {one.name for fields in plan.groups() for one in fields}
    looks = [
        f"l.{one.cell} IS DISTINCT FROM r.{one.cell}"
        for one in plan.fields
        if one not in plan.key or one.worded or one.name in grouped
    ]
    return f"({' OR '.join(looks) or 'false'})"


def flags(all_checks: Sequence[Check]) -> str:
    """One letter a check: 1 where it differs."""
    letters = ", ".join(f"CASE WHEN {check.sql} THEN '1' ELSE '0' END" for check in all_checks)
    return f"concat({letters})" if letters else "''"
