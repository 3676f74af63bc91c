"""The firm as plain values: entities, customers, prices, contracts, projects, people, their month.

Amounts are integer minor units of the row's currency, time is whole minutes, days are `date`.
Ids are canonical ids: short, unique in their kind, the same in every system.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from typing import Literal

Billing = Literal["time_and_materials", "fixed_fee", "retainer", "subscription"]
Bills = Literal["time", "expenses", "milestones", "retainer", "subscription"]
Recognition = Literal["as_billed", "straight_line", "percentage_of_completion", "milestone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big a firm is; the month's transactions follow from it."""

    name: str
    consultants: int
    projects: int
    customers: int
    wins: int
    """Opportunities that are won during the rehearsed days."""


SMALL = Size(name="small", consultants=10, projects=12, customers=8, wins=2)
"""About 600 transactions in a rehearsal: for tests."""
DEFAULT = Size(name="default", consultants=420, projects=352, customers=120, wins=24)
"""More than 22,000 transactions in a rehearsal."""
LARGE = Size(name="large", consultants=1920, projects=1500, customers=480, wins=90)
"""About 100,000 transactions in a rehearsal."""
SIZES = {size.name: size for size in (SMALL, DEFAULT, LARGE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A legal entity, as the landscape has it."""

    code: str
    name: str
    region: str
    currency: str
    country: str
    time_zone: str
    tax_code: str
    tax_basis_points: int
    weekend: tuple[int, int]
    """Days off by `date.weekday()`: Saturday and Sunday, or Friday and Saturday around the Gulf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Codes documents carry for analysis, as the landscape has them."""

    business_units: tuple[str, ...]
    departments: tuple[str, ...]
    practices: tuple[str, ...]
    service_lines: tuple[str, ...]
    tax_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A client of one entity."""

    customer_id: str
    entity: str
    business_unit: str
    name: str
    currency: str
    country: str
    tax_registration: str | None = None
    terms_days: int = 30
    email: str | None = None
    address: str | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What an hour of a role costs the customer, from a day on."""

    role: str
    hourly_minor: int
    starts: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """An entity's prices by role."""

    rate_card_id: str
    entity: str
    business_unit: str
    currency: str
    name: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    """What one line of a contract bills; `amount_minor` is the fee, of time and expenses the cap."""

    line: int
    bills: Bills
    description: str
    tax_code: str
    service_line: str
    amount_minor: int | None = None
    markup_basis_points: int = 0
    revenue: Recognition = "as_billed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The terms of a project. Fixed-fee contracts keep a rate card: time is still valued by it."""

    contract_id: str
    customer_id: str
    entity: str
    business_unit: str
    currency: str
    billing: Billing
    rate_card_id: str
    starts: date
    ends: date | None
    purchase_order: str | None
    lines: tuple[ContractLine, ...]
    engagement_id: str | None = None
    group_by: Literal["project", "contract", "customer"] = "project"
    rate_type: Literal["spot", "average", "contract"] = "spot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of a project that time is booked on."""

    task_id: str
    name: str
    billable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A piece of work for a customer, with its financial dimensions."""

    project_id: str
    customer_id: str
    contract_id: str
    entity: str
    business_unit: str
    name: str
    currency: str
    starts: date
    ends: date | None
    department: str
    practice: str
    service_line: str
    cost_center: str
    manager: str | None
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works on projects; the cost rate is per hour."""

    person_id: str
    entity: str
    business_unit: str
    name: str
    role: str
    department: str
    cost_center: str
    currency: str
    cost_minor: int
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who is asked about an invoice at a customer."""

    contact_id: str
    customer_id: str
    entity: str
    business_unit: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A person's planned work on a project."""

    assignment_id: str
    person_id: str
    project_id: str
    role: str
    starts: date
    ends: date
    minutes: int


@dataclass(frozen=True, slots=True)
class TimeRow:
    """One person's minutes on one task on one day. `late` rows are entered during the rehearsed days."""

    time_id: int
    person_id: str
    project_id: str
    task_id: str
    worked_on: date
    minutes: int
    billable: bool
    notes: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class ExpenseRow:
    """One expense of one person on one project."""

    expense_id: int
    person_id: str
    project_id: str
    spent_on: date
    category: str
    amount_minor: int
    currency: str
    billable: bool
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneRow:
    """A step of a fixed-fee contract that falls due in the month."""

    milestone_id: int
    project_id: str
    contract_id: str
    contract_line: int
    name: str
    amount_minor: int
    currency: str
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice:
    """An invoice that stood open before the month, from the user's own books."""

    invoice_id: str
    number: str
    customer_id: str
    project_id: str | None
    entity: str
    business_unit: str
    currency: str
    issued_on: date
    due_on: date
    net_minor: int
    tax_minor: int
    tax_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """A deal in the CRM: won long ago (it has its project), or to be won in the rehearsed days."""

    opportunity_id: int
    customer_id: str
    entity: str
    business_unit: str
    name: str
    amount_minor: int
    currency: str
    close_date: date
    billing: Billing
    project_id: str | None


def stream(seed: int, name: str) -> random.Random:
    """A random stream of its own for each purpose, so that one more draw here shifts nothing there."""
    return random.Random(f"{seed}/{name}")  # noqa: S311  an invented firm, not a secret; text seeds go through SHA-512
