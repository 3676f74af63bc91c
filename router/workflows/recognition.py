"""The process `recognise-revenue`: schedules of deferred lines, and what a period earns of them.

Which method a line has says its `revenue`. A retainer's `percentage_of_completion` is its draw-down: the
value of covered time, at most what was charged. Fees by the month are earned over the days they are
for. Entries are cumulative and one a line and period: what was recognised is read from the journal, so
a repeat recognises nothing, and a change is caught up in the next period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from router.canonical.billing import RevenueSchedule, ScheduleLine
from router.canonical.ledger import Account, EntryLine, JournalEntry
from router.canonical.masters import Assignment, Contract, ContractLine, Project
from router.canonical.money import Money
from router.canonical.reference import period_of
from router.canonical.work import Charge, Milestone, TimeEntry
from router.errors import RateMissing
from router.finance import charges
from router.finance.identity import derived
from router.finance.revenue import (
    earned_by_completion,
    earned_by_milestones,
    earned_straight,
    straight_line,
)
from router.finance.terms import Terms
from router.journal.billing_facts import Kept
from router.journal.journal import Journal
from router.landscape import Landscape
from router.model import State
from router.workflows.agreements import Agreements
from router.workflows.exchange import contract_rate

HORIZON = timedelta(days=365)
"""How far a schedule plans ahead for a line without a last day."""
_GONE = (State.REFUSED, State.DEAD)
_KINDS = ("time_entry", "milestone", "charge", "journal_entry", "revenue_schedule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What one line of a contract earns in a period, and the documents that say so."""

    contract_id: str
    line: int
    method: str
    currency: str
    earned_minor: int = 0
    """To date, through the period."""
    before_minor: int = 0
    """Recognised by earlier entries."""
    schedule: RevenueSchedule | None = None
    entry: JournalEntry | None = None
    problem: str = ""
    """Why nothing can be recognised, and where to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A contract line with all that is known of it."""

    contract: Contract
    terms: tuple[Terms, ...]
    line: ContractLine
    project: Project
    kept: Sequence[Kept]
    planned_minutes: int
    period: str

    @property
    def starts(self) -> date:
        """The first day of its term."""
        return self.line.starts or self.contract.starts

    @property
    def ends(self) -> date | None:
        """The last day of its term, as agreed now; None where it has no end."""
        return charges.last_day(self.starts, self.line.ends or self.terms[-1].ends)

    @property
    def schedule_id(self) -> str:
        """The id of its schedule: what its entries name as their source."""
        return derived(f"RS-{self.contract.document_id}", f"-{self.line.line}")

    @property
    def entry_id(self) -> str:
        """The id of its entry for the period."""
        return derived(f"RR-{self.contract.document_id}", f"-{self.line.line}-{self.period.replace('-', '')}")


class Recognition:
    """Reads what was agreed, done, charged and recognised; accepts nothing."""

    def __init__(self, *, journal: Journal, agreements: Agreements, landscape: Landscape) -> None:
        self._journal = journal
        self._agreements = agreements
        self._landscape = landscape

    async def plan(self, legal_entity: str, period: str) -> list[Recognised]:
        """What each deferred line of an entity's contracts earns in a calendar month, by contract and line."""
        contracts = [
            one
            for one in await self._journal.masters("contract")
            if isinstance(one, Contract) and one.legal_entity == legal_entity
        ]
        projects = [one for one in await self._journal.masters("project") if isinstance(one, Project)]
        plans = [one for one in await self._journal.masters("assignment") if isinstance(one, Assignment)]
        kept = [
            one
            for one in await self._journal.kept(_KINDS, legal_entity=legal_entity)
            if one.state not in _GONE
        ]
        of_contract, hours = _by_contract(kept)
        found: list[Recognised] = []
        for contract in sorted(contracts, key=lambda one: one.document_id):
            terms = await self._agreements.terms(contract)
            own = sorted(
                (one for one in projects if one.contract_id == contract.document_id),
                key=lambda one: one.document_id,
            )
            names = [one.document_id for one in own]
            for line in terms[-1].lines:
                if line.revenue == "as_billed" or line.bills in ("time", "expenses") or not own:
                    continue
                case = _Case(
                    contract=contract,
                    terms=terms,
                    line=line,
                    project=own[0],
                    kept=[
                        *of_contract.get(contract.document_id, ()),
                        *(one for name in names for one in hours.get(name, ())),
                    ],
                    planned_minutes=sum(one.minutes for one in plans if one.project_id in names),
                    period=period,
                )
                found.append(self._recognised(case))
        return found

    def _recognised(self, case: _Case) -> Recognised:
        basics = {
            "contract_id": case.contract.document_id,
            "line": case.line.line,
            "method": case.line.revenue,
            "currency": case.contract.currency,
        }
        earned = _earned(case)
        if isinstance(earned, str):
            return Recognised(**basics, problem=earned)  # type: ignore[arg-type]  # the four fields above
        entries = [
            one.document
            for one in case.kept
            if isinstance(one.document, JournalEntry) and one.document.source_id == case.schedule_id
        ]
        before = sum(_revenue(one) for one in entries)
        planned = any(one.document.document_id == case.schedule_id for one in case.kept)
        done = any(one.document_id == case.entry_id for one in entries)
        try:
            entry = None if done or earned == before else self._entry(case, earned - before)
        except RateMissing as error:
            return Recognised(**basics, problem=error.one_line())  # type: ignore[arg-type]
        return Recognised(
            **basics,  # type: ignore[arg-type]
            earned_minor=earned,
            before_minor=before,
            schedule=None if planned else _schedule(case),
            entry=entry,
        )

    def _entry(self, case: _Case, minor: int) -> JournalEntry:
        project, currency = case.project, case.contract.currency
        on = charges.last_of(case.period)
        home = self._landscape.legal_entities[case.contract.legal_entity].currency
        rate = (
            None
            if currency == home
            else contract_rate(self._landscape, case.contract, base=currency, quote=home, on=on)
        )
        sides: tuple[tuple[Account, int], ...] = (("DEFERRED_REVENUE", minor), ("REVENUE", -minor))
        lines = tuple(
            EntryLine(
                line=at,
                account=account,
                amount=Money(amount, currency),
                department=project.department,
                practice=project.practice,
                service_line=project.service_line,
                cost_center=project.cost_center,
            )
            for at, (account, amount) in enumerate(sides, start=1)
        )
        return JournalEntry(
            kind="journal_entry",
            document_id=case.entry_id,
            legal_entity=case.contract.legal_entity,
            region=project.region,
            business_unit=project.business_unit,
            accounting_date=on,
            purpose="revenue",
            project_id=project.document_id,
            contract_id=case.contract.document_id,
            currency=currency,
            exchange_rate=rate,
            source_id=case.schedule_id,
            text=f"Revenue of {case.period}, {case.line.description}"[:255],
            lines=lines,
        )


