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

    transactional: ClassVar[bool] = True
    commutes: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("time_entry", self.adjusts) if self.adjusts else None

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id),)

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

    transactional: ClassVar[bool] = True
    commutes: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id),)

    @property
    def money(self) -> Money:
        return self.amount


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


class ChangeOrder(Document):
    """An agreed change of a contract; versions count from 1 and take effect on a day."""

    kind: Literal["change_order"]
    project_id: Identifier
    contract_id: Identifier
    currency: Currency
    contract_version: Annotated[int, Field(ge=1, le=9999)]
    effective: Day
    reason: Text = ""
    lines: Annotated[tuple[ContractLine, ...], Field(min_length=1, max_length=200), Lines]

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("contract", self.contract_id))
