"""Several rows that belong together: what they add up to, what differs, what a doubled key is worth. Pure.

Rows are added one by one and only the first are kept, so that a key which stands a million times on one
side costs no memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal

from router.dualrun.breaks import PairedBy
from router.dualrun.engine.marking import Check
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.engine.rows import Facts, money_difference, number_difference, written
from router.dualrun.results import DOCUMENT_ROWS, Cell, Difference, Pair, Row

_EXACT = Context(prec=90)
_WORDS = 20
"""Different texts of one column that are told of a group."""


@dataclass(slots=True)
class Half:
    """The rows of one side of a group."""

    facts: Facts
    rows: list[Row] = field(default_factory=list)
    first: Row | None = None
    """The one with the least key, whatever the order of the rows."""
    count: int = 0
    per_key: dict[tuple[str, ...], int] = field(default_factory=dict)
    money: dict[tuple[str, str], int] = field(default_factory=dict)
    """By column and currency."""
    numbers: dict[str, Decimal] = field(default_factory=dict)
    words: dict[str, dict[Cell, str | None]] = field(default_factory=dict)
    """By column: what is compared, and the least way it was written."""
    rates: dict[str, set[Cell]] = field(default_factory=dict)
    """By column of a rate: what the rows say, which is not added up."""
    worth: dict[str, int] = field(default_factory=dict)
    least: dict[str, int] = field(default_factory=dict)
    """The smallest amount of one row, by currency."""

    def add(self, row: Row) -> None:
        """Take in a row."""
        self.count += 1
        if self.first is None or self._sorting(row) < self._sorting(self.first):
            self.first = row
        if len(self.rows) < DOCUMENT_ROWS:
            self.rows.append(row)
        plan = self.facts.plan
        key = tuple(str(row.cells[one.name] or "") for one in plan.key)
        if any(key):
            self.per_key[key] = self.per_key.get(key, 0) + 1
        for one in plan.fields:
            self._take(one, row)
        worth = self.facts.worth(row)
        if worth is not None:
            code, minor = worth
            self.worth[code] = self.worth.get(code, 0) + minor
            self.least[code] = min(self.least.get(code, minor), minor)

    def _sorting(self, row: Row) -> tuple[str, ...]:
        return tuple(self.facts.key(row).values())

    def _take(self, one: Field, row: Row) -> None:
        cell = row.cells[one.name]
        if one.name in self.facts.plan.prices:
            self.rates.setdefault(one.name, set()).add(cell)
        if one.money:
            if isinstance(cell, int):
                place = (one.name, self.facts.currency(one, row))
                self.money[place] = self.money.get(place, 0) + cell
        elif one.numeric:
            if isinstance(cell, Decimal):
                self.numbers[one.name] = _EXACT.add(self.numbers.get(one.name, Decimal()), cell)
        else:
            known = self.words.setdefault(one.name, {})
            if cell is None:
                known[cell] = None
            elif cell in known or len(known) < _WORDS:
                said = written(one, row) or ""
                known[cell] = min(known.get(cell) or said, said)

    def said(self, name: str) -> str | None:
        """The texts of a column as a person reads them: `a | b` when the rows don't agree."""
        texts = sorted({text or "" for text in self.words.get(name, {}).values()})
        if len(texts) <= 1:
            return next(iter(self.words.get(name, {}).values()), None)
        return " | ".join(texts)


