"""The org: one SQLite table an object, in memory, stamped by the injected clock.

SQLite gives SOQL joins, aggregates and savepoints (allOrNone) for free, and its serialised form is
the snapshot. Text columns compare without case, ids with case, as the vendor's do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simulators.core.clock import Clock
from simulators.crm.salesforce.errors import SalesforceError, SeveralMatch, not_found
from simulators.crm.salesforce.ids import make_id, to_18
from simulators.crm.salesforce.objects import NUMBER, OBJECTS, STAGES, TEXT, Field, SObject, find_object
from simulators.crm.salesforce.query import Plan, compile_select
from simulators.crm.salesforce.soql import Select
from simulators.crm.salesforce.values import column_value, json_value, number_text, to_ms

_NAMED = frozenset({"Contact", "User"})
"""Objects whose Name is put together from first and last name."""


class Org:
    """Records of all objects."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._create()

    def _create(self) -> None:
        self._db.execute('CREATE TABLE "_counter" (prefix TEXT PRIMARY KEY, last INTEGER NOT NULL)')
        for sobject in OBJECTS.values():
            columns = ", ".join(f'"{row.name}" {_column(row)}' for row in sobject.fields.values())
            self._db.execute(f'CREATE TABLE "{sobject.name}" ({columns})')
            self._db.execute(
                f'CREATE INDEX "{sobject.name}_stamp" ON "{sobject.name}" ("SystemModstamp", "Id")'
            )
            for row in sobject.fields.values():
                if row.external_id or row.type == "reference":
                    name = f"{sobject.name}_{row.name}"
                    self._db.execute(f'CREATE INDEX "{name}" ON "{sobject.name}" ("{row.name}")')

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Everything inside happens, or nothing does when an exception leaves it."""
        self._db.execute("SAVEPOINT one")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO one")
            self._db.execute("RELEASE one")
            raise
        self._db.execute("RELEASE one")

    def insert(self, sobject: SObject, given: Mapping[str, Any]) -> str:
        """A new record; returns its id. Raises SalesforceError for unknown, wrong, missing or double values."""
        row = self._checked(sobject, given, creating=True)
        return self._insert(sobject, row, self._next_id(sobject))

    def seed(self, sobject: SObject, given: Mapping[str, Any]) -> str:
        """A record with its given id and, if it has them, its given stamps; an id seen before is replaced."""
        plain = {
            name: value for name, value in given.items() if name != "attributes" and not _is_derived(name)
        }
        stamps = {
            name: column_value(sobject.fields[name], plain.pop(name))
            for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")
            if plain.get(name) is not None
        }
        record_id = plain.pop("Id", None)
        full = to_18(str(record_id)) if record_id else self._next_id(sobject)
        if not full.startswith(sobject.prefix):
            msg = f"{full}: an id of {sobject.name} starts with {sobject.prefix}"
            raise ValueError(msg)
        self._db.execute(f'DELETE FROM "{sobject.name}" WHERE "Id" = ?', (full,))
        return self._insert(sobject, self._checked(sobject, plain, creating=True) | stamps, full)

    def _insert(self, sobject: SObject, row: dict[str, Any], record_id: str) -> str:
        now = to_ms(self._clock.now())
        full = {
            "Id": record_id,
            "IsDeleted": 0,
            "CreatedDate": now,
            "LastModifiedDate": now,
            "SystemModstamp": now,
        }
        full |= row
        self._derive(sobject, full)
        names = ", ".join(f'"{name}"' for name in full)
        marks = ", ".join("?" for _ in full)
        self._db.execute(f'INSERT INTO "{sobject.name}" ({names}) VALUES ({marks})', tuple(full.values()))
        return record_id

    def update(self, sobject: SObject, record_id: str, given: Mapping[str, Any]) -> None:
        """Change a record; raises SalesforceError NOT_FOUND or what `insert` raises."""
        old = self._row(sobject, record_id)
        row = self._checked(sobject, given, creating=False, own_id=record_id)
        now = to_ms(self._clock.now())
        row |= {"LastModifiedDate": now, "SystemModstamp": max(now, int(old["SystemModstamp"]))}
        self._derive(sobject, merged := {**old, **row})
        row |= {name: merged[name] for name in ("Name", "IsWon", "IsClosed") if name in merged}
        sets = ", ".join(f'"{name}" = ?' for name in row)
        values = (*row.values(), record_id)
        self._db.execute(f'UPDATE "{sobject.name}" SET {sets} WHERE "Id" = ?', values)

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Put a record into the bin: only `queryAll` still sees it."""
        self._row(sobject, record_id)
        now = to_ms(self._clock.now())
        sql = f'UPDATE "{sobject.name}" SET "IsDeleted" = 1, "SystemModstamp" = ? WHERE "Id" = ?'
        self._db.execute(sql, (now, record_id))

    def upsert(
        self, sobject: SObject, field: Field, value: str, given: Mapping[str, Any], *, update_only: bool
    ) -> tuple[str, bool]:
        """Update the record with this external id, or create it; returns (id, created)."""
        found = self.by_external(sobject, field, value)
        rest = {name: item for name, item in given.items() if name not in ("attributes", field.name)}
        if field.name == "Id":
            rest.pop("Id", None)
        if found is not None:
            self.update(sobject, found, rest)
            return found, False
        if update_only or field.name == "Id":
            raise not_found()
        return self.insert(sobject, {**rest, field.name: value}), True

    def by_external(self, sobject: SObject, field: Field, value: str) -> str | None:
        """The id of the one live record with this external id; raises SeveralMatch."""
        if field.name != "Id" and not field.external_id:
            raise not_found()
        if field.name == "Id":
            value = _full_id(value)
        sql = f'SELECT "Id" FROM "{sobject.name}" WHERE "{field.name}" = ? AND "IsDeleted" = 0 ORDER BY "Id"'
        found = [str(row[0]) for row in self._db.execute(sql, (value,))]
        if len(found) > 1:
            raise SeveralMatch(found)
        return found[0] if found else None

    def record(self, sobject: SObject, record_id: str, names: list[str] | None = None) -> dict[str, Any]:
        """A record's fields in JSON form; raises NOT_FOUND, or INVALID_FIELD for an unknown name."""
        row = self._row(sobject, record_id)
        wanted = list(sobject.fields) if names is None else [_field(sobject, name).name for name in names]
        return {name: json_value(sobject.fields[name], row[name]) for name in dict.fromkeys([*wanted, "Id"])}

    def _row(self, sobject: SObject, record_id: str) -> dict[str, Any]:
        cursor = self._db.execute(f'SELECT * FROM "{sobject.name}" WHERE "Id" = ?', (_full_id(record_id),))
        found = cursor.fetchone()
        if found is None:
            raise not_found()
        row = dict(zip((item[0] for item in cursor.description), found, strict=True))
        if row["IsDeleted"]:
            raise SalesforceError(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def _checked(
        self, sobject: SObject, given: Mapping[str, Any], *, creating: bool, own_id: str = ""
    ) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, value in given.items():
            if name == "attributes":
                continue
            field = _field(sobject, name)
            if field.system:
                code = "INVALID_FIELD_FOR_INSERT_UPDATE"
                message = f"Unable to create/update fields: {field.name}. Please check the security settings of this field."
                raise SalesforceError(400, code, message, (field.name,))
            row[field.name] = column_value(field, value)
            self._refer(field, row[field.name])
            self._unique(sobject, field, row[field.name], own_id)
        missing = [
            item.name for item in sobject.fields.values() if item.required and row.get(item.name) is None
        ]
        if creating and missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise SalesforceError(400, "REQUIRED_FIELD_MISSING", message, tuple(missing))
        return row

    def _refer(self, field: Field, value: Any) -> None:
        if not field.refers_to or value is None:
            return
        parent = OBJECTS[field.refers_to]
        sql = f'SELECT 1 FROM "{parent.name}" WHERE "Id" = ? AND "IsDeleted" = 0'
        if self._db.execute(sql, (value,)).fetchone() is None:
            message = f"insufficient access rights on cross-reference id: {value}"
            raise SalesforceError(400, "INVALID_CROSS_REFERENCE_KEY", message, (field.name,))

    def _unique(self, sobject: SObject, field: Field, value: Any, own_id: str) -> None:
        if not field.external_id or value is None:
            return
        found = self.by_external(sobject, field, value)
        if found is not None and found != own_id:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {found}"
            raise SalesforceError(400, "DUPLICATE_VALUE", message, (field.name,))

    def _derive(self, sobject: SObject, row: dict[str, Any]) -> None:
        if sobject.name == "Opportunity":
            closed, won = STAGES.get(str(row.get("StageName")), (False, False))
            row["IsClosed"], row["IsWon"] = int(closed), int(won)
        elif sobject.name in _NAMED:
            row["Name"] = " ".join(str(row[name]) for name in ("FirstName", "LastName") if row.get(name))

    def _next_id(self, sobject: SObject) -> str:
        sql = 'INSERT INTO "_counter" VALUES (?, 1) ON CONFLICT (prefix) DO UPDATE SET last = last + 1 RETURNING last'
        while True:
            number = int(self._db.execute(sql, (sobject.prefix,)).fetchall()[0][0])
            made = make_id(sobject.prefix, number)
            if self._db.execute(f'SELECT 1 FROM "{sobject.name}" WHERE "Id" = ?', (made,)).fetchone() is None:
                return made

    def select(self, tree: Select, *, base: str, deleted: bool = False) -> tuple[int, list[dict[str, Any]]]:
        """The result of a SOQL tree: how many, and the records with `attributes`."""
        plan = compile_select(tree, now=self._clock.now(), deleted=deleted)
        if plan.count_only:
            return int(self._db.execute(plan.sql, plan.values).fetchone()[0]), []
        records = self._records(plan, plan.values, base)
        return len(records), records

    def _records(self, plan: Plan, values: list[Any], base: str) -> list[dict[str, Any]]:
        found = []
        for row in self._db.execute(plan.sql, values).fetchall():
            record: dict[str, Any] = {"attributes": _attributes(plan)}
            own_id = ""
            for column, value in zip(plan.columns, row, strict=True):
                if column.path == ("\0id",):
                    own_id = value
                    continue
                if column.path == ("Id",) and value is not None:
                    record["attributes"]["url"] = f"{base}/sobjects/{plan.sobject.name}/{value}"
                _put(record, column.path, plan, json_value(column.field, value))
            for name, inner in plan.children:
                bound = [own_id if item is None else item for item in inner.values]
                rows = self._records(inner, bound, base)
                record[name] = {"totalSize": len(rows), "done": True, "records": rows} if rows else None
            found.append(record)
        return found

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All records by object, in order of id, numbers as text: for the back door."""
        found: dict[str, list[dict[str, Any]]] = {}
        for sobject in OBJECTS.values():
            rows = self._db.execute(f'SELECT * FROM "{sobject.name}" ORDER BY "Id"').fetchall()
            names = list(sobject.fields)
            found[sobject.name] = [
                {name: _plain(sobject.fields[name], value) for name, value in zip(names, row, strict=True)}
                for row in rows
            ]
        return found

    def dump(self) -> bytes:
        """The whole org as bytes."""
        return self._db.serialize()

    def load(self, data: bytes) -> None:
        """Back to a dumped org."""
        self._db.deserialize(data)

    def clear(self) -> None:
        """An empty org."""
        self._db.close()
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._create()


def _column(row: Field) -> str:
    if row.name == "Id":
        return "TEXT PRIMARY KEY"
    if row.type in TEXT:
        return "TEXT COLLATE NOCASE"
    return "TEXT" if row.type in ("reference", "date") else "INTEGER"


def _is_derived(name: str) -> bool:
    return name in ("IsWon", "IsClosed", "IsDeleted")


def _field(sobject: SObject, name: str) -> Field:
    found = sobject.fields.get(name) or sobject.fields.get(sobject.lower.get(name.lower(), ""))
    if found is None:
        message = f"No such column '{name}' on sobject of type {sobject.name}"
        raise SalesforceError(400, "INVALID_FIELD", message, (name,))
    return found


def external_field(sobject: SObject, name: str) -> Field:
    """The external id field of a path; raises NOT_FOUND when it is none."""
    found = sobject.fields.get(sobject.lower.get(name.lower(), ""))
    if found is None or not (found.external_id or found.name == "Id"):
        raise not_found()
    return found


def object_named(name: str) -> SObject:
    """The object of a path; raises NOT_FOUND."""
    found = find_object(name)
    if found is None:
        raise not_found()
    return found


def _full_id(given: str) -> str:
    try:
        return to_18(given)
    except ValueError:
        raise not_found() from None


def _plain(row: Field, value: Any) -> Any:
    return number_text(value) if row.type in NUMBER and value is not None else json_value(row, value)


def _attributes(plan: Plan) -> dict[str, Any]:
    return {"type": "AggregateResult" if plan.aggregate else plan.sobject.name}


def _put(record: dict[str, Any], path: tuple[str, ...], plan: Plan, value: Any) -> None:
    """Place a value at a dotted path; a parent that is not there stays null."""
    at = record
    for depth, step in enumerate(path[:-1], start=1):
        inner = at.get(step)
        if inner is None:
            if value is None:
                at.setdefault(step, None)
                return
            sobject = plan.parents[path[:depth]]
            inner = at[step] = {"attributes": {"type": sobject.name}}
        at = inner
    at[path[-1]] = value
