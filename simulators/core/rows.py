"""The rows of an ERP's books: master data, work, receivables. Money in minor units, dates as dates.

References (`customer`, `contract`, `project`, `invoice`, `rate_card`) hold the vendor id of the row referred to;
callers may give our external id instead, and `Books` stores the vendor id. `extra` is for
a vendor's own fields and must be JSON-able.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar, Literal

from simulators.core.money import rounded

Bills = Literal["time", "expenses", "milestones"]


@dataclass(slots=True, kw_only=True)
class Row:
    """What every row has. `Books` fills vendor_id, number, created_at and changed_at."""

    type: ClassVar[str] = "row"

    external_id: str = ""
    """Our id; empty when the sender gave none."""
    vendor_id: str = ""
    number: str = ""
    created_at: str = ""
    changed_at: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Customer(Row):
    """A client."""

    type: ClassVar[str] = "customer"

    name: str
    currency: str
    country: str
    entity: str = ""
    tax_registration: str | None = None
    email: str | None = None
    terms_days: int = 30
    active: bool = True


@dataclass(slots=True)
class RoleRate:
    """What an hour of a role costs from a day on."""

    role: str
    hourly_minor: int
    starts: date


@dataclass(slots=True, kw_only=True)
class RateCard(Row):
    """Prices by role; kept for look-ups, since time rows carry the rate they are billed at."""

    type: ClassVar[str] = "rate_card"

    currency: str
    rates: list[RoleRate]
    name: str = ""
    entity: str = ""

    def hourly_minor(self, role: str, on: date) -> int | None:
        """The rate of a role in force on a day; None when the card has none."""
        fitting = [rate for rate in self.rates if rate.role == role and rate.starts <= on]
        return max(fitting, key=lambda rate: rate.starts).hourly_minor if fitting else None


@dataclass(slots=True)
class ContractLine:
    """What one line of a contract bills. `amount_minor` is the fixed fee, where there is one."""

    line: int
    bills: Bills
    description: str
    tax_code: str
    service_line: str
    amount_minor: int | None = None


@dataclass(slots=True, kw_only=True)
class Contract(Row):
    """The commercial terms of a project."""

    type: ClassVar[str] = "contract"

    customer: str
    entity: str
    currency: str
    billing: Literal["time_and_materials", "fixed_fee"]
    starts: date
    lines: list[ContractLine]
    rate_card: str | None = None
    ends: date | None = None
    version: int = 1
    active: bool = True


@dataclass(slots=True, kw_only=True)
class Project(Row):
    """A piece of work; time and expenses hang on it."""

    type: ClassVar[str] = "project"

    customer: str
    contract: str
    entity: str
    name: str
    currency: str
    dims: dict[str, str] = field(default_factory=dict)
    """department, practice, service_line, cost_center."""
    status: Literal["active", "closed"] = "active"
    starts: date | None = None
    ends: date | None = None


@dataclass(slots=True, kw_only=True)
class MasterRow(Row):
    """Any other master data a vendor keeps (`of`: contact, resource, task, …), fields in `extra`."""

    type: ClassVar[str] = "master"

    of: str
    entity: str = ""
    active: bool = True


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


@dataclass(slots=True, kw_only=True)
class WorkRow(PostedRow):
    """A row that is billed later. `invoice` is the vendor id of the invoice that billed it."""

    wip_minor: int = 0
    invoice: str = ""
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
    """What it bills: time, expenses, milestones; empty for a direct line."""


@dataclass(slots=True, kw_only=True)
class BilledRow(PostedRow):
    """What invoices and credit memos share: lines that sum to net, net plus tax that is total."""

    customer: str = ""
    contract: str = ""
    lines: list[InvoiceLine] = field(default_factory=list)
    net_minor: int = 0
    tax_minor: int = 0
    total_minor: int = 0


@dataclass(slots=True, kw_only=True)
class Invoice(BilledRow):
    """An invoice; its invoice date is its posting date."""

    type: ClassVar[str] = "invoice"

    due_date: date | None = None
    open_minor: int = 0
    through: date | None = None


@dataclass(slots=True, kw_only=True)
class CreditMemo(BilledRow):
    """A credit for an invoice; without lines it credits the whole invoice."""

    type: ClassVar[str] = "credit_memo"

    invoice: str
    reason: str = ""
    applied_minor: int = 0
    """How much of it lowered what was open."""


@dataclass(slots=True, kw_only=True)
class Payment(PostedRow):
    """Money received for an invoice; the posting date is the day it was paid."""

    type: ClassVar[str] = "payment"

    invoice: str
    amount_minor: int
    applied_minor: int = 0
    """What the invoice took of it; the rest stays on the customer's account."""
    customer: str = ""
    reference: str = ""


@dataclass(slots=True, kw_only=True)
class ChangeOrder(PostedRow):
    """An agreed change of a contract: its lines replace the contract's."""

    type: ClassVar[str] = "change_order"

    contract: str
    version: int
    effective: date
    lines: list[ContractLine]
    reason: str = ""


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
