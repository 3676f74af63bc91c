"""The account's records, ordered by their last change.

Rows are kept packed and replaced, never changed in place, so an event keeps the old and the new one
without copying. Sorted indexes of (changed, id) make a change feed cost what its page costs, not what the
collection holds.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from simulators.core.clock import Clock
from simulators.core.money import exponent
from simulators.core.sharing import Shared
from simulators.core.snapshot import unpacked
from simulators.psa.kantata.errors import not_found
from simulators.psa.kantata.schema import APPROVABLE, COLLECTIONS, STANDARD_TEMPLATE, Collection

Row = dict[str, Any]
Shape = tuple[str, ...]
"""The names of a row, in order."""
Packed = tuple[Any, ...]
"""A row's names, as one object, and its values."""
Keys = list[tuple[int, int]]
"""(changed, id), ascending."""
Asked = tuple[tuple[Any, ...], ...]
"""What a list was asked for, and how often what it is made of had changed by then."""
EVENTS_MAX = 20_000
"""Events kept at most, besides the vendor's nine days: an old one is worth less than the memory."""
PAYLOADS = ("previous_payload", "current_payload")
"""What an event keeps packed: the row before and after."""
_SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "SGD": "$"}


class Rows:
    """Rows by number, packed: their values beside one list of names for all that have the same names.

    A row is made when it is asked for: a month of dicts with forty names each is four fifths names.
    """

    def __init__(self, shapes: dict[Shape, Shape], texts: Shared) -> None:
        self._packed: dict[int, Packed] = {}
        self._shapes = shapes
        self._texts = texts

    def __setitem__(self, number: int, row: Row) -> None:
        self._packed[number] = pack(row, self._shapes, self._texts)

    def __getitem__(self, number: int) -> Row:
        return unpack(self._packed[number])

    def __contains__(self, number: int) -> bool:
        return number in self._packed

    def __iter__(self) -> Iterator[int]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def get(self, number: int) -> Row | None:
        """A row, or None."""
        found = self._packed.get(number)
        return None if found is None else unpack(found)

    def packed(self, number: int) -> Packed | None:
        """A row as it is kept, or None."""
        return self._packed.get(number)

    def pop(self, number: int) -> Row:
        """Take a row out; raises KeyError."""
        return unpack(self._packed.pop(number))

    def items(self) -> Iterator[tuple[int, Row]]:
        """Numbers and rows, in the order they first came."""
        return ((number, unpack(values)) for number, values in self._packed.items())

    def values(self) -> Iterator[Row]:
        """Rows, in the order they first came."""
        return map(unpack, self._packed.values())


def pack(row: Row, shapes: dict[Shape, Shape], texts: Shared) -> Packed:
    """A row's values after its names, which are one object for all rows of the shape."""
    shape = tuple(row)
    found = shapes.get(shape)
    if found is None:
        found = shapes[shape] = tuple(map(texts.text, shape))
    return (found, *[texts.text(value) if type(value) is str else value for value in row.values()])


def unpack(packed: Packed) -> Row:
    """The row again: equal, and the caller's own."""
    return dict(zip(packed[0], packed[1:], strict=True))


class Table:
    """The rows of one collection by numeric id, with their order of change."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.changed: list[tuple[int, int]] = []
        self.approved: list[tuple[int, int]] = []
        self.at: dict[int, tuple[int, int]] = {}
        """id → (created, updated) in seconds since 1970"""
        self.loose: dict[str, dict[int, None]] = {}
        """user id → time entries or expenses nobody has handed in yet"""
        self.marked: dict[str, dict[int, None]] = {}
        """an external reference's `service_model_ref` in lower case → the references with it"""
        self.last = 0
        self.changes = 0
        """How often a row was put or removed."""

    def put(self, number: int, row: Row, created: int, updated: int) -> None:
        """Insert or replace a row."""
        self.changes += 1
        old = self.rows.get(number)
        if old is not None:
            self._forget(number, old)
        self.rows[number] = row
        self.at[number] = (created, updated)
        insort(self.changed, (updated, number))
        if "service_model_ref" in row:
            self.marked.setdefault(str(row["service_model_ref"]).lower(), {})[number] = None
        if row.get("approved"):
            insort(self.approved, (updated, number))
        elif "approved" in row and row["active_submission_id"] is None:
            self.loose.setdefault(str(row["user_id"]), {})[number] = None
        self.last = max(self.last, number)

    def remove(self, number: int) -> Row:
        """Delete a row for good."""
        self.changes += 1
        row = self.rows.pop(number)
        self._forget(number, row)
        del self.at[number]
        return row

    def _forget(self, number: int, row: Row) -> None:
        key = (self.at[number][1], number)
        del self.changed[bisect_left(self.changed, key)]
        if "service_model_ref" in row:
            self.marked[str(row["service_model_ref"]).lower()].pop(number)
        if row.get("approved"):
            del self.approved[bisect_left(self.approved, key)]
        elif "approved" in row:
            self.loose.get(str(row["user_id"]), {}).pop(number, None)


