"""Turns a SOQL tree into SQL over the org's SQLite tables, and rows back into records.

Text compares without case, ids with case, as the vendor does; a 15-character id in a query finds its
18-character record. Every value is a bound parameter; names come from the schema only.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from simulators.crm.salesforce.errors import SalesforceError, malformed
from simulators.crm.salesforce.ids import to_18
from simulators.crm.salesforce.objects import NUMBER, SCALE, TEXT, Field, SObject, find_object
from simulators.crm.salesforce.soql import Aggregates, Call, Comparison, DateWord, Logic, Select

MAX_OFFSET = 2_000
MAX_LIST = 4_000
"""Values in one IN list: the vendor bounds the text, this bounds SQLite's parameters."""


@dataclass(slots=True)
class Column:
    """One selected column: where it goes in the record, and what type it has."""

    path: tuple[str, ...]
    field: Field
    sql: str


@dataclass(slots=True)
class Plan:
    """A compiled SELECT."""

    sobject: SObject
    columns: list[Column]
    sql: str
    values: list[Any]
    parents: dict[tuple[str, ...], SObject]
    children: list[tuple[str, Plan]]
    aggregate: bool = False
    count_only: bool = False


def compile_select(
    tree: Select, *, now: datetime, deleted: bool = False, child_of: tuple[SObject, str] | None = None
) -> Plan:
    """A plan of a SOQL tree; raises SalesforceError for what the schema does not have."""
    return _Compiler(tree, now, child_of, deleted=deleted).plan()


