"""Control totals, and the walk from the legacy to the cloud total.

Totals come from the typed rows, the walk from what was paired and what stands alone: that they meet is
a check of the pairing, for a row that were lost or counted twice would keep them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router.canonical.money import exponents
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.engine.tables import Tables, text_of
from router.dualrun.results import ControlTotal
from router.dualrun.workbench import Workbench
from router.errors import BadConfig

_STEPS = ("legacy", "cloud", "missing_in_cloud", "missing_in_legacy", "duplicates", "amounts", "moved")


@dataclass(frozen=True, slots=True)
class Totals:
    """Adds up the money columns by the policy's groups."""

    bench: Workbench
    plan: Plan
    tables: Tables

    def totals(self) -> tuple[ControlTotal, ...]:
        """All control totals: by grouping, group, currency, then column."""
        return tuple(
            one
            for grouping in self.plan.groups()
            for monies in self._by_currency()
            for one in self._grouping(grouping, monies)
        )

    def _by_currency(self) -> list[list[Field]]:
        """Money columns that share a currency are added up together; a sum of rates would mean nothing."""
        sharing: dict[str, list[Field]] = {}
        for one in self.plan.monies():
            if one.name in self.plan.prices:
                continue
            sharing.setdefault(one.currency_sql("t"), []).append(one)
        return list(sharing.values())

    def _grouping(self, grouping: Sequence[Field], monies: Sequence[Field]) -> Iterator[ControlTotal]:
        ask = _Grouping(self.tables, tuple(grouping), tuple(monies))
        places = len(grouping) + 1
        for row in self._rows(ask.sql()):
            *by, code = row[:places]
            legacy_rows, cloud_rows = row[places : places + 2]
            sums = row[places + 2 :]
            if code not in exponents():
                # Only rows without an amount may say something else there, and they add nothing.
                continue
            for place, one in enumerate(monies):
                steps = sums[place * len(_STEPS) : (place + 1) * len(_STEPS)]
                yield ControlTotal(
                    by={field.name: value for field, value in zip(grouping, by, strict=True)},
                    column=one.name,
                    currency=code,
                    legacy_rows=int(legacy_rows),
                    cloud_rows=int(cloud_rows),
                    **{f"{step}_minor": int(minor) for step, minor in zip(_STEPS, steps, strict=True)},
                )

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        import duckdb  # noqa: PLC0415 - as the workbench does

        try:
            return self.bench.rows(sql)
        except duckdb.OutOfRangeException as error:
            raise BadConfig(
                "the amounts add up to more than 38 digits of minor units",
                file="the extracts",
                mend="look for a money column that holds something else, such as an account number",
            ) from error


