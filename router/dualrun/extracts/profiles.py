"""What the cells of a column say it is: the facts a proposal is made from, one profile a column."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from router.canonical.money import exponents
from router.dualrun.extracts.number_formats import Evidence, found
from router.dualrun.extracts.numbers import number_sql
from router.dualrun.extracts.reading import Extract
from router.dualrun.policy import NumberFormat, Side
from router.dualrun.workbench import Workbench, literal, quoted

SKETCH = 400
"""Values a column is told by: those with the smallest SHA-256, so that two columns show the same ones (MinHash)."""
LONG = 40
"""Characters from which a cell is no number of a document."""
WORDS_MOST = 40
"""Distinct words of a column that may be a status or a dimension."""
DATE_FORMATS = (
    "%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y",
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
)  # fmt: skip
Shape = Literal["number", "date", "text", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One column of one side."""

    heading: str
    column: str
    """Its name in the source."""
    shape: Shape
    rows: int
    filled: int
    distinct: int
    sketch: frozenset[str]
    """Values in comparable form: decimals and dates canonical, all else without case and leading zeros."""
    words: tuple[str, ...] = ()
    """All of its values, where they are few."""
    places: int = 0
    """Most decimal places of its numbers."""
    same_places: bool = False
    """Every number has them."""
    leading_zeros: bool = False
    date_formats: tuple[str, ...] = ()
    """Formats that every cell fits."""
    comparable: str = ""
    """SQL for a cell in comparable form, as the sketch has it."""
    decimal: str = ""
    """SQL for a number's canonical text."""
    wordy: bool = False
    """Free text: most cells have blanks within or are long. It may be unique, but names nothing."""

    @property
    def codes(self) -> bool:
        """Whether every value is a currency's code (ISO 4217), whatever the heading says."""
        return bool(self.words) and all(word in exponents() for word in self.words)

    @property
    def unique(self) -> float:
        """Distinct values a row: 1 for a key."""
        return self.distinct / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SideProfile:
    """One file: its table in the workbench and its columns."""

    side: Side
    table: str
    extract: Extract
    numbers: NumberFormat
    ambiguous: str = ""
    """What is to be said of its numbers where their format can't be told."""
    columns: tuple[Profile, ...] = field(default=())


def profiled(bench: Workbench, side: Side, extract: Extract) -> SideProfile:
    """Look at every column of a file, once it stands in a table of its own."""
    table = f"{side}_profiled"
    bench.rows(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {extract.source.relation}")  # noqa: S608 - our own
    dates = {name: _dates(bench, table, quoted(name)) for name in extract.source.columns}
    # 01.10.2026 would prove a grouping mark, so dates are no numbers.
    numeric = [name for name in extract.source.columns if not dates[name] and _numeric(bench, table, name)]
    evidence = Evidence()
    for name in numeric:
        if name not in extract.typed:
            shapes = f"SELECT min({quoted(name)}) FROM {table} GROUP BY translate({quoted(name)}, '123456789', '999999999') ORDER BY 1"  # noqa: S608 - quoted
            for (cell,) in bench.rows(shapes):
                evidence.add(cell or "")
    told = found(evidence, side)
    numbers, ambiguous = (told, "") if isinstance(told, NumberFormat) else (NumberFormat(), told.message)
    profiles = []
    for heading, name in zip(extract.headings, extract.source.columns, strict=True):
        if heading != name:
            # Blank, or there before: a policy can't name it.
            continue
        form = NumberFormat() if name in extract.typed else numbers
        profiles.append(_profile(bench, table, heading, name, form if name in numeric else None, dates[name]))
    return SideProfile(
        side=side, table=table, extract=extract, numbers=numbers, ambiguous=ambiguous, columns=tuple(profiles)
    )


def _numeric(bench: Workbench, table: str, name: str) -> bool:
    column = quoted(name)
    loose = literal(r"[ (+−-]*[0-9][0-9., '’\x{a0}\x{202f}]*[ )−-]*|[.,][0-9]+")
    filled, fits = bench.rows(
        f"SELECT count({column}), count(*) FILTER (WHERE regexp_full_match({column}, {loose})) FROM {table}"  # noqa: S608 - quoted
    )[0]
    return bool(filled and filled == fits)


def _profile(
    bench: Workbench,
    table: str,
    heading: str,
    name: str,
    numbers: NumberFormat | None,
    dates: tuple[str, ...],
) -> Profile:
    column = quoted(name)
    rows, filled, distinct, zeros, wordy = bench.rows(
        f"SELECT count(*), count({column}), count(DISTINCT {column}), "  # noqa: S608 - quoted
        f"count(*) FILTER (WHERE regexp_full_match({column}, '0[0-9]+')), "
        f"count(*) FILTER (WHERE contains(trim({column}), ' ') OR length({column}) > {LONG}) FROM {table}"
    )[0]
    shape: Shape = "text"
    comparable = f"ltrim(lower(trim({column})), '0')"
    places, same, decimal = 0, False, ""
    if not filled:
        shape = "empty"
    elif dates:
        shape, comparable = (
            "date",
            f"CAST(CAST(try_strptime({column}, {literal(dates[0])}) AS DATE) AS VARCHAR)",
        )
    elif numbers is not None and not zeros:
        number = number_sql(column, numbers)
        read, most, least = bench.rows(
            f"SELECT count(n), max(length(split_part(n, '.', 2))), min(length(split_part(n, '.', 2))) "  # noqa: S608 - quoted
            f"FROM (SELECT {number} AS n FROM {table})"
        )[0]
        if read == filled:
            shape, places, same, decimal = "number", most, most == least, number
            if places:
                comparable = f"CAST(TRY_CAST({number} AS DECIMAL(38, 8)) AS VARCHAR)"
    sketch = bench.rows(
        f"SELECT v FROM (SELECT DISTINCT {comparable} AS v FROM {table}) WHERE v IS NOT NULL "  # noqa: S608 - quoted
        f"ORDER BY sha256(v) LIMIT {SKETCH}"
    )
    words: tuple[str, ...] = ()
    if 0 < distinct <= WORDS_MOST:
        few = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1"  # noqa: S608 - quoted
        found_words = bench.rows(few)
        words = tuple(word for (word,) in found_words)
    return Profile(
        heading=heading, column=name, shape=shape, rows=rows, filled=filled, distinct=distinct,
        sketch=frozenset(value for (value,) in sketch), words=words, places=places, same_places=same,
        leading_zeros=bool(zeros), date_formats=dates, comparable=comparable, decimal=decimal,
        wordy=shape == "text" and 2 * wordy > filled,
    )  # fmt: skip


def _dates(bench: Workbench, table: str, column: str) -> tuple[str, ...]:
    """The formats that every cell of a column fits; years are of this age, or eight digits would be dates."""
    days = [f"try_strptime({column}, {literal(form)})" for form in DATE_FORMATS]
    exact = [
        f"count(*) FILTER (WHERE {day} BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '2100-01-01')"
        for day in days
    ]
    filled, *fits = bench.rows(f"SELECT count({column}), {', '.join(exact)} FROM {table}")[0]  # noqa: S608 - quoted
    return tuple(form for form, fit in zip(DATE_FORMATS, fits, strict=True) if filled and fit == filled)


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of values two columns have in common, of all that either has (Jaccard, from their sketches)."""
    if not one or not other:
        return 0.0
    smallest = sorted(one | other, key=lambda value: hashlib.sha256(value.encode()).digest())[:SKETCH]
    return sum(value in one and value in other for value in smallest) / len(smallest)
