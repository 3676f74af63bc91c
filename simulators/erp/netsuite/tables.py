"""The tables SuiteQL sees: an SQLite mirror of the account, in memory as long as it is small, written lazily.

Writers only note rows; the next query flushes them. Custom fields become columns as they appear.
Values leave as strings, NULL columns are left out, and each row carries an empty `links`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from simulators.erp.netsuite.suiteql import bad_query, install, translate

Row = Mapping[str, Any]
_ID, _TEXT, _AMOUNT = "INTEGER", "TEXT", "TEXT COLLATE DECIMAL"
_ENTITY = {"externalid": _TEXT, "entityid": _TEXT, "email": _TEXT, "isinactive": _TEXT, "subsidiary": _ID}
COLUMNS: dict[str, dict[str, str]] = {
    "transaction": {
        "id": _ID, "externalid": _TEXT, "tranid": _TEXT, "type": _TEXT, "recordtype": _TEXT,
        "trandate": _TEXT, "duedate": _TEXT, "entity": _ID, "job": _ID, "currency": _ID, "status": _TEXT,
        "foreigntotal": _AMOUNT, "foreignamountunpaid": _AMOUNT, "taxtotal": _AMOUNT, "memo": _TEXT,
        "posting": _TEXT, "postingperiod": _ID, "createdfrom": _ID, "createddate": _TEXT, "createdby": _TEXT,
        "custbody_billing_type": _TEXT, "custbody_write_off": _TEXT,
        "custbody_project": _ID, "custbody_counterparty": _TEXT, "exchangerate": _AMOUNT,
    },
    "transactionline": {
        "uniquekey": _ID, "transaction": _ID, "id": _ID, "linesequencenumber": _ID, "mainline": _TEXT,
        "taxline": _TEXT, "foreignamount": _AMOUNT, "netamount": _AMOUNT, "tax1amt": _AMOUNT,
        "quantity": _AMOUNT, "item": _TEXT, "memo": _TEXT, "taxcode": _TEXT, "department": _TEXT,
        "class": _TEXT, "subsidiary": _ID, "entity": _ID, "createdfrom": _ID,
        "custcol_practice": _TEXT, "custcol_cost_center": _TEXT,
    },
    "customer": {"id": _ID, **_ENTITY, "companyname": _TEXT, "currency": _ID, "terms": _TEXT},
    "job": {
        "id": _ID, **_ENTITY, "companyname": _TEXT, "parent": _ID, "customer": _ID, "currency": _ID,
        "startdate": _TEXT, "projectedenddate": _TEXT, "entitystatus": _TEXT, "department": _TEXT,
        "class": _TEXT, "custentity_practice": _TEXT, "custentity_cost_center": _TEXT,
        "custentity_sales_order": _TEXT,
    },
    "employee": {"id": _ID, **_ENTITY, "firstname": _TEXT, "lastname": _TEXT, "department": _TEXT},
    "timebill": {
        "id": _ID, "externalid": _TEXT, "employee": _ID, "customer": _ID, "trandate": _TEXT,
        "hours": _AMOUNT, "rate": _AMOUNT, "isbillable": _TEXT, "item": _TEXT, "memo": _TEXT,
        "department": _TEXT, "class": _TEXT, "subsidiary": _ID, "status": _TEXT,
        "custcol_practice": _TEXT, "custcol_cost_center": _TEXT, "custcol_posting_date": _TEXT,
    },
    "charge": {
        "id": _ID, "externalid": _TEXT, "project": _ID, "salesorder": _ID, "salesorderline": _ID,
        "chargedate": _TEXT, "amount": _AMOUNT, "currency": _ID, "chargetype": _TEXT, "stage": _TEXT,
        "description": _TEXT, "subsidiary": _ID, "custcol_posting_date": _TEXT, "invoice": _ID, "invoiceline": _ID,
        "timerecord": _ID, "transaction": _ID, "quantity": _AMOUNT, "rate": _AMOUNT,
    },
    "contact": {"id": _ID, **_ENTITY, "firstname": _TEXT, "lastname": _TEXT, "company": _ID},
    "projecttask": {"id": _ID, "externalid": _TEXT, "title": _TEXT, "project": _ID, "nonbillabletask": _TEXT},
    "resourceallocation": {
        "id": _ID, "externalid": _TEXT, "project": _ID, "allocationresource": _ID, "numberhours": _AMOUNT,
        "startdate": _TEXT, "enddate": _TEXT, "custevent_role": _TEXT,
    },
    "customrecord_change_order": {
        "id": _ID, "externalid": _TEXT, "custrecord_co_sales_order": _ID, "custrecord_co_project": _ID,
        "custrecord_co_subsidiary": _ID, "custrecord_co_currency": _ID, "custrecord_co_version": _ID,
        "custrecord_co_effective": _TEXT, "custrecord_co_posting_date": _TEXT,
    },
    "customrecord_revenue_schedule": {
        "id": _ID, "externalid": _TEXT, "custrecord_rs_sales_order": _ID, "custrecord_rs_project": _ID,
        "custrecord_rs_subsidiary": _ID, "custrecord_rs_currency": _ID, "custrecord_rs_method": _TEXT,
        "custrecord_rs_order_line": _ID, "custrecord_rs_posting_date": _TEXT,
    },
    "customrecord_revenue_schedule_line": {
        "id": _ID, "custrecord_rsl_schedule": _ID, "custrecord_rsl_period": _TEXT,
        "custrecord_rsl_amount": _AMOUNT,
    },
    "account": {"id": _ID, "acctnumber": _TEXT, "accountsearchdisplayname": _TEXT},
    "billingratecard": {"id": _ID, "externalid": _TEXT, "name": _TEXT, "isinactive": _TEXT},
    "subsidiary": {
        "id": _ID, "externalid": _TEXT, "name": _TEXT, "currency": _ID, "country": _TEXT, "isinactive": _TEXT,
    },
    "currency": {"id": _ID, "symbol": _TEXT, "name": _TEXT, "currencyprecision": _ID},
    "department": {"id": _ID, "externalid": _TEXT, "name": _TEXT},
    "classification": {"id": _ID, "externalid": _TEXT, "name": _TEXT},
    "accountingperiod": {
        "id": _ID, "periodname": _TEXT, "startdate": _TEXT, "enddate": _TEXT, "closed": _TEXT,
        "isquarter": _TEXT, "isyear": _TEXT,
    },
    "transactionaccountingline": {
        "uniquekey": _ID, "transaction": _ID, "transactionline": _ID, "account": _ID, "debit": _AMOUNT, "credit": _AMOUNT,
        "amount": _AMOUNT, "posting": _TEXT,
    },
}  # fmt: skip
"""Tables and their columns; real ones have hundreds, these are what two ERPs can be compared by."""
_CUSTOM = re.compile(r"(custbody|custcol|custentity|custrecord|custevent)_[a-z0-9_]{1,40}\Z")
_KEY = {"transactionline": "uniquekey", "transactionaccountingline": "uniquekey"}
MAX_ROWS = 100_000
"""Rows one query may give without the vendor's analytics licence (vendor documentation)."""
_STEPS = 500_000
MAX_STEPS = 2_000
"""Times `_STEPS` virtual-machine steps before a query is cut off, so that no join can hang the loop."""
_CACHED = 8
CACHE_KIB = 16_384
"""Of the mirror in memory; it is only ever asked for what is new."""