class _Compiler:
    def __init__(
        self, tree: Select, now: datetime, child_of: tuple[SObject, str] | None, *, deleted: bool
    ) -> None:
        self.tree = tree
        self.now = now
        self.deleted = deleted
        self.child_key = ""
        source = tree.source
        if child_of is not None:
            parent, _ = child_of
            relation = next((name for name in parent.children if name.lower() == source.lower()), "")
            if not relation:
                raise SalesforceError(
                    400, "INVALID_TYPE", f"Didn't understand relationship '{source}' in field path"
                )
            source, self.child_key = parent.children[relation]
        found = find_object(source)
        if found is None:
            raise SalesforceError(400, "INVALID_TYPE", f"sObject type '{source}' is not supported.")
        self.sobject = found
        self.joins: dict[tuple[str, ...], tuple[str, SObject]] = {(): ("t0", found)}
        self.join_sql: list[str] = []
        self.values: list[Any] = []

    def plan(self) -> Plan:
        calls = [item for item in self.tree.fields if isinstance(item, Call) and item.function in Aggregates]
        aggregate = bool(calls or self.tree.group)
        count_only = (
            len(self.tree.fields) == 1 and bool(calls) and calls[0].function == "COUNT" and not calls[0].path
        )
        columns: list[Column] = []
        unnamed = 0
        children: list[tuple[str, Plan]] = []
        for item in self.tree.fields:
            if isinstance(item, Select):
                inner = compile_select(item, now=self.now, deleted=self.deleted, child_of=(self.sobject, ""))
                children.append((item.source, inner))
            elif isinstance(item, Call):
                columns.append(self._call(item, unnamed))
                unnamed += not item.alias
            else:
                columns += self._columns(item)
        if children:
            columns.append(Column(("\0id",), self.sobject.fields["Id"], 't0."Id"'))
        where = self._where()
        order = self._order()
        sql = f'SELECT {", ".join(column.sql for column in columns)} FROM "{self.sobject.name}" t0 '
        sql += " ".join(self.join_sql) + where
        if self.tree.group:
            sql += " GROUP BY " + ", ".join(self._resolve(path)[1] for path in self.tree.group)
        sql += order + self._bounds()
        parents = {path: sobject for path, (_, sobject) in self.joins.items() if path}
        return Plan(
            self.sobject,
            columns,
            sql,
            self.values,
            parents,
            children,
            aggregate=aggregate,
            count_only=count_only,
        )

    def _bounds(self) -> str:
        if self.tree.offset > MAX_OFFSET:
            raise SalesforceError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        limit = -1 if self.tree.limit is None else self.tree.limit
        return f" LIMIT {limit} OFFSET {self.tree.offset}" if limit >= 0 or self.tree.offset else ""

    def _where(self) -> str:
        parts = [] if self.deleted else ['t0."IsDeleted" = 0']
        if self.child_key:
            parts.append(f't0."{self.child_key}" = ?')
            self.values.append(None)  # bound to the parent's id, row by row
        if self.tree.where is not None:
            parts.append(self._condition(self.tree.where))
        return " WHERE " + " AND ".join(parts) if parts else ""

    def _order(self) -> str:
        if not self.tree.order:
            # Rows without ORDER BY come in creation order here; a client must not rely on it.
            return "" if self.tree.group or self._aggregates() else ' ORDER BY t0."Id"'
        parts = []
        for path, descending, nulls_last in self.tree.order:
            _, sql = self._resolve(path)
            last = nulls_last if nulls_last is not None else False
            parts.append(f"{sql} {'DESC' if descending else 'ASC'} NULLS {'LAST' if last else 'FIRST'}")
        return " ORDER BY " + ", ".join(parts)

    def _aggregates(self) -> bool:
        return any(isinstance(item, Call) and item.function in Aggregates for item in self.tree.fields)

    def _columns(self, name: str) -> list[Column]:
        path = tuple(name.split("."))
        field, sql = self._resolve(name)
        steps = tuple(part for part in path[:-1])
        if steps and steps[0].lower() == self.sobject.name.lower() and steps not in self.joins:
            steps = steps[1:]
        return [Column((*self._real(steps), field.name), field, sql)]

    def _real(self, steps: Sequence[str]) -> tuple[str, ...]:
        wanted = tuple(step.lower() for step in steps)
        return next(
            (path for path in self.joins if tuple(step.lower() for step in path) == wanted), tuple(steps)
        )

    def _call(self, call: Call, number: int) -> Column:
        alias = call.alias or f"expr{number}"
        if call.function in ("CONVERTCURRENCY", "TOLABEL"):
            field, sql = self._resolve(call.path)
            return Column((call.alias or field.name,), field, sql)  # one currency in this org's view
        if call.function == "FIELDS":
            raise malformed("FIELDS() is not supported by this org; name the fields")
        if call.function not in Aggregates:
            raise malformed(f"unexpected token: '{call.function}('")
        whole = Field(alias, "int")
        if not call.path:
            return Column((alias,), whole, "COUNT(*)")
        field, sql = self._resolve(call.path)
        if call.function in ("COUNT", "COUNT_DISTINCT"):
            distinct = "DISTINCT " if call.function == "COUNT_DISTINCT" else ""
            return Column((alias,), whole, f"COUNT({distinct}{sql})")
        if call.function == "SUM" and field.type not in NUMBER:
            raise malformed(f"field {call.path} does not support aggregate operator SUM")
        return Column((alias,), Field(alias, field.type), f"{call.function}({sql})")

    def _resolve(self, name: str) -> tuple[Field, str]:
        steps = name.split(".")
        if len(steps) > 1 and steps[0].lower() == self.sobject.name.lower():
            steps = steps[1:]
        if len(steps) > 6:
            raise malformed(f"field path {name} is too long")
        path: tuple[str, ...] = ()
        for step in steps[:-1]:
            path = self._join(path, step)
        alias, sobject = self.joins[path]
        field = sobject.fields.get(sobject.lower.get(steps[-1].lower(), ""))
        if field is None:
            message = f"No such column '{steps[-1]}' on entity '{sobject.name}'."
            raise SalesforceError(400, "INVALID_FIELD", message)
        return field, f'{alias}."{field.name}"'

    def _join(self, path: tuple[str, ...], step: str) -> tuple[str, ...]:
        alias, sobject = self.joins[path]
        key = next(
            (
                row
                for row in sobject.fields.values()
                if row.relationship and row.relationship.lower() == step.lower()
            ),
            None,
        )
        if key is None:
            message = f"Didn't understand relationship '{step}' in field path."
            raise SalesforceError(400, "INVALID_FIELD", message)
        target = (*path, key.relationship)
        if target not in self.joins:
            parent = find_object(key.refers_to)
            assert parent is not None
            name = f"t{len(self.joins)}"
            self.joins[target] = (name, parent)
            self.join_sql.append(f'LEFT JOIN "{parent.name}" {name} ON {name}."Id" = {alias}."{key.name}"')
        return target

    def _condition(self, node: Comparison | Logic) -> str:
        if isinstance(node, Comparison):
            return self._comparison(node)
        if node.word == "NOT":
            return f"NOT COALESCE({self._condition(node.parts[0])}, 0)"
        return "(" + f" {node.word} ".join(self._condition(part) for part in node.parts) + ")"

    def _comparison(self, node: Comparison) -> str:
        field, sql = self._resolve(node.path)
        operator = node.operator
        if operator in ("IN", "NOT IN"):
            inner = self._membership(field, node.value)
            return f"{sql} IN {inner}" if operator == "IN" else f"({sql} NOT IN {inner} OR {sql} IS NULL)"
        if node.value is None:
            if operator not in ("=", "!="):
                raise malformed(f"operator {operator} can't be used with null")
            return f"{sql} IS NULL" if operator == "=" else f"{sql} IS NOT NULL"
        if isinstance(node.value, DateWord):
            return self._relative(field, sql, operator, node.value)
        self.values.append(_bound(field, node.value))
        if operator == "LIKE":
            if field.type not in TEXT:
                raise SalesforceError(
                    400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field"
                )
            return f"{sql} LIKE ? ESCAPE '\\'"
        return f"{sql} IS NOT ?" if operator == "!=" else f"{sql} {operator} ?"

    def _membership(self, field: Field, value: Any) -> str:
        if isinstance(value, Select):
            inner = compile_select(value, now=self.now, deleted=self.deleted)
            if len(inner.columns) != 1 or inner.children:
                raise malformed("a semi-join must select one field")
            self.values += inner.values
            return f"({inner.sql})"
        if len(value) > MAX_LIST:
            raise malformed("the IN list is too long")
        self.values += [None if item is None else _bound(field, item) for item in value]
        return "(" + ", ".join("?" for _ in value) + ")"

    def _relative(self, field: Field, sql: str, operator: str, word: DateWord) -> str:
        if field.type not in ("date", "datetime"):
            raise SalesforceError(
                400, "INVALID_FIELD", f"value of filter criterion for {field.name} is no date"
            )
        first, after = _span(word, self.now.date())
        start, end = _bound(field, _at(field, first)), _bound(field, _at(field, after))
        if operator in ("=", "!="):
            self.values += [start, end]
            inside = f"({sql} >= ? AND {sql} < ?)"
            return inside if operator == "=" else f"NOT COALESCE({inside}, 0)"
        edge, sign = {"<": (start, "<"), "<=": (end, "<"), ">": (end, ">="), ">=": (start, ">=")}[operator]
        self.values.append(edge)
        return f"{sql} {sign} ?"


