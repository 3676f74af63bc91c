"""What a billing event and a milestone need before they are accepted, and the fees that come along.

Fixed fee: an invoice names its completed milestones and waits for each. Retainer and subscription: the
fees that fell due come with the billing event, in the same commit and before it, once a month for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from router.canonical.billing import BillingEvent
from router.canonical.masters import Contract
from router.canonical.reference import period_of
from router.canonical.work import Charge, Milestone
from router.clock import Clock
from router.errors import FeeExceeded, NotCompleted
from router.finance import charges
from router.finance.charges import Fee
from router.finance.milestones import beyond_fee, fee_draw
from router.finance.terms import in_force
from router.journal.billing_facts import Kept
from router.journal.journal import Journal
from router.journal.port import Submission
from router.landscape import Landscape
from router.model import State
from router.workflows.agreements import Agreements
from router.workflows.port import Along
from router.workflows.submissions import own_submission, parked

SOURCE = "/coexist/billing"
_GONE = (State.REFUSED, State.DEAD)


class MilestoneTerms:
    """A milestone is completed, and within the fee of its line."""

    kinds: frozenset[str] = frozenset({"milestone"})
    alone = False

    def __init__(
        self, *, journal: Journal, agreements: Agreements, landscape: Landscape, clock: Clock
    ) -> None:
        self._journal = journal
        self._agreements = agreements
        self._landscape = landscape
        self._clock = clock

    async def look(self, submission: Submission) -> Submission:
        """A milestone with what it draws on; raises NotCompleted, FeeExceeded.

        The fee is counted again in the commit that accepts it: what two gateways took at once beyond
        the fee is parked there, in the same words.
        """
        milestone = submission.document
        if not isinstance(milestone, Milestone):
            return submission
        zone = ZoneInfo(self._landscape.legal_entities[milestone.legal_entity].time_zone)
        # A PSA states the day in UTC, which in the Americas' evening is tomorrow already.
        moment = self._clock.now()
        if milestone.completed_on > max(moment.date(), moment.astimezone(zone).date()):
            raise NotCompleted(
                f"completed_on: {milestone.completed_on} is yet to come in {milestone.legal_entity}",
                mend="send the milestone when it is completed",
            )
        contract = await self._agreements.contract_of(milestone.project_id)
        if contract is None or contract.document_id != milestone.contract_id:
            return submission
        now = in_force(await self._agreements.terms(contract), milestone.completed_on)
        line = next((one for one in now.lines if one.line == milestone.contract_line), None)
        draw = fee_draw(contract.document_id, line) if line is not None else None
        if draw is None:
            return submission
        if not await self._journal.master("milestone", milestone.document_id):
            used = (await self._journal.registers([draw.register])).get(draw.register, 0)
            if milestone.amount.minor > draw.bound_minor - used:
                raise FeeExceeded(beyond_fee(milestone, draw.bound_minor - used))
        return replace(submission, draw=draw)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A fee and the contract and project it is charged on."""

    contract: Contract
    project_id: str
    fee: Fee

    @property
    def month(self) -> tuple[str, int, str]:
        """Contract, line and month it is charged for."""
        return self.contract.document_id, self.fee.line.line, period_of(self.fee.first)