def _earned(case: _Case) -> int | str:
    """What is earned to date through the period, or why nobody can say."""
    line, period = case.line, case.period
    last = charges.last_of(period)
    if line.bills in charges.FEES:
        charged = [
            one.document
            for one in case.kept
            if isinstance(one.document, Charge) and one.document.contract_line == line.line
        ]
        if line.bills == "retainer" and line.revenue == "percentage_of_completion":
            covered = sum(
                one.document.money.minor
                for one in case.kept
                if isinstance(one.document, TimeEntry)
                and one.document.covered_by == "retainer"
                and one.document.work_date <= last
            )
            return max(0, min(covered, sum(one.amount.minor for one in charged)))
        return sum(
            earned_straight(one.amount.minor, one.service_from, one.service_until, period) for one in charged
        )
    if line.revenue == "milestone":
        completed = [
            (one.document.completed_on, one.document.amount.minor)
            for one in case.kept
            if isinstance(one.document, Milestone) and one.document.contract_line == line.line
        ]
        return earned_by_milestones(completed, period)
    place = f"line {line.line} of contract {case.contract.document_id}"
    if line.fee is None:
        return f"{place} defers revenue and states no fee: give it one by a change order"
    if line.revenue == "straight_line":
        if case.ends is None:
            return (
                f"{place} has no last day to spread its fee over: give the contract its end by a change order"
            )
        return earned_straight(line.fee.minor, case.starts, case.ends, period)
    if not case.planned_minutes:
        return f"{place} is recognised by completion and nobody is planned on it: assign people in the PSA"
    done = sum(
        one.document.minutes
        for one in case.kept
        if isinstance(one.document, TimeEntry) and one.document.work_date <= last
    )
    return earned_by_completion(line.fee.minor, done, case.planned_minutes)


def _schedule(case: _Case) -> RevenueSchedule | None:
    """The plan of a line, as things stand; where its end or fee is open there is none."""
    line, contract = case.line, case.contract
    ends = case.ends or (case.starts + HORIZON if line.bills in charges.FEES else None)
    if line.bills in charges.FEES and ends is not None:
        fees = charges.fees_through(contract.document_id, case.terms, line.line, period_of(ends))
        by_period: dict[str, int] = {}
        for fee in fees:
            period = period_of(fee.first)
            by_period[period] = by_period.get(period, 0) + fee.amount.minor
        rows = list(by_period.items())
    elif line.fee is not None and ends is not None and ends >= case.starts:
        rows = straight_line(line.fee.minor, case.starts, ends)
    else:
        return None
    if not rows or line.revenue == "as_billed":
        return None
    return RevenueSchedule(
        kind="revenue_schedule",
        document_id=case.schedule_id,
        legal_entity=contract.legal_entity,
        region=case.project.region,
        business_unit=case.project.business_unit,
        accounting_date=charges.last_of(case.period),
        project_id=case.project.document_id,
        contract_id=contract.document_id,
        currency=contract.currency,
        contract_line=line.line,
        method=line.revenue,
        lines=tuple(
            ScheduleLine(period=period, amount=Money(minor, contract.currency)) for period, minor in rows
        ),
    )


def _revenue(entry: JournalEntry) -> int:
    """What an entry recognises: credits of revenue, debits taken off."""
    return -sum(line.amount.minor for line in entry.lines if line.account == "REVENUE")


def _by_contract(kept: Sequence[Kept]) -> tuple[dict[str, list[Kept]], dict[str, list[Kept]]]:
    """Documents by the contract they name, and hours by their project: looked at once, not once a line."""
    of_contract: dict[str, list[Kept]] = {}
    hours: dict[str, list[Kept]] = {}
    for one in kept:
        if isinstance(one.document, TimeEntry):
            hours.setdefault(one.document.project_id, []).append(one)
        else:
            of_contract.setdefault(str(getattr(one.document, "contract_id", "")), []).append(one)
    return of_contract, hours
