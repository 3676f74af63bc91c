"""Charges between entities: work on another entity's project brings two ledger entries along.

The legs are accepted in the commit that accepts the work, under ids derived from it; each is routed by
its own entity, so they may go to two ERPs. Work of a person who is not known yet has no legs: the match
of due-from and due-to finds it (`leg-missing`), and `POST /v1/processes/charge-intercompany` adds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from router.canonical.kinds import Kind
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Project, Resource
from router.canonical.money import Money
from router.canonical.work import ExpenseItem, TimeEntry
from router.finance import fx
from router.finance.identity import beyond_id
from router.finance.intercompany import (
    Side,
    Work,
    amount,
    corrected,
    leg_ids,
    legs,
    markup,
    owed,
    quantity,
)
from router.journal.journal import Journal
from router.journal.port import Submission
from router.landscape import Landscape
from router.workflows.directory import Directory
from router.workflows.period_book import PeriodBook
from router.workflows.port import Along
from router.workflows.submissions import own_submission

SOURCE = "/coexist/intercompany"
_ROUNDS = 6
"""Times two calendars may push the date on in turn until both books are open."""


class IntercompanyLegs:
    """The companion of time and expenses that makes the legs."""

    kinds: frozenset[Kind] = frozenset({"time_entry", "expense_item"})

    def __init__(
        self, *, landscape: Landscape, journal: Journal, directory: Directory, book: PeriodBook
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._directory = directory
        self._book = book

    async def along(self, submission: Submission) -> Along:
        """Both legs after work that crosses entities; nothing for a repeat, which has its legs already."""
        work = submission.document
        if not isinstance(work, TimeEntry | ExpenseItem):
            return (), ()
        sides = await self.sides(work)
        if sides is None:
            return (), ()
        known = await self._journal.documents(work.kind, [work.document_id])
        if work.document_id in known:
            return (), ()
        return (), await self.charge(work)

    async def sides(self, work: Work) -> tuple[str, str] | None:
        """(provider, receiver) of work that crosses entities; None when it does not, or nobody knows."""
        return await self.between(work.resource_id, work.project_id, work.legal_entity)

    async def between(self, resource_id: str, project_id: str, legal_entity: str) -> tuple[str, str] | None:
        """(provider, receiver) of work somebody does for a project; `legal_entity`: its own, if the project is unknown."""
        resource = await self._directory.find(Resource, resource_id)
        if resource is None or resource.legal_entity not in self._landscape.legal_entities:
            return None
        project = await self._directory.find(Project, project_id)
        receiver = project.legal_entity if project else legal_entity
        return None if resource.legal_entity == receiver else (resource.legal_entity, receiver)

    async def uncharged(self, work: Work) -> Sequence[Submission]:
        """The legs of a piece of accepted work that has none: its person was not known when it came."""
        if work.part_of is not None:
            return ()  # charged with the whole it is a part of
        first, _ = leg_ids(work.kind, work.document_id)
        known = await self._journal.documents("journal_entry", [first])
        return () if known else await self.charge(await self._whole(work))

    async def _whole(self, work: Work) -> Work:
        """A piece of work as it was sent, before a cap, a retainer or the expense policy split it."""
        name = beyond_id(work.document_id)
        rest = (await self._journal.documents(work.kind, [name])).get(name)
        if isinstance(work, TimeEntry) and isinstance(rest, TimeEntry):
            return work.model_copy(update={"minutes": work.minutes + rest.minutes})
        if isinstance(work, ExpenseItem) and isinstance(rest, ExpenseItem):
            return work.model_copy(update={"amount": work.amount + rest.amount})
        return work

    async def charge(self, work: Work) -> Sequence[Submission]:
        """The legs of a piece of work, as submissions; none when it does not cross, or is worth nothing."""
        sides = await self.sides(work)
        resource = await self._directory.find(Resource, work.resource_id)
        if sides is None or resource is None:
            return ()
        provider, receiver = sides
        original, taken = await self._taken_back(work)
        charged = taken or amount(work, resource, markup(self._landscape.intercompany, provider, receiver))
        if not charged.minor:
            return ()
        made = legs(
            work,
            charged=charged,
            provider=self._side(provider, charged.currency, work.accounting_date),
            receiver=self._side(receiver, charged.currency, work.accounting_date),
            resource=resource,
            project=await self._directory.find(Project, work.project_id),
            on=work.accounting_date,
            reverses=original if taken else None,
        )
        on = self._open_in_both(made)
        if on != work.accounting_date:
            made = (
                made[0].model_copy(update={"accounting_date": on}),
                made[1].model_copy(update={"accounting_date": on}),
            )
        return tuple(
            own_submission(
                leg,
                source=SOURCE,
                event_id=leg.document_id,
                verb="posted",
                correlation_id=f"intercompany:{work.document_id}",
            )
            for leg in made
        )

    def _side(self, entity: str, currency: str, on: date) -> Side:
        known = self._landscape.legal_entities[entity]
        return Side(
            legal_entity=entity, region=known.region, exchange_rate=self._rate(currency, known.currency, on)
        )

    def _rate(self, currency: str, own: str, on: date) -> Decimal | None:
        """The spot rate into an entity's own currency; without one its ERP converts by its own table."""
        if currency == own:
            return None
        group = self._landscape.group_currency
        found = fx.rate(self._landscape.fx_rates, "spot", currency, own, on, group=group)
        return None if found is None else fx.as_rate(found)

    async def _taken_back(self, work: Work) -> tuple[str, Money | None]:
        """The work whose charge a correction takes back, and how much of it; None: it is priced by itself.

        What was split at a cap was charged as a whole, so its parts are corrected against the whole,
        the second for what the first leaves.
        """
        if work.adjusts is None:
            return "", None
        part = (await self._journal.documents(work.kind, [work.adjusts])).get(work.adjusts)
        root = part.part_of if isinstance(part, TimeEntry | ExpenseItem) and part.part_of else work.adjusts
        names = [root, beyond_id(root)]
        parts = {
            name: quantity(one)
            for name, one in (await self._journal.documents(work.kind, names)).items()
            if isinstance(one, TimeEntry | ExpenseItem)
        }
        whole = sum(parts.values())
        before = parts.get(root, 0) if work.adjusts != root else 0
        first, _ = leg_ids(work.kind, root)
        leg = (await self._journal.documents("journal_entry", [first])).get(first)
        charged = owed(leg) if isinstance(leg, JournalEntry) else None
        return root, corrected(work, whole=whole, charged=charged, before=before)

    def _open_in_both(self, made: tuple[JournalEntry, JournalEntry]) -> date:
        """The first day from the work's own on which both books take their leg, so that both show it at once."""
        on = made[0].accounting_date
        for _ in range(_ROUNDS):
            moved = on
            for leg in made:
                moved = self._book.first_open(leg.legal_entity, moved, leg) or moved
            if moved == on:
                break
            on = moved
        return on