class BillingTerms:
    """Fills in what an invoice is for; and accepts the fees that fell due along with it.

    A vet and a companion: the vet names the charges, the companion brings those that are new.
    """

    kinds: frozenset[str] = frozenset({"billing_event"})
    alone = False

    def __init__(self, *, journal: Journal, agreements: Agreements) -> None:
        self._journal = journal
        self._agreements = agreements

    async def look(self, submission: Submission) -> Submission:
        """A billing event that names its milestones and charges; what its sender named stays.

        One that names a milestone its ERP does not have is parked, and sent on when it does.
        """
        event = submission.document
        if not isinstance(event, BillingEvent):
            return submission
        missing = await self._missing(event)
        if missing:
            return parked(
                submission,
                f"billing event {event.document_id} waits for milestone {', '.join(missing)}: complete it in the"
                " PSA; it goes on by itself when the ERP has it",
                NotCompleted.code,
            )
        named: dict[str, tuple[str, ...]] = {}
        contracts = await self._contracts(event)
        if not event.milestone_ids and any(
            line.bills == "milestones" for _, one in contracts for line in one.lines
        ):
            named["milestone_ids"] = tuple(await self._milestones(event))
        if not event.charge_ids and any(
            line.bills in charges.FEES for _, one in contracts for line in one.lines
        ):
            named["charge_ids"] = tuple(await self._charge_ids(event))
        if not any(named.values()):
            return submission
        return replace(
            submission,
            document=event.model_copy(update=named),
            as_sent=submission.as_sent or event,
        )

    async def along(self, submission: Submission) -> Along:
        """The charges a billing event names that do not exist yet: before it, in its commit."""
        event = submission.document
        if not isinstance(event, BillingEvent) or not event.charge_ids:
            return [], []
        due = await self._due(event)
        # A month whose price changes is charged in parts, all at once, though only those begun are billed.
        named = {one.month for one in due if one.fee.charge_id in event.charge_ids}
        return [_submitted(_charge(one, event), event) for one in due if one.month in named], []

    async def _missing(self, event: BillingEvent) -> list[str]:
        """Milestones it names that are not posted; none where it was accepted before."""
        if not event.milestone_ids or await self._journal.master("billing_event", event.document_id):
            return []
        projects = [event.project_id, *event.with_projects]
        kept = await self._journal.kept(["milestone"], projects=projects)
        posted = {one.document.document_id for one in kept if one.state is State.POSTED}
        return [name for name in event.milestone_ids if name not in posted]

    async def _contracts(self, event: BillingEvent) -> list[tuple[str, Contract]]:
        """Every contract the event bills, with the first of its projects."""
        found: dict[str, tuple[str, Contract]] = {}
        for project_id in (event.project_id, *event.with_projects):
            contract = await self._agreements.contract_of(project_id)
            if contract is not None:
                found.setdefault(contract.document_id, (project_id, contract))
        return list(found.values())

    async def _milestones(self, event: BillingEvent) -> list[str]:
        """Completed milestones of its projects that no invoice names."""
        projects = [event.project_id, *event.with_projects]
        kept = await self._journal.kept(["milestone", "billing_event"], projects=projects)
        taken = _named(kept, event, "milestone_ids")
        return [
            one.document.document_id
            for one in kept
            if isinstance(one.document, Milestone)
            and one.state not in _GONE
            and one.document.completed_on <= event.through
            and one.document.document_id not in taken
        ]

    async def _charge_ids(self, event: BillingEvent) -> list[str]:
        """Charges that fell due and no invoice names: those that exist, and those that come along."""
        projects = [event.project_id, *event.with_projects]
        kept = await self._journal.kept(["charge", "billing_event"], projects=projects)
        taken = _named(kept, event, "charge_ids")
        standing = [
            one.document.document_id
            for one in kept
            if isinstance(one.document, Charge)
            and one.state not in _GONE
            and one.document.service_from <= event.through
            and one.document.document_id not in taken
        ]
        due = [one.fee for one in await self._due(event)]
        return standing + [fee.charge_id for fee in due if fee.first <= event.through]

    async def _due(self, event: BillingEvent) -> list[_Due]:
        found: list[_Due] = []
        for project_id, contract in await self._contracts(event):
            kept = await self._journal.kept(["charge"], contract_id=contract.document_id)
            charged = {one.document.document_id for one in kept}
            fees = charges.due(
                contract.document_id,
                await self._agreements.terms(contract),
                period=event.period,
                through=event.through,
                charged=charged,
            )
            found += [_Due(contract=contract, project_id=project_id, fee=fee) for fee in fees]
        return found


def _named(kept: Sequence[Kept], event: BillingEvent, field: str) -> set[str]:
    """What other billing events are for, unless their ERP refused them."""
    return {
        name
        for one in kept
        if isinstance(one.document, BillingEvent)
        and one.state not in _GONE
        and one.document.document_id != event.document_id
        for name in getattr(one.document, field)
    }


def _charge(due: _Due, event: BillingEvent) -> Charge:
    fee = due.fee
    return Charge(
        kind="charge",
        document_id=fee.charge_id,
        legal_entity=event.legal_entity,
        region=event.region,
        business_unit=event.business_unit,
        accounting_date=event.accounting_date,
        project_id=due.project_id,
        contract_id=due.contract.document_id,
        contract_line=fee.line.line,
        name=f"{fee.line.description} {fee.first} to {fee.last}"[:255],
        amount=fee.amount,
        currency=fee.amount.currency,
        service_from=fee.first,
        service_until=fee.last,
    )


def _submitted(charge: Charge, event: BillingEvent) -> Submission:
    return own_submission(
        charge,
        source=SOURCE,
        event_id=charge.document_id,
        verb="fell_due",
        correlation_id=f"billing:{event.document_id}",
    )
