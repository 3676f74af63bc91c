"""RFC_READ_TABLE: any transparent table, by WHERE lines of 72 characters, into rows of at most 512.

As the function does it: the WHERE is Open SQL (`FIELD EQ 'x' AND …`, IN, BETWEEN, LIKE), a literal may not run
over the end of a line; values stand at fixed offsets, numbers right-aligned with a trailing sign; too wide a
selection is the exception DATA_BUFFER_EXCEEDED. Offsets are counted with the delimiter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from simulators.erp.sap_ecc.dictionary import Elementary
from simulators.erp.sap_ecc.errors import Fault
from simulators.erp.sap_ecc.formats import of_inside_amount
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.table import Getter, Table

BUFFER = 512
MAX_NESTING = 30
MAX_ROWS = 200_000
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[(),]|<=|>=|<>|=|<|>|[A-Za-z_/][A-Za-z0-9_/]*)", re.ASCII)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_WORDS = {"EQ": "=", "NE": "<>", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
Test = Callable[[Any], bool]


def read_table(call: Call, tables: dict[str, Table]) -> dict[str, Any]:
    """The answer to a call; raises Fault with the function's own exceptions."""
    name = call.text("QUERY_TABLE").strip().upper()
    table = tables.get(name)
    if table is None:
        raise Fault("Server", f"Table {name[:30]} is not available", exception="TABLE_NOT_AVAILABLE")
    asked = [row.get("FIELDNAME", "").strip().upper() for row in call.table("FIELDS")] or list(table.columns)
    for column in asked:
        if column not in table.columns:
            raise Fault("Server", f"{name}-{column[:30]} does not exist", exception="FIELD_NOT_VALID")
    delimiter = call.text("DELIMITER")
    fields, widths = _fields(table, asked, len(delimiter))
    where = Where(table)
    test = where.compile([row.get("TEXT", "") for row in call.table("OPTIONS")])
    skip, most = _count(call, "ROWSKIPS"), _count(call, "ROWCOUNT") or MAX_ROWS
    rows: list[Row] = []
    if not call.text("NO_DATA").strip():
        getters = [(table.columns[column][1], *width) for column, width in zip(asked, widths, strict=True)]
        found = 0
        for row in table.rows(where.hints):
            if test(row):
                found += 1
                if found > skip:
                    rows.append({"WA": delimiter.join(_placed(getters, row)).rstrip()})
                    if len(rows) >= most:
                        break
    return {"FIELDS": fields, "DATA": rows, "OPTIONS": call.table("OPTIONS")}


def _count(call: Call, name: str) -> int:
    return max(0, int(call.text(name) or "0"))


def _fields(table: Table, asked: Sequence[str], gap: int) -> tuple[list[Row], list[tuple[int, bool]]]:
    fields: list[Row] = []
    widths: list[tuple[int, bool]] = []
    at = 0
    for column in asked:
        kind = table.columns[column][0]
        fields.append(
            {"FIELDNAME": column, "OFFSET": f"{at:06d}", "LENGTH": f"{kind.length:06d}", "TYPE": kind.kind}
        )
        widths.append((kind.length, kind.kind == "P"))
        at += kind.length + gap
    if at - gap > BUFFER:
        text = f"{at - gap} characters do not fit into {BUFFER}"
        raise Fault("Server", text, exception="DATA_BUFFER_EXCEEDED")
    return fields, widths


def _placed(getters: Sequence[tuple[Getter, int, bool]], row: Any) -> list[str]:
    out = []
    for getter, width, number in getters:
        text = getter(row)
        if number:
            out.append((text if text.endswith("-") else text + " ").rjust(width)[-width:])
        else:
            out.append(text[:width].ljust(width))
    return out


class Where:
    """Compiles a WHERE; `hints` are the columns it pins to a few values at the top level."""

    def __init__(self, table: Table) -> None:
        self.hints: dict[str, list[str]] = {}
        self._table = table
        self._tokens: list[str] = []
        self._at = 0

    def compile(self, lines: Sequence[str]) -> Test:
        """The test a row must pass; raises Fault OPTION_NOT_VALID."""
        for line in lines:
            self._tokens.extend(_tokens(line))
        if not self._tokens:
            return lambda _: True
        test = self._either(0)
        if self._at < len(self._tokens):
            raise _bad(f"near {self._tokens[self._at][:30]}")
        return test

    def _peek(self) -> str:
        return self._tokens[self._at].upper() if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _bad("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        if self._peek() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise _bad(f"{word} is missing")

    def _either(self, depth: int) -> Test:
        if depth > MAX_NESTING:
            raise _bad("too deeply nested")
        known = dict(self.hints)
        tests = [self._both(depth)]
        while self._take("OR"):
            tests.append(self._both(depth))
        if len(tests) == 1:
            return tests[0]
        self.hints = known  # a choice pins nothing
        return lambda row: any(test(row) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("AND"):
            tests.append(self._one(depth))
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)

    def _one(self, depth: int) -> Test:
        if self._take("NOT"):
            known = dict(self.hints)
            test = self._one(depth + 1)
            self.hints = known
            return lambda row: not test(row)
        if self._take("("):
            inner = self._either(depth + 1)
            self._expect(")")
            return inner
        return self._condition()

    def _condition(self) -> Test:
        column = self._next().upper()
        found = self._table.columns.get(column)
        if found is None:
            raise _bad(f"{column[:30]} is no column")
        kind, get = found
        word = self._next().upper()
        if word == "NOT":
            test = self._compared(column, kind, get, self._next().upper(), pins=False)
            return lambda row: not test(row)
        return self._compared(column, kind, get, word, pins=True)

    def _compared(self, column: str, kind: Elementary, get: Getter, word: str, *, pins: bool) -> Test:
        as_value = _value_of(kind)
        if word == "IN":
            self._expect("(")
            texts = [self._literal()]
            while self._take(","):
                texts.append(self._literal())
            self._expect(")")
            if pins:
                self.hints.setdefault(column, list(dict.fromkeys(texts)))
            among = frozenset(as_value(text) for text in texts)
            return lambda row: as_value(get(row)) in among
        if word == "BETWEEN":
            low = as_value(self._literal())
            self._expect("AND")
            high = as_value(self._literal())
            return lambda row: low <= as_value(get(row)) <= high
        if word == "LIKE":
            pattern = re.compile(_like(self._literal()), re.DOTALL)
            return lambda row: pattern.fullmatch(get(row)) is not None
        operator = _OPERATORS.get(_WORDS.get(word, word))
        if operator is None:
            raise _bad(f"{word[:20]} is no comparison")
        text = self._literal()
        if pins and operator is _OPERATORS["="]:
            self.hints.setdefault(column, [text])
        value = as_value(text)
        return lambda row: operator(as_value(get(row)), value)

    def _literal(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise _bad(f"{token[:30]} is no literal")
        return token[1:-1].replace("''", "'").rstrip()


def _value_of(kind: Elementary) -> Callable[[str], Any]:
    if kind.kind != "P":
        return str.rstrip

    def number(text: str) -> int:
        try:
            return of_inside_amount(text)
        except ValueError as error:
            raise _bad(f"{text[:20]!r} is no number") from error

    return number


def _like(pattern: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in pattern)


def _tokens(line: str) -> list[str]:
    found: list[str] = []
    at = 0
    line = line.rstrip()
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            raise _bad(f"near {line[at : at + 30]}")
        found.append(match[1])
        at = match.end()
    return found


def _bad(why: str) -> Fault:
    return Fault("Server", f"Selection criteria are not valid: {why}", exception="OPTION_NOT_VALID")
