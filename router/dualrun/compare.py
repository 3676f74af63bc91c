"""Set-based comparison in DuckDB: pairs, breaks and control totals over integers (D12).

Every result is ordered by its key, so that DuckDB's threads can't show. Nothing here rounds, and
nothing is a float: money, minutes and counts are BIGINT from the read-back on.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.connectors.port import Record
from router.dualrun.policy import Column, DualRunPolicy

DIMENSIONS = ("department", "practice", "service_line", "cost_center")
NUMBERS = ("net", "tax", "total", "minutes")
TEXTS = (
    "number",
    "status",
    "legal_entity",
    "accounting_date",
    "currency",
    "project_id",
    "customer_id",
    *DIMENSIONS,
)
COLUMNS = ("kind", "external_id", "vendor_id", *TEXTS, *NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One column of one pair that differs, or a document that stands on one side only."""

    kind: str
    key: str
    legal_entity: str
    currency: str
    project_id: str
    what: str
    """The break's class: amount, status, dimension, date, text, missing_in_cloud, duplicate_in_legacy, …"""
    column: str
    legacy: str | None
    cloud: str | None
    delta: int | None = None
    """Cloud minus legacy, in minor units (or minutes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A control total of both sides: per kind, entity and currency."""

    kind: str
    legal_entity: str
    currency: str
    legacy_count: int
    cloud_count: int
    legacy_minor: int
    cloud_minor: int
    legacy_minutes: int
    cloud_minutes: int


