"""The users' expressions: parsed and typed by rule-engine, then read into our own small tree.

rule-engine's syntax tree is walked by class; it offers no visitor. Its traps, kept out here:
`x in [1]` matches True (literals must have their field's type), a date literal takes the process's
zone (the context says UTC), a missing field raises (it is null), and `$now` or `$random` would make
a route depend on when it is asked (refused).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, cast

import rule_engine
from rule_engine import ast

from router.routing.facts import FIELDS, Fact, Facts, FieldType, thing

MAX_LENGTH = 20_000
"""Characters of one expression: some 1,500 customer ids in a list."""
MAX_DEPTH = 100
"""Levels of and, or, not; far below Python's own limit, also while evaluating."""
Op = Literal["in", "not in", "lt", "le", "gt", "ge"]
INVERSE: dict[Op, Op] = {"in": "not in", "not in": "in", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}
_FLIP = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_CHANGING = ("now", "random", "today")
_WRITE: dict[FieldType, str] = {
    "text": 'write a text in quotes, such as "UK01"',
    "day": 'write a day as d"2026-10-01"',
    "number": "write a number without quotes, such as 1000.50",
}


class Wrong(Exception):
    """An expression that can't be a route's condition; `mend` says what to write instead."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


class Raised(Exception):
    """A condition could not be evaluated for a document, for example because a field is missing."""


@dataclass(frozen=True, slots=True)
class Test:
    """A field against literals. `in` and `not in` know null; ordered comparisons raise on it."""

    field: str
    op: Op
    values: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Const:
    """Always true, or always false."""

    value: bool


@dataclass(frozen=True, slots=True)
class Opaque:
    """What the index can't hold (a pattern, a function, two fields compared): evaluated when asked."""

    node: Any


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    inner: Expr


@dataclass(frozen=True, slots=True)
class Both:
    """`and`, left first: the right side is not evaluated when the left is false."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Either:
    """`or`, left first: the right side is not evaluated when the left is true."""

    left: Expr
    right: Expr


Expr = Test | Const | Opaque | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed expression: rule-engine's rule, our tree, and the fields it reads."""

    text: str
    rule: Any
    tree: Expr
    reads: frozenset[str]

    def matches(self, given: Facts) -> bool:
        """Whether it holds, by rule-engine itself; raises `Raised` when it can't be evaluated."""
        return self.holds(thing(given))

    def holds(self, made: dict[str, Any]) -> bool:
        """Like `matches`, for facts that went through `thing`."""
        try:
            return bool(self.rule.matches(made))
        except ENGINE_ERRORS as error:
            missing = sorted(name for name in self.reads if made.get(name) is None)
            what = " and ".join(missing) + (" is missing" if len(missing) == 1 else " are missing")
            raise Raised(what if missing else f"{str(error)[:200]}") from error


ENGINE_ERRORS = (
    rule_engine.errors.EngineError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError,
    RecursionError,
)  # fmt: skip


def typed_context() -> Any:
    """rule-engine's context for routes: one serves all rules of a table, being costly to make."""
    types = {
        "text": rule_engine.DataType.STRING,
        "day": rule_engine.DataType.DATETIME,
        "number": rule_engine.DataType.FLOAT,
    }
    resolver = rule_engine.type_resolver_from_dict({name: types[kind] for name, kind in FIELDS.items()})
    return rule_engine.Context(type_resolver=resolver, default_timezone="utc", default_value=None)