class Tables:
    """The mirror: `note` rows as they change, `select` to query them."""

    def __init__(
        self, display: Callable[[str, str], str | None], renamed: Mapping[str, str] | None = None
    ) -> None:
        self._display = display
        self._renamed = dict(renamed or {})
        """Custom columns that are called otherwise in this account."""
        self.reset()

    def reset(self) -> None:
        """Empty tables."""
        # A database of its own without a name: what does not fit its cache goes to a file that is gone with it.
        self._database = sqlite3.connect("")
        self._database.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        install(self._database, self._display)
        shapes = {
            table: {self._renamed.get(name, name): kind for name, kind in columns.items()}
            for table, columns in COLUMNS.items()
        }
        self._columns = {table: list(columns) for table, columns in shapes.items()}
        for table, columns in shapes.items():
            key = _KEY.get(table, "id")
            shape = ", ".join(
                f'"{name}" {kind}' + (" PRIMARY KEY" if name == key else "") for name, kind in columns.items()
            )
            self._database.execute(f'CREATE TABLE "{table}" ({shape})')
            if "externalid" in columns:
                self._database.execute(f'CREATE INDEX "{table}_eid" ON "{table}" (externalid)')
        self._database.execute('CREATE INDEX line_of ON transactionline ("transaction")')
        self._noted: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._translated: dict[tuple[str, date], str] = {}
        self._answers: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def note(self, table: str, *rows: Row) -> None:
        """Insert or replace rows by their key at the next query."""
        if self._renamed:
            rows = tuple(
                {self._renamed.get(name, name): value for name, value in row.items()} for row in rows
            )
        self._noted[table].extend(rows)
        if self._answers:
            self._answers.clear()

    def forget(self, table: str, key: int) -> None:
        """Delete a row."""
        self._flush()
        self._answers.clear()
        self._database.execute(f'DELETE FROM "{table}" WHERE "{_KEY.get(table, "id")}" = ?', (key,))

    def select(self, query: str, parameters: Sequence[Any], *, today: date) -> list[dict[str, Any]]:
        """All rows of a query, as SuiteQL shows them; raises SuiteTalkError 400."""
        key = (query, repr(parameters))
        found = self._answers.get(key)
        if found is None:
            self._flush()
            found = self._run(self._sql(query, today), parameters)
            if len(self._answers) >= _CACHED:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = found
        return found

    def _sql(self, query: str, today: date) -> str:
        key = (query, today)
        if key not in self._translated:
            if len(self._translated) >= 500:
                self._translated.clear()
            self._translated[key] = translate(query, tables=COLUMNS, today=today)
        return self._translated[key]

    def _flush(self) -> None:
        for table, rows in self._noted.items():
            if not rows:
                continue
            columns = self._columns[table]
            for name in sorted({name for row in rows for name in row}.difference(columns)):
                if _CUSTOM.match(name):
                    self._database.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}" TEXT')
                    columns.append(name)
            names = ", ".join(f'"{name}"' for name in columns)
            marks = ", ".join("?" * len(columns))
            self._database.executemany(
                f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({marks})',
                [[row.get(name) for name in columns] for row in rows],
            )
            rows.clear()

    def _run(self, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        spent = 0

        def too_long() -> bool:
            nonlocal spent
            spent += 1
            return spent > MAX_STEPS

        self._database.set_progress_handler(too_long, _STEPS)
        try:
            cursor = self._database.execute(sql, [_bound(value) for value in parameters])
            rows = cursor.fetchmany(MAX_ROWS + 1)
        except (sqlite3.Error, OverflowError) as error:
            raise bad_query(f"Search error occurred: {str(error)[:200]}") from error
        finally:
            self._database.set_progress_handler(None, 0)
        if len(rows) > MAX_ROWS:
            raise bad_query(f"Search error occurred: more than {MAX_ROWS} rows.")
        names = [str(column[0]).lower() for column in cursor.description]
        return [
            {"links": [], **{n: str(v) for n, v in zip(names, row, strict=True) if v is not None}}
            for row in rows
        ]


def _bound(value: Any) -> Any:
    return value if isinstance(value, str | int) else str(value)
