"""The typed tables: one pass over each side, and a clear refusal of cells that can't be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from router.canonical.money import exponent, exponents
from router.dualrun.engine.bulk import fill
from router.dualrun.engine.cells import DECIMALS, Reading
from router.dualrun.engine.normalising import common_word, words
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.extracts.numbers import canonical_number
from router.dualrun.policy import Policy
from router.dualrun.workbench import Source, Workbench, literal, quoted
from router.errors import BadConfig

_SHOWN = 10
"""Unreadable cells that are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Makes the typed table of a side."""

    bench: Workbench
    plan: Plan

    def load(self, source: Source, table: str) -> int:
        """Make the table; its rows. Raises BadConfig naming file, row, column, cell and mend."""
        check_columns(self.plan, source)
        self._check_dates(source)
        plain = source.numbers.decimal == "." and source.numbers.grouping != "."
        for exact in (False, True) if plain else (True,):
            reading = Reading(self.plan, source, odd_places(), exact)
            self.bench.db.execute(f"DROP TABLE IF EXISTS {table}")
            self.bench.db.execute(reading.table_sql(table))
            odd = self._one(f"SELECT count(*) FROM {table} WHERE odd")
            if not odd:
                break
        else:
            self._refuse(source, table, odd)
        self._word_the_rest(table)
        self._check_currencies(source, table)
        return self._one(f"SELECT count(*) FROM {table}")

    def _one(self, sql: str) -> int:
        return int(self.bench.rows(sql)[0][0])

    def _word_the_rest(self, table: str) -> None:
        """Common words of the cells that are not ASCII, through Python."""
        for one in self.plan.fields:
            if not one.worded or one.rule is None:
                continue
            other = self.bench.rows(
                f"SELECT DISTINCT {one.cell} FROM {table} WHERE strlen({one.cell}) <> length({one.cell})"
            )
            if not other:
                continue
            mapped = words(one.rule)
            fill(
                self.bench,
                "found_words",
                {"cell": "VARCHAR", "word": "VARCHAR"},
                ((text, common_word(text, one.rule, mapped)) for (text,) in other),
            )
            self.bench.db.execute(
                f"UPDATE {table} SET {one.word} = found_words.word FROM found_words WHERE {one.cell} = found_words.cell"
            )

    def _check_currencies(self, source: Source, table: str) -> None:
        for money in self.plan.monies():
            column = money.currency
            if column is None:
                continue
            codes = self.bench.rows(
                f"SELECT {column.word}, min(rowid) FROM {table} WHERE {money.cell} IS NOT NULL "
                f"GROUP BY 1 ORDER BY 2"
            )
            for code, row in codes:
                try:
                    exponent(code)
                except ValueError as error:
                    place = row + source.first_row
                    raise BadConfig(
                        f"row {place}, column {column.name}: {error}",
                        file=source.name,
                        line=place,
                        mend="write the three capital letters of ISO 4217, or map the code in the policy",
                    ) from error

    def _check_dates(self, source: Source) -> None:
        for one in self.plan.fields:
            if one.kind != "date" or one.rule is None:
                continue
            form, zones = one.rule.formats.get(source.side), one.rule.time_zones
            asked = [f"try_strptime('', {literal(form)})"] if form is not None else []
            asked += [
                f"timezone({literal(zone)}, TIMESTAMP '2026-01-01')" for _, zone in sorted(zones.items())
            ]
            for sql in asked:
                self._try(sql, one, source)

    def _try(self, sql: str, one: Field, source: Source) -> None:
        import duckdb  # noqa: PLC0415 - as the workbench does

        try:
            self.bench.rows(f"SELECT ({sql})::VARCHAR")
        except duckdb.Error as error:
            raise BadConfig(
                f"columns.{one.name}: its format or time zone for {source.side} is not one",
                file=source.name,
                mend='formats are those of strptime, such as "%d.%m.%Y"; zones are IANA names, such as Europe/London',
            ) from error

    def _refuse(self, source: Source, table: str, odd: int) -> None:
        numbered = f'SELECT row_number() OVER () - 1 AS "coexist row", * FROM {source.relation}'
        found = [
            row
            for (row,) in self.bench.rows(f"SELECT rowid FROM {table} WHERE odd ORDER BY 1 LIMIT {_SHOWN}")
        ]
        names = [one.name for one in self.plan.fields if one.name in source.columns]
        wanted = ", ".join(quoted(name) for name in names)
        rows = self.bench.rows(
            f'SELECT "coexist row", {wanted} FROM ({numbered}) '
            f'WHERE "coexist row" IN ({", ".join(map(str, found))}) ORDER BY 1'
        )
        said = [
            f"row {number + source.first_row}, {fault}"
            for number, *cells in rows
            for fault in faults(self.plan, source, dict(zip(names, cells, strict=True)))
        ]
        more = f"; {odd - len(rows)} more rows like that" if odd > len(rows) else ""
        raise BadConfig("; ".join(said[:_SHOWN]) + more, file=source.name, line=rows[0][0] + source.first_row)


def odd_places() -> Mapping[str, int]:
    """The ISO 4217 currencies whose minor unit is not a hundredth, with its decimal places."""
    return {code: places for code, places in exponents().items() if places != 2}


def check_columns(plan: Plan, source: Source) -> None:
    """Raise BadConfig when a side lacks a column that the policy needs."""
    policy, optional = plan.policy, _roles_only(plan.policy)
    for one in plan.fields:
        if one.name not in source.columns and one.name not in optional:
            why = "key" if one.name in policy.key else "columns" if one.rule is not None else "control totals"
            raise BadConfig(
                f"has no column {one.name}, which the policy names ({why})",
                file=source.name,
                mend=f"its columns are {', '.join(source.columns[:30])}; say rename.{source.side} if it has another name",
            )


def _roles_only(policy: Policy) -> set[str]:
    needed = {*policy.columns, *policy.key, *policy.document}
    needed.update(name for names in policy.control_totals for name in names)
    needed.update(
        rule.currency_column
        for rule in policy.columns.values()
        if rule.type == "money" and rule.currency is None
    )
    if policy.fallback is not None:
        needed.update(policy.fallback.same)
    return set(policy.roles.values()) - needed


def faults(plan: Plan, source: Source, cells: Mapping[str, str | None]) -> list[str]:
    """What is wrong with the cells of one row, with the mend."""
    found: list[str] = []
    for one in plan.fields:
        text = cells.get(one.name)
        if one.rule is None or not text:
            continue
        said = _date_fault(one, source) if one.kind == "date" else _number_fault(one, source, cells, text)
        if said and not (one.kind == "date" and _iso(text) and source.side not in one.rule.formats):
            shown = text if len(text) <= 40 else text[:40] + "…"
            found.append(f"column {one.name}: {shown!r} {said}")
    return found


def _iso(text: str) -> bool:
    from datetime import datetime  # noqa: PLC0415

    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _date_fault(one: Field, source: Source) -> str:
    assert one.rule is not None
    form = one.rule.formats.get(source.side)
    if form is None:
        return f"is no date as ISO 8601 writes it; say columns.{one.name}.formats.{source.side} in the policy"
    return f"is no date in the form {form}; mend the cell or columns.{one.name}.formats.{source.side}"


def _number_fault(one: Field, source: Source, cells: Mapping[str, str | None], text: str) -> str:
    if not one.numeric:
        return ""
    assert one.rule is not None
    number = canonical_number(text, source.numbers)
    if number is None:
        mark = source.numbers.decimal
        return f"is no number with the decimal mark {mark!r}; mend it, or say files.{source.side}.numbers"
    decimals = len(re.sub(r"^[^.]*\.?", "", number).rstrip("0"))
    if not one.money:
        return f"has more than {DECIMALS} decimal places" if decimals > DECIMALS else ""
    code = one.rule.currency or cells.get(one.rule.currency_column)
    if not code:
        return f"has no currency: {one.rule.currency_column} is empty"
    try:
        places = exponent(
            common_word(code, one.currency.rule, words(one.currency.rule))
            if one.currency and one.currency.rule
            else code
        )
    except ValueError as error:
        return str(error)
    if decimals > places:
        return f"has more than the {places} decimal places of {code}; an amount is exact to the minor unit"
    return "is too large" if len(number) > 36 else ""
