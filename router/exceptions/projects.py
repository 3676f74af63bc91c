"""Reads what is known of a project, for its blockers."""

from __future__ import annotations

from typing import Any

from router.canonical.masters import Contract, Project, RateCard
from router.clock import Clock
from router.errors import NotFound
from router.exceptions.blockers import Open, ProjectFacts, Standing, billing_blockers, start_blockers
from router.exceptions.decisions import Filter, Judged
from router.exceptions.service import Desk
from router.journal.journal import Journal
from router.workflows.close_out import CloseOut
from router.workflows.directory import Directory
from router.workflows.period_book import PeriodBook


class Blockers:
    """Says why a project can't start and why it can't be billed."""

    def __init__(
        self,
        *,
        journal: Journal,
        directory: Directory,
        desk: Desk,
        close_out: CloseOut,
        periods: PeriodBook,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._directory = directory
        self._desk = desk
        self._close_out = close_out
        self._periods = periods
        self._clock = clock

    async def of(self, project_id: str) -> dict[str, Any]:
        """The blockers of a project; raises NotFound where nothing at all is known by that name."""
        facts = await self._facts(project_id)
        start, bill = start_blockers(facts), billing_blockers(facts)
        return {
            "project_id": project_id,
            "can_start": not start,
            "can_be_billed": not bill,
            "start": [one.as_row() for one in start],
            "billing": [one.as_row() for one in bill],
            "unbilled": [
                {"kind": one.kind, "document_id": one.document_id, "why": one.why}
                for one in facts.open
                if one.state == "unbilled"
            ],
        }

    async def _facts(self, project_id: str) -> ProjectFacts:
        exceptions = await self._desk.chosen(Filter())
        project = await self._directory.find(Project, project_id)
        if project is None:
            mine = [one for one in exceptions if project_id in (one.raised.project_id, one.raised.about)]
            if not mine:
                raise NotFound(
                    f"there is no project {project_id[:80]!r}", mend="send it, or look at its deal"
                )
            return ProjectFacts(
                project_id=project_id,
                legal_entity=mine[0].raised.legal_entity,
                masters=[Standing(kind="project", document_id=project_id, state=None)],
                exceptions=mine,
                open=[_of_exception(one) for one in mine],
                by_transaction=_by_transaction(mine),
            )
        contract = await self._directory.find(Contract, project.contract_id)
        card_id = contract.rate_card_id if contract is not None else None
        card = await self._directory.find(RateCard, card_id) if card_id else None
        masters = [
            await self._standing("customer", project.customer_id),
            await self._standing("contract", project.contract_id),
            *([await self._standing("rate_card", card_id)] if card_id else []),
            await self._standing("project", project_id),
        ]
        await self._periods.freshen()
        today = self._clock.now().date()
        period = self._periods.calendars.on(project.legal_entity, today)
        items = await self._close_out.open_items(project_id)
        return ProjectFacts(
            project_id=project_id,
            legal_entity=project.legal_entity,
            masters=masters,
            process_failed=await self._failed(masters[-1].transaction_id),
            exceptions=exceptions,
            open=[
                Open(
                    kind=one.kind, document_id=one.document_id, state=str(one.state), why=one.why, mend=one.mend,
                    transaction_id=one.transaction_id,
                )
                for one in items
            ],
            billing=contract.billing if contract is not None else "",
            rate_card_currency=(card.currency, project.currency)
            if card is not None and card.currency != project.currency
            else None,
            period=period.name,
            period_state=self._periods.state_on(project.legal_entity, today),
            by_transaction=_by_transaction(exceptions),
        )  # fmt: skip

    async def _standing(self, kind: str, document_id: str) -> Standing:
        """How the newest transaction of a master stands."""
        rows = [await self._journal.transaction(one) for one in await self._journal.find(document_id)]
        mine = [row for row in rows if row is not None and row["kind"] == kind]
        if not mine:
            return Standing(kind=kind, document_id=document_id, state=None)
        row = mine[-1]
        decided = row["decisions"][-1] if row["decisions"] else {}
        jobs = [job for job in row["jobs"] if job["role"] == "authority"]
        return Standing(
            kind=kind,
            document_id=document_id,
            state=row["state"],
            target=row["authority"] or "",
            transaction_id=row["transaction_id"],
            why=(jobs[-1]["why"] if jobs else "") or str(decided.get("why", "")),
            cancelled=row["verb"] == "cancelled",
        )

    async def _failed(self, transaction_id: str) -> str:
        row = await self._journal.transaction(transaction_id) if transaction_id else None
        process = (row or {}).get("process") or {}
        return str(process.get("why") or "it failed") if process.get("step") == "failed" else ""


def _by_transaction(exceptions: list[Judged]) -> dict[str, Judged]:
    return {
        one.raised.transaction_id: one
        for one in exceptions
        if one.raised.transaction_id == one.raised.exception_id
    }


def _of_exception(one: Judged) -> Open:
    raised = one.raised
    return Open(
        kind=raised.kind,
        document_id=raised.about or "",
        state=raised.state,
        why=raised.problem or raised.why,
        mend="",
        transaction_id=raised.transaction_id or "",
    )
