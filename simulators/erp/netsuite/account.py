"""The account behind the API: who is who in its lists, and how a reference finds its row.

Subsidiaries are the firm's legal entities, numbered from 1 in the landscape's order; currencies are
those of the subsidiaries first, then the rest of ISO 4217. Departments, classes, items, expense
categories and tax codes are lists of names: their ids are not modelled, references carry the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.core.books import Books
from simulators.core.money import exponents
from simulators.core.rows import Bills, MasterRow, Project, Row
from simulators.erp.netsuite.errors import invalid, invalid_reference
from simulators.erp.netsuite.fields import Body

ITEM_BILLS: Mapping[str, Bills] = {
    "Time": "time",
    "Expenses": "expenses",
    "Milestones": "milestones",
    "Retainer": "retainer",
    "Subscription": "subscription",
}
"""Service items of the account, and what a sales order line with one bills."""
BILLS_ITEM: Mapping[str, str] = {bills: item for item, bills in ITEM_BILLS.items()}
WRITE_OFF_ITEM = "Write-off"
"""The item of a credit memo that writes an invoice off: its account is bad debt, and it is not taxed."""
ROW_TYPES: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer",),
    "contact": ("master",),
    "employee": ("master",),
    "job": ("project",),
    "projectTask": ("master",),
    "resourceAllocation": ("master",),
    "billingRateCard": ("rate_card",),
    "salesOrder": ("contract",),
    "timeBill": ("time",),
    "expenseReport": ("expense",),
    "charge": ("milestone", "charge"),
    "invoice": ("invoice",),
    "creditMemo": ("credit_memo", "write_off"),
    "customerPayment": ("payment",),
    "journalEntry": ("journal_entry",),
    "customrecord_change_order": ("change_order",),
    "customrecord_revenue_schedule": ("revenue_schedule",),
}
"""Record types and the rows of the books that are of one."""
MASTERS_OF = {
    "employee": "employee",
    "contact": "contact",
    "projectTask": "task",
    "resourceAllocation": "assignment",
}
"""What `of` of a master row is, by record type."""


class Account:
    """Lists and references; the rows themselves are in the books."""

    def __init__(
        self, books: Books, *, strict_employees: bool = False, renamed: Mapping[str, str] | None = None
    ) -> None:
        self.books = books
        self.renamed = dict(renamed or {})
        """Custom fields that are called otherwise in this account, by the name the rest of the code knows."""
        self._known_as = {name: field for field, name in self.renamed.items()}
        self.made: list[MasterRow] = []
        """Employees made in passing, for the caller to note and clear."""
        self._strict_employees = strict_employees
        self.entities = list(books.firm.entities)
        own = [entity.currency for entity in books.firm.entities.values()]
        self.currencies = list(dict.fromkeys([*own, *exponents()]))
        self._entity_ids = {code: str(at) for at, code in enumerate(self.entities, start=1)}
        self._currency_ids = {code: str(at) for at, code in enumerate(self.currencies, start=1)}

    def inward(self, data: Any, path: str = "") -> Any:
        """A request's JSON under the names the code knows; a field's old name is unknown here."""
        if not self.renamed:
            return data
        if isinstance(data, list):
            return [self.inward(item, f"{path}[{at}]") for at, item in enumerate(data)]
        if not isinstance(data, dict):
            return data
        told = {}
        for name, value in data.items():
            where = f"{path}.{name}" if path else name
            if name in self.renamed:
                raise invalid(f"Unknown field {name}.", where)
            told[self._known_as.get(name, name)] = self.inward(value, where)
        return told

    def outward(self, data: Any) -> Any:
        """JSON or columns under the names of this account."""
        if not self.renamed:
            return data
        if isinstance(data, list):
            return [self.outward(item) for item in data]
        if not isinstance(data, dict):
            return data
        return {self.renamed.get(name, name): self.outward(value) for name, value in data.items()}

    def entity_id(self, code: str) -> str:
        """The internal id of a subsidiary."""
        return self._entity_ids.get(code, "")

    def currency_id(self, code: str) -> str:
        """The internal id of a currency."""
        return self._currency_ids.get(code, "")

    def entity(self, body: Body, name: str = "subsidiary") -> str:
        """The legal entity a subsidiary reference names; the first one when none is given."""
        found = body.reference(name)
        if found is None:
            return self.entities[0]
        how, value = found
        if how == "id" and value.isascii() and value.isdigit() and 0 < int(value) <= len(self.entities):
            return self.entities[int(value) - 1]
        if how != "id":
            for code, entity in self.books.firm.entities.items():
                if value == code or (how == "refName" and value == entity.name):
                    return code
        raise invalid_reference(value, body.path(name))

    def currency(self, body: Body, default: str, name: str = "currency") -> str:
        """The ISO code a currency reference names."""
        found = body.reference(name)
        if found is None:
            return default
        how, value = found
        if how == "id" and value.isascii() and value.isdigit() and 0 < int(value) <= len(self.currencies):
            return self.currencies[int(value) - 1]
        if how != "id" and value in self._currency_ids:
            return value
        raise invalid_reference(value, body.path(name))

    def find(self, record_type: str, how: str, value: str) -> Row | None:
        """A record that was not deleted, by internal id, external id or printed number."""
        of = MASTERS_OF.get(record_type)
        for row_type in ROW_TYPES[record_type]:
            if how == "id":
                one = self.books.by_vendor_id(row_type, value)
                found = [] if one is None else [one]
            elif how == "externalId":
                found = self.books.all_of(row_type, value)
            else:
                found = [row for row in self.books.rows(row_type) if row.number == value]
            for row in found:
                if is_live(row) and (of is None or getattr(row, "of", "") == of):
                    return row
        return None

    def all(self, record_type: str) -> Iterator[Row]:
        """Records of a type that were not deleted, oldest first within each sort of row."""
        of = MASTERS_OF.get(record_type)
        for row_type in ROW_TYPES[record_type]:
            for row in self.books.rows(row_type):
                if is_live(row) and (of is None or getattr(row, "of", "") == of):
                    yield row

    def row(self, body: Body, name: str, record_type: str) -> str:
        """The internal id of the row a required reference names; 400 when there is none."""
        found = body.reference(name)
        if found is None:
            body.text(name)  # says which value is missing
            raise AssertionError
        row = self.find(record_type, *found)
        if row is None:
            raise invalid_reference(found[1], body.path(name))
        return row.vendor_id

    def maybe_row(self, body: Body, name: str, record_type: str) -> str:
        """As `row`, or empty when the reference is not given."""
        return self.row(body, name, record_type) if name in body else ""

    def project(self, body: Body, name: str) -> Project:
        """The project a required reference names."""
        found = self.books.by_vendor_id("project", self.row(body, name, "job"))
        assert isinstance(found, Project)
        return found

    def employee(self, body: Body, name: str, entity: str) -> str:
        """An employee's internal id; one known only by external id is made, as the HCM feed would have."""
        found = body.reference(name)
        if found is None or self._strict_employees:
            return self.row(body, name, "employee")
        how, value = found
        row = self.find("employee", how, value)
        if row is None and how == "externalId":
            made = MasterRow(of="employee", external_id=value, entity=entity, extra={"entityId": value})
            row = self.books.put_master(made)
            self.made.append(made)
        if row is None:
            raise invalid_reference(value, body.path(name))
        return row.vendor_id

    def dims(self, body: Body, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
        """Department, class and the account's custom segments as the books' dimensions."""
        dims = dict(inherited or {})
        for name, dimension in (("department", "department"), ("class", "service_line")):
            if name in body:
                dims[dimension] = body.name_of(name)
        for name in ("custcol", "custentity"):
            for dimension in ("practice", "cost_center"):
                if f"{name}_{dimension}" in body:
                    dims[dimension] = body.text(f"{name}_{dimension}")
        return dims

    def display(self, name: str, value: str) -> str | None:
        """What `BUILTIN.DF(column)` shows for a value of a column of that name."""
        if name in ("subsidiary", "currency") and value.isdigit():
            listed: Any = self.entities if name == "subsidiary" else self.currencies
            at = int(value) - 1
            if not 0 <= at < len(listed):
                return None
            return self.books.firm.entities[listed[at]].name if name == "subsidiary" else str(listed[at])
        if name in ("entity", "customer", "employee", "job", "project", "parent"):
            for row_type in ("customer", "project", "master"):
                row = self.books.by_vendor_id(row_type, value)
                if row is not None:
                    return str(getattr(row, "name", "") or row.number)
        return _STATUS.get(value) if name == "status" else None


_STATUS = {"A": "Open", "B": "Paid In Full", "V": "Voided", "H": "Closed"}


def is_live(row: Row) -> bool:
    """Whether the record was not deleted."""
    return not row.extra.get("deleted")
