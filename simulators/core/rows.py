"""The rows of an ERP's books: master data, work, receivables, ledger entries. Money in minor units, dates as dates.

References (`customer`, `contract`, `project`, `invoice`, `rate_card`) hold the vendor id of the row referred to;
callers may give our external id instead, and `Books` stores the vendor id. `extra` is for
a vendor's own fields and must be JSON-able. Master data is defined in `masterdata`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import ClassVar, Literal

from simulators.core.masterdata import (
    Bills,
    Contract,
    ContractLine,
    Customer,
    MasterRow,
    PastTerms,
    Project,
    RateCard,
    RoleRate,
    Row,
)
from simulators.core.money import rounded

__all__ = [
    "BilledRow",
    "Bills",
    "ChangeOrder",
    "ChargeRow",
    "Contract",
    "ContractLine",
    "CreditMemo",
    "Customer",
    "EntryLine",
    "ExpenseRow",
    "Invoice",
    "InvoiceLine",
    "JournalEntry",
    "MasterRow",
    "MilestoneRow",
    "PastTerms",
    "Payment",
    "PostedRow",
    "Project",
    "RateCard",
    "RevenueSchedule",
    "RoleRate",
    "Row",
    "ScheduleLine",
    "Settling",
    "TimeRow",
    "WorkRow",
    "WriteOff",
]


@dataclass(slots=True, kw_only=True)
class PostedRow(Row):
    """A transactional row. `Books` fills entity, currency, wip_minor and entry."""

    project: str = ""
    posting_date: date
    entity: str = ""
    currency: str = ""
    status: Literal["posted", "paid", "cancelled"] = "posted"
    entry: int = 0
    """The ledger entry that posted it; 0: it has no value."""
    translated_at: str = ""
    """The exchange rate it was posted at, as a fraction; empty: it is in the company's own currency."""


@dataclass(slots=True, kw_only=True)
class WorkRow(PostedRow):
    """A row that is billed later. `invoice` is the vendor id of the invoice that billed it."""

    wip_minor: int = 0
    wip_base_minor: int = 0
    """The same in the company's currency, at the rate it was posted at."""
    over_cap_minor: int = 0
    """What a cap kept off the invoice that billed it: given away."""
    invoice: str = ""
    invoice_line: int = 0
    """The line of that invoice it is on."""
    taken_minor: int = 0
    """What that line has of it, rounded: its value, less what a cap kept off."""
    billable: bool = True
    dims: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class TimeRow(WorkRow):
    """Hours of a person on a day. Give `minutes`, or `hundredths` of hours where the vendor's wire has those.

    `rate_minor` is per hour. A correction may have negative minutes.
    """

    type: ClassVar[str] = "time"

    employee: str
    work_date: date
    role: str
    rate_minor: int
    minutes: int = 0
    hundredths: int | None = None
    notes: str = ""
    adjusts: str = ""
    """The row it corrects, by our id or the vendor's."""
    covered: str = ""
    """`retainer`: paid for in advance, so not billable; its rate stays for information."""

    def settle_hours(self, *, keep_hundredths: bool) -> None:
        """Fills the unit that was not given; 7 h 20 min is 7.33 h, and 7.33 h reads back as 440 minutes."""
        if self.hundredths is not None and not self.minutes:
            self.minutes = rounded(Fraction(self.hundredths * 60, 100), "half_up")
        if keep_hundredths and self.hundredths is None:
            self.hundredths = rounded(Fraction(self.minutes * 100, 60), "half_up")
        if not keep_hundredths:
            self.hundredths = None

    def value(self) -> Fraction:
        """Exact minor units at the row's rate, from the hours as this ERP keeps them."""
        if self.hundredths is not None:
            return Fraction(self.hundredths * self.rate_minor, 100)
        return Fraction(self.minutes * self.rate_minor, 60)


@dataclass(slots=True, kw_only=True)
class ExpenseRow(WorkRow):
    """An expense of a person on a project."""

    type: ClassVar[str] = "expense"

    employee: str
    expense_date: date
    category: str
    amount_minor: int
    notes: str = ""
    bill_minor: int | None = None
    """What the customer pays for it; None: its amount."""
    adjusts: str = ""
    """The row it corrects, by our id or the vendor's."""

    @property
    def billed_minor(self) -> int:
        """What the customer pays for it, when it is billable."""
        return self.amount_minor if self.bill_minor is None else self.bill_minor


@dataclass(slots=True, kw_only=True)
class MilestoneRow(WorkRow):
    """A completed step of a fixed-fee contract."""

    type: ClassVar[str] = "milestone"

    contract: str
    contract_line: int
    name: str
    amount_minor: int
    completed_on: date


