"""mapping.yaml: how the user's own exports are written, file by file, and which column means what.

month: 2026-10                       # the month being closed; default: the one with most time rows
files:
  customers.csv:
    delimiter: ";"                   # default ","
    encoding: cp1252                 # default utf-8; a byte order mark wins
    decimal: ","                     # default "."
    thousands: "."                   # default none
    date: "%d.%m.%Y"                 # default %Y-%m-%d
    columns: {KUNNR: customer_id}    # their column → our field, or a list of fields
    constants: {currency: EUR}       # fields no column has
    values: {legal_entity: {"1000": UK01, "2000": DE01}}
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

MAX_MAPPING_BYTES = 1_000_000
NAME = "mapping.yaml"
FIELDS: dict[str, dict[str, str]] = {
    "customers.csv": {
        "customer_id": "id!", "name": "name!", "legal_entity": "entity!", "business_unit": "business_units",
        "currency": "currency", "country": "country", "tax_registration": "text", "payment_terms_days": "days",
        "email": "text", "address": "text",
    },
    "people.csv": {
        "person_id": "id!", "name": "name!", "legal_entity": "entity!", "business_unit": "business_units", "role": "code",
        "department": "departments", "cost_center": "code", "currency": "currency", "cost_rate": "amount", "email": "text",
    },
    "projects.csv": {
        "project_id": "id!", "customer_id": "id!", "name": "name!", "contract_id": "id", "legal_entity": "entity",
        "business_unit": "business_units", "currency": "currency", "starts": "date", "ends": "date",
        "department": "departments", "practice": "practices", "service_line": "service_lines", "cost_center": "code",
        "manager": "text",
    },
    "contracts.csv": {
        "contract_id": "id!", "billing": "billing!", "starts": "date", "ends": "date", "purchase_order": "text",
        "amount": "amount", "milestone": "text", "due_on": "date",
    },
    "time.csv": {
        "time_id": "text", "person_id": "id!", "project_id": "id!", "worked_on": "date!", "minutes": "minutes",
        "hours": "hours", "billable": "yes", "task": "text", "notes": "text",
    },
    "expenses.csv": {
        "expense_id": "text", "person_id": "id!", "project_id": "id!", "spent_on": "date!", "category": "code",
        "amount": "amount!", "currency": "currency", "billable": "yes", "notes": "text",
    },
    "open_invoices.csv": {
        "invoice_id": "id!", "customer_id": "id!", "project_id": "id", "currency": "currency", "issued_on": "date",
        "due_on": "date!", "net": "amount", "tax": "amount", "total": "amount",
    },
}  # fmt: skip
"""File → our field → what it holds; `!` marks a field without which a row says nothing."""
REQUIRED_FILES = ("customers.csv", "projects.csv", "people.csv", "time.csv")
_KEYS = ("delimiter", "encoding", "decimal", "thousands", "date", "columns", "constants", "values")
_ENCODING = re.compile(
    r"(utf-8(-sig)?|utf-16(-[lb]e)?|ascii|cp[0-9]+|iso8859-[0-9]+|mac-roman|shift_jis|euc_jp|euc_kr|gb18030|big5)\Z"
)
"""Python knows more codecs, but rot13 and zip are no way to write a CSV file."""
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])\Z", re.ASCII)


class BadExtracts(Exception):
    """The folder can't be read at all; the text is one line that names file, place and mend."""

    def __init__(self, message: str, *, file: str, line: int | None = None, mend: str) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {message} — {mend}")
        self.file, self.line, self.mend = file, line, mend


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """How one file is written."""

    name: str
    columns: Mapping[str, str]
    """Our field → their column."""
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    date_format: str = "%Y-%m-%d"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractMapping:
    """The whole of mapping.yaml."""

    month: date | None
    files: Mapping[str, FileMapping]


