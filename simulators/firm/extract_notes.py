"""What an assembly of extracts keeps beside the firm: defaults used, rows refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from simulators.core.money import exponent
from simulators.firm.extract_mapping import ExtractMapping
from simulators.firm.extract_rows import Errors, Reader, Row

T = TypeVar("T")


class Notes:
    """Rows of the files without doubles, defaults counted, refusals listed."""

    def __init__(self, mapping: ExtractMapping, reader: Reader, errors: Errors) -> None:
        self._mapping = mapping
        self._reader = reader
        self._errors = errors
        self._defaults: dict[str, int] = {}
        self._facts: list[str] = []

    def rows(self, file: str) -> Iterable[Row]:
        """The good rows of a file; none of a file that mapping.yaml does not describe."""
        mapping = self._mapping.files.get(file)
        if mapping is None:
            self.state(f"{file} was not given; the firm has none of it")
            return ()
        return self._reader.rows(mapping)

    def first(self, file: str, key: str) -> Iterable[Row]:
        """Rows by key; a second one with the same key is refused, a row without a key is taken."""
        seen: dict[str, int] = {}
        for row in self.rows(file):
            name = row.values.get(key)
            if name is not None and name in seen:
                self.refuse(file, row, key, f"stands twice, first in line {seen[name]}", "keep one of them")
                continue
            if name is not None:
                seen[name] = row.line
            yield row

    def made(self, file: str, key: str, make: Callable[[Row], T | None]) -> list[T]:
        """What `make` makes of each first row; None leaves a row out, and `make` said why."""
        found = (make(row) for row in self.first(file, key))
        return [item for item in found if item is not None]

    def refuse(self, file: str, row: Row, field: str, why: str, mend: str) -> None:
        """List a row that is left out."""
        shown = self._mapping.files[file].columns.get(field, field)
        self._errors.add(file, row.line, shown, row.text(field), why, mend)

    def value(self, row: Row, field: str, default: Any, sentence: str) -> Any:
        """A row's value, or the default, which is then stated."""
        if field in row.values:
            return row.values[field]
        self.default(sentence)
        return default

    def default(self, sentence: str) -> None:
        """Count one use of a default."""
        self._defaults[sentence] = self._defaults.get(sentence, 0) + 1

    def state(self, sentence: str) -> None:
        """State an assumption that is about no single row."""
        if sentence not in self._facts:
            self._facts.append(sentence)

    def minor(self, file: str, row: Row, field: str, currency: str) -> int | None:
        """An amount in minor units; refused when it has more decimal places than the currency."""
        scaled = row.values[field].scaleb(exponent(currency))
        if scaled != int(scaled):
            why = f"has more than the {exponent(currency)} decimal places of {currency}"
            self.refuse(file, row, field, why, "check the currency, or round it in the source system")
            return None
        return int(scaled)

    def told(self) -> tuple[str, ...]:
        """Every assumption: facts, then defaults with the number of rows, in order of first use."""
        counted = (f"{sentence} ({count} rows)" for sentence, count in self._defaults.items())
        return (*self._facts, *counted)
