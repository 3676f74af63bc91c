"""SuiteQL to SQLite: parsed as Oracle SQL by sqlglot, read-only, amounts exact.

Columns holding amounts are text with a decimal collation, so `<`, `=` and ORDER BY compare numbers;
arithmetic and sums become the exact functions of `install`. `BUILTIN.DF(column)` gives the display
value. Dates are ISO text (the vendor's account setting may differ; `TO_CHAR` is safe everywhere).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

import sqlglot
from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError

from simulators.erp.netsuite.errors import SuiteTalkError

MAX_QUERY = 100_000
"""Characters of one query; far above a look-up of 1,000 external ids."""
_ARITHMETIC = {exp.Add: "suite_add", exp.Sub: "suite_sub", exp.Mul: "suite_mul", exp.Div: "suite_div"}


class _Sqlite(SQLite):  # type: ignore[misc]  # sqlglot's types are not followed
    """SQLite with names in backticks: an unknown name in double quotes would pass for a text."""

    class Tokenizer(SQLite.Tokenizer):  # type: ignore[misc]
        """Only what the generator reads from it."""

        IDENTIFIERS = ("`",)


def bad_query(detail: str) -> SuiteTalkError:
    """400: the query can't be run; `Invalid search query.` as third-party clients have seen it."""
    return SuiteTalkError(
        400, "INVALID_PARAMETER", f"Invalid search query. Detailed unprocessed description follows. {detail}"
    )


def translate(query: str, *, tables: Iterable[str], today: date) -> str:
    """One SELECT in SuiteQL as SQLite SQL; raises SuiteTalkError 400 for anything else."""
    if not query.strip() or len(query) > MAX_QUERY:
        raise bad_query("Search error occurred: the query is empty or too long.")
    try:
        return _translated(query, tables, today)
    except (SqlglotError, RecursionError) as error:
        raise bad_query(f"Search error occurred: {str(error)[:200]}") from error


def _translated(query: str, tables: Iterable[str], today: date) -> str:
    parsed = [tree for tree in sqlglot.parse(query, read="oracle") if tree is not None]
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise bad_query("Search error occurred: only one SELECT statement is supported.")
    tree = parsed[0]
    _only_known_tables(tree, tables)
    for select in list(tree.find_all(exp.Select)):
        _row_limit(select)
    for node in reversed(
        list(tree.walk(bfs=True))
    ):  # children first: sqlglot's transform skips replaced ones
        changed = _rewrite(node, today)
        if changed is not node:
            node.replace(changed)
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.name.lower())
    _name_expressions(tree)
    return str(tree.sql(_Sqlite, identify=True))


def _name_expressions(tree: exp.Query) -> None:
    """Columns without a name are called expr1, expr2, … by their place."""
    for select in [tree, *tree.find_all(exp.Select)] if isinstance(tree, exp.Select) else []:
        for at, column in enumerate(select.expressions, start=1):
            if not isinstance(column, exp.Alias | exp.Column | exp.Star):
                column.replace(exp.alias_(column.copy(), f"expr{at}"))


def _only_known_tables(tree: exp.Query, tables: Iterable[str]) -> None:
    known = {*tables, *(cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE))}
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in known or table.db:
            raise bad_query(f"Search error occurred: Record '{table.name}' was not found.")


def _row_limit(select: exp.Select) -> None:
    """`WHERE ROWNUM <= 5` as LIMIT 5."""
    where = select.args.get("where")
    if where is None:
        return
    kept, limit = [], None
    for condition in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        left = condition.this if isinstance(condition, exp.LTE | exp.LT) else None
        if isinstance(left, exp.Column | exp.Pseudocolumn) and left.name.upper() == "ROWNUM":
            limit = int(condition.expression.name) - isinstance(condition, exp.LT)
        else:
            kept.append(condition)
    if limit is not None:
        select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
        select.limit(limit, copy=False)