def read_mapping(folder: Path) -> ExtractMapping:
    """The folder's mapping; raises BadExtracts naming file, line and mend."""
    path = folder / NAME
    try:
        raw = path.read_bytes()
        node = (
            yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
            if len(raw) <= MAX_MAPPING_BYTES
            else None
        )
        data = yaml.safe_load(raw) if node is not None else None
    except OSError as error:
        mend = "see fixtures/extracts/sample/mapping.yaml"
        raise BadExtracts(f"can't be read: {error.strerror}", file=str(path), mend=mend) from error
    except UnicodeDecodeError as error:
        raise BadExtracts("is not UTF-8", file=str(path), mend="save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        what = getattr(error, "problem", None) or "it has a value that can't be understood"
        raise BadExtracts(f"is not YAML: {what}", file=str(path), line=line, mend="mend that line") from error
    return _Checker(str(path), node).whole(data)


class _Checker:
    """Checks the parsed file against what may stand there, and points at the line of what may not."""

    def __init__(self, file: str, node: yaml.Node | None) -> None:
        self._file = file
        self._lines: dict[tuple[str, ...], int] = {}
        if node is not None:
            self._locate(node, ())

    def _locate(self, node: yaml.Node, place: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode) and len(place) < 6:
            for key, value in node.value:
                inner = (*place, str(key.value))
                self._lines[inner] = key.start_mark.line + 1
                self._locate(value, inner)

    def _bad(self, place: tuple[str, ...], message: str, mend: str) -> BadExtracts:
        shown = ".".join(place)
        return BadExtracts(
            f"{shown}: {message}" if shown else message,
            file=self._file,
            line=self._lines.get(place),
            mend=mend,
        )

    def whole(self, data: Any) -> ExtractMapping:
        top = self._mapping(data, ())
        for key in top:
            if key not in ("month", "files"):
                raise self._bad((key,), "is not known here", "use month and files")
        files = self._mapping(top.get("files"), ("files",))
        for name in files:
            if name not in FIELDS:
                raise self._bad(("files", name), "is not known", "use one of " + ", ".join(FIELDS))
        for name in REQUIRED_FILES:
            if name not in files:
                raise self._bad(("files",), f"{name} is missing", f"describe {name} under files")
        return ExtractMapping(
            month=self._month(top.get("month")),
            files={name: self._file_mapping(name, row) for name, row in files.items()},
        )

    def _month(self, given: Any) -> date | None:
        if given is None:
            return None
        found = _MONTH.match(str(given))
        if found is None:
            raise self._bad(("month",), f"{given!r} is no month", "write it as 2026-10")
        return date(int(found[1]), int(found[2]), 1)

    def _mapping(self, data: Any, place: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise self._bad(place, "should be a mapping", "write it as `name: value` lines")
        return {str(key): value for key, value in data.items()}

    def _file_mapping(self, name: str, data: Any) -> FileMapping:
        place = ("files", name)
        given = self._mapping(data, place)
        for key in given:
            if key not in _KEYS:
                raise self._bad((*place, key), "is not known here", "use one of " + ", ".join(_KEYS))
        fields = FIELDS[name]
        columns: dict[str, str] = {}
        for column, target in self._mapping(given.get("columns"), (*place, "columns")).items():
            for field in target if isinstance(target, list) else [target]:
                self._known(str(field), fields, (*place, "columns", column))
                if str(field) in columns:
                    mend = "map one column to it"
                    raise self._bad((*place, "columns", column), f"{field} is mapped twice", mend)
                columns[str(field)] = column
        constants = self._mapping(given.get("constants") or {}, (*place, "constants"))
        values = self._mapping(given.get("values") or {}, (*place, "values"))
        for kind, found in (("constants", constants), ("values", values)):
            for field in found:
                self._known(field, fields, (*place, kind, field))
        for field, holds in fields.items():
            if holds.endswith("!") and field not in columns and field not in constants:
                raise self._bad((*place, "columns"), f"no column gives {field}", f"map a column to {field}")
        return FileMapping(
            name=name,
            columns=columns,
            constants={field: _text(value) for field, value in constants.items()},
            values={
                field: {
                    _text(theirs): _text(ours)
                    for theirs, ours in self._mapping(table, (*place, "values", field)).items()
                }
                for field, table in values.items()
            },
            delimiter=self._sign(given, place, "delimiter", ","),
            encoding=self._encoding(given, place),
            decimal=self._sign(given, place, "decimal", "."),
            thousands=self._sign(given, place, "thousands", ""),
            date_format=str(given.get("date", "%Y-%m-%d")),
        )

    def _known(self, field: str, fields: Mapping[str, str], place: tuple[str, ...]) -> None:
        if field not in fields:
            raise self._bad(place, f"there is no field {field!r}", "use one of " + ", ".join(fields))

    def _sign(self, given: Mapping[str, Any], place: tuple[str, ...], key: str, default: str) -> str:
        sign = str(given.get(key, default))
        if sign != default and (len(sign) != 1 or sign.isalnum() or sign in '"\r\n-'):
            raise self._bad((*place, key), f"{sign!r} is no {key} sign", 'use one sign, such as ";" or ","')
        return sign

    def _encoding(self, given: Mapping[str, Any], place: tuple[str, ...]) -> str:
        name = str(given.get("encoding", "utf-8"))
        mend = "use utf-8, cp1252, iso8859-1 or utf-16"
        try:
            found = codecs.lookup(name).name
        except (LookupError, ValueError) as error:
            raise self._bad((*place, "encoding"), f"{name[:40]!r} is no encoding", mend) from error
        if not _ENCODING.match(found):
            raise self._bad((*place, "encoding"), f"{name[:40]!r} is no encoding of exports", mend)
        return found


def _text(value: Any) -> str:
    """YAML reads `true`, dates and numbers; exports hold texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)
