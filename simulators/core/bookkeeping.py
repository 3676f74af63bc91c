"""What every part of the books does alike: resolve references, check periods, number, post, keep.

Everything is checked before anything changes, so a refused row leaves no trace, not even a gap
in a number range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from fractions import Fraction
from typing import Literal, TypeVar, cast

from simulators.core.acting import ACTING
from simulators.core.caps import Line
from simulators.core.clock import Clock, stamp
from simulators.core.faults import Asks, NoFaults
from simulators.core.firm_data import FirmData, Personality
from simulators.core.ledger import Ledger, LedgerLine, period_of
from simulators.core.money import exponent
from simulators.core.numbering import Numbering
from simulators.core.rates import exact_rate
from simulators.core.rows import CreditMemo, Invoice, PostedRow, Project, Row, WorkRow
from simulators.core.sharing import Shared
from simulators.core.store import RowStore

R = TypeVar("R", bound=Row)
P = TypeVar("P", bound=PostedRow)
Code = Literal[
    "PERIOD_CLOSED",
    "UNKNOWN_ENTITY",
    "UNKNOWN_TAX_CODE",
    "UNKNOWN_CUSTOMER",
    "UNKNOWN_RATE_CARD",
    "UNKNOWN_CONTRACT",
    "UNKNOWN_PROJECT",
    "UNKNOWN_INVOICE",
    "UNKNOWN_ROW",
    "DUPLICATE",
    "NOTHING_TO_BILL",
    "AMOUNT",
    "CURRENCY",
    "CUSTOMER",
    "ENTITY",
    "UNKNOWN_ACCOUNT",
    "INACTIVE",
    "STATUS",
]
_KEPT = ("vendor_id", "number", "created_at", "created_by", "external_id")
_UNKNOWN: dict[str, Code] = {
    "customer": "UNKNOWN_CUSTOMER",
    "rate_card": "UNKNOWN_RATE_CARD",
    "contract": "UNKNOWN_CONTRACT",
    "project": "UNKNOWN_PROJECT",
    "invoice": "UNKNOWN_INVOICE",
}


class BooksError(Exception):
    """The books refuse a row; `code` is stable, `field` names the culprit, `existing` the row it doubles."""

    def __init__(
        self, code: Code, message: str, field: str | None = None, *, existing: Row | None = None
    ) -> None:
        self.code: Code = code
        self.message = message
        self.field = field
        self.existing = existing
        super().__init__(f"{code}: {message}")


class Bookkeeping:
    """Rows, ledger and numbers of one ERP, and the checks all postings share."""

    def __init__(
        self, firm: FirmData, personality: Personality, clock: Clock, numbering: Numbering | None = None
    ) -> None:
        self.firm = firm
        self.personality = personality
        self.clock = clock
        self.numbering = numbering or Numbering()
        self.faults: Asks = NoFaults()
        """Set by the host, so that a `period_lock` fault can bite."""
        self.store = RowStore()
        self._shared = Shared()
        self.ledger = Ledger(
            firm.closed_through, {code: entity.currency for code, entity in firm.entities.items()}
        )
        self._unbilled: dict[str, list[WorkRow]] = {}
        """Billable work no invoice has, by the project's vendor id."""
        self._credits: dict[str, list[CreditMemo]] = {}
        """Credit memos by their invoice's vendor id."""
        self._billed: dict[Line, int] = {}
        """What contract lines have billed, net, less what was credited."""

    # Reading

    def get(self, row_type: str, external_id: str) -> Row | None:
        """The oldest row of a type with our id."""
        found = self.store.by_external_id(row_type, external_id)
        return found[0] if found else None

    def all_of(self, row_type: str, external_id: str) -> list[Row]:
        """Every row of a type with our id: more than one is a doubled document."""
        return list(self.store.by_external_id(row_type, external_id))

    def by_vendor_id(self, row_type: str, vendor_id: str) -> Row | None:
        """The row of a type the vendor calls so."""
        return self.store.by_vendor_id(row_type, vendor_id)

    def rows(self, row_type: str) -> list[Row]:
        """All rows of a type, oldest first."""
        return self.store.rows(row_type)

    def trial_balance(self) -> dict[str, dict[str, int]]:
        """Minor units by account, by entity in the firm's order."""
        return {entity: self.ledger.trial_balance(entity) for entity in self.firm.entities}

    def base_balance(self) -> dict[str, dict[str, int]]:
        """The same in each entity's own currency."""
        return {entity: self.ledger.base_balance(entity) for entity in self.firm.entities}

    # Periods

    def check_period(self, entity: str, on: date) -> None:
        """Raises PERIOD_CLOSED when the entity's books take nothing on that date."""
        if not self.ledger.is_open(entity, on):
            raise BooksError("PERIOD_CLOSED", f"period {period_of(on)} of {entity} is closed", "posting_date")
        if self.faults.fires("period_lock", entity=entity) is not None:
            raise BooksError("PERIOD_CLOSED", f"period {period_of(on)} of {entity} is locked", "posting_date")

    def open_period(self, entity: str, period: str) -> None:
        """Open a month, `2026-08`; raises UNKNOWN_ENTITY."""
        self.check_entity(entity)
        self.ledger.open_period(entity, period)

    def close_period(self, entity: str, period: str) -> None:
        """Close a month; raises UNKNOWN_ENTITY."""
        self.check_entity(entity)
        self.ledger.close_period(entity, period)

    # Checks

    def check_entity(self, entity: str) -> None:
        """Raises UNKNOWN_ENTITY."""
        if entity not in self.firm.entities:
            raise BooksError("UNKNOWN_ENTITY", f"there is no company {entity!r}", "entity")

    def check_tax_codes(self, codes: Sequence[str]) -> None:
        """Raises UNKNOWN_TAX_CODE naming the first that the firm has not."""
        for code in codes:
            if code not in self.firm.tax_codes:
                raise BooksError("UNKNOWN_TAX_CODE", f"there is no tax code {code!r}", "tax_code")

    def require(self, cls: type[R], ref: str, field: str = "") -> R:
        """The row a reference names, by vendor id or external id; raises UNKNOWN_…"""
        row = self.store.resolve(cls.type, ref) if ref else None
        if row is None:
            code: Code = _UNKNOWN.get(cls.type, "UNKNOWN_ROW")
            raise BooksError(code, f"there is no {cls.type} {ref!r}", field or cls.type)
        return cast("R", row)

    def active_project(self, ref: str) -> Project:
        """A project that takes postings; raises UNKNOWN_PROJECT or INACTIVE."""
        project = self.require(Project, ref)
        if project.status != "active":
            raise BooksError("INACTIVE", f"project {project.number} is {project.status}", "project")
        return project

    def check_currency(self, given: str, wanted: str) -> None:
        """Raises CURRENCY when a row names another than the one it hangs on."""
        if given and given != wanted:
            raise BooksError("CURRENCY", f"currency is {given}, not {wanted}", "currency")

    # Currency

    def fix_rate(self, row: PostedRow, given: str | None = None, *, like: PostedRow | None = None) -> None:
        """Settles the exchange rate a row is posted at: the one given, else that of the row it takes back, else our table's.

        Raises CURRENCY for a rate that is none, or that the table lacks.
        """
        home = self.firm.entities[row.entity].currency
        try:
            rate = exact_rate(given) if given else None
        except ValueError as error:
            raise BooksError("CURRENCY", str(error), "exchange_rate") from error
        if row.currency == home:
            if rate not in (None, 1):
                message = f"exchange rate {given} for a document in the company's own currency {home}"
                raise BooksError("CURRENCY", message, "exchange_rate")
            row.translated_at = ""
            return
        if rate is None and like is not None and like.translated_at:
            rate = Fraction(like.translated_at)
        if rate is None:
            rate = self.firm.rates.rate(self.personality.fx, row.currency, home, row.posting_date)
        if rate is None:
            message = (
                f"there is no {self.personality.fx} rate from {row.currency} to {home} on {row.posting_date}"
            )
            raise BooksError("CURRENCY", message, "exchange_rate")
        row.translated_at = str(rate)

    def minor_rate(self, row: PostedRow) -> Fraction | None:
        """Minor units of the company's currency for one of the row's; None in its own currency."""
        if not row.translated_at:
            return None
        places = exponent(self.firm.entities[row.entity].currency) - exponent(row.currency)
        return Fraction(row.translated_at) * Fraction(10) ** places

    # Writing

    def _upsert(self, row: R, entity: str) -> R:
        # Other masters share a type: a task and a person may have the same id.
        same = self.all_of(row.type, row.external_id) if row.external_id else []
        found = next((one for one in same if getattr(one, "of", "") == getattr(row, "of", "")), None)
        now = stamp(self.clock.now())
        if found is None:
            row.vendor_id = self.numbering.vendor_id(row.type, entity)
            row.number = row.number or self.numbering.number(row.type, entity)
            row.created_at = row.changed_at = now
            row.created_by = ACTING.get()
            self._shared.row(row)
            self.store.insert(row)
            return row
        for field in fields(row):
            if field.name not in _KEPT:
                setattr(found, field.name, getattr(row, field.name))
        found.changed_at = now
        return cast("R", found)

    def _check_new(self, row: PostedRow, *, allow_duplicate: bool) -> None:
        found = self.get(row.type, row.external_id) if row.external_id and not allow_duplicate else None
        if found is not None:
            message = f"{row.type} {row.external_id} exists as {found.vendor_id}"
            raise BooksError("DUPLICATE", message, "external_id", existing=found)
        self.check_period(row.entity, row.posting_date)

    def _name(self, row: PostedRow) -> None:
        row.vendor_id = self.numbering.vendor_id(row.type, row.entity)
        row.number = row.number or self.numbering.number(row.type, row.entity)
        row.created_at = row.changed_at = stamp(self.clock.now())
        row.created_by = ACTING.get()
        self._shared.row(row)  # before it is posted: its ledger lines have its dimensions

    def _keep(self, row: P, lines: Sequence[LedgerLine], *, rest_to: str | None = None) -> P:
        if lines:
            row.entry = self.ledger.post(
                entity=row.entity,
                on=row.posting_date,
                lines=lines,
                reference=row.number,
                rate=self.minor_rate(row),
                rest_to=rest_to,
            )
        self.store.insert(row)
        return row

    def _touch(self, row: Row) -> None:
        row.changed_at = stamp(self.clock.now())

    def _reverse(self, row: PostedRow, on: date) -> None:
        if row.entry:
            self.ledger.reverse(row.entry, on=on, reference=f"{row.number} cancelled")
        row.status = "cancelled"
        self._touch(row)

    def _settle_invoice(self, invoice: Invoice, change_minor: int, change_base_minor: int) -> None:
        invoice.open_minor += change_minor
        invoice.open_base_minor += change_base_minor
        invoice.status = "paid" if invoice.open_minor == 0 else "posted"
        self._touch(invoice)
