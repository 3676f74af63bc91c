"""Parquet as a relation of text: each type to the exact text a careful CSV export would hold.

Decimals keep their scale, dates and times are ISO 8601 (in the policy's format where it states one for
that side), fields of structures become `parent.field`. A floating-point column has no exact text: its
shortest one is taken, without an idle `.0`. Fifteen significant digits go through a double unharmed
(IEEE 754, DBL_DIG; six through a float), so a money column with any more is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.dualrun.extracts.container import Opened
from router.dualrun.extracts.refusals import engine_refused, refused, shown
from router.dualrun.policy import Policy
from router.dualrun.workbench import Workbench, literal, quoted

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")  # fmt: skip
DIGITS = {"DOUBLE": 15, "FLOAT": 6}
"""Significant decimal digits that survive each floating-point type."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file, fields of structures being columns of their own."""

    heading: str
    sql: str
    type: str

    @property
    def floating(self) -> bool:
        """Whether it has no exact text."""
        return self.type in DIGITS

    @property
    def typed_number(self) -> bool:
        """Whether its numbers are numbers, not text."""
        return self.floating or self.type in WHOLE or self.type.startswith("DECIMAL")


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file whose columns are known."""

    file: Opened
    fields: tuple[Field, ...]
    nulls: Sequence[str]

    @property
    def headings(self) -> tuple[str, ...]:
        """The names of its columns, `parent.field` for fields of structures."""
        return tuple(field.heading for field in self.fields)

    def reader(self) -> str:
        """SQL after FROM: the rows as they are typed, in the order of the file."""
        return (
            f"read_parquet({literal(str(self.file.path))}, binary_as_string = true, hive_partitioning = false, "
            "file_row_number = false)"
        )

    def relation(self, columns: Sequence[str], policy: Policy | None, decimal: str = ".") -> str:
        """SQL after FROM: the rows as VARCHAR `columns`, numbers with the side's decimal mark."""
        formats: Mapping[str, str] = {}
        if policy is not None:
            side = self.file.side
            formats = {
                name: column.formats[side]
                for name, column in policy.columns.items()
                if side in column.formats
            }
        cells = [
            f"{as_text(field, formats.get(column), decimal, self.nulls)} AS {quoted(column)}"
            for field, column in zip(self.fields, columns, strict=True)
        ]
        return f"(SELECT {', '.join(cells)} FROM {self.reader()})"  # noqa: S608 - quoted


def told(bench: Workbench, file: Opened, nulls: Sequence[str]) -> ParquetFile:
    """Read the types of a Parquet file; raises BadConfig when it is damaged."""
    import duckdb  # noqa: PLC0415 - see Workbench

    found = ParquetFile(file, (), nulls)
    try:
        described = bench.rows(f"DESCRIBE SELECT * FROM {found.reader()}")  # noqa: S608 - quoted
        fields = [
            field
            for name, kind, *_ in described
            for field in _fields(bench, found.reader(), name, quoted(name), kind)
        ]
    except duckdb.Error as error:
        raise engine_refused(file.name, error) from error
    return ParquetFile(file, tuple(fields), nulls)


def checked(bench: Workbench, found: ParquetFile, columns: Sequence[str], policy: Policy | None) -> int:
    """Read every cell; the rows. Raises BadConfig for damage anywhere and for money that is not exact."""
    import duckdb  # noqa: PLC0415 - see Workbench

    named = dict(zip(columns, found.fields, strict=True))
    cells = "".join(f", max({field.sql})" for field in found.fields if not field.type.endswith("]"))
    try:
        rows = int(bench.rows(f"SELECT count(*){cells} FROM {found.reader()}")[0][0])  # noqa: S608 - quoted
        money = {
            name for name, column in (policy.columns if policy else {}).items() if column.type == "money"
        }
        for name, field in named.items():
            if field.floating and name in money:
                _exact(bench, found, name, field)
    except duckdb.Error as error:
        raise engine_refused(found.file.name, error) from error
    return rows


def _exact(bench: Workbench, found: ParquetFile, name: str, field: Field) -> None:
    text = f"CAST({field.sql} AS VARCHAR)"
    digits = f"length(regexp_replace(regexp_replace({text}, '^-?0*\\.?0*|\\.0$', ''), '[^0-9]', '', 'g'))"
    odd = bench.rows(
        f"SELECT row, text FROM (SELECT row_number() OVER () AS row, {text} AS text, {digits} AS digits, "  # noqa: S608 - quoted
        f"isfinite({field.sql}) AS finite FROM {found.reader()}) "
        f"WHERE digits > {DIGITS[field.type]} OR contains(text, 'e') OR NOT finite ORDER BY row LIMIT 1"
    )
    if odd:
        raise refused(
            found.file.name,
            f"money column {shown(name)!r} is stored in floating point and {odd[0][1]} is not exact in it",
            row=odd[0][0],
            mend="export the column as DECIMAL or as text",
        )


def _fields(bench: Workbench, reader: str, heading: str, sql: str, kind: str) -> list[Field]:
    if not kind.startswith("STRUCT"):
        return [Field(heading, sql, kind)]
    inner = bench.rows(f"DESCRIBE SELECT unnest({sql}) FROM {reader} LIMIT 0")  # noqa: S608 - quoted
    return [
        field
        for name, type_, *_ in inner
        for field in _fields(
            bench, reader, f"{heading}.{name}", f"struct_extract({sql}, {literal(name)})", type_
        )
    ]


def as_text(field: Field, date_format: str | None, decimal: str, nulls: Sequence[str]) -> str:
    """SQL for a column's text."""
    sql, kind = field.sql, field.type
    if kind == "VARCHAR":
        words = ", ".join(literal(word) for word in nulls)
        return f"CASE WHEN {sql} IN ({words}) THEN NULL ELSE {sql} END" if words else sql
    text = f"CAST({sql} AS VARCHAR)"
    if field.floating:
        text = (
            f"CASE WHEN contains({text}, 'e') AND abs({sql}) < 1 THEN "
            f"rtrim(CAST(CAST({sql} AS DECIMAL(38, 20)) AS VARCHAR), '0') "
            f"ELSE regexp_replace({text}, '\\.0$', '') END"
        )
    if field.typed_number:
        return text if decimal == "." else f"replace({text}, '.', {literal(decimal)})"
    if kind == "DATE":
        return f"strftime({sql}, {literal(date_format)})" if date_format else text
    if kind.startswith("TIMESTAMP"):
        zone = kind.endswith("WITH TIME ZONE")
        moment = f"({sql} AT TIME ZONE 'UTC')" if zone else sql
        if date_format:
            return f"strftime({moment}, {literal(date_format)})"
        iso, offset = f"replace(CAST({moment} AS VARCHAR), ' ', 'T')", "'+00:00'" if zone else "''"
        # A date that was stored as a time, as pandas does, is a date again.
        day = f"CAST(CAST({moment} AS DATE) AS VARCHAR)"
        midnight = "FALSE" if zone else f"CAST({moment} AS TIME) = TIME '00:00:00'"
        return f"CASE WHEN {midnight} THEN {day} ELSE {iso} || {offset} END"
    if kind.endswith(("]", ")")) and not kind.startswith("ENUM"):
        return f"CAST(to_json({sql}) AS VARCHAR)"
    return text
