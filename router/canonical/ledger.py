"""Entries in the general ledger that the firm's own rules ask for, rather than a sale or a receipt."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from router.canonical.documents import Code, Currency, Document, Identifier, Lines, Part, Rate, Text
from router.canonical.money import Money

Account = Literal[
    "CASH",
    "RECEIVABLES",
    "DUE_FROM",
    "WORK_IN_PROGRESS",
    "ACCRUED_REVENUE",
    "TAX_PAYABLE",
    "EMPLOYEE_PAYABLE",
    "DUE_TO",
    "DEFERRED_REVENUE",
    "REVENUE",
    "UNBILLED_REVENUE",
    "INTERCOMPANY_REVENUE",
    "PROJECT_EXPENSE",
    "INTERCOMPANY_COST",
    "BAD_DEBT",
    "FX_DIFFERENCE",
]
"""The firm's chart of accounts by name; a vendor's mapping file turns a name into its number."""
OPENING = "OB-"
"""Ids of entries that load opening balances into one ERP: the other has what they stand for already."""
Purpose = Literal["revenue", "accrual", "intercompany", "adjustment"]


class EntryLine(Part):
    """A debit (positive) or credit (negative) of one account, in the entry's currency."""

    line: Annotated[int, Field(ge=1, le=999)]
    account: Account
    amount: Money
    text: Text = ""
    department: Code | None = None
    practice: Code | None = None
    service_line: Code | None = None
    cost_center: Code | None = None


class JournalEntry(Document):
    """A balanced entry: recognised revenue, an accrual, one leg of an intercompany charge."""

    kind: Literal["journal_entry"]
    purpose: Purpose
    project_id: Identifier | None = None
    contract_id: Identifier | None = None
    currency: Currency
    exchange_rate: Rate | None = None
    counterparty: Code | None = None
    """Intercompany: the other legal entity."""
    source_id: Identifier | None = None
    """What it was derived from: the time entry of an intercompany leg, the schedule of revenue."""
    reverses: Identifier | None = None
    """The entry this one takes back; it follows that entry's system."""
    text: Text = ""
    lines: Annotated[tuple[EntryLine, ...], Field(min_length=2, max_length=200), Lines]

    transactional: ClassVar[bool] = True
    commutes: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("posted",)

    @model_validator(mode="after")
    def _balances(self) -> Any:
        off = sum(line.amount.minor for line in self.lines)
        if off:
            msg = f"lines: debits and credits differ by {Money(off, self.currency)} {self.currency}"
            raise ValueError(msg)
        if self.purpose == "intercompany" and (
            self.counterparty is None or self.counterparty == self.legal_entity
        ):
            msg = "counterparty: an intercompany entry names the other legal entity"
            raise ValueError(msg)
        return self

    @property
    def ordering_key(self) -> str:
        if self.project_id or not self.counterparty:
            return super().ordering_key
        # The legs of one pair share a lane, so that they share batches; a lane is one entity's.
        return f"intercompany:{self.legal_entity}>{self.counterparty}"

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("journal_entry", self.reverses) if self.reverses else None

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        # A leg in the consultant's own books has no project there: the project is the other entity's.
        own: tuple[tuple[str, str], ...] = (("project", self.project_id),) if self.project_id else ()
        return (*own, ("journal_entry", self.reverses)) if self.reverses else own

    @property
    def money(self) -> Money:
        return Money(sum(line.amount.minor for line in self.lines if line.amount.minor > 0), self.currency)
