"""Invoices made from unbilled work, and what contract lines have billed of their caps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from simulators.core import billing, ledger, posting
from simulators.core.billing import BillPart, terms_of, work_day
from simulators.core.bookkeeping import Bookkeeping, BooksError
from simulators.core.rows import (
    BilledRow,
    Contract,
    Customer,
    ExpenseRow,
    Invoice,
    Project,
    TimeRow,
    WorkRow,
)

_WORK = ("time", "expense", "milestone", "charge")


class Invoicing(Bookkeeping):
    """From work to an invoice."""

    def bill(
        self,
        *,
        external_id: str,
        project: str,
        contract: str,
        through: date,
        invoice_date: date,
        with_projects: Sequence[str] = (),
        exchange_rate: str | None = None,
        allow_duplicate: bool = False,
    ) -> Invoice:
        """Invoice all unbilled work of a project up to and including a day; see `billing` for the arithmetic.

        `with_projects` go on the same invoice, each under its own contract. Raises BooksError UNKNOWN_PROJECT,
        UNKNOWN_CONTRACT, CUSTOMER, ENTITY, CURRENCY, DUPLICATE, PERIOD_CLOSED, NOTHING_TO_BILL.
        """
        parts = self.to_bill(project=project, contract=contract, through=through, with_projects=with_projects)
        on, terms = parts[0].project, parts[0].contract
        customer = self.require(Customer, on.customer)
        invoice = Invoice(
            external_id=external_id,
            posting_date=invoice_date,
            entity=on.entity,
            currency=terms.currency,
            project=on.vendor_id,
            contract=terms.vendor_id,
            customer=customer.vendor_id,
            due_date=invoice_date + timedelta(days=customer.terms_days),
            through=through,
            with_projects=[part.project.vendor_id for part in parts[1:]],
            exchange_rate=exchange_rate,
        )
        self._check_new(invoice, allow_duplicate=allow_duplicate)
        work = [row for part in parts for row in part.work]
        if not work:
            raise BooksError("NOTHING_TO_BILL", f"project {on.number} has no unbilled work through {through}")
        made = billing.bill_lines(parts, personality=self.personality, tax_codes=self.firm.tax_codes)
        invoice.lines = made.lines
        self._keep_invoice(
            invoice,
            wip_minor=sum(row.wip_minor for row in work),
            wip_base_minor=sum(row.wip_base_minor for row in work),
        )
        for row, over in made.over:
            row.over_cap_minor = over
            self._give_back(row, over)
        for row, line, taken in made.placed:
            row.invoice, row.invoice_line, row.taken_minor = invoice.vendor_id, line, taken
            self._touch(row)
        for part in parts:
            self._forget_billed(part.project.vendor_id)
        return invoice

    def to_bill(
        self, *, project: str, contract: str, through: date, with_projects: Sequence[str] = ()
    ) -> list[BillPart]:
        """What `bill` would put on one invoice, by project; raises as it does, but for NOTHING_TO_BILL."""
        on, terms = self.require(Project, project), self.require(Contract, contract)
        pairs = [(on, terms)]
        for ref in with_projects:
            other = self.require(Project, ref, "with_projects")
            if all(other is not known for known, _ in pairs):
                pairs.append((other, self.require(Contract, other.contract)))
        for other, others_terms in pairs[1:]:
            _check_fits(on, terms, other, others_terms)
        return [self._part(project, contract, through) for project, contract in pairs]

    def unbilled(self, project: Project, contract: Contract, through: date) -> list[WorkRow]:
        """Billable work of a project that no invoice has, which the contract has a line for, oldest first."""
        return [
            row
            for row in self._unbilled.get(project.vendor_id, ())
            if work_day(row) <= through and terms_of(contract, row) is not None
        ]

    def _keep_invoice(self, invoice: Invoice, *, wip_minor: int, wip_base_minor: int) -> Invoice:
        self._total(invoice)
        self.fix_rate(invoice, invoice.exchange_rate)
        self._name(invoice)
        invoice.open_minor = invoice.total_minor
        lines = posting.invoice_lines(invoice, wip_minor=wip_minor, wip_base_minor=wip_base_minor)
        self._keep(invoice, lines, rest_to=ledger.RECEIVABLES)
        invoice.open_base_minor = self.ledger.base_of(invoice.entry, ledger.RECEIVABLES)
        self._count_billed(invoice, 1)
        return invoice

    def _total(self, row: BilledRow) -> None:
        net = sum(line.net_minor for line in row.lines)
        tax = sum(line.tax_minor or 0 for line in row.lines)
        for name, given, reckoned in (
            ("net", row.net_minor, net),
            ("tax", row.tax_minor, tax),
            ("total", row.total_minor, net + tax),
        ):
            if given and given != reckoned:
                raise BooksError("AMOUNT", f"{name} is {given}, its lines make {reckoned}", name)
        row.net_minor, row.tax_minor, row.total_minor = net, tax, net + tax

    def _count_billed(self, row: BilledRow, sign: int) -> None:
        for line in row.lines:
            if line.contract_line:
                key = (line.contract, line.contract_line)
                self._billed[key] = self._billed.get(key, 0) + sign * line.net_minor

    def _part(self, project: Project, contract: Contract, through: date) -> BillPart:
        work = self.unbilled(project, contract, through)
        room: dict[int, int] = {}
        given_away: dict[str, int] = {}
        for row in work:
            terms = terms_of(contract, row)
            if terms is None or terms.cap_minor is None:
                continue
            # A change order's cap counts all that was ever billed, so the highest that applies holds.
            left = terms.cap_minor - self._billed.get((contract.vendor_id, terms.line), 0)
            room[terms.line] = max(left, room.get(terms.line, left))
            original = self._adjusted(row)
            if original is not None and original.over_cap_minor:
                given_away[original_ref(row)] = original.over_cap_minor
        return BillPart(project=project, contract=contract, work=work, room=room, given_away=given_away)

    def _adjusted(self, row: WorkRow) -> WorkRow | None:
        """The row a correction corrects, where these books have it."""
        ref = original_ref(row)
        found = self.store.resolve(row.type, ref) if ref else None
        return found if isinstance(found, WorkRow) else None

    def _give_back(self, row: WorkRow, over_minor: int) -> None:
        """A correction that took back what had been given away lowers that on the row it corrects."""
        original = self._adjusted(row) if row.over_cap_minor < 0 else None
        if original is not None:
            original.over_cap_minor += over_minor

    def _forget_billed(self, project: str) -> None:
        self._unbilled[project] = [row for row in self._unbilled.get(project, ()) if not row.invoice]

    def _release(self, invoice: Invoice) -> None:
        for row_type in _WORK:
            for row in self.store.rows(row_type):
                if isinstance(row, WorkRow) and row.invoice == invoice.vendor_id:
                    self._give_back(row, -row.over_cap_minor)
                    row.invoice, row.invoice_line, row.taken_minor, row.over_cap_minor = "", 0, 0, 0
                    self._touch(row)
                    self._unbilled.setdefault(row.project, []).append(row)


def original_ref(row: WorkRow) -> str:
    """What a correction calls the row it corrects; empty for other work."""
    return row.adjusts if isinstance(row, TimeRow | ExpenseRow) else ""


def _check_fits(on: Project, terms: Contract, other: Project, others_terms: Contract) -> None:
    if other.customer != on.customer:
        message = f"project {other.number} is another customer's than {on.number}"
        raise BooksError("CUSTOMER", message, "with_projects")
    if other.entity != on.entity:
        message = f"project {other.number} is of {other.entity}, not {on.entity}"
        raise BooksError("ENTITY", message, "with_projects")
    if others_terms.currency != terms.currency:
        message = f"project {other.number} is billed in {others_terms.currency}, not {terms.currency}"
        raise BooksError("CURRENCY", message, "with_projects")
