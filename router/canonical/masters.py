"""Master data: who is worked for, by whom, at what price, on what."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from router.canonical.documents import (
    Code,
    Country,
    Currency,
    Day,
    Document,
    Identifier,
    Lines,
    Minutes,
    Name,
    Part,
    Text,
)
from router.canonical.money import Money


class Customer(Document):
    """A client the firm bills."""

    kind: Literal["customer"]
    name: Name
    currency: Currency
    country: Country
    tax_registration: Text | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] = 30
    email: Text | None = None
    address: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("created", "updated", "cancelled")

    @property
    def ordering_key(self) -> str:
        return self.document_id


class Contact(Document):
    """A person at a customer."""

    kind: Literal["contact"]
    customer_id: Identifier
    name: Name
    email: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("created", "updated")

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id),)


class Opportunity(Document):
    """A deal in the CRM; won, it starts a project."""

    kind: Literal["opportunity"]
    customer_id: Identifier
    customer_name: Name
    country: Country
    name: Name
    stage: Text
    won: bool
    amount: Money
    currency: Currency
    close_date: Day
    billing: Literal["time_and_materials", "fixed_fee"] = "time_and_materials"
    template: Code = "STANDARD"

    verbs: ClassVar[tuple[str, ...]] = ("won", "changed")

    @property
    def money(self) -> Money:
        return self.amount


class ContractLine(Part):
    """What one line of a contract bills."""

    line: Annotated[int, Field(ge=1, le=999)]
    bills: Literal["time", "expenses", "milestones"]
    description: Text
    tax_code: Code
    service_line: Code
    amount: Money | None = None
    """The cap or the fixed fee, when there is one."""


class Contract(Document):
    """The commercial terms of a project."""

    kind: Literal["contract"]
    customer_id: Identifier
    currency: Currency
    billing: Literal["time_and_materials", "fixed_fee"]
    rate_card_id: Identifier | None = None
    starts: Day
    ends: Day | None = None
    purchase_order: Text | None = None
    lines: Annotated[tuple[ContractLine, ...], Field(min_length=1, max_length=200), Lines]

    verbs: ClassVar[tuple[str, ...]] = ("signed", "amended", "cancelled")

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        own = (("customer", self.customer_id),)
        return (*own, ("rate_card", self.rate_card_id)) if self.rate_card_id else own


class RoleRate(Part):
    """What an hour of a role costs the customer, from a day on."""

    role: Code
    hourly: Money
    starts: Day


class RateCard(Document):
    """Prices by role."""

    kind: Literal["rate_card"]
    currency: Currency
    name: Name
    rates: Annotated[tuple[RoleRate, ...], Field(min_length=1, max_length=200), Lines]

    verbs: ClassVar[tuple[str, ...]] = ("published",)

    def rate(self, role: str, on: Day) -> Money | None:
        """The hourly rate of a role in force on a day; None when the card has none."""
        fitting = [row for row in self.rates if row.role == role and row.starts <= on]
        return max(fitting, key=lambda row: row.starts).hourly if fitting else None


class Project(Document):
    """A piece of work for a customer, with its financial dimensions."""

    kind: Literal["project"]
    customer_id: Identifier
    contract_id: Identifier
    name: Name
    currency: Currency
    starts: Day
    ends: Day | None = None
    status: Literal["active", "closed"] = "active"
    department: Code
    practice: Code
    service_line: Code
    cost_center: Code
    template: Code = "STANDARD"
    manager: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("initiated", "updated", "closed", "cancelled")

    @property
    def ordering_key(self) -> str:
        return self.document_id

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id), ("contract", self.contract_id))


class Task(Document):
    """A task of a project that time is booked on."""

    kind: Literal["task"]
    project_id: Identifier
    name: Name
    billable: bool = True

    verbs: ClassVar[tuple[str, ...]] = ("created",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id),)


class Resource(Document):
    """A person who works on projects."""

    kind: Literal["resource"]
    name: Name
    role: Code
    department: Code
    cost_center: Code
    currency: Currency
    cost_rate: Money
    email: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("hired", "updated")


class Assignment(Document):
    """A person's planned work on a project."""

    kind: Literal["assignment"]
    project_id: Identifier
    resource_id: Identifier
    role: Code
    starts: Day
    ends: Day
    minutes: Minutes

    verbs: ClassVar[tuple[str, ...]] = ("assigned",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("resource", self.resource_id))
