"""The billing engine: unbilled work in, invoice lines out, rounded the way one ERP does. Pure.

Amounts. `line`: every time row is rounded to the minor unit and rows are summed into lines.
`document`: rows are summed exactly; the document's net is rounded once from the exact sum; each line is shown
rounded, and what then is missing or too much goes to the largest line that had a fraction to round.
Tax. `line`: each line's tax is rounded, and summed. `document`: the tax of each tax code is rounded once on
the sum of its lines' nets, shown rounded per line, the difference on the code's largest line.
Either way lines sum to the totals, in integers and Fractions only. Habits as in the fact sheet of
ERP differences: legacy rounds the header once, cloud rounds lines and sums them.
Work is billed under the contract lines in force on its day, and never beyond their caps (`caps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from simulators.core.caps import Line, shares, trimmed
from simulators.core.firm_data import Personality
from simulators.core.money import RoundingMode, rounded
from simulators.core.rows import (
    Bills,
    ChargeRow,
    Contract,
    ContractLine,
    ExpenseRow,
    InvoiceLine,
    MilestoneRow,
    Project,
    TimeRow,
    WorkRow,
)

BASIS = 10_000


@dataclass(slots=True, kw_only=True)
class BillPart:
    """The unbilled work of one project and the contract it is billed under."""

    project: Project
    contract: Contract
    work: list[WorkRow]
    room: Mapping[int, int] = field(default_factory=dict)
    """What capped contract lines may still bill, by their number."""
    given_away: Mapping[str, int] = field(default_factory=dict)
    """What caps kept off billed rows, by the reference the corrections in `work` have for them."""


@dataclass(slots=True, kw_only=True)
class Bill:
    """The lines of an invoice, and what caps kept off the rows they bill."""

    lines: list[InvoiceLine]
    over: list[tuple[WorkRow, int]]
    placed: list[tuple[WorkRow, int, int]]
    """Each row with the number of its line and what that has of it, rounded."""


@dataclass(slots=True)
class Draft:
    """A line in the making: the exact net, and where a row was rounded already, integers."""

    description: str
    terms: ContractLine
    part: BillPart
    source: str
    net: Fraction = Fraction(0)
    minutes: int | None = None
    dims: dict[str, str] | None = None
    rows: list[tuple[WorkRow, Fraction | int]] = field(default_factory=list)

    @property
    def line(self) -> Line:
        """The contract line that bills it."""
        return self.part.contract.vendor_id, self.terms.line

    def take(self, row: WorkRow, net: Fraction | int, minutes: int | None = None) -> None:
        """Add what is billed of a row; dimensions stay only where all rows agree."""
        dims = row.dims
        self.net += net
        self.rows.append((row, net))
        if minutes is not None:
            self.minutes = (self.minutes or 0) + minutes
        if self.dims is None:
            self.dims = dict(dims)
        elif self.dims != dims:
            self.dims = {name: code for name, code in self.dims.items() if dims.get(name) == code}


def terms_of(contract: Contract, row: WorkRow) -> ContractLine | None:
    """The contract line in force on the row's day that bills it; None when there is none.

    Time and expenses: the one of their service line, else the first of that sort. A milestone or charge names
    its line; when a change order dropped that, any line of its sort.
    """
    lines = contract.lines_on(work_day(row))
    words = bills_words(row)
    fitting = [line for line in lines if line.bills in words]
    if isinstance(row, MilestoneRow | ChargeRow):
        own = [line for line in fitting if line.line == row.contract_line]
    else:
        service_line = row.dims.get("service_line", "")
        own = [line for line in fitting if line.service_line == service_line]
    return next(iter(own or fitting), None)


def bills_words(row: WorkRow) -> tuple[Bills, ...]:
    """The words of a contract line that may bill such a row."""
    return _WORDS[row.type]


def work_day(row: WorkRow) -> date:
    """The day that says whether a row is due and which terms hold: of the work, or the first of the service."""
    match row:
        case TimeRow():
            return row.work_date
        case ExpenseRow():
            return row.expense_date
        case ChargeRow():
            return row.service_from
    assert isinstance(row, MilestoneRow)
    return row.completed_on


def time_value(row: TimeRow, mode: RoundingMode) -> int:
    """Minor units of one time row, rounded by itself."""
    return rounded(row.value(), mode)


def bill_lines(parts: Sequence[BillPart], *, personality: Personality, tax_codes: Mapping[str, int]) -> Bill:
    """Invoice lines with net and tax: time by (role, service line), expenses by category, fees singly.

    Several projects follow one another, their lines named after them. Rows whose kind the contract has no
    line for must not be given. Raises KeyError for an unknown tax code.
    """
    over: list[tuple[WorkRow, int]] = []
    drafts: list[Draft] = []
    rooms = {(part.contract.vendor_id, n): room for part in parts for n, room in part.room.items()}
    left = {line: Fraction(room) for line, room in rooms.items()}
    for part in parts:
        made = _drafts(part, _shares(part, personality, left, over))
        if len(parts) > 1:
            for draft in made:
                draft.description = f"{part.project.name}: {draft.description}"
        drafts += made
    nets = _nets([draft.net for draft in drafts], personality)
    nets = trimmed(nets, [draft.line for draft in drafts], rooms)
    lines = [
        InvoiceLine(
            line=n,
            description=draft.description,
            net_minor=net,
            tax_code=draft.terms.tax_code,
            minutes=draft.minutes,
            dims=draft.dims or {},
            source=draft.source,
            contract=draft.part.contract.vendor_id,
            contract_line=draft.terms.line,
            project=draft.part.project.vendor_id,
            deferred=draft.terms.deferred,
        )
        for n, (draft, net) in enumerate(zip(drafts, nets, strict=True), start=1)
    ]
    reckon_tax(lines, personality=personality, tax_codes=tax_codes)
    placed = [
        (row, n, rounded(net, personality.mode))
        for n, draft in enumerate(drafts, start=1)
        for row, net in draft.rows
    ]
    return Bill(lines=lines, over=over, placed=placed)


def reckon_tax(
    lines: Sequence[InvoiceLine], *, personality: Personality, tax_codes: Mapping[str, int]
) -> None:
    """Fills `tax_minor` where it is None; raises KeyError for an unknown tax code."""
    by_code: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        if line.tax_minor is None:
            by_code.setdefault(line.tax_code, []).append(line)
    for code, group in by_code.items():
        exact = [Fraction(line.net_minor * tax_codes[code], BASIS) for line in group]
        if personality.tax == "line":
            taxes = [rounded(tax, personality.mode) for tax in exact]
        else:
            taxes = spread(exact, personality.mode)
        for line, tax in zip(group, taxes, strict=True):
            line.tax_minor = tax


def spread(exact: Sequence[Fraction], mode: RoundingMode) -> list[int]:
    """Each rounded, and together exactly the rounded sum: the largest with a fraction takes the difference."""
    shown = [rounded(value, mode) for value in exact]
    difference = rounded(sum(exact, Fraction(0)), mode) - sum(shown)
    if difference:
        uneven = [n for n, value in enumerate(exact) if value.denominator != 1]
        shown[max(uneven, key=lambda n: (abs(exact[n]), -n))] += difference
    return shown


def _nets(exact: Sequence[Fraction], personality: Personality) -> list[int]:
    if personality.rounding == "line":
        assert all(value.denominator == 1 for value in exact)
        return [value.numerator for value in exact]
    return spread(exact, personality.mode)


def _drafts(part: BillPart, values: Mapping[int, Fraction]) -> list[Draft]:
    # Versions of one contract line may tax or defer differently: their work does not share an invoice line.
    time: dict[tuple[str, str, int, str, bool], Draft] = {}
    expenses: dict[tuple[str, int, str, bool], Draft] = {}
    fees: list[tuple[tuple[int, int, str, str], Draft]] = []
    for row in part.work:
        terms = terms_of(part.contract, row)
        assert terms is not None
        match row:
            case TimeRow():
                service_line = row.dims.get("service_line", "")
                text = f"{row.role} {service_line}".strip()
                key = (row.role, service_line, terms.line, terms.tax_code, terms.deferred)
                draft = time.setdefault(key, Draft(text, terms, part, "time"))
                draft.take(row, values[id(row)], row.minutes)
            case ExpenseRow():
                made = Draft(f"Expenses {row.category}", terms, part, "expenses")
                place = (row.category, terms.line, terms.tax_code, terms.deferred)
                expenses.setdefault(place, made).take(row, values[id(row)])
            case MilestoneRow() | ChargeRow():
                draft = Draft(row.name, terms, part, terms.bills)
                draft.take(row, row.amount_minor)
                rank = 1 if isinstance(row, MilestoneRow) else 2
                fees.append(((rank, row.contract_line, row.external_id, row.vendor_id), draft))
    return [
        *(time[key] for key in sorted(time)),
        *(expenses[key] for key in sorted(expenses)),
        *(draft for _, draft in sorted(fees, key=lambda fee: fee[0])),
    ]


def _shares(
    part: BillPart, personality: Personality, left: dict[Line, Fraction], over: list[tuple[WorkRow, int]]
) -> dict[int, Fraction]:
    """What is billed of each time and expense row, by the row's identity.

    Lowers what is `left` under caps, and notes in `over` what they keep off.
    """
    by_line: dict[int, list[TimeRow | ExpenseRow]] = {}
    for row in part.work:
        if isinstance(row, TimeRow | ExpenseRow):
            terms = terms_of(part.contract, row)
            assert terms is not None
            by_line.setdefault(terms.line, []).append(row)
    found: dict[int, Fraction] = {}
    for line, rows in by_line.items():
        values = [_value(row, personality) for row in rows]
        key = (part.contract.vendor_id, line)
        taken = shares(rows, values, room=left.get(key), given_away=part.given_away)
        if key in left:
            left[key] -= sum((share.taken for share in taken), Fraction(0))
        for row, share in zip(rows, taken, strict=True):
            found[id(row)] = share.taken
            if share.over:
                over.append((row, rounded(share.over, personality.mode)))
    return found


def _value(row: TimeRow | ExpenseRow, personality: Personality) -> Fraction:
    if isinstance(row, ExpenseRow):
        return Fraction(row.billed_minor)
    value = row.value()
    return Fraction(rounded(value, personality.mode)) if personality.rounding == "line" else value


_WORDS: Mapping[str, tuple[Bills, ...]] = {
    "time": ("time",),
    "expense": ("expenses",),
    "milestone": ("milestones",),
    "charge": ("retainer", "subscription"),
}
