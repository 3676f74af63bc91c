"""Rows of a user's export, hostile as it is: bytes in, converted rows and row errors out.

Never raises for what a file holds. A row with one bad value is left out whole and listed with the
place, the value and how to mend it; nothing is guessed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import category

from simulators.firm.extract_mapping import FIELDS, FileMapping
from simulators.firm.extract_values import Bad, Known, typed

MAX_FILE_BYTES = 300_000_000
"""A year of time entries of a large firm is about 200 MB."""
MAX_FIELD = 10_000
"""Characters of one field: longer ones are a lost quotation mark, not a text."""
MAX_ERRORS = 10_000
"""Row errors kept a file; the last one says how many more there were."""
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """One row that was left out, and how to mend it."""

    file: str
    line: int
    column: str
    """Their column; empty when the whole row or file is meant."""
    value: str
    why: str
    mend: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f" {self.column}" if self.column else "")
        shown = f" {self.value!r}" if self.value else ""
        return f"{where}:{shown} {self.why} — {self.mend}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row whose values all fit their fields; absent ones are left out."""

    line: int
    values: Mapping[str, Any]
    cells: tuple[str, ...]
    at: Mapping[str, int]

    def text(self, field: str) -> str:
        """What the file says, before it was converted; empty for a constant."""
        return self.cells[self.at[field]].strip() if field in self.at else ""


class Errors:
    """Row errors in the order found, at most `MAX_ERRORS` a file."""

    def __init__(self) -> None:
        self._rows: list[RowError] = []
        self._of_file: dict[str, int] = {}

    def add(self, file: str, line: int, column: str, value: object, why: str, mend: str) -> None:
        """Note one."""
        count = self._of_file[file] = self._of_file.get(file, 0) + 1
        if count <= MAX_ERRORS:
            shown = _SPACES.sub(" ", str(value))[:80]
            self._rows.append(RowError(file=file, line=line, column=column, value=shown, why=why, mend=mend))

    def listed(self) -> list[RowError]:
        """All of them, and a last one per file that had too many."""
        more = [
            RowError(
                file=file,
                line=0,
                column="",
                value="",
                why=f"{count - MAX_ERRORS} more row errors are not listed",
                mend="mend the first ones",
            )
            for file, count in self._of_file.items()
            if count > MAX_ERRORS
        ]
        return self._rows + more