def _rewrite(node: exp.Expression, today: date) -> exp.Expression:
    if isinstance(node, exp.Dot) and node.this.name.upper() == "BUILTIN":
        call = node.expression
        if not isinstance(call, exp.Anonymous) or call.name.upper() != "DF" or len(call.expressions) != 1:
            raise bad_query(f"Search error occurred: BUILTIN.{call.name} is not supported.")
        argument = call.expressions[0]
        return exp.func("suite_df", exp.Literal.string(argument.name.lower()), argument)
    if isinstance(node, exp.ToChar):
        return exp.func("suite_to_char", node.this, node.args.get("format") or exp.null())
    if isinstance(node, exp.StrToDate | exp.StrToTime | exp.TsOrDsToDate):
        return node.this
    if isinstance(node, exp.CurrentTimestamp | exp.CurrentDate):
        return exp.Literal.string(today.isoformat())
    if isinstance(node, exp.Neg) and not isinstance(node.this, exp.Literal):
        return exp.func("suite_sub", exp.Literal.number(0), node.this)
    name = _ARITHMETIC.get(type(node))
    return exp.func(name, node.this, node.expression) if name else node


def install(connection: sqlite3.Connection, display: Callable[[str, str], str | None]) -> None:
    """Give a connection the functions and the collation that `translate` relies on."""
    connection.create_collation("DECIMAL", _compare)
    for name, reckon in (("suite_add", _add), ("suite_sub", _sub), ("suite_mul", _mul), ("suite_div", _div)):
        connection.create_function(name, 2, reckon, deterministic=True)
    connection.create_function("suite_to_char", 2, _to_char, deterministic=True)
    connection.create_function("suite_df", 2, lambda name, value: _shown(display, name, value))
    connection.create_function("abs", 1, lambda value: None if value is None else _text(abs(_number(value))))
    connection.create_function("round", 1, lambda value: _round(value, 0), deterministic=True)
    connection.create_function("round", 2, _round, deterministic=True)
    connection.create_aggregate("sum", 1, _Sum)  # type: ignore[arg-type]  # typeshed wants int results
    connection.create_aggregate("avg", 1, _Average)  # type: ignore[arg-type]


Value = str | int | float | None


def _number(value: str | float) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


def _text(value: Decimal) -> str:
    return format(value, "f")


def _compare(left: str, right: str) -> int:
    try:
        one, other = Decimal(left), Decimal(right)
    except InvalidOperation:
        return (left > right) - (left < right)
    return (one > other) - (one < other)


def _shown(display: Callable[[str, str], str | None], name: str, value: Value) -> str | None:
    return None if value is None else display(name, str(value)) or str(value)


def _days(value: str | float, days: Decimal) -> str | None:
    text = str(value)
    if len(text) == 10 and text[4:5] == "-" == text[7:8]:
        return (date.fromisoformat(text) + timedelta(days=int(days))).isoformat()
    return None


def _add(left: Value, right: Value) -> str | None:
    if left is None or right is None:
        return None
    return _days(left, _number(right)) or _text(_number(left) + _number(right))


def _sub(left: Value, right: Value) -> str | None:
    if left is None or right is None:
        return None
    return _days(left, -_number(right)) or _text(_number(left) - _number(right))


def _mul(left: Value, right: Value) -> str | None:
    return None if left is None or right is None else _text(_number(left) * _number(right))


def _div(left: Value, right: Value) -> str | None:
    if left is None or right is None or not _number(right):
        return None
    return _text(_number(left) / _number(right))


def _round(value: Value, places: Value) -> str | None:
    if value is None:
        return None
    return _text(_number(value).quantize(Decimal(1).scaleb(-int(places or 0)), rounding="ROUND_HALF_UP"))


_FORMATS = (("YYYY", "%Y"), ("HH24", "%H"), ("MI", "%M"), ("SS", "%S"), ("MM", "%m"), ("DD", "%d"))


def _to_char(value: Value, shape: str | None) -> str | None:
    if value is None:
        return None
    text = str(value)
    if shape and len(text) in (10, 19) and text[4:5] == "-" == text[7:8]:
        pattern = shape.upper()
        for theirs, ours in _FORMATS:
            pattern = pattern.replace(theirs, ours)
        return datetime.fromisoformat(text).strftime(pattern)
    return text


class _Sum:
    def __init__(self) -> None:
        self.total: Decimal | None = None
        self.rows = 0

    def step(self, value: Value) -> None:
        if value is not None:
            self.total = (self.total or Decimal(0)) + _number(value)
            self.rows += 1

    def finalize(self) -> str | None:
        return None if self.total is None else _text(self.total)


class _Average(_Sum):
    def finalize(self) -> str | None:
        return None if self.total is None else _text(self.total / self.rows)
