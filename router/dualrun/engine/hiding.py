"""What the policy kept from being a break, counted and in money; what hid nothing is told too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from router.dualrun.engine.marking import allowed, other_currency, unlike, value
from router.dualrun.engine.normalising import ascii_sql
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.engine.tables import BY_KEY, Tables
from router.dualrun.results import Hidden
from router.dualrun.workbench import Workbench

Why = Literal["tolerance", "ignore", "normalise", "map", "empty_is_zero"]
InGroups = Mapping[tuple[str, str], tuple[int, Mapping[str, int]]]
"""By column and why: how many groups, and the money by currency."""


@dataclass(frozen=True, slots=True)
class Hiding:
    """Counts what was hidden among the pairs."""

    bench: Workbench
    plan: Plan
    tables: Tables
    today: date

    def hidden(self, in_groups: InGroups) -> tuple[Hidden, ...]:
        """All leaves the policy gives, in its order, with what each hid."""
        asked = list(leaves(self.plan))
        if not asked:
            return ()
        names = self.tables
        pairs = (
            f"FROM {names.pairs} AS p JOIN {names.legacy} AS l ON l.rowid = p.ln "
            f"JOIN {names.cloud} AS r ON r.rowid = p.rn WHERE p.touched"
        )
        counted = ", ".join(f"count(*) FILTER ({condition})" for _, _, condition in asked)
        counts = self.bench.rows(f"SELECT {counted} {pairs}")[0]
        told: list[Hidden] = []
        for (one, why, condition), count in zip(asked, counts, strict=True):
            more, more_money = in_groups.get((one.name, why), (0, {}))
            money = dict(more_money)
            if one.money and count:
                for code, minor in self._money(one, condition, pairs):
                    money[code] = money.get(code, 0) + int(minor)
            told.append(self._told(one, why, count + more, dict(sorted(money.items()))))
        return tuple(told)

    def _money(self, one: Field, condition: str, pairs: str) -> list[tuple[str, int]]:
        far = f"sum(abs(coalesce(r.{one.cell}, 0) - coalesce(l.{one.cell}, 0)))"
        same = "true" if one.currency is None else f"NOT {other_currency(one.currency)}"
        code = f"coalesce({one.currency_sql('l')}, {one.currency_sql('r')})"
        rows = self.bench.rows(
            f"SELECT {code}, {far} {pairs} AND {condition} AND {same} GROUP BY 1 ORDER BY 1"
        )
        return [(code, minor) for code, minor in rows if code is not None]

    def _told(self, one: Field, why: Why, pairs: int, money: Mapping[str, int]) -> Hidden:
        rule = one.rule
        assert rule is not None
        expires = rule.expires
        return Hidden(
            column=one.name,
            why=why,
            pairs=pairs,
            money=money,
            reason=rule.reason,
            owner=rule.owner,
            approved_by=rule.approved_by,
            expires=expires.isoformat() if expires else "",
            expired=expires is not None and expires < self.today,
        )


def leaves(plan: Plan) -> Iterator[tuple[Field, Why, str]]:
    """Everything in a policy that can hide a difference, with the SQL of a pair where it did."""
    for one in plan.fields:
        rule = one.rule
        if rule is None:
            continue
        if rule.ignore:
            yield one, "ignore", f"(l.{one.word} IS DISTINCT FROM r.{one.word})"
            continue
        if one.worded:
            yield from _worded(one, " AND p.how = " + str(BY_KEY) if one in plan.key else "")
        if rule.empty_is_zero and one.numeric:
            other = "" if one.currency is None else f" AND NOT {other_currency(one.currency)}"
            same = f"{value(one, 'l')} = {value(one, 'r')}"
            yield one, "empty_is_zero", f"(l.{one.cell} IS DISTINCT FROM r.{one.cell} AND {same}{other})"
        if allowed(one) != "false" and one not in plan.key:
            yield one, "tolerance", f"({unlike(one)} AND {allowed(one)})"


def _worded(one: Field, where: str) -> Iterator[tuple[Field, Why, str]]:
    rule = one.rule
    assert rule is not None
    made_alike = f"l.{one.cell} IS DISTINCT FROM r.{one.cell} AND l.{one.word} IS NOT DISTINCT FROM r.{one.word}{where}"
    if not (rule.normalise and rule.map):
        yield one, "normalise" if rule.normalise else "map", f"({made_alike})"
        return
    unmapped = rule.model_copy(update={"map": {}})
    left, right = (ascii_sql(f"{alias}.{one.cell}", unmapped) for alias in ("l", "r"))
    yield one, "normalise", f"({made_alike} AND {left} IS NOT DISTINCT FROM {right})"
    yield one, "map", f"({made_alike} AND {left} IS DISTINCT FROM {right})"
