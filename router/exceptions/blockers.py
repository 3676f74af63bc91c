"""What keeps a project from starting and from being billed: facts in, blockers out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.exceptions.catalogue import CATALOGUE
from router.exceptions.decisions import Judged, facts_of
from router.exceptions.guidance import QUEUES, Queue

BILLS_WORK = frozenset(
    {"time_entry", "expense_item", "milestone", "charge", "billing_event", "change_order", "contract"}
)
"""Kinds that keep a project from being billed while their ERP does not have them."""
ON_ITS_WAY = frozenset({"queued", "in_flight", "in_doubt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that is in the way."""

    code: str
    what: str
    """What is in the way, in one sentence."""
    system: str
    mend: str
    queue: Queue | None
    """Whose move it is; None: nobody's, it goes on by itself."""
    kind: str = ""
    document_id: str = ""
    transaction_id: str = ""
    exception_id: str = ""

    def as_row(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "code": self.code,
            "what": self.what,
            "where": self.system,
            "mend": self.mend,
            "queue": self.queue,
            "whose": QUEUES[self.queue] if self.queue is not None else "nobody: it goes on by itself",
            "kind": self.kind,
            "document_id": self.document_id,
            "transaction_id": self.transaction_id,
            "exception": self.exception_id or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a master of the project stands."""

    kind: str
    document_id: str
    state: str | None
    """The state of its newest transaction; None: it was never sent."""
    target: str = ""
    transaction_id: str = ""
    why: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Something of the project that its ERP does not have, or has not billed."""

    kind: str
    document_id: str
    state: str
    why: str
    mend: str
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What is known of a project."""

    project_id: str
    legal_entity: str
    masters: Sequence[Standing]
    """Customer, contract, rate card (where the contract has one) and the project itself."""
    process_failed: str = ""
    """Why its initiate-project process failed; empty: it did not."""
    exceptions: Sequence[Judged] = ()
    """Open exceptions that are about its masters, or about the project."""
    open: Sequence[Open] = ()
    billing: str = ""
    """How its contract bills."""
    rate_card_currency: tuple[str, str] | None = None
    """(rate card's, project's) where they differ."""
    period: str = ""
    period_state: str = "open"
    """How the period of today stands."""
    by_transaction: Mapping[str, Judged] = field(default_factory=dict)
    """Open exceptions of transactions, by their transaction."""


def start_blockers(facts: ProjectFacts) -> list[Blocker]:
    """Why work on the project can't be posted; empty: it can."""
    found = [
        _of_master(master, facts) for master in facts.masters if master.state != "posted" or master.cancelled
    ]
    if facts.process_failed:
        found.append(
            Blocker(
                code="process-failed",
                what=f"setting the project up failed and was taken back: {facts.process_failed}",
                system="CRM (Salesforce)",
                mend="mend what failed, then close the opportunity again as a new deal",
                queue="pmo",
                kind="project",
                document_id=facts.project_id,
            )
        )
    named = {one.exception_id for one in found}
    about = {(master.kind, master.document_id) for master in facts.masters}
    for one in facts.exceptions:
        raised = one.raised
        if (raised.kind, raised.about) in about and raised.exception_id not in named:
            found.append(of_exception(one))
    return found


def billing_blockers(facts: ProjectFacts) -> list[Blocker]:
    """Why what was done on the project can't be billed, or not all of it; empty: it can."""
    found = [_of_open(one, facts) for one in facts.open if one.kind in BILLS_WORK and one.state != "unbilled"]
    if facts.rate_card_currency is not None:
        theirs, ours = facts.rate_card_currency
        entry = CATALOGUE["rate-card-currency"]
        found.append(
            Blocker(
                code=entry.code,
                what=f"the rate card is in {theirs}, the project in {ours}",
                system=entry.system,
                mend=entry.mend,
                queue=entry.queue,
                kind="contract",
            )
        )
    if facts.period_state != "open":
        found.append(
            Blocker(
                code="period-closed",
                what=f"period {facts.period} of {facts.legal_entity} is {facts.period_state.replace('_', ' ')}",
                system="router (period book)",
                mend=f"bill with a date in an open period, or POST /v1/periods/{facts.legal_entity}/{facts.period}:reopen",
                queue="finance-operations",
            )
        )
    waiting = any(one.state == "unbilled" for one in facts.open)
    if facts.billing == "fixed_fee" and not any(one.kind == "milestone" for one in facts.open):
        entry = CATALOGUE["milestone-incomplete"]
        found.append(
            Blocker(
                code=entry.code,
                what="no milestone is completed that is not billed already",
                system=entry.system,
                mend="complete the milestone in the PSA; the invoice follows",
                queue=entry.queue,
                kind="milestone",
            )
        )
    elif not waiting:
        found.append(
            Blocker(
                code="nothing-to-bill",
                what="the ERP has nothing unbilled of the project",
                system="PSA (Kantata)",
                mend="have the work approved there, or mend what is listed here; else nothing is due",
                queue="pmo",
            )
        )
    return found


def of_exception(one: Judged) -> Blocker:
    """An exception as a blocker, with its guidance."""
    raised = one.raised
    told = CATALOGUE[raised.type].filled(facts_of(raised))
    return Blocker(
        code=raised.type,
        what=told["what_is_wrong"],
        system=told["system"],
        mend=told["mend"],
        queue=CATALOGUE[raised.type].queue,
        kind=raised.kind,
        document_id=raised.about or "",
        transaction_id=raised.transaction_id or "",
        exception_id=raised.exception_id,
    )


def _of_master(master: Standing, facts: ProjectFacts) -> Blocker:
    known = facts.by_transaction.get(master.transaction_id)
    if known is not None:
        return of_exception(known)
    named = f"{master.kind.replace('_', ' ')} {master.document_id}"
    if master.state is None:
        entry = CATALOGUE.get(f"{master.kind.replace('_', '-')}-unknown", CATALOGUE["prerequisite-missing"])
        return Blocker(
            code=f"{master.kind.replace('_', '-')}-unknown",
            what=f"{named} was never sent",
            system="CRM (Salesforce), or POST /v1/transactions",
            mend=f"send the {master.kind.replace('_', ' ')}",
            queue=entry.queue,
            kind=master.kind,
            document_id=master.document_id,
        )
    if master.cancelled:
        what, mend, queue = f"{named} was cancelled", f"send {named} again", "pmo"
    elif master.state in ON_ITS_WAY:
        what, mend, queue = f"{named} is on its way to {master.target}", "wait, then ask again", None
    else:
        what, mend, queue = (
            f"{named} is {master.state}{': ' + master.why if master.why else ''}",
            "release the hold" if master.state == "held" else "mend and replay it",
            "integration-support",
        )
    return Blocker(
        code=f"{master.kind.replace('_', '-')}-not-posted",
        what=what,
        system=master.target or "router",
        mend=mend,
        queue=queue,  # type: ignore[arg-type]  # the queues' own names
        kind=master.kind,
        document_id=master.document_id,
        transaction_id=master.transaction_id,
    )


def _of_open(one: Open, facts: ProjectFacts) -> Blocker:
    known = facts.by_transaction.get(one.transaction_id)
    if known is not None:
        return of_exception(known)
    return Blocker(
        code="not-posted" if one.state in ON_ITS_WAY else f"work-{one.state.replace('_', '-')}",
        what=f"{one.kind.replace('_', ' ')} {one.document_id}: {one.why}",
        system="router",
        mend=one.mend,
        queue=None if one.state in ON_ITS_WAY else "integration-support",
        kind=one.kind,
        document_id=one.document_id,
        transaction_id=one.transaction_id,
    )
