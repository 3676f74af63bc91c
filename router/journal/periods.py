"""Fiscal periods in the journal: how each stands, who closed it and why, and the guard at acceptance.

A close takes the entity's fence exclusively, an acceptance holds it shared and reads the states after
that (as D6 has it for switches). So once a close returned, no gateway accepts another document into
the period: one that was judged while it was open is turned away, or parked where nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from router.canonical import Document
from router.canonical.kinds import Kind
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.fence import note
from router.journal.schema import RESTING
from router.journal.words import checked, cleaned, document_of, from_json, id_text

States = Mapping[tuple[str, str], str]
"""(legal entity, period) to `soft_closed` or `closed`; an open one is left out."""
Late = Callable[[Document, States], bool]
"""Pure: whether a document may not enter the period it lies in, as the periods stand."""
_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodMark:
    """How a period is to stand from now on."""

    legal_entity: str
    period: str
    state: str
    """`open`, `soft_closed` or `closed`."""
    by: str
    why: str
    detail: Mapping[str, Any]
    """What the history is to say beside it: blockers that were overridden, who approved; `was`: how it stood
    where nobody marked it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A document of a period, with how its delivery stands."""

    transaction_id: str
    document: Document
    state: str
    accepted_at: str
    authority: str | None
    code: str
    why: str


class WorkDone(NamedTuple):
    """Who worked for what: the little of a time entry or expense that tells whether it crosses entities."""

    kind: Kind
    document_id: str
    legal_entity: str
    accounting_date: str
    project_id: str
    resource_id: str


class Periods(JournalCore):
    """What closing the books asks of the journal."""

    async def periods(self) -> list[dict[str, Any]]:
        """Every period somebody closed or re-opened: legal_entity, period, state, by, why, at; sorted."""
        return await self._read(_periods)

    async def mark_period(self, mark: PeriodMark) -> None:
        """Set how a period stands, linearizably with every acceptance of its entity."""
        await self._do(_mark, mark)

    async def entered(
        self,
        kinds: Iterable[Kind],
        *,
        first: str,
        last: str,
        entity: str | None = None,
        posted: bool = True,
        names: Container[tuple[Kind, str]] | None = None,
    ) -> list[Entered]:
        """Documents of some kinds with accounting date in [first, last], oldest first.

        `posted` False: only those that are in no ERP yet, which at month-end are few of many.
        `names`: only these, by (kind, document id).
        """
        which = "" if posted else f" AND {_STATE} <> 'posted'"
        return await self._read(_entered, tuple(kinds), first, last, entity, which, names)

    async def work_done(self, *, first: str, last: str) -> list[WorkDone]:
        """All time entries and expenses dated in [first, last], oldest first, without reading them whole."""
        return await self._read(_work_done, first, last)

    async def worked(self, *, accepted_before: str) -> list[dict[str, Any]]:
        """Time entries accepted before an instant: `accepted_at` and the canonical `entry`, oldest first.

        One that was parked is as good as accepted when it was completed: no payroll knew it before.
        """
        return await self._read(_worked, accepted_before)

    async def unread(self) -> list[dict[str, Any]]:
        """Transactions parked without a document, with what was received: oldest first."""
        return await self._read(_unread)


def _periods(tx: Transaction) -> list[dict[str, Any]]:
    names = ("legal_entity", "period", "state", "by", "why", "at")
    rows = tx.rows(
        "SELECT legal_entity, period, state, actor, why, at FROM periods ORDER BY legal_entity, period"
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _mark(tx: Transaction, mark: PeriodMark) -> None:
    tx.dialect.lock(tx, [f"entity:{mark.legal_entity}"], shared=False)
    by, why = checked(mark.by, "by"), cleaned(mark.why, 2_000)
    stood = tx.rows(
        "SELECT state FROM periods WHERE legal_entity = ? AND period = ?", (mark.legal_entity, mark.period)
    )
    tx.insert(
        "periods",
        "legal_entity,period,state,actor,why,at",
        [(checked(mark.legal_entity, "legal_entity"), mark.period, mark.state, by, why, tx.now)],
        "ON CONFLICT (legal_entity, period) DO UPDATE SET state = excluded.state,"
        " actor = excluded.actor, why = excluded.why, at = excluded.at",
    )
    detail: dict[str, object] = {"legal_entity": mark.legal_entity, "period": mark.period, "by": by}
    was = {"was": stood[0][0]} if stood else {}
    note(tx, None, f"period {mark.state}", detail | {"why": why, **mark.detail, **was})


def not_open(tx: Transaction, entities: Iterable[str]) -> dict[tuple[str, str], str]:
    """The periods of these entities that are soft or hard closed; the fence must be held already."""
    names = sorted(set(entities))
    if not names:
        return {}
    rows = tx.among(
        "SELECT legal_entity, period, state FROM periods WHERE state <> 'open' AND {any}",
        "legal_entity",
        names,
    )
    return {(entity, period): state for entity, period, state in rows}


def _entered(
    tx: Transaction,
    kinds: tuple[Kind, ...],
    first: str,
    last: str,
    entity: str | None,
    which: str,
    names: Container[tuple[Kind, str]] | None,
) -> list[Entered]:
    chosen, values = (
        ("", (first, last)) if entity is None else (" AND t.legal_entity = ?", (first, last, entity))
    )
    chosen += which
    rows = tx.among(
        f"SELECT t.seq, t.canonical, t.schema_version, {_STATE}, t.accepted_at, t.authority,"
        " coalesce(j.code, ''), coalesce(j.why, ''), t.kind, t.document_id FROM transactions AS t"
        " LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE t.canonical IS NOT NULL"
        f" AND t.accounting_date >= ? AND t.accounting_date <= ?{chosen} AND {{any}} ORDER BY t.seq",
        "t.kind",
        list(kinds),
        *values,
    )
    return [
        Entered(
            transaction_id=id_text(seq),
            document=document_of(canonical, version),
            state=state,
            accepted_at=accepted_at,
            authority=authority,
            code=code,
            why=why,
        )
        for seq, canonical, version, state, accepted_at, authority, code, why, kind, document_id in rows
        if names is None or (kind, document_id) in names
    ]


def _work_done(tx: Transaction, first: str, last: str) -> list[WorkDone]:
    rows = tx.among(
        "SELECT kind, document_id, legal_entity, accounting_date, canonical FROM transactions"
        " WHERE canonical IS NOT NULL AND accounting_date >= ? AND accounting_date <= ? AND {any} ORDER BY seq",
        "kind",
        ["time_entry", "expense_item"],
        first,
        last,
    )
    found = []
    for kind, document_id, entity, day, canonical in rows:
        # Both fields are what every version of these kinds has.
        work = from_json(canonical)
        found.append(WorkDone(kind, document_id, entity, day, work["project_id"], work["resource_id"]))
    return found


def _worked(tx: Transaction, accepted_before: str) -> list[dict[str, Any]]:
    rows = tx.rows(
        "SELECT accepted_at, canonical, CASE WHEN problem = '' THEN NULL ELSE (SELECT max(h.at) FROM history AS h"
        " WHERE h.seq = transactions.seq AND h.what = 'completed') END FROM transactions"
        " WHERE kind = 'time_entry' AND transactional = 1 AND canonical IS NOT NULL AND accepted_at < ? ORDER BY seq",
        (accepted_before,),
    )
    return [
        {"accepted_at": completed or at, "entry": from_json(canonical)}
        for at, canonical, completed in rows
        if (completed or at) < accepted_before
    ]


def _unread(tx: Transaction) -> list[dict[str, Any]]:
    rows = tx.rows(
        "SELECT seq, kind, legal_entity, problem, problem_code, received FROM transactions"
        f" WHERE {RESTING} AND state = 'parked' AND canonical IS NULL ORDER BY seq"
    )
    names = ("transaction_id", "kind", "legal_entity", "problem", "code", "received")
    return [
        dict(zip(names, (id_text(seq), *rest, bytes(received).decode("utf-8", "replace")), strict=True))
        for seq, *rest, received in rows
    ]
