"""The account's records: created, changed, transformed and deleted in the books, mirrored for SuiteQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from simulators.core.books import BooksError
from simulators.core.clock import Clock
from simulators.core.rows import (
    BilledRow,
    ChangeOrder,
    ChargeRow,
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    JournalEntry,
    MasterRow,
    MilestoneRow,
    Payment,
    PostedRow,
    Project,
    RateCard,
    RevenueSchedule,
    Row,
    TimeRow,
    WorkRow,
    WriteOff,
)
from simulators.erp.netsuite.account import ROW_TYPES, Account
from simulators.erp.netsuite.columns import generated_charge, rows_of
from simulators.erp.netsuite.errors import (
    SuiteTalkError,
    invalid,
    invalid_reference,
    no_such,
    user_error,
)
from simulators.erp.netsuite.fields import MAX_LINES, Body
from simulators.erp.netsuite.ledger_lines import accounting_lines
from simulators.erp.netsuite.lists import lists_of, periods_of
from simulators.erp.netsuite.readers import KNOWN, read
from simulators.erp.netsuite.tables import Tables
from simulators.erp.netsuite.views import record

_NAMES = {name.lower(): name for name in ROW_TYPES}
_FIXED = ("project", "posting_date", "work_date", "expense_date", "completed_on", "minutes", "rate_minor",
          "amount_minor", "invoice", "customer", "category", "role", "employee", "billable", "service_from",
          "service_until", "bill_minor", "contract", "version", "effective", "purpose", "method")  # fmt: skip
"""What makes a posted record what it is: a second PUT with other values is refused."""
_BOOKS_KEEP = ("vendor_id", "number", "created_at", "created_by", "external_id")


def record_type_of(segment: str) -> str:
    """The record type of a path segment, whatever its case; raises SuiteTalkError 404."""
    found = _NAMES.get(segment.lower())
    if found is None:
        raise SuiteTalkError(404, "NONEXISTENT_ID", f"Record type '{segment[:60]}' does not exist.")
    return found


class Records:
    """Every record operation of the API, on one account."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self.account, self.books = account, account.books
        self._clock = clock
        self.tables = Tables(account.display, account.renamed)
        self._ledger_noted = 0
        """Ledger entries whose accounting lines the mirror has."""
        self._note_lists()

    # Reading

    def find(self, record_type: str, key: str) -> Row:
        """A record by internal id or `eid:…`; raises SuiteTalkError 404."""
        how, value = ("externalId", key[4:]) if key.startswith("eid:") else ("id", key)
        row = self.account.find(record_type, how, value)
        if row is None:
            raise no_such(record_type, key)
        return row

    def show(self, row: Row) -> dict[str, Any]:
        """A record's JSON, under this account's names."""
        shown: dict[str, Any] = self.account.outward(record(row, self.account))
        return shown

    def all(self, record_type: str) -> Iterator[Row]:
        """Records of a type, oldest first."""
        return self.account.all(record_type)

    def select(self, query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a SuiteQL query."""
        today = self._clock.now().date()
        if "accountingperiod" in query.lower():
            for table, columns in periods_of(self.account, today.year):
                self.tables.note(table, columns)
        if "transactionaccountingline" in query.lower():
            # Nearly no query asks for what documents move in the ledger; journal entries bring theirs.
            for table, line in accounting_lines(self.account, self._ledger_noted):
                self.tables.note(table, line)
            self._ledger_noted = len(self.books.ledger.entries)
        return self.tables.select(query, parameters, today=today)

    # Writing

    def create(self, record_type: str, data: Any, external_id: str | None = None) -> Row:
        """Make a record; raises SuiteTalkError 400, also when the external id is taken."""
        data = self.account.inward(data)
        eid = Body(data).text("externalId", "") if external_id is None else external_id
        if external_id is not None and Body(data).text("externalId", eid) != eid:
            raise invalid("The external ID of the body and of the address differ.", "externalId")
        if eid and self.account.find(record_type, "externalId", eid):
            raise user_error("This record already exists.", "externalId")
        try:
            row = self._keep(read(record_type, data, self.account, eid))
        except BooksError as error:
            raise _told(error) from error
        finally:
            self._note_made()
        self._note(row)
        return row

    def upsert(self, record_type: str, data: Any, key: str) -> Row:
        """PUT by external id: make the record, or change the one there is."""
        if not key.startswith("eid:") or len(key) == 4:
            raise invalid("PUT needs an external ID: eid:….")
        row = self.account.find(record_type, "externalId", key[4:])
        if row is None:
            return self.create(record_type, data, key[4:])
        return self._change(record_type, row, self.account.inward(data))

    def update(self, record_type: str, data: Any, key: str) -> Row:
        """PATCH: the given properties replace the record's own."""
        row = self.find(record_type, key)
        body = Body(self.account.inward(data))
        body.only(KNOWN[record_type])
        if body.text("externalId", row.external_id) != row.external_id:
            raise invalid("The external ID can't be changed.", "externalId")
        if isinstance(row, PostedRow):
            for name in body.data:
                if name not in ("memo", "externalId") and name not in body.custom():
                    raise user_error(f"{name} of a posted record can't be changed.", name)
            return self._annotate(row, body)
        shown = {
            name: value
            for name, value in record(row, self.account).items()
            if name not in ("id", "tranId", "links")
        }
        return self._change(record_type, row, shown | dict(body.data))

    def delete(self, record_type: str, key: str) -> None:
        """Take a record away; what it posted is reversed on its own date."""
        row = self.find(record_type, key)
        billed = self._billed_by(row) if isinstance(row, Invoice) else []
        try:
            if isinstance(row, PostedRow):
                self.books.cancel(row, row.posting_date)
            elif self._is_used(row):
                raise user_error("This record cannot be deleted because it has dependent records.")
        except BooksError as error:
            raise _told(error) from error
        row.extra["deleted"] = True
        self._forget(row)
        for other in (*billed, *self._settled_by(row)):
            self._note(other)
        for other in billed:
            if (charge := generated_charge(other)) is not None:
                self.tables.forget("charge", charge)

    def transform(self, record_type: str, key: str, target: str, data: Any) -> Row:
        """`salesOrder/{id}/!transform/invoice`: bill what is unbilled on a project of the order."""
        if (record_type, target.lower()) != ("salesOrder", "invoice"):
            raise invalid(f"{record_type} can't be transformed into {target[:40]}.")
        order = self.find(record_type, key)
        assert isinstance(order, Contract)
        body = Body(self.account.inward(data))
        body.only(KNOWN["invoice"])
        eid = body.text("externalId", "")
        if eid and self.account.find("invoice", "externalId", eid):
            raise user_error("This record already exists.", "externalId")
        project = self._project_of(order, body)
        on = body.day("tranDate", self._clock.now().date())
        through = body.day("custbody_through_date", on)
        more = [
            self.account.row(Body({f"items[{at}]": item}, _MORE), f"items[{at}]", "job")
            for at, item in enumerate(_items(body, _MORE))
        ]
        try:
            parts = self.books.to_bill(
                project=project.vendor_id, contract=order.vendor_id, through=through, with_projects=more
            )
            work = [row for part in parts for row in part.work]
            invoice = self.books.bill(
                external_id=eid,
                project=project.vendor_id,
                contract=order.vendor_id,
                through=through,
                invoice_date=on,
                with_projects=more,
                exchange_rate=body.rate("exchangeRate"),
                allow_duplicate=bool(eid),  # checked above; a deleted one does not count
            )
        except BooksError as error:
            raise _told(error) from error
        for row in (invoice, *work):
            self._note(row)
        return invoice

    def renew(self) -> None:
        """Build the SuiteQL mirror again from the books, after a restore or a reset."""
        self.tables.reset()
        self._ledger_noted = 0
        self._note_lists()
        for record_type in ROW_TYPES:
            for row in self.all(record_type):
                self._note(row)

    # Inside

    def _project_of(self, order: Contract, body: Body) -> Project:
        if "job" in body:
            found = self.books.by_vendor_id("project", self.account.row(body, "job", "job"))
        else:
            own = [row for row in self.books.rows("project") if isinstance(row, Project)]
            found = next((row for row in own if row.contract == order.vendor_id), None)
        if not isinstance(found, Project) or found.contract != order.vendor_id:
            raise user_error("The project does not belong to this sales order.", "job")
        return found

    def _keep(self, row: Row) -> Row:
        again = bool(row.external_id)  # uniqueness is checked before; a deleted record does not count
        match row:
            case TimeRow():
                return self.books.add_time(row, allow_duplicate=again)
            case ExpenseRow():
                return self.books.add_expense(row, allow_duplicate=again)
            case MilestoneRow():
                return self.books.add_milestone(row, allow_duplicate=again)
            case ChargeRow():
                return self.books.add_charge(row, allow_duplicate=again)
            case ChangeOrder():
                return self._amend(row, again=again)
            case RevenueSchedule():
                return self.books.add_revenue_schedule(row, allow_duplicate=again)
            case JournalEntry():
                return self.books.add_journal_entry(row, allow_duplicate=again)
            case Invoice():
                return self.books.add_invoice(row, allow_duplicate=again)
            case CreditMemo():
                return self.books.add_credit_memo(row, allow_duplicate=again)
            case Payment():
                return self.books.add_payment(row, allow_duplicate=again, rest_on_account=True)
            case WriteOff():
                return self.books.add_write_off(row, allow_duplicate=again)
            case Customer():
                return self.books.put_customer(row)
            case MasterRow():
                return self.books.put_master(row)
            case RateCard():
                return self.books.put_rate_card(row)
            case Contract():
                return self.books.put_contract(row)
            case Project():
                return self.books.put_project(row)
        raise AssertionError(row.type)

    def _amend(self, row: ChangeOrder, *, again: bool) -> ChangeOrder:
        """A change order; the sales order shows its lines from now on."""
        kept = self.books.add_change_order(row, allow_duplicate=again)
        order = self.books.by_vendor_id("contract", kept.contract)
        assert isinstance(order, Contract)
        order.extra["terms"] = dict(kept.extra.get("terms", {}))
        self._note(order)
        return kept

    def _change(self, record_type: str, row: Row, data: Any) -> Row:
        new = read(record_type, {"externalId": row.external_id, **data}, self.account, row.external_id)
        self._note_made()
        if isinstance(row, PostedRow):
            for name in _FIXED:
                value = getattr(new, name, None)
                if value is not None and value != "" and value != getattr(row, name):
                    raise user_error(f"{name} of a posted record can't be changed.", name)
            if (
                isinstance(row, BilledRow)
                and isinstance(new, BilledRow)
                and _nets(new) not in ([], _nets(row))
            ):
                raise user_error("The lines of a posted record can't be changed.", "item")
            if isinstance(row, ChangeOrder | JournalEntry | RevenueSchedule) and row.lines != new.lines:  # type: ignore[attr-defined]
                raise user_error("The lines of a posted record can't be changed.", "line")
            return self._annotate(row, Body(data))
        try:
            if row.external_id:
                row = self._keep(new)
            else:
                for field in fields(new):
                    if field.name not in _BOOKS_KEEP:
                        setattr(row, field.name, getattr(new, field.name))
        except BooksError as error:
            raise _told(error) from error
        self._note(row)
        return row

    def _annotate(self, row: PostedRow, body: Body) -> Row:
        """A posted record takes a memo and custom fields."""
        custom = body.custom()
        if custom:
            row.extra["custom"] = {**row.extra.get("custom", {}), **custom}
        if "memo" in body and hasattr(row, "notes"):
            row.notes = body.text("memo")
        self._note(row)
        return row

    def _is_used(self, row: Row) -> bool:
        for name, row_type in (("customer", "contract"), ("contract", "project"), ("project", "time")):
            if row.type == name and any(
                getattr(other, name) == row.vendor_id for other in self.books.rows(row_type)
            ):
                return True
        return False

    def _billed_by(self, invoice: Invoice) -> list[Row]:
        return [
            row
            for row_type in ("time", "expense", "milestone", "charge")
            for row in self.books.rows(row_type)
            if isinstance(row, WorkRow) and row.invoice == invoice.vendor_id
        ]

    def _settled_by(self, row: Row) -> list[Row]:
        invoice = (
            self.books.by_vendor_id("invoice", row.invoice)
            if isinstance(row, CreditMemo | Payment | WriteOff)
            else None
        )
        return [invoice] if invoice is not None else []

    def _note(self, row: Row) -> None:
        for table, columns in rows_of(row, self.account):
            self.tables.note(table, columns)
        for other in self._settled_by(row):
            self._note(other)

    def _note_made(self) -> None:
        for row in self.account.made:
            self._note(row)
        self.account.made.clear()

    def _forget(self, row: Row) -> None:
        for table, columns in rows_of(row, self.account):
            self.tables.forget(table, int(columns.get("uniquekey") or columns["id"]))

    def _note_lists(self) -> None:
        for table, columns in lists_of(self.account):
            self.tables.note(table, columns)


def _items(body: Body, name: str) -> list[Any]:
    """The references of a multiple-select field."""
    if name not in body:
        return []
    given = Body(body.data[name], name).data.get("items")
    if not isinstance(given, list) or len(given) > MAX_LINES:
        raise invalid(f"A list of at most {MAX_LINES} items is expected.", f"{name}.items")
    return given


def _nets(row: BilledRow) -> list[int]:
    return [line.net_minor for line in row.lines]


_MORE = "custbody_with_projects"
_REFERENCES = {
    "UNKNOWN_ENTITY": "subsidiary",
    "UNKNOWN_CUSTOMER": "entity",
    "UNKNOWN_RATE_CARD": "custbody_rate_card",
    "UNKNOWN_CONTRACT": "salesOrder",
    "UNKNOWN_PROJECT": "job",
    "UNKNOWN_INVOICE": "apply.items[0].doc",
    "UNKNOWN_TAX_CODE": "item.items[0].taxCode",
    "UNKNOWN_ACCOUNT": "line.items[0].account",
}
_PATHS = {"posting_date": "tranDate", "currency": "currency", "amount": "payment", "project": "customer",
          "version": "custrecord_co_version", "with_projects": _MORE, "lines": "line"}  # fmt: skip


def _told(error: BooksError) -> SuiteTalkError:
    """The books' refusal in NetSuite's words; the wording of the period message is unverified."""
    if error.code == "PERIOD_CLOSED":
        how = "locked" if "locked" in error.message else "closed"
        return user_error(
            f"The transaction date you specified is not within the date range of your accounting period, "
            f"or the accounting period is {how}: {error.message}.",
            "tranDate",
        )
    if error.code == "DUPLICATE":
        return user_error("This record already exists.", "externalId")
    if error.field == "contract_line":
        return invalid_reference(error.message, "salesOrderLine")
    if error.code in _REFERENCES:
        return invalid_reference(error.message, _REFERENCES[error.code])
    return user_error(f"{error.message}.", _PATHS.get(error.field or "", error.field))


__all__ = ["Records", "record_type_of"]