class Account:
    """All collections, external references by subject, and the event log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """An account with nothing but the standard project template."""
        self._shapes: dict[Shape, Shape] = {}
        self._texts = Shared()
        self.tables = {name: self._table() for name in COLLECTIONS}
        self.references: dict[tuple[str, str], list[int]] = {}
        self.events: deque[Row] = deque(maxlen=EVENTS_MAX)
        self._event_number = 0
        self.listed: dict[str, tuple[Asked, tuple[int, int], Keys]] = {}
        """By collection: the last list that was filtered, from which change on, and what was in it."""
        self.seed_row(COLLECTIONS["project_templates"], dict(STANDARD_TEMPLATE))

    def _table(self) -> Table:
        return Table(Rows(self._shapes, self._texts))

    def now_s(self) -> int:
        """Whole seconds since 1970: stamps have no finer grain."""
        return int(self._clock.now().timestamp())

    def get(self, name: str, record_id: str | int | None) -> Row:
        """A row by id; raises 404."""
        found = self.find(name, record_id)
        if found is None:
            raise not_found()
        return found

    def find(self, name: str, record_id: str | int | None) -> Row | None:
        """A row by id, or None."""
        text = str(record_id)
        return self.tables[name].rows.get(int(text)) if text.isascii() and text.isdigit() else None

    def create(self, collection: Collection, values: Mapping[str, Any]) -> Row:
        """A new row of checked values; its id is the next number."""
        table = self.tables[collection.name]
        number = table.last + 1
        now = self.now_s()
        row = self._row(collection, number, values, now, now)
        table.put(number, row, now, now)
        self._index(collection, number, row)
        self._event(collection, "created", row["id"], None, table.rows.packed(number))
        return row

    def change(
        self, collection: Collection, record_id: str, values: Mapping[str, Any], *, what: str = "updated"
    ) -> Row:
        """Replace fields of a row."""
        table = self.tables[collection.name]
        number = int(record_id)
        kept = table.rows.packed(number)
        old = table.rows[number]
        created, before = table.at[number]
        now = max(self.now_s(), before)
        row = {**old, **values, "updated_at": text_of(now)}
        table.put(number, row, created, now)
        self._event(collection, what, row["id"], kept, table.rows.packed(number))
        return row

    def delete(self, collection: Collection, record_id: str) -> None:
        """Delete a row for good, as the vendor does."""
        kept = self.tables[collection.name].rows.packed(int(record_id))
        row = self.tables[collection.name].remove(int(record_id))
        for number in self.references.pop((collection.subject, record_id), []):
            self.tables["external_references"].remove(number)
        if collection.name == "external_references":
            numbers = self.references.get((row["subject_type"], row["subject_id"]), [])
            if int(record_id) in numbers:
                numbers.remove(int(record_id))
        self._event(collection, "deleted", row["id"], kept, None)

    def seed_row(self, collection: Collection, given: Mapping[str, Any]) -> Row:
        """A row with its own id and stamps, if it has them; raises ValueError. Makes no event."""
        table = self.tables[collection.name]
        record_id = str(given.get("id") or table.last + 1)
        if not (record_id.isascii() and record_id.isdigit()):
            msg = f"{collection.name}: id {record_id!r} is not a number"
            raise ValueError(msg)
        now = self.now_s()
        created, updated = (
            seconds_of(given[name]) if given.get(name) else now for name in ("created_at", "updated_at")
        )
        number = int(record_id)
        row = self._row(collection, number, given, created, updated)
        known = number in table.rows
        table.put(number, row, created, updated)
        if not known:
            self._index(collection, number, row)
        return row

    def references_of(self, subject: str, record_id: str) -> list[Row]:
        """The external references of a record."""
        rows = self.tables["external_references"].rows
        return [rows[number] for number in self.references.get((subject, record_id), [])]

    def _row(
        self, collection: Collection, number: int, values: Mapping[str, Any], created: int, updated: int
    ) -> Row:
        row = {**collection.defaults, **values, "id": str(number)}
        for name in _ids_in(collection):
            if row.get(name) is not None:
                row[name] = str(row[name])
        for name in ("time_entry_ids", "expense_ids"):
            if name in row:
                row[name] = [str(item) for item in row[name]]
        if collection.money:
            currency = row.get("currency") or self._currency_of(row)
            row["currency"] = currency
            row["currency_symbol"] = _SYMBOLS.get(currency, currency)
            row["currency_base_unit"] = 10 ** exponent(currency)
        row["created_at"], row["updated_at"] = text_of(created), text_of(updated)
        return row

    def _currency_of(self, row: Row) -> str:
        workspace = self.find("workspaces", row.get("workspace_id"))
        return str(workspace["currency"]) if workspace else "USD"

    def _index(self, collection: Collection, number: int, row: Row) -> None:
        if collection.name == "external_references":
            self.references.setdefault((row["subject_type"], row["subject_id"]), []).append(number)

    def _event(
        self, collection: Collection, what: str, subject_id: str, old: Packed | None, new: Packed | None
    ) -> None:
        self._event_number += 1
        now = text_of(self.now_s())
        self.events.append(
            {
                "id": str(self._event_number),
                "event_type": f"{collection.singular}:{what}",
                "subject_type": collection.subject,
                "subject_id": subject_id,
                "subject_changed_at": now,
                "created_at": now,
                "previous_payload": old,
                "current_payload": new,
            }
        )

    def dump(self) -> bytes:
        """Everything as compressed JSON."""
        tables = {
            name: [[number, *table.at[number], row] for number, row in table.rows.items()]
            for name, table in self.tables.items()
        }
        state = {
            "tables": tables,
            "events": [told(event) for event in self.events],
            "event_number": self._event_number,
        }
        return zlib.compress(orjson.dumps(state), level=1)

    def load(self, data: bytes) -> None:
        """Back to a dump; raises ValueError when it is none."""
        state = orjson.loads(unpacked(data))
        self.clear()
        try:
            for name, rows in state["tables"].items():
                self.tables[name] = table = self._table()
                for number, created, updated, row in rows:
                    table.put(number, row, created, updated)
                    self._index(COLLECTIONS[name], number, row)
            self.events.extend(self._kept_event(event) for event in state["events"])
            self._event_number = state["event_number"]
        except (KeyError, TypeError) as error:
            msg = f"not a snapshot of an account: {error!r}"
            raise ValueError(msg) from error

    def _kept_event(self, event: Row) -> Row:
        return event | {
            name: None if event[name] is None else pack(event[name], self._shapes, self._texts)
            for name in PAYLOADS
        }

    def everything(self) -> dict[str, list[Row]]:
        """All rows by collection, in order of id."""
        return {name: list(self.rows_of(name)) for name in self.tables}

    def rows_of(self, name: str) -> Iterator[Row]:
        """A collection's rows in order of id, each made when it is its turn."""
        rows = self.tables[name].rows
        return (rows[number] for number in sorted(rows))


def told(event: Row) -> Row:
    """An event as the API shows it: rows where it keeps them packed."""
    return event | {name: None if event[name] is None else unpack(event[name]) for name in PAYLOADS}


def _ids_in(collection: Collection) -> Iterator[str]:
    for _, name in collection.belongs.values():
        yield name
    if collection.name == "external_references":
        yield "subject_id"
    if collection.name in APPROVABLE:
        yield "invoice_id"


@lru_cache(maxsize=4096)
def text_of(seconds: int) -> str:
    """A stamp as the API gives it: ISO 8601 with an offset."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


@lru_cache(maxsize=4096)
def seconds_of(text: str) -> int:
    """Seconds since 1970 of an ISO 8601 instant; raises ValueError. Without an offset it is UTC."""
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