@dataclass(slots=True, kw_only=True)
class ChargeRow(WorkRow):
    """A fee for a span of days: one period of a retainer or subscription, or part of one."""

    type: ClassVar[str] = "charge"

    contract: str
    contract_line: int
    name: str
    amount_minor: int
    service_from: date
    service_until: date
    """The last day of service, inclusive."""


@dataclass(slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice or credit memo. `tax_minor` None: the books reckon it."""

    line: int
    description: str
    net_minor: int
    tax_code: str
    minutes: int | None = None
    tax_minor: int | None = None
    dims: dict[str, str] = field(default_factory=dict)
    source: str = ""
    """What it bills: time, expenses, milestones, retainer, subscription; empty for a direct line."""
    contract: str = ""
    contract_line: int = 0
    """The contract line that billed it; 0: none did."""
    project: str = ""
    deferred: bool = False
    """It credits deferred revenue instead of revenue."""


@dataclass(slots=True, kw_only=True)
class BilledRow(PostedRow):
    """What invoices and credit memos share: lines that sum to net, net plus tax that is total."""

    customer: str = ""
    contract: str = ""
    lines: list[InvoiceLine] = field(default_factory=list)
    net_minor: int = 0
    tax_minor: int = 0
    total_minor: int = 0
    exchange_rate: str | None = None
    """Units of the company's currency for one of the document's; None: the ERP's own (a credit: its invoice's)."""


@dataclass(slots=True, kw_only=True)
class Invoice(BilledRow):
    """An invoice; its invoice date is its posting date."""

    type: ClassVar[str] = "invoice"

    due_date: date | None = None
    open_minor: int = 0
    open_base_minor: int = 0
    """What is open, in the company's currency, at the rate the invoice was posted at."""
    through: date | None = None
    with_projects: list[str] = field(default_factory=list)
    """Further projects whose work is on it, by vendor id."""


@dataclass(slots=True, kw_only=True)
class CreditMemo(BilledRow):
    """A credit for an invoice; without lines it credits the whole invoice."""

    type: ClassVar[str] = "credit_memo"

    invoice: str
    reason: str = ""
    applied_minor: int = 0
    """How much of it lowered what was open."""
    applied_base_minor: int = 0


@dataclass(slots=True, kw_only=True)
class Payment(PostedRow):
    """Money received for an invoice; the posting date is the day it was paid."""

    type: ClassVar[str] = "payment"

    invoice: str
    amount_minor: int
    applied_minor: int = 0
    """What the invoice took of it; the rest stays on the customer's account."""
    applied_base_minor: int = 0
    customer: str = ""
    reference: str = ""
    exchange_rate: str | None = None
    """Units of the company's currency for one of the document's; None: the ERP's own table."""


@dataclass(slots=True, kw_only=True)
class WriteOff(PostedRow):
    """What will not be paid of an invoice; it lowers what is open."""

    type: ClassVar[str] = "write_off"

    invoice: str
    amount_minor: int
    reason: str = ""
    customer: str = ""
    applied_minor: int = 0
    applied_base_minor: int = 0
    exchange_rate: str | None = None
    """Units of the company's currency for one of the document's; None: its invoice's."""


Settling = CreditMemo | Payment | WriteOff
"""What lowers what is open of an invoice."""


@dataclass(slots=True, kw_only=True)
class EntryLine:
    """A debit (positive) or credit (negative) of an account of `ledger.ACCOUNTS`."""

    account: str
    minor: int
    text: str = ""
    dims: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class JournalEntry(PostedRow):
    """A balanced entry in the general ledger: recognised revenue, an accrual, an intercompany leg."""

    type: ClassVar[str] = "journal_entry"

    purpose: str
    lines: list[EntryLine]
    counterparty: str = ""
    source: str = ""
    text: str = ""
    reverses: str = ""
    """The entry it takes back."""
    exchange_rate: str | None = None
    """Units of the company's currency for one of the entry's; None: the ERP's own table (a reversal: its entry's)."""


@dataclass(slots=True, kw_only=True)
class ChangeOrder(PostedRow):
    """An agreed change of a contract: its lines replace the contract's from a day on."""

    type: ClassVar[str] = "change_order"

    contract: str
    version: int
    effective: date
    lines: list[ContractLine]
    reason: str = ""
    ends: date | None = None
    """The contract's new last day; None: as it was."""


@dataclass(slots=True)
class ScheduleLine:
    """Revenue of one period, `YYYY-MM`."""

    period: str
    amount_minor: int


@dataclass(slots=True, kw_only=True)
class RevenueSchedule(PostedRow):
    """When a contract's revenue is recognised; a plan, without ledger entries."""

    type: ClassVar[str] = "revenue_schedule"

    contract: str
    method: str
    lines: list[ScheduleLine]
