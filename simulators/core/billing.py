"""The billing engine: unbilled work in, invoice lines out, rounded the way one ERP does. Pure.

Amounts. `line`: every time row is rounded to the minor unit and rows are summed into lines.
`document`: rows are summed exactly; the document's net is rounded once from the exact sum; each line is shown
rounded, and what then is missing or too much goes to the largest line that had a fraction to round.
Tax. `line`: each line's tax is rounded, and summed. `document`: the tax of each tax code is rounded once on
the sum of its lines' nets, shown rounded per line, the difference on the code's largest line.
Either way lines sum to the totals, in integers and Fractions only. Habits as in the fact sheet of
ERP differences: legacy rounds the header once, cloud rounds lines and sums them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from simulators.core.firm_data import Personality
from simulators.core.money import RoundingMode, rounded
from simulators.core.rows import Contract, ContractLine, ExpenseRow, InvoiceLine, MilestoneRow, TimeRow

BASIS = 10_000


@dataclass(slots=True)
class Draft:
    """A line in the making: the exact net, and where a row was rounded already, integers."""

    description: str
    tax_code: str
    source: str
    net: Fraction = Fraction(0)
    minutes: int | None = None
    dims: dict[str, str] | None = None

    def take(self, net: Fraction | int, dims: dict[str, str], minutes: int | None = None) -> None:
        """Add a row; dimensions stay only where all rows agree."""
        self.net += net
        if minutes is not None:
            self.minutes = (self.minutes or 0) + minutes
        if self.dims is None:
            self.dims = dict(dims)
        elif self.dims != dims:
            self.dims = {name: code for name, code in self.dims.items() if dims.get(name) == code}


def contract_line(contract: Contract, bills: str, service_line: str) -> ContractLine | None:
    """The contract line that bills work of a service line: its own, else the first of that kind."""
    fitting = [line for line in contract.lines if line.bills == bills]
    own = [line for line in fitting if line.service_line == service_line]
    return next(iter(own or fitting), None)


def time_value(row: TimeRow, mode: RoundingMode) -> int:
    """Minor units of one time row, rounded by itself."""
    return rounded(row.value(), mode)


def bill_lines(
    *,
    contract: Contract,
    time: Sequence[TimeRow],
    expenses: Sequence[ExpenseRow],
    milestones: Sequence[MilestoneRow],
    personality: Personality,
    tax_codes: Mapping[str, int],
) -> list[InvoiceLine]:
    """Invoice lines with net and tax: time by (role, service line), expenses by category, milestones singly.

    Rows whose kind the contract has no line for must not be given. Raises KeyError for an unknown tax code.
    """
    drafts = [
        *_time_drafts(contract, time, personality),
        *_expense_drafts(contract, expenses),
        *_milestone_drafts(contract, milestones),
    ]
    nets = _nets([draft.net for draft in drafts], personality)
    lines = [
        InvoiceLine(
            line=n,
            description=draft.description,
            net_minor=net,
            tax_code=draft.tax_code,
            minutes=draft.minutes,
            dims=draft.dims or {},
            source=draft.source,
        )
        for n, (draft, net) in enumerate(zip(drafts, nets, strict=True), start=1)
    ]
    reckon_tax(lines, personality=personality, tax_codes=tax_codes)
    return lines


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


def _time_drafts(contract: Contract, rows: Sequence[TimeRow], personality: Personality) -> list[Draft]:
    drafts: dict[tuple[str, str], Draft] = {}
    for row in rows:
        service_line = row.dims.get("service_line", "")
        draft = drafts.get((row.role, service_line))
        if draft is None:
            terms = contract_line(contract, "time", service_line)
            assert terms is not None
            text = f"{row.role} {service_line}".strip()
            draft = drafts[row.role, service_line] = Draft(text, terms.tax_code, "time")
        value: Fraction | int = row.value()
        if personality.rounding == "line":
            value = rounded(value, personality.mode)
        draft.take(value, row.dims, row.minutes)
    return [drafts[key] for key in sorted(drafts)]


def _expense_drafts(contract: Contract, rows: Sequence[ExpenseRow]) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    for row in rows:
        draft = drafts.get(row.category)
        if draft is None:
            terms = contract_line(contract, "expenses", row.dims.get("service_line", ""))
            assert terms is not None
            draft = drafts[row.category] = Draft(f"Expenses {row.category}", terms.tax_code, "expenses")
        draft.take(row.amount_minor, row.dims)
    return [drafts[key] for key in sorted(drafts)]


def _milestone_drafts(contract: Contract, rows: Sequence[MilestoneRow]) -> list[Draft]:
    terms = {line.line: line for line in contract.lines}
    otherwise = contract_line(contract, "milestones", "")  # a change order may have dropped the line
    drafts = []
    for row in sorted(rows, key=lambda row: (row.contract_line, row.external_id, row.vendor_id)):
        line = terms.get(row.contract_line) or otherwise
        assert line is not None
        draft = Draft(row.name, line.tax_code, "milestones")
        draft.take(row.amount_minor, row.dims)
        drafts.append(draft)
    return drafts