@dataclass(frozen=True, slots=True)
class _Grouping:
    """The SQL of one grouping for money columns that share a currency."""

    tables: Tables
    fields: tuple[Field, ...]
    monies: tuple[Field, ...]

    def sql(self) -> str:
        """Groups, currency, rows of both sides, then for each money column its sums by step."""
        by = ", ".join(str(place + 1) for place in range(len(self.fields) + 1))
        rows = ", ".join(f"coalesce(sum(rows) FILTER (step = '{side}'), 0)" for side in ("legacy", "cloud"))
        sums = ", ".join(
            f"coalesce(sum(m{place}) FILTER (step = '{step}'), 0)"
            for place in range(len(self.monies))
            for step in _STEPS
        )
        every = " UNION ALL ".join([*self._whole(), *self._alone(), *self._pairs(), *self._groups()])
        names = ", ".join([*(f"b{place}" for place in range(len(self.fields))), "code"])
        return f"SELECT {names}, {rows}, {sums} FROM ({every}) WHERE code IS NOT NULL GROUP BY {by} ORDER BY {by}"

    def _by(self, alias: str, other: str = "") -> str:
        """The group and currency of a row; without an own currency (and amount) it is its partner's."""
        group = [f"coalesce({text_of(one, alias)}, '') AS b{place}" for place, one in enumerate(self.fields)]
        code = self.monies[0].currency_sql(alias)
        if other:
            code = f"coalesce({code}, {self.monies[0].currency_sql(other)})"
        return ", ".join([*group, f"{code} AS code"])

    def _sums(self, alias: str, *, minus: bool = False) -> str:
        sign = "-" if minus else ""
        return ", ".join(
            f"{sign}sum({alias}.{one.cell}) AS m{place}" for place, one in enumerate(self.monies)
        )

    def _names(self) -> str:
        return ", ".join([*(f"b{place}" for place in range(len(self.fields))), "code"])

    def _whole(self) -> list[str]:
        return [
            f"SELECT {self._by('t')}, '{side}' AS step, count(*) AS rows, {self._sums('t')} FROM {table} AS t GROUP BY ALL"
            for side, table in (("legacy", self.tables.legacy), ("cloud", self.tables.cloud))
        ]

    def _alone(self) -> list[str]:
        names = self.tables
        return [
            f"SELECT {self._by('t')}, '{step}', 0, {self._sums('t')} FROM {names.pairs} AS p "
            f"JOIN {table} AS t ON t.rowid = p.{end} WHERE p.{other} IS NULL GROUP BY ALL"
            for step, table, end, other in (
                ("missing_in_cloud", names.legacy, "ln", "rn"),
                ("missing_in_legacy", names.cloud, "rn", "ln"),
            )
        ]

    def _pairs(self) -> list[str]:
        """Pairs within a group by their difference; others leave one group and arrive in another."""
        names, places = self.tables, range(len(self.monies))
        joined = (
            f"FROM {names.pairs} AS p JOIN {names.legacy} AS l ON l.rowid = p.ln "
            f"JOIN {names.cloud} AS r ON r.rowid = p.rn WHERE p.touched"
        )
        code = [self.monies[0].currency_sql(alias) for alias in ("l", "r")]
        same = " AND ".join(
            [
                *(f"{text_of(one, 'l')} IS NOT DISTINCT FROM {text_of(one, 'r')}" for one in self.fields),
                f"NOT coalesce({code[0]} <> {code[1]}, false)",
            ]
        )
        deltas = ", ".join(
            f"sum(coalesce(r.{one.cell}, 0) - coalesce(l.{one.cell}, 0)) AS m{place}"
            for place, one in zip(places, self.monies, strict=True)
        )
        return [
            f"SELECT {self._by('l', 'r')}, 'amounts', 0, {deltas} {joined} AND {same} GROUP BY ALL",
            f"SELECT {self._by('l', 'r')}, 'moved', 0, {self._sums('l', minus=True)} {joined} AND NOT ({same}) GROUP BY ALL",
            f"SELECT {self._by('r', 'l')}, 'moved', 0, {self._sums('r')} {joined} AND NOT ({same}) GROUP BY ALL",
        ]

    def _groups(self) -> list[str]:
        """Rows of doubled keys as they are; several rows to one as pairs, by their sums."""
        names = self.tables
        told, grouped = [], []
        for side, table in ((0, names.legacy), (1, names.cloud)):
            joined = f"FROM {names.members} AS m JOIN {table} AS t ON t.rowid = m.n WHERE m.side = {side}"
            sums = self._sums("t", minus=not side)
            told.append(
                f"SELECT {self._by('t')}, 'duplicates', 0, {sums} {joined} AND m.doubled GROUP BY ALL"
            )
            grouped.append(
                f"SELECT m.g, {side} AS side, {self._by('t')}, {sums} {joined} AND NOT m.doubled GROUP BY ALL"
            )
        sums = ", ".join(f"sum(m{place}) AS m{place}" for place in range(len(self.monies)))
        both = "CASE WHEN count(DISTINCT side) = 2 THEN 'amounts' ELSE 'moved' END"
        told.append(
            f"SELECT {self._names()}, {both}, 0, {sums} FROM ({' UNION ALL '.join(grouped)}) GROUP BY g, {self._names()}"
        )
        return told