def _at(field: Field, day: date) -> date | datetime:
    return day if field.type == "date" else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _span(word: DateWord, today: date) -> tuple[date, date]:
    """First day and the day after the last of a relative date; the org's time zone is UTC."""
    month = today.replace(day=1)
    after_month = month + timedelta(days=monthrange(month.year, month.month)[1])
    last_month = (month - timedelta(days=1)).replace(day=1)
    year = today.replace(month=1, day=1)
    one = timedelta(days=1)
    days = timedelta(days=word.number)
    spans: dict[str, Callable[[], tuple[date, date]]] = {
        "TODAY": lambda: (today, today + one),
        "YESTERDAY": lambda: (today - one, today),
        "TOMORROW": lambda: (today + one, today + 2 * one),
        "THIS_MONTH": lambda: (month, after_month),
        "LAST_MONTH": lambda: (last_month, month),
        "THIS_YEAR": lambda: (year, year.replace(year=year.year + 1)),
        "LAST_N_DAYS": lambda: (today - days, today + one),
        "NEXT_N_DAYS": lambda: (today + one, today + one + days),
    }
    if word.word not in spans:
        raise malformed(f"unexpected token: '{word.word}'")
    return spans[word.word]()


def _bound(field: Field, value: Any) -> Any:
    """A literal in the column's own form; raises INVALID_FIELD when its type does not fit."""
    if field.type in ("id", "reference") and isinstance(value, str):
        try:
            return to_18(value) if value else ""
        except ValueError:
            raise SalesforceError(
                400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}"
            ) from None
    if field.type in TEXT and isinstance(value, str):
        return value
    if field.type == "boolean" and isinstance(value, bool):
        return int(value)
    if field.type in NUMBER and isinstance(value, Decimal):
        scaled = value * SCALE
        if scaled != scaled.to_integral_value():
            raise malformed(f"{value} has more decimal places than {field.name}")
        return int(scaled)
    if field.type == "datetime" and isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    if field.type == "date" and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    message = f"value of filter criterion for field '{field.name}' must be of type {field.type}"
    raise SalesforceError(400, "INVALID_FIELD", message)