@dataclass(slots=True)
class Group:
    """Rows of both sides that belong together."""

    facts: Facts
    how: PairedBy
    doubled: bool
    legacy: Half
    cloud: Half

    @classmethod
    def empty(cls, plan: Plan, how: PairedBy, *, doubled: bool) -> Group:
        """A group without rows."""
        facts = Facts(plan)
        return cls(facts, how, doubled, Half(facts), Half(facts))

    def pair(self, checks: list[Check]) -> Pair:
        """The pair with everything that differs."""
        first = self.legacy.first or self.cloud.first
        assert first is not None
        return Pair(
            key=self.facts.key(first),
            legacy=tuple(self.legacy.rows),
            cloud=tuple(self.cloud.rows),
            paired_by=self.how,
            differences=tuple(self._doubles() if self.doubled else self._differences(checks)),
        )

    def _doubles(self) -> list[Difference]:
        """One break a side that has a key twice; together they are worth cloud − legacy, to the minor unit."""
        sides = [
            side
            for side, half in (("legacy", self.legacy), ("cloud", self.cloud))
            if any(count > 1 for count in half.per_key.values())
        ]
        currency, before, after = _one_currency(self.legacy.worth, self.cloud.worth)
        once = 0
        if len(sides) == 2 and currency is not None:
            once = min(half.least[currency] for half in (self.legacy, self.cloud) if currency in half.least)
        told = {
            "legacy": f"{self.legacy.count} row{'s' * (self.legacy.count != 1)}",
            "cloud": f"{self.cloud.count} row{'s' * (self.cloud.count != 1)}",
        }
        deltas = {"legacy": after - before, "cloud": after - before}
        if len(sides) == 2:
            deltas = {"legacy": once - before, "cloud": after - once}
        return [
            Difference(
                what="duplicate_in_legacy" if side == "legacy" else "duplicate_in_cloud",
                legacy=told["legacy"],
                cloud=told["cloud"],
                currency=currency or "",
                delta_minor=None if currency is None else deltas[side],
            )
            for side in sides
        ]

    def _differences(self, checks: list[Check]) -> list[Difference]:
        found: list[Difference] = []
        other_currency: set[str] = set()
        for check in checks:
            one = check.field
            if check.what == "currency":
                legacy, cloud = (_values(half.words.get(one.name, {})) for half in (self.legacy, self.cloud))
                if legacy and cloud and legacy != cloud:
                    other_currency.add(one.name)
                    found.append(self._word(check))
            elif self._same_rate(one):
                continue
            elif one.money:
                if one.currency is None or one.currency.name not in other_currency:
                    found += self._money(one)
            elif one.numeric:
                found += self._number(one)
            elif not self._alike(one):
                found.append(self._word(check))
        return found

    def hidden(self, checks: list[Check]) -> list[tuple[str, str, str, int]]:
        """What a tolerance or an ignore kept from being a difference: column, why, currency, minor units."""
        told: list[tuple[str, str, str, int]] = []
        shown = {one.column for one in self._differences(checks)}
        for one in self.facts.plan.fields:
            if one.rule is None or one in self.facts.plan.key or one.name in shown or self._same_rate(one):
                continue
            why = "ignore" if one.ignored else "tolerance"
            if one.money:
                before, after = _of(one, self.legacy.money), _of(one, self.cloud.money)
                apart = {code: after.get(code, 0) - before.get(code, 0) for code in sorted({*before, *after})}
                told += [(one.name, why, code, abs(minor)) for code, minor in apart.items() if minor]
            elif one.numeric:
                numbers = self.legacy.numbers.get(one.name), self.cloud.numbers.get(one.name)
                if (numbers[0] or 0) != (numbers[1] or 0):
                    told.append((one.name, why, "", 0))
            elif set(self.legacy.words.get(one.name, {})) != set(self.cloud.words.get(one.name, {})) and (
                one.ignored or one.kind == "date"
            ):
                told.append((one.name, why, "", 0))
        return told

    def _same_rate(self, one: Field) -> bool:
        """Whether a column holds a rate, and all rows of both sides say the same one."""
        said = self.legacy.rates.get(one.name), self.cloud.rates.get(one.name)
        return said[0] is not None and said[0] == said[1] and len(said[0]) == 1

    def _word(self, check: Check) -> Difference:
        name = check.field.name
        return Difference(
            what=check.what, column=name, legacy=self.legacy.said(name), cloud=self.cloud.said(name)
        )

    def _alike(self, one: Field) -> bool:
        legacy, cloud = (set(half.words.get(one.name, {})) for half in (self.legacy, self.cloud))
        if legacy == cloud:
            return True
        rule = one.rule
        if (
            rule is None
            or rule.type != "date"
            or not rule.tolerance_days
            or len(legacy) != 1
            or len(cloud) != 1
        ):
            return False
        (before,), (after,) = legacy, cloud
        return (
            before is not None
            and after is not None
            and not isinstance(before, (str, int, Decimal))
            and not isinstance(after, (str, int, Decimal))
            and abs((after - before).days) <= rule.tolerance_days
        )

    def _money(self, one: Field) -> list[Difference]:
        assert one.rule is not None
        found = []
        before, after = _of(one, self.legacy.money), _of(one, self.cloud.money)
        for code in sorted({*before, *after}):
            was, now = before.get(code), after.get(code)
            if not _within(was, now, one.rule.tolerance_minor, zero=one.rule.empty_is_zero):
                found.append(money_difference(one, was, now, code))
        return found

    def _number(self, one: Field) -> list[Difference]:
        assert one.rule is not None
        was, now = self.legacy.numbers.get(one.name), self.cloud.numbers.get(one.name)
        zero = Decimal() if one.rule.empty_is_zero else None
        left, right = was if was is not None else zero, now if now is not None else zero
        if left is None or right is None:
            return [] if left is right else [number_difference(one, was, now)]
        far = abs(_EXACT.subtract(right, left))
        return [] if far <= Decimal(one.rule.tolerance) else [number_difference(one, was, now)]


def _values(words: Mapping[Cell, str | None]) -> set[Cell]:
    return {word for word in words if word not in (None, "")}


def _of(one: Field, sums: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {code: minor for (name, code), minor in sums.items() if name == one.name}


def _within(was: int | None, now: int | None, far: int, *, zero: bool) -> bool:
    if zero:
        was, now = was or 0, now or 0
    if was is None or now is None:
        return was is now
    return abs(now - was) <= far


def _one_currency(legacy: Mapping[str, int], cloud: Mapping[str, int]) -> tuple[str | None, int, int]:
    """The currency both are in, with both sums; None when there are several or none."""
    codes = {*legacy, *cloud}
    if len(codes) != 1:
        return None, 0, 0
    (code,) = codes
    return code, legacy.get(code, 0), cloud.get(code, 0)