def parse_condition(when: str | bool, context: Any) -> Condition:  # noqa: FBT001 - YAML's own `true`
    """Read a rule's `when` in a `typed_context`; raises `Wrong` with what is wrong and how to mend it."""
    text = when if isinstance(when, str) else str(when).lower()
    if len(text) > MAX_LENGTH:
        raise Wrong(f"the expression is longer than {MAX_LENGTH} characters", "split the rule")
    # The context collects the symbols of all it parses; these are to be this expression's own.
    context.symbols.clear()
    try:
        rule = rule_engine.Rule(text, context=context)
        tree = _read(rule.statement.expression, 0)
    except rule_engine.errors.SymbolResolutionError as error:
        raise _unknown_field(str(error.symbol_name)) from error
    except rule_engine.errors.RegexSyntaxError as error:
        raise Wrong(f"the pattern {error.value!r} is not a regular expression: {error.error}") from error
    except rule_engine.errors.SyntaxError as error:
        raise Wrong(f"the expression can't be read: {error.message}", _SYNTAX) from error
    except rule_engine.errors.EvaluationError as error:
        raise Wrong(
            f"the expression compares values of different types ({error.message})", "; ".join(_WRITE.values())
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ENGINE_ERRORS as error:
        raise Wrong(f"the expression can't be read: {str(error)[:200]}", _SYNTAX) from error
    symbols = frozenset(context.symbols)
    changing = [name for name in _CHANGING if name in symbols]
    if changing:
        raise Wrong(
            f"${changing[0]} changes from one moment to the next, so the same document could go two ways",
            "use the rule's from and until, which compare the accounting date",
        )
    return Condition(text, rule, tree, symbols & FIELDS.keys())


_SYNTAX = 'an example: legal_entity == "UK01" and kind in ["time_entry", "invoice"]'


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean X?` when something known is close, else the list of what is known."""
    names = list(known)
    by_case = {one.casefold(): one for one in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), by_case, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_case[close[0]]!r}?"
    shown = ", ".join(names[:20])
    return f"known are {shown}" + (" …" if len(names) > 20 else "")


def _unknown_field(name: str) -> Wrong:
    return Wrong(f"there is no field {name!r} a rule may read", suggest(name, FIELDS))


def _too_deep() -> Wrong:
    return Wrong(f"the expression nests deeper than {MAX_DEPTH} levels", "use `in [...]`, or split the rule")


def _read(node: Any, depth: int) -> Expr:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(node, ast.LogicExpression):
        left, right = _read(node.left, depth + 1), _read(node.right, depth + 1)
        return Both(left, right) if node.type == "and" else Either(left, right)
    if isinstance(node, ast.UnaryExpression) and node.type == "not":
        return Not(_read(node.right, depth + 1))
    if isinstance(node, ast.LiteralExpressionBase) and node.is_reduced:
        return Const(bool(node.evaluate(None)))
    if isinstance(node, ast.ContainsExpression):
        return _membership(node)
    # FuzzyComparisonExpression is a ComparisonExpression too, so it must be asked for first.
    if isinstance(node, ast.ComparisonExpression) and not isinstance(node, ast.FuzzyComparisonExpression):
        return _comparison(node)
    return Opaque(node)


def _field(node: Any) -> str | None:
    if isinstance(node, ast.SymbolExpression) and node.scope is None and node.name in FIELDS:
        return str(node.name)
    return None


def _comparison(node: Any) -> Expr:
    for here, there, op in ((node.left, node.right, node.type), (node.right, node.left, _FLIP[node.type])):
        field = _field(here)
        if field is None or not isinstance(there, ast.LiteralExpressionBase) or not there.is_reduced:
            continue
        value = _literal(field, there.evaluate(None))
        if op == "eq":
            return Test(field, "in", (value,))
        if op == "ne":
            return Test(field, "not in", (value,))
        # An order against null is rule-engine's to judge.
        if value is None:
            return Opaque(node)
        return Test(field, cast("Op", op), (value,))
    return Opaque(node)


def _membership(node: Any) -> Expr:
    field = _field(node.member)
    container = node.container
    if field is None or not isinstance(container, ast.LiteralExpressionBase) or not container.is_reduced:
        return Opaque(node)
    values = container.evaluate(None)
    if not isinstance(values, tuple | set | frozenset):
        return Opaque(node)
    literals: list[Any] = [_literal(field, value) for value in values]
    if not isinstance(values, tuple):
        # `{...}` arrives in hash order, which must not show in an explanation.
        some = sorted(value for value in literals if value is not None)
        literals = some + [None] * (len(some) < len(literals))
    return Test(field, "in", tuple(literals))


def _literal(field: str, value: Any) -> Fact:
    """A literal as the field's own type; raises `Wrong` for one that could never be equal to it."""
    kind = FIELDS[field]
    if value is None:
        return None
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "number" and isinstance(value, Decimal):
        if not value.is_finite():
            raise Wrong(f"{field} is compared to {value}, which is no amount", _WRITE[kind])
        return value
    if kind == "day" and isinstance(value, datetime):
        at = value.astimezone(UTC)
        if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
            raise Wrong(f"{field} is a day, but is compared to a time of day", _WRITE[kind])
        return at.date()
    shown = str(value) if isinstance(value, Decimal) else repr(value)
    raise Wrong(f"{field} is a {kind}, but is compared to {shown[:80]}", _WRITE[kind])
