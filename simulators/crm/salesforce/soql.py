"""SOQL, as far as integrations use it: text to a tree. `query.py` turns the tree into SQL.

Own parser rather than a SQL one: child sub-selects in the field list, unquoted date literals and
`LAST_N_DAYS:3` are no SQL. As in the vendor's language AND and OR can't be mixed without brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from simulators.crm.salesforce.errors import malformed

MAX_TEXT = 100_000
"""The vendor's limit of a SOQL statement, in characters."""
MAX_DEPTH = 30
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
Aggregates = ("COUNT", "COUNT_DISTINCT", "SUM", "MIN", "MAX")
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "IN", "NOT IN"]


@dataclass(frozen=True, slots=True)
class DateWord:
    """A relative date such as TODAY or LAST_N_DAYS:3."""

    word: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; for IN a list or a sub-select."""

    path: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR or NOT over conditions."""

    word: Literal["AND", "OR", "NOT"]
    parts: tuple[Comparison | Logic, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An aggregate, or a wrapping function such as convertCurrency, in the field list."""

    function: str
    path: str
    alias: str


@dataclass(slots=True)
class Select:
    """One SELECT."""

    fields: list[str | Call | Select]
    source: str = ""
    where: Comparison | Logic | None = None
    group: list[str] = field(default_factory=list)
    order: list[tuple[str, bool, bool | None]] = field(default_factory=list)
    """(path, descending, nulls last or None)"""
    limit: int | None = None
    offset: int = 0


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise malformed("SOQL statement is too long")
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise malformed(f"unexpected token: '{text[at : at + 20].strip()}'")
            self._tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            at = found.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Select:
        found = self.select()
        if self._at < len(self._tokens):
            raise malformed(f"unexpected token: '{self._tokens[self._at][1]}'")
        return found

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _word(self, *words: str) -> bool:
        """Take the given words if they come next."""
        if all(
            self._at + at < len(self._tokens)
            and self._tokens[self._at + at][0] in ("word", "sign")
            and self._peek(at).upper() == word
            for at, word in enumerate(words)
        ):
            self._at += len(words)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._word(word):
            raise malformed(f"expecting '{word}', found '{self._peek() or 'EOF'}'")

    def _name(self) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "word":
            raise malformed(f"unexpected token: '{self._peek() or 'EOF'}'")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def select(self) -> Select:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise malformed("SOQL statement is nested too deeply")
        self._expect("SELECT")
        found = Select(fields=[self._column()])
        while self._word(","):
            found.fields.append(self._column())
        self._expect("FROM")
        found.source = self._name()
        if self._word("WHERE"):
            found.where = self._condition()
        if self._word("GROUP", "BY"):
            found.group.append(self._name())
            while self._word(","):
                found.group.append(self._name())
        if self._word("ORDER", "BY"):
            found.order.append(self._ordering())
            while self._word(","):
                found.order.append(self._ordering())
        if self._word("LIMIT"):
            found.limit = self._whole_number()
        if self._word("OFFSET"):
            found.offset = self._whole_number()
        self._depth -= 1
        return found

    def _column(self) -> str | Call | Select:
        if self._word("("):
            inner = self.select()
            self._expect(")")
            return inner
        name = self._name()
        if not self._word("("):
            return name
        path = "" if self._peek() == ")" else self._name()
        self._expect(")")
        alias = ""
        if (
            self._at < len(self._tokens)
            and self._tokens[self._at][0] == "word"
            and self._peek().upper() != "FROM"
        ):
            alias = self._name()
        return Call(name.upper(), path, alias)

    def _ordering(self) -> tuple[str, bool, bool | None]:
        path = self._name()
        descending = False
        if self._word("DESC"):
            descending = True
        else:
            self._word("ASC")
        nulls_last = None
        if self._word("NULLS", "FIRST"):
            nulls_last = False
        elif self._word("NULLS", "LAST"):
            nulls_last = True
        return path, descending, nulls_last

    def _whole_number(self) -> int:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "EOF")
        if kind != "number" or not text.isdigit():
            raise malformed(f"unexpected token: '{text}'")
        self._at += 1
        return int(text)

    def _condition(self) -> Comparison | Logic:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise malformed("SOQL statement is nested too deeply")
        parts = [self._factor()]
        joined: Literal["AND", "OR"] | None = None
        while True:
            word: Literal["AND", "OR"]
            if self._word("AND"):
                word = "AND"
            elif self._word("OR"):
                word = "OR"
            else:
                break
            if joined not in (None, word):
                raise malformed(f"unexpected token: '{word}' (AND and OR need brackets)")
            joined = word
            parts.append(self._factor())
        self._depth -= 1
        return parts[0] if joined is None else Logic(joined, tuple(parts))

    def _factor(self) -> Comparison | Logic:
        if self._word("NOT"):
            return Logic("NOT", (self._factor(),))
        if self._word("("):
            inner = self._condition()
            self._expect(")")
            return inner
        path = self._name()
        if self._word("NOT", "IN"):
            return Comparison(path, "NOT IN", self._list())
        if self._word("IN"):
            return Comparison(path, "IN", self._list())
        if self._word("LIKE"):
            return Comparison(path, "LIKE", self._value())
        sign = self._peek()
        if sign not in ("=", "!=", "<>", "<", "<=", ">", ">="):
            raise malformed(f"unexpected token: '{sign or 'EOF'}'")
        self._at += 1
        operator: Any = "!=" if sign == "<>" else sign
        return Comparison(path, operator, self._value())

    def _list(self) -> Any:
        self._expect("(")
        if self._peek().upper() == "SELECT":
            inner = self.select()
            self._expect(")")
            return inner
        values = [self._value()]
        while self._word(","):
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> Any:
        if self._at >= len(self._tokens):
            raise malformed("unexpected token: 'EOF'")
        kind, text = self._tokens[self._at]
        self._at += 1
        try:
            return _literal(kind, text)
        except ValueError:
            raise malformed(f"unexpected token: '{text}'") from None


def _literal(kind: str, text: str) -> Any:
    if kind == "string":
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
    if kind == "datetime":
        return datetime.fromisoformat(text).astimezone(UTC)
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "number":
        return Decimal(text)
    if kind == "word":
        word, _, number = text.upper().partition(":")
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if word == "NULL":
            return None
        return DateWord(word, int(number or 0))
    raise ValueError(text)


def parse(text: str) -> Select:
    """The tree of a SOQL text; raises SalesforceError MALFORMED_QUERY."""
    return _Parser(text).whole()
