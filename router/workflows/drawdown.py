"""Time and expenses against what was agreed: caps, retainers, mark-up and the expense policy.

A vet gives an entry the amount it draws on; how much of it is left is counted by the journal in the
commit that accepts it (`Draw`), so that two entries never take the last hour twice, whichever gateway
they came through. What stands on the contract on the day of work decides, change orders included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from router.canonical.masters import Contract, ContractLine
from router.canonical.reference import ExpenseLimit
from router.canonical.work import ExpenseItem, TimeEntry
from router.errors import BadInput
from router.finance.caps import cap_draw
from router.finance.charges import retained
from router.finance.expenses import over_limit, passable, priced, within_policy
from router.finance.retainers import retainer_draw
from router.finance.terms import Terms, in_force, line_in
from router.journal.journal import Journal
from router.journal.port import Draw, Submission
from router.workflows.agreements import Agreements

NO_BOUND = 10**15
"""What an expense draws on where only policy splits it: more than any amount a document may carry."""


class Drawdown:
    """Gives time and expenses what they draw on."""

    kinds: frozenset[str] = frozenset({"time_entry", "expense_item"})
    alone = False

    def __init__(
        self, *, journal: Journal, agreements: Agreements, limits: Mapping[str, ExpenseLimit]
    ) -> None:
        self._journal = journal
        self._agreements = agreements
        self._limits = limits
        self._groups = 0
        self._asked: dict[str, tuple[Terms, ...]] = {}

    @contextmanager
    def group(self) -> Iterator[None]:
        """While a group of documents is looked at, what a contract agrees is asked once.

        On PostgreSQL asking for every entry of a batch would cost twice what accepting it does. An answer still
        on its way when another group begins is not for that one: a change may have been accepted in between.
        """
        self._groups += 1
        self._asked = {}
        try:
            yield
        finally:
            self._groups -= 1
            self._asked = {}

    async def _terms(self, contract: Contract) -> tuple[Terms, ...]:
        asked = self._asked
        found = asked.get(contract.document_id)
        if found is None:
            found = await self._agreements.terms(contract)
            if self._groups:
                asked[contract.document_id] = found
        return found

    async def look(self, submission: Submission) -> Submission:
        """An entry with what it draws on; an expense at its price and within policy.

        Raises BadInput for an entry in another currency than the cap or retainer it draws on.
        """
        document = submission.document
        if isinstance(document, TimeEntry):
            return await self._time(submission, document)
        if isinstance(document, ExpenseItem):
            return await self._expense(submission, document)
        return submission

    async def _time(self, submission: Submission, entry: TimeEntry) -> Submission:
        if not entry.billable and entry.covered_by is None:
            return submission
        contract = await self._agreements.contract_of(entry.project_id)
        if contract is None:
            return submission
        terms = await self._terms(contract)
        found = _time_draw(contract, terms, entry)
        if found is None:
            return submission
        _same_currency(contract, entry.currency, found)
        return _with(submission, await self._as_original(entry), found)

    async def _as_original(self, entry: TimeEntry) -> TimeEntry:
        """A reversal is billable, or covered, as what it takes back was."""
        if not entry.adjusts or entry.minutes >= 0:
            return entry
        original = (await self._journal.documents("time_entry", [entry.adjusts])).get(entry.adjusts)
        if not isinstance(original, TimeEntry):
            return entry
        as_it_was = {"billable": original.billable, "covered_by": original.covered_by}
        return entry if as_it_was.items() <= dict(entry).items() else entry.model_copy(update=as_it_was)

    async def _expense(self, submission: Submission, item: ExpenseItem) -> Submission:
        limit = self._limits.get(item.category)
        kept = passable(item, limit)
        if not kept.billable:
            return _with(submission, kept, None)
        contract = await self._agreements.contract_of(item.project_id)
        if contract is None:
            return submission
        terms = await self._terms(contract)
        line = line_in(in_force(terms, item.expense_date), "expenses", item.service_line)
        kept = priced(kept, line)
        draw = cap_draw(contract.document_id, line) if line is not None else None
        if draw is not None:
            _same_currency(contract, item.currency, draw)
        if limit is not None and over_limit(kept, limit):
            register = draw.register if draw else f"expenses:{contract.document_id}"
            draw = Draw(
                register=register,
                currency=item.currency,
                bound_minor=draw.bound_minor if draw else NO_BOUND,
                split=within_policy(
                    limit,
                    capped=draw is not None,
                    markup=line.markup_basis_points if line is not None else 0,
                ),
            )
        return _with(submission, kept, draw)


def _time_draw(contract: Contract, terms: tuple[Terms, ...], entry: TimeEntry) -> Draw | None:
    """What an entry draws on: the retainer of its contract, else the cap of its line."""
    now = in_force(terms, entry.work_date)
    retainer = line_in(now, "retainer", entry.service_line)
    if retainer is not None and _is_served(retainer, contract, entry.work_date):
        fees = retained(contract.document_id, terms, retainer.line, entry.work_date)
        return retainer_draw(contract.document_id, retainer, fees_minor=fees, currency=contract.currency)
    line = line_in(now, "time", entry.service_line)
    return cap_draw(contract.document_id, line) if line is not None else None


def _is_served(line: ContractLine, contract: Contract, on: date) -> bool:
    return on >= (line.starts or contract.starts)


def _same_currency(contract: Contract, given: str, draw: Draw) -> None:
    if given != draw.currency:
        raise BadInput(
            f"currency: {given}, while {draw.register} of contract {contract.document_id} is in {draw.currency}",
            mend=f"send it in {draw.currency}",
        )


def _with(submission: Submission, document: TimeEntry | ExpenseItem, draw: Draw | None) -> Submission:
    if document is submission.document:
        return submission if draw is None else replace(submission, draw=draw)
    sent = submission.as_sent or submission.document
    return replace(submission, document=document, as_sent=sent, draw=draw)