class Reader:
    """Reads the files of one folder."""

    def __init__(self, folder: Path, *, known: Known, errors: Errors) -> None:
        self._folder = folder
        self._known = known
        self._errors = errors

    def rows(self, mapping: FileMapping) -> Iterator[Row]:
        """The good rows of a file; the bad ones go to the errors."""
        raw = self._bytes(mapping.name)
        if raw is None:
            return
        records = self._records(mapping, raw)
        first = next(records, None)
        if first is None:
            self._errors.add(mapping.name, 1, "", "", "the file is empty", "export it again")
            return
        header = [name.strip() for name in first[2]]
        at = self._header(mapping, header)
        if at is None:
            return
        for line, last, cells in records:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                why = f"has {len(cells)} fields, the header has {len(header)}"
                # A lost quotation mark swallows rows; the span says how many.
                why += f"; it runs over lines {line} to {last}" if last > line else ""
                mend = "check delimiter and quotation marks"
                self._errors.add(mapping.name, line, "", mapping.delimiter.join(cells), why, mend)
                continue
            found = self._converted(mapping, line, cells, at)
            if found is not None:
                yield Row(line=line, values=found, cells=tuple(cells), at=at)

    def _bytes(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                self._errors.add(name, 1, "", "", f"is larger than {MAX_FILE_BYTES} bytes", "split it")
                return None
            return path.read_bytes()
        except OSError as error:
            why = f"can't be read: {error.strerror}"
            self._errors.add(name, 1, "", "", why, "export it, or take it out of mapping.yaml")
            return None

    def _records(self, mapping: FileMapping, raw: bytes) -> Iterator[tuple[int, int, list[str]]]:
        spoiled: set[int] = set()
        reader = csv.reader(self._lines(mapping, raw, spoiled), delimiter=mapping.delimiter)
        while True:
            first = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                mend = "check the quotation marks around here"
                self._errors.add(mapping.name, first, "", "", f"can't be read: {error}", mend)
                continue
            # A spoiled header is used as far as it goes: its columns say what is missing.
            if first == 1 or not any(line in spoiled for line in range(first, reader.line_num + 1)):
                yield first, reader.line_num, cells

    def _lines(self, mapping: FileMapping, raw: bytes, spoiled: set[int]) -> Iterator[str]:
        """Decoded lines; those that can't be decoded are reported and their numbers put into `spoiled`."""
        encoding = mapping.encoding
        for mark, named in BOMS:
            if raw.startswith(mark):
                raw, encoding = raw[len(mark) :], named
        wide = encoding.startswith(("utf-16", "utf-32"))
        pieces: list[Any] = (
            list(io.StringIO(raw.decode(encoding, "replace"), newline=""))
            if wide
            else raw.splitlines(keepends=True)
        )
        for number, piece in enumerate(pieces, start=1):
            text = piece if wide else piece.decode(encoding, "replace")
            why = ""
            if "\ufffd" in text and (wide or not _decodes(piece, encoding)):
                why = f"is not {encoding}"
            elif "\0" in text:
                why = "holds a NUL character"
            if why:
                spoiled.add(number)
                mend = f"set the encoding of {mapping.name} in mapping.yaml"
                self._errors.add(mapping.name, number, "", text.strip(), why, mend)
            yield text.replace("\0", "")

    def _header(self, mapping: FileMapping, header: list[str]) -> dict[str, int] | None:
        at = {field: header.index(column) for field, column in mapping.columns.items() if column in header}
        fields = FIELDS[mapping.name]
        usable = True
        for field, column in mapping.columns.items():
            if header.count(column) > 1:
                self._errors.add(mapping.name, 1, column, column, "stands twice in the header", "rename one")
                usable = False
            if field not in at:
                why = "is not in the header" + (
                    ", so no row can be read" if fields[field].endswith("!") else ""
                )
                mend = "the header has " + ", ".join(name[:30] for name in header[:20])
                self._errors.add(mapping.name, 1, column, column, why, mend)
                usable = usable and not fields[field].endswith("!")
        return at if usable else None

    def _converted(
        self, mapping: FileMapping, line: int, cells: list[str], at: Mapping[str, int]
    ) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        good = True
        for field, holds in FIELDS[mapping.name].items():
            text = cells[at[field]] if field in at else mapping.constants.get(field, "")
            shown = mapping.columns.get(field, field)
            try:
                value = self._value(mapping, field, holds, text)
            except Bad as bad:
                self._errors.add(mapping.name, line, shown, text, bad.why, bad.mend)
                good = False
                continue
            if value is not None:
                found[field] = value
        return found if good else None

    def _value(self, mapping: FileMapping, field: str, holds: str, text: str) -> Any:
        if len(text) > MAX_FIELD:
            raise Bad(f"has {len(text)} characters", "look for a lost quotation mark before this row")
        text = _SPACES.sub(" ", text).strip()
        if not text.isprintable() and any(category(letter) == "Cc" for letter in text):
            raise Bad("holds a control character", "take it out, or set the file's encoding")
        text = mapping.values.get(field, {}).get(text, text)
        kind = holds.rstrip("!")
        if not text and kind != "yes":
            if holds.endswith("!"):
                raise Bad("is empty", f"every row needs {field}")
            return None
        if not text and field not in mapping.columns:
            return None
        return typed(kind, text, field=field, mapping=mapping, known=self._known)


def _decodes(piece: bytes, encoding: str) -> bool:
    try:
        piece.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
