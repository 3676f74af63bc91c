"""The `q` parameter of a list request: `field OPERATOR value`, joined by AND and OR (AND binds closer).

Operators: IS, IS_NOT, CONTAIN, START_WITH, EQUAL, GREATER, LESS, AFTER, BEFORE, ON_OR_AFTER, ON_OR_BEFORE,
ANY_OF [a, b], EMPTY, and each with _NOT where the vendor has it. Dates are read as ISO (the vendor's
follow the account's format).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from simulators.erp.netsuite.errors import SuiteTalkError

MAX_Q = 4_000
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s"\[\]]+)')
Test = Callable[[Mapping[str, Any]], bool]


def matcher(q: str) -> Test:
    """A test of a record's JSON; raises SuiteTalkError 400 for what can't be read."""
    tokens = _tokens(q)
    if not tokens:
        return lambda _: True
    alternatives: list[list[Test]] = [[]]
    at = 0
    while True:
        test, at = _condition(tokens, at)
        alternatives[-1].append(test)
        if at == len(tokens):
            break
        word = tokens[at].upper()
        if word not in ("AND", "OR"):
            raise _bad(tokens[at])
        if word == "OR":
            alternatives.append([])
        at += 1
    return lambda record: any(all(test(record) for test in tests) for tests in alternatives)


def _bad(what: str) -> SuiteTalkError:
    return SuiteTalkError(400, "INVALID_PARAMETER", f"Invalid search query. Unexpected {what[:60]!r}.", "q")


def _tokens(q: str) -> list[str]:
    if len(q) > MAX_Q:
        raise _bad("length")
    found, at = [], 0
    while at < len(q.rstrip()):
        token = _TOKEN.match(q, at)
        if token is None:
            raise _bad(q[at:])
        found.append(token[1])
        at = token.end()
    return found


def _condition(tokens: list[str], at: int) -> tuple[Test, int]:
    if at + 1 >= len(tokens):
        raise _bad("end")
    name, operator = tokens[at], tokens[at + 1].upper()
    negated = operator.endswith("_NOT")
    operator = operator.removesuffix("_NOT")
    if operator == "EMPTY":
        return _maybe_not(lambda record: record.get(name) in (None, ""), negated=negated), at + 2
    compare = _OPERATORS.get(operator)
    if compare is None or at + 2 >= len(tokens):
        raise _bad(tokens[at + 1])
    wanted = _literal(tokens[at + 2])

    def test(record: Mapping[str, Any]) -> bool:
        return any(compare(value, wanted) for value in _values(record.get(name)))

    return _maybe_not(test, negated=negated), at + 3


def _maybe_not(test: Test, *, negated: bool) -> Test:
    return (lambda record: not test(record)) if negated else test


def _literal(token: str) -> str:
    return token[1:-1].replace('\\"', '"') if token.startswith('"') else token


def _values(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [str(value[key]) for key in ("id", "refName") if value.get(key) is not None]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _bad(text) from None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "IS": lambda value, wanted: value.casefold() == wanted.casefold(),
    "CONTAIN": lambda value, wanted: wanted.casefold() in value.casefold(),
    "START_WITH": lambda value, wanted: value.casefold().startswith(wanted.casefold()),
    "EQUAL": lambda value, wanted: _number(value) == _number(wanted),
    "GREATER": lambda value, wanted: _number(value) > _number(wanted),
    "LESS": lambda value, wanted: _number(value) < _number(wanted),
    "ON": lambda value, wanted: value == wanted,
    "AFTER": lambda value, wanted: value > wanted,
    "BEFORE": lambda value, wanted: value < wanted,
    "ON_OR_AFTER": lambda value, wanted: value >= wanted,
    "ON_OR_BEFORE": lambda value, wanted: value <= wanted,
    "ANY_OF": lambda value, wanted: value in [part.strip(' "') for part in wanted.strip("[]").split(",")],
}