class Sheets:
    """Both ERPs' records side by side, in one DuckDB database in memory."""

    def __init__(self, legacy: Iterable[Record], cloud: Iterable[Record]) -> None:
        import duckdb  # noqa: PLC0415 - a quarter of a second at every start, and only a comparison needs it

        self._db = duckdb.connect(":memory:")
        self._db.execute("SET threads = 1")
        self._load("legacy", legacy)
        self._load("cloud", cloud)

    def close(self) -> None:
        """Free the database."""
        self._db.close()

    def _load(self, side: str, records: Iterable[Record]) -> None:
        # DuckDB reads a file far faster than it takes rows; the file is gone before this returns.
        types = {name: "BIGINT" if name in NUMBERS else "VARCHAR" for name in COLUMNS}
        given = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        chosen = ", ".join(name if name in NUMBERS else f"coalesce({name}, '') AS {name}" for name in COLUMNS)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(_row(record) for record in records)
            self._db.execute(
                f"CREATE TABLE {side} AS SELECT {chosen} FROM read_csv(?, columns = {{{given}}}, "  # noqa: S608 - our own names
                "header = false, auto_detect = false, quote = '\"', escape = '\"')",
                [str(path)],
            )

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return list(self._db.execute(sql, list(parameters)).fetchall())

    def totals(self) -> list[Total]:
        """Count, net money and minutes of each side, per kind, entity and currency."""
        side = (
            "SELECT kind, legal_entity, currency, count(*) AS n, coalesce(sum(coalesce(total, net)), 0)::HUGEINT AS m, "
            "coalesce(sum(minutes), 0)::HUGEINT AS t FROM {} GROUP BY ALL"
        )
        rows = self._rows(
            f"SELECT kind, legal_entity, currency, coalesce(l.n, 0), coalesce(c.n, 0), coalesce(l.m, 0), "  # noqa: S608
            f"coalesce(c.m, 0), coalesce(l.t, 0), coalesce(c.t, 0) FROM ({side.format('legacy')}) l "
            f"FULL JOIN ({side.format('cloud')}) c USING (kind, legal_entity, currency) ORDER BY ALL"
        )
        names = (
            "legacy_count",
            "cloud_count",
            "legacy_minor",
            "cloud_minor",
            "legacy_minutes",
            "cloud_minutes",
        )
        return [
            Total(
                kind=row[0],
                legal_entity=row[1],
                currency=row[2],
                **{n: int(v) for n, v in zip(names, row[3:], strict=True)},
            )
            for row in rows
        ]

    def pairs(self) -> int:
        """Keys that stand exactly once on both sides."""
        ((count,),) = self._rows(f"SELECT count(*) FROM ({_PAIRED})")  # noqa: S608
        return int(count)

    def missing_and_duplicates(self) -> list[Difference]:
        """Documents on one side only, and keys that stand more than once on a side."""
        found: list[Difference] = []
        for side, other in (("legacy", "cloud"), ("cloud", "legacy")):
            rows = self._rows(
                f"SELECT kind, external_id, legal_entity, currency, project_id, coalesce(total, net), vendor_id FROM {side} s "  # noqa: S608
                f"WHERE NOT EXISTS (SELECT 1 FROM {other} o WHERE o.kind = s.kind AND o.external_id = s.external_id "
                "AND o.external_id <> '') ORDER BY ALL"
            )
            for kind, key, entity, currency, project, amount, vendor in rows:
                sign = -1 if side == "legacy" else 1
                found.append(
                    Difference(
                        kind=kind, key=key or f"vendor:{vendor}", legal_entity=entity, currency=currency, project_id=project,
                        what=f"missing_in_{other}", column="", legacy=vendor if side == "legacy" else None,
                        cloud=vendor if side == "cloud" else None, delta=None if amount is None else sign * int(amount),
                    )
                )  # fmt: skip
            doubles = self._rows(
                f"SELECT kind, external_id, min(legal_entity), min(currency), min(project_id), count(*), "  # noqa: S608
                f"sum(coalesce(total, net)) - min(coalesce(total, net)) FROM {side} "
                "WHERE external_id <> '' GROUP BY kind, external_id HAVING count(*) > 1 ORDER BY ALL"
            )
            for kind, key, entity, currency, project, count, amount in doubles:
                found.append(
                    Difference(
                        kind=kind, key=key, legal_entity=entity, currency=currency, project_id=project,
                        what=f"duplicate_in_{side}", column="", legacy=str(count) if side == "legacy" else None,
                        cloud=str(count) if side == "cloud" else None, delta=None if amount is None else int(amount),
                    )
                )  # fmt: skip
        return found

    def column(self, kind: str, name: str, column: Column) -> list[Difference]:
        """Pairs of a kind whose column differs by more than its policy allows."""
        if column.ignore:
            return []
        number = name in NUMBERS
        left, right = _mapped("l", name, column, number=number), _mapped("c", name, column, number=number)
        differs = (
            f"abs(coalesce({right}, 0) - coalesce({left}, 0)) > {int(column.tolerance_minor)}"
            if number
            else f"{left} IS DISTINCT FROM {right}"
        )
        rows = self._rows(
            f"SELECT l.external_id, l.legal_entity, l.currency, l.project_id, l.{name}, c.{name} FROM ({_PAIRED}) p "  # noqa: S608
            "JOIN legacy l USING (kind, external_id) JOIN cloud c USING (kind, external_id) "
            f"WHERE kind = ? AND {differs} ORDER BY ALL",
            [kind],
        )
        what = {"money": "amount", "count": "amount"}.get(column.type, column.type)
        return [
            Difference(
                kind=kind, key=key, legal_entity=entity, currency=currency, project_id=project, what=what, column=name,
                legacy=None if old is None else str(old), cloud=None if new is None else str(new),
                delta=int(new or 0) - int(old or 0) if number else None,
            )
            for key, entity, currency, project, old, new in rows
        ]  # fmt: skip

    def differences(self, policy: DualRunPolicy) -> list[Difference]:
        """Everything that differs, by kind, key and column."""
        found = self.missing_and_duplicates()
        for kind, rules in policy.kinds.items():
            for name, column in rules.columns.items():
                found += self.column(kind, name, column)
        return sorted(found, key=lambda row: (row.kind, row.key, row.what, row.column))


_PAIRED = (
    "SELECT kind, external_id FROM legacy WHERE external_id <> '' GROUP BY kind, external_id HAVING count(*) = 1 "
    "INTERSECT "
    "SELECT kind, external_id FROM cloud WHERE external_id <> '' GROUP BY kind, external_id HAVING count(*) = 1"
)


def _mapped(side: str, name: str, column: Column, *, number: bool) -> str:
    if name not in COLUMNS:
        msg = f"there is no column {name}"
        raise ValueError(msg)
    if number or not column.map:
        return f"{side}.{name}"
    cases = " ".join(f"WHEN {_quoted(old)} THEN {_quoted(new)}" for old, new in column.map.items())
    return f"CASE {side}.{name} {cases} ELSE {side}.{name} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _row(record: Record) -> tuple[Any, ...]:
    dimensions = record.dimensions
    return (
        record.kind, record.external_id, record.vendor_id, record.number, record.status, record.legal_entity,
        record.accounting_date, record.currency, record.project_id, record.customer_id,
        *(dimensions.get(name, "") for name in DIMENSIONS),
        *("" if value is None else value for value in (record.net_minor, record.tax_minor, record.total_minor, record.minutes)),
    )  # fmt: skip
