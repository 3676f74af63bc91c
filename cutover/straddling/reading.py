"""Reads what lies across the switches of a run from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import text

from cutover.checks.facts import Facts
from cutover.checks.nothing_lost import state_of
from cutover.plan.model import Plan
from cutover.plan.stages import NEW
from cutover.reading import reading
from cutover.straddling.facts import Across, ErpWork, Half, Move, Straddler
from router.canonical.money import Money

FOLLOWED = (
    "invoice",
    "billing_event",
    "time_entry",
    "expense_item",
    "milestone",
    "journal_entry",
)
"""Kinds that other documents refer to."""
REFERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "payment": (("invoice", "invoice_id"),),
    "credit_memo": (("invoice", "invoice_id"),),
    "write_off": (("invoice", "invoice_id"),),
    "invoice": (("invoice", "rebills"),),
    "time_entry": (("time_entry", "adjusts"),),
    "expense_item": (("expense_item", "adjusts"),),
    "journal_entry": (("journal_entry", "reverses"),),
}
"""Kind → the kind and the field of what it refers to; the checker's own reading of the documents."""
DAYS = ("work_date", "expense_date", "completed_on", "paid_on")
_LATE = "SELECT seq, ordering_key, canonical FROM transactions WHERE seq >= :first AND canonical IS NOT NULL ORDER BY seq"
_HALVES = (
    "SELECT ordering_key, legal_entity, authority, currency, count(*), sum(amount_minor) FROM transactions"
    " WHERE kind IN ('time_entry','expense_item') AND authority IS NOT NULL"
    " GROUP BY ordering_key, legal_entity, authority, currency ORDER BY ordering_key, authority, currency"
)
_PROJECTS = (
    "SELECT kind, document_id, ordering_key FROM transactions"
    " WHERE kind IN ('time_entry','expense_item','milestone') AND document_id IS NOT NULL"
)


def read_across(
    url: str, facts: Facts, plan: Plan, *, run_id: str | None = None, work: Sequence[ErpWork] | None = None
) -> Across:
    """What the cases are told from; `work` is what the ERPs themselves hold, where they were asked."""
    moves = _moves(facts, plan, run_id or plan.name)
    first = next((move.at for move in moves if move.stage in NEW), None)
    last = {row.seq: row for row in facts.decisions}
    late = {seq: row for seq, row in last.items() if first is not None and row.at >= first}
    straddlers: list[Straddler] = []
    halves: list[Half] = []
    projects: dict[tuple[str, str], str] = {}
    if late:
        known = {row.seq: row for row in facts.transactions}
        states = state_of(facts)
        redated = {
            row.seq: (str(row.detail["from"]), str(row.detail["to"]), str(row.detail["state"]))
            for row in facts.history
            if row.what == "late" and row.seq is not None
        }
        with reading(url) as connection:
            for seq, key, canonical in connection.execute(text(_LATE), {"first": min(late)}):
                if seq not in late:
                    continue
                straddlers.append(
                    _straddler(known[seq], late[seq], orjson.loads(canonical), str(key), states, redated)
                )
            halves = [
                Half(project_id=r[0], legal_entity=r[1], authority=r[2], currency=r[3], count=int(r[4]), minor=int(r[5]))
                for r in connection.execute(text(_HALVES))
            ]  # fmt: skip
            projects = {(str(r[0]), str(r[1])): str(r[2]) for r in connection.execute(text(_PROJECTS))}
    authority = {
        (row.kind, row.document_id): row.authority
        for row in facts.transactions
        if row.kind in FOLLOWED and row.document_id and row.authority
    }
    worth = {
        row.document_id: (row.currency, row.amount_minor)
        for row in facts.transactions
        if row.kind == "milestone" and row.document_id
    }
    straddlers = [_priced(one, worth) if one.milestones else one for one in straddlers]
    return Across(
        source=plan.source,
        target=plan.target,
        moves=moves,
        straddlers=straddlers,
        authority=authority,
        halves=halves,
        work=work,
        projects=projects,
    )


def _priced(bill: Straddler, worth: Mapping[str, tuple[str, int]]) -> Straddler:
    """A request to bill milestones with what they are worth: it has no amount of its own."""
    known = [worth[one] for one in bill.milestones if one in worth]
    if not known:
        return bill
    return replace(bill, currency=known[0][0], amount_minor=sum(minor for _, minor in known))


def _moves(facts: Facts, plan: Plan, run_id: str) -> list[Move]:
    found = []
    for row in facts.steps:
        if row.run_id != run_id or row.event != "stage" or not row.data["stage"]:
            continue
        wave = plan.wave(row.data["wave"])
        found.append(
            Move(
                at=row.at,
                entities=tuple(row.data.get("entities") or wave.entities),
                business_units=wave.business_units,
                kinds=tuple(row.data["kinds"]) or wave.kinds,
                stage=row.data["stage"],
            )
        )
    return found


def _straddler(
    row: Any,
    decided: Any,
    data: Mapping[str, Any],
    project: str,
    states: Mapping[int, str],
    redated: Mapping[int, tuple[str, str, str]],
) -> Straddler:
    refers = next(
        ((kind, str(data[field])) for kind, field in REFERS.get(row.kind, ()) if data.get(field)), None
    )
    amount = row.amount_minor
    if row.kind == "journal_entry":
        # An entry sums to nothing: what it is about is its debits, the same in both legs of a charge.
        lines = [Money.parse(str(line["amount"]), row.currency).minor for line in data["lines"]]
        amount = sum(minor for minor in lines if minor > 0)
    return Straddler(
        seq=row.seq,
        kind=row.kind,
        document_id=row.document_id or "",
        legal_entity=row.legal_entity,
        business_unit=str(data.get("business_unit") or ""),
        accounting_date=row.accounting_date,
        day=next((str(data[name]) for name in DAYS if data.get(name)), row.accounting_date),
        currency=row.currency,
        amount_minor=amount,
        authority=row.authority or "",
        rule=decided.rule,
        decided_at=decided.at,
        state=states[row.seq],
        project_id=str(data.get("project_id") or project),
        refers_to=refers,
        corrects=bool(data.get("adjusts")),
        counterparty=str(data.get("counterparty") or "") if data.get("purpose") == "intercompany" else "",
        milestones=tuple(str(one) for one in data.get("milestone_ids") or ()),
        redated=redated.get(row.seq),
    )
