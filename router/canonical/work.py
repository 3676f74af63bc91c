"""Work done: time, expenses, milestones, and changes to what was agreed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from router.canonical.documents import Code, Currency, Day, Document, Identifier, Lines, Minutes, Name, Text
from router.canonical.masters import ContractLine
from router.canonical.money import Money, hours_value


class TimeEntry(Document):
    """Approved hours of one person on one project on one day; minutes are exact."""

    kind: Literal["time_entry"]
    project_id: Identifier
    resource_id: Identifier
    task_id: Identifier | None = None
    work_date: Day
    minutes: Minutes
    role: Code
    billable: bool
    currency: Currency
    bill_rate: Money
    """Per hour, as the rate card says on the work date."""
    cost_center: Code
    department: Code
    practice: Code
    service_line: Code
    notes: Text = ""
    adjusts: Identifier | None = None
    """The entry this one corrects; it follows that entry's system."""
    part_of: Identifier | None = None
    """The entry of the source system this is a part of: the rest of one that was split at a cap."""
    covered_by: Literal["retainer"] | None = None
    """Not billed by itself, but worth its rate: the customer has paid for it in advance."""

    transactional: ClassVar[bool] = True
    commutes: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("time_entry", self.adjusts) if self.adjusts else None

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        # A correction waits for what it corrects: never a reversal of what was not posted.
        own = (("project", self.project_id),)
        return (*own, ("time_entry", self.adjusts)) if self.adjusts else own

    @property
    def money(self) -> Money:
        return hours_value(self.minutes, self.bill_rate)


class ExpenseItem(Document):
    """An approved expense of one person on one project."""

    kind: Literal["expense_item"]
    project_id: Identifier
    resource_id: Identifier
    expense_date: Day
    category: Code
    billable: bool
    amount: Money
    currency: Currency
    cost_center: Code
    department: Code
    practice: Code
    service_line: Code
    notes: Text = ""
    bill_amount: Money | None = None
    """What the customer pays for it, mark-up included; None: its amount."""
    adjusts: Identifier | None = None
    """The expense this one corrects; it follows that expense's system."""
    part_of: Identifier | None = None
    """The expense of the source system this is a part of: what policy or a cap does not let us bill."""

    transactional: ClassVar[bool] = True
    commutes: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("expense_item", self.adjusts) if self.adjusts else None

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        own = (("project", self.project_id),)
        return (*own, ("expense_item", self.adjusts)) if self.adjusts else own

    @property
    def money(self) -> Money:
        return self.amount

    @property
    def billed(self) -> Money:
        """What the customer is to pay; nothing when it is not billable."""
        if not self.billable:
            return Money(0, self.currency)
        return self.amount if self.bill_amount is None else self.bill_amount


class Milestone(Document):
    """A completed step of a fixed-fee contract that may now be billed."""

    kind: Literal["milestone"]
    project_id: Identifier
    contract_id: Identifier
    contract_line: Annotated[int, Field(ge=1, le=999)]
    name: Name
    amount: Money
    currency: Currency
    completed_on: Day

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("completed",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("contract", self.contract_id))

    @property
    def money(self) -> Money:
        return self.amount


class Charge(Document):
    """A fee for a span of days: one period of a subscription or retainer, prorated where it is part of one."""

    kind: Literal["charge"]
    project_id: Identifier
    contract_id: Identifier
    contract_line: Annotated[int, Field(ge=1, le=999)]
    name: Name
    amount: Money
    currency: Currency
    service_from: Day
    service_until: Day
    """The last day of service, inclusive."""

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("fell_due",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("contract", self.contract_id))

    @property
    def money(self) -> Money:
        return self.amount


class ChangeOrder(Document):
    """An agreed change of a contract; versions count from 1 and take effect on a day.

    Version 1 is the contract as signed, so the first change order is version 2. The lines are the
    whole contract as it then stands, not the difference.
    """

    kind: Literal["change_order"]
    project_id: Identifier
    contract_id: Identifier
    currency: Currency
    contract_version: Annotated[int, Field(ge=1, le=9999)]
    effective: Day
    reason: Text = ""
    lines: Annotated[tuple[ContractLine, ...], Field(min_length=1, max_length=200), Lines]
    ends: Day | None = None
    """The new last day of the contract, for a renewal or a shortening; None: as it was."""

    version: ClassVar[int] = 2
    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved", "amended", "renewed")

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("contract", self.contract_id))
