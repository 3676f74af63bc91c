"""The master data of an ERP's books: customers, rate cards, contracts, projects. Part of `rows`, which see.

A contract keeps the lines it had before each change order, so that work is billed under the lines
in force on the day it was done, whenever the invoice is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal

Bills = Literal["time", "expenses", "milestones", "retainer", "subscription"]


@dataclass(slots=True, kw_only=True)
class Row:
    """What every row has. `Books` fills vendor_id, number, created_at, created_by and changed_at."""

    type: ClassVar[str] = "row"

    external_id: str = ""
    """Our id; empty when the sender gave none."""
    vendor_id: str = ""
    number: str = ""
    created_at: str = ""
    changed_at: str = ""
    created_by: str = ""
    """The user it was made by, as the vendor names users; empty: the system itself."""
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
    parent: str = ""
    """The customer it belongs to; one the books don't know stays as it was given."""
    city: str = ""
    postal_code: str = ""


@dataclass(slots=True)
class RoleRate:
    """What an hour of a role, or of one person in it, costs from a day on."""

    role: str
    hourly_minor: int
    starts: date
    employee: str = ""
    """The person it is for; empty: everybody in the role."""


@dataclass(slots=True, kw_only=True)
class RateCard(Row):
    """Prices by role; kept for look-ups, since time rows carry the rate they are billed at."""

    type: ClassVar[str] = "rate_card"

    currency: str
    rates: list[RoleRate]
    name: str = ""
    entity: str = ""

    def hourly_minor(self, role: str, on: date, employee: str = "") -> int | None:
        """The rate in force on a day, a person's own before the role's; None when the card has none."""
        for person in (employee, "") if employee else ("",):
            fitting = [
                rate
                for rate in self.rates
                if rate.role == role and rate.employee == person and rate.starts <= on
            ]
            if fitting:
                return max(fitting, key=lambda rate: rate.starts).hourly_minor
        return None


@dataclass(slots=True)
class ContractLine:
    """What one line of a contract bills. `amount_minor` is the fee, where there is one.

    Of milestones it is the whole fee, of a retainer or subscription the fee of one full period.
    """

    line: int
    bills: Bills
    description: str
    tax_code: str
    service_line: str
    amount_minor: int | None = None
    cap_minor: int | None = None
    """Time and expenses: the most this line may ever bill, net."""
    deferred: bool = False
    """Its revenue is deferred when it is billed, and recognised by journal entries later."""
    markup_bp: int = 0
    """Expenses: hundredths of a percent on top; for information, the sender reckons what is billed."""


@dataclass(slots=True)
class PastTerms:
    """The lines a contract had before a change order; `effective` None: from its start on."""

    version: int
    effective: date | None
    lines: list[ContractLine]


@dataclass(slots=True, kw_only=True)
class Contract(Row):
    """The commercial terms of a project."""

    type: ClassVar[str] = "contract"

    customer: str
    entity: str
    currency: str
    billing: Literal["time_and_materials", "fixed_fee", "retainer", "subscription"]
    starts: date
    lines: list[ContractLine]
    rate_card: str | None = None
    ends: date | None = None
    version: int = 1
    active: bool = True
    group_by: str = "project"
    engagement: str = ""
    rate_type: str = "spot"
    exchange_rate: str | None = None
    """The agreed rate of `rate_type` contract, as decimal text."""
    effective: date | None = None
    """The first day `lines` hold for; None: from the start on."""
    past: list[PastTerms] = field(default_factory=list)
    """What `lines` were, oldest first; `Books` fills it."""

    def lines_on(self, day: date) -> list[ContractLine]:
        """The lines in force on a day: of the newest version that had taken effect, else of the first."""
        if self.effective is None or self.effective <= day:
            return self.lines
        for terms in reversed(self.past):
            if terms.effective is None or terms.effective <= day:
                return terms.lines
        return self.past[0].lines if self.past else self.lines


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
