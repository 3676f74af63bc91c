"""What a transparent table is to RFC_READ_TABLE: columns that read a row of the books, and where rows come from.

Columns read lazily, so a WHERE over thousands of rows evaluates only what it names. Amounts and hours are
stored values (see `formats`). Field names are SAP's where the field is; ZZ… are customer fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.erp.sap_ecc.dictionary import Elementary, elementary
from simulators.erp.sap_ecc.extensions import DIMS

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc

Getter = Callable[[Any], str]
Hints = Mapping[str, Sequence[str]]
"""Columns a WHERE pins to a few values; a source may use them instead of a scan."""
Source = Callable[[Hints], Iterable[Any]]
DIM_COLUMNS = ", ".join(f"{name} C32" for name in DIMS.values())


@dataclass(frozen=True, slots=True)
class Table:
    """A table: columns in order, and its rows (whatever the getters read)."""

    columns: Mapping[str, tuple[Elementary, Getter]]
    rows: Source

    def named(self, renamed: Mapping[str, str]) -> Table:
        """The same table with some columns under other names; rows are still found by the old ones' indexes."""
        if not renamed:
            return self
        old = {new: name for name, new in renamed.items()}

        def rows(hints: Hints) -> Iterable[Any]:
            return self.rows({old.get(name, name): values for name, values in hints.items()})

        return Table({renamed.get(name, name): column for name, column in self.columns.items()}, rows)


def columns(text: str, getters: Mapping[str, Getter]) -> dict[str, tuple[Elementary, Getter]]:
    """Reads `NAME C10, …` and joins each column with its getter."""
    found = {}
    for part in text.split(","):
        name, kind = part.split()
        found[name] = (elementary(kind), getters[name])
    assert len(found) == len(getters), f"columns and getters differ: {sorted(getters.keys() ^ found.keys())}"
    return found


def source(ecc: Ecc, row_type: str, key: str, external: str = "ZZEXTID") -> Source:
    """All rows of a type, or by index those a WHERE names by our id or by their own key."""

    def rows(hints: Hints) -> Iterable[Any]:
        books = ecc.books
        if external in hints:
            found = [row for value in hints[external] for row in books.all_of(row_type, value)]
            return sorted(found, key=lambda row: row.vendor_id)
        if key in hints:
            by_key = [books.by_vendor_id(row_type, value) for value in hints[key]]
            return sorted((row for row in by_key if row is not None), key=lambda row: row.vendor_id)
        return books.rows(row_type)

    return rows


def dims(of: Callable[[Any], Mapping[str, str]]) -> dict[str, Getter]:
    """Getters of the dimension columns."""
    return {name: _dim(of, word) for word, name in DIMS.items()}


def _dim(of: Callable[[Any], Mapping[str, str]], word: str) -> Getter:
    return lambda row: of(row).get(word, "")


def constant(text: str) -> Getter:
    """A column that holds the same in every row."""
    return lambda _: text


def extra(name: str) -> Getter:
    """A column kept in a row's `extra`."""
    return lambda row: str(row.extra.get(name, ""))


def created(row: Any) -> str:
    """The day a row was made."""
    return str(row.created_at[:10].replace("-", ""))
