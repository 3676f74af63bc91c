"""Load: from the old ERP into the new one, staged with control totals and tied out to the minor unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cutover.loading import decisions
from cutover.loading.decisions import KINDS_OF, Row, Staged
from cutover.plan.steps import LoadObject, Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult
from cutover.runner.steps.balances import load_balances
from router.canonical.documents import Document
from router.clock import from_text, to_text
from router.connectors.port import Record
from router.errors import VendorRefused, VendorUnknown
from router.journal.port import Scope
from router.model import SystemId

WHOLE = ("0001-01-01", "9999-12-31")
"""Everything an ERP holds, whatever its date."""


async def load(ground: Ground, step: Step, result: StepResult) -> None:
    """Extract the step's objects from the old ERP, load them through the journal, tie both ERPs out.

    Staged totals are recorded before anything is delivered. What the new ERP has already is not delivered again,
    so a load that was cut off may be begun again. Rows that can't be loaded are listed and fail the tie-out.
    """
    if not step.objects:
        raise StepFailed("a load that names no objects loads nothing")
    as_of = step.as_of or (await ground.now()).date().isoformat()
    if ground.mode == "dry":
        await ground.note(step, "would load", {"objects": list(step.objects), "as_of": as_of})
        return
    # Masters are loaded whatever kinds of document the wave moves: these need them.
    scope, plan = replace(ground.scope(step), kinds=()), ground.plan
    await ground.until_drained(scope, (plan.source,))
    extracted_at = to_text(await ground.now())
    try:
        staged = [await _stage(ground, scope, name, as_of) for name in step.objects if name in KINDS_OF]
        before = [row for one in staged for row in decisions.shown(decisions.totals(one.object, one.rows))]
        await ground.note(step, "staged", {"as_of": as_of, "totals": before})
        result.evidence |= {
            "as_of": as_of,
            "extracted_at": extracted_at,
            "staged": before,
            "left_behind": sum(one.left_behind for one in staged),
        }
        result.evidence["added"] = await _import(ground, scope, staged)
        result.evidence["polls"] = await ground.until_drained(scope, (plan.target,))
        gates = await _tied(ground, scope, staged, result)
        if "opening_balances" in step.objects:
            # Last: what the other objects posted by themselves is not missing any more.
            gates.append(await load_balances(ground, step, scope, as_of, result))
    except VendorUnknown as error:
        raise StepFailed(f"an ERP could not be read: {error.one_line()}") from error
    if not any(one.rows for one in staged) and "opening_balances" not in step.objects:
        gates.append(_nothing())
    ground.judge(result, gates)


async def _stage(ground: Ground, scope: Scope, name: LoadObject, as_of: str) -> Staged:
    """What the old ERP holds of an object, beside what the router knows of it."""
    loading = (await ground.controls()).loading()
    kinds = KINDS_OF[name]
    documents = await loading.known(scope, kinds)
    known = decisions.by_external_id(documents)
    behind = 0
    if name == "work_in_progress":
        invoices = await _held(ground, ground.plan.source, scope, "invoice") or []
        work = [row for kind in kinds for row in await _held(ground, ground.plan.source, scope, kind) or []]
        rows = [decisions.row_of(one) for one in decisions.unbilled(work, invoices, as_of)]
        behind = len(work) - len(rows)
    elif name == "open_items":
        held = {kind: await _held(ground, ground.plan.source, scope, kind) or [] for kind in kinds}
        invoices = decisions.open_invoices(held["invoice"], as_of)
        rows = [decisions.row_of(one) for one in invoices]
        behind = len(held["invoice"]) - len(rows)
        staged = [known[key] for row in rows if (key := (row.kind, row.external_id)) in known]
        applied = decisions.applied_to(documents, staged)
        rows += [
            decisions.row_of(one)
            for kind in decisions.APPLIED
            for one in held[kind]
            if one.status not in decisions.GONE and (one.kind, one.external_id) in applied
        ]
    else:
        rows = await _masters(ground, scope, kinds, documents)
    return Staged(object=name, rows=tuple(rows), documents=known, left_behind=behind)


def history_until(ground: Ground, step: Step) -> datetime | None:
    """Until when the old ERP of a wave has a history of its own; None: no load left any there.

    What a load took over it has tied out; what it left (billed work, paid invoices) the new ERP never gets.
    """
    loads = [
        from_text(one.evidence["extracted_at"])
        for one in ground.results.values()
        if one.step.kind == "load" and one.step.wave == step.wave and one.evidence.get("left_behind")
    ]
    return max(loads, default=None)


async def _masters(
    ground: Ground, scope: Scope, kinds: Sequence[str], documents: Sequence[Document]
) -> list[Row]:
    """Masters of the old ERP; where it can't be asked, those it confirmed to have taken."""
    source, rows = ground.plan.source, []
    for kind in kinds:
        held = await _held(ground, source, scope, kind)
        if held is not None:
            rows += [decisions.row_of(one) for one in held if one.status not in decisions.GONE]
            continue
        mine = [one for one in documents if one.kind == kind]
        names = [(one.kind, one.document_id) for one in mine]
        confirmed = await (await ground.controls()).loading().named(source, names)
        rows += [_row(one) for one in mine if (one.kind, one.document_id) in confirmed]
    # A master that is no document of money has none to tie.
    return [replace(row, currency="", minor=0, minutes=0) for row in rows]


async def _import(ground: Ground, scope: Scope, staged: Sequence[Staged]) -> int:
    """Hand what was staged to the journal; how much was not there before."""
    loading, target = (await ground.controls()).loading(), ground.plan.target
    added = 0
    for one in staged:
        if one.object in decisions.BY_JOBS:
            added += await loading.carry(scope, target, KINDS_OF[one.object])
            continue
        given = _deliverable(one)
        added += await loading.give(target, given, scope=scope, by=ground.by)
    return added


def _deliverable(staged: Staged) -> list[tuple[Document, str]]:
    keys = [(row.kind, row.external_id) for row in staged.rows]
    return [(staged.documents[key], key[1]) for key in keys if key in staged.documents]


async def _tied(ground: Ground, scope: Scope, staged: Sequence[Staged], result: StepResult) -> list[Gate]:
    loading, target = (await ground.controls()).loading(), ground.plan.target
    gates: list[Gate] = []
    table: list[dict[str, Any]] = []
    rejected: list[dict[str, str]] = []
    outcomes = await loading.outcomes(scope, target)
    for one in staged:
        if one.object not in decisions.BY_JOBS:
            await loading.alias(target, _deliverable(one))
        arrived = await _arrived(ground, scope, one, outcomes)
        gate, rows = decisions.tie_out(one, arrived)
        gates.append(gate)
        table += rows
        rejected += decisions.rejected(one, arrived, outcomes)
    result.evidence |= {
        "tie_out": table,
        "rejected": rejected[: decisions.SHOWN],
        "rejected_count": len(rejected),
    }
    return gates


async def _arrived(ground: Ground, scope: Scope, staged: Staged, outcomes: Any) -> list[Row]:
    """What the new ERP has of an object; of a kind it can't be asked for, what it confirmed to have taken."""
    found: list[Row] = []
    for kind in KINDS_OF[staged.object]:
        held = await _held(ground, ground.plan.target, scope, kind)
        if held is None:
            mine = [row for row in staged.rows if row.kind == kind]
            found += [row for row in mine if outcomes.get((row.kind, row.external_id), ("",))[0] == "posted"]
            continue
        rows = [decisions.row_of(one) for one in held if one.status not in decisions.GONE]
        masters = staged.object in decisions.BY_JOBS
        found += [replace(row, currency="", minor=0, minutes=0) if masters else row for row in rows]
    return found


async def _held(ground: Ground, system: SystemId, scope: Scope, kind: str) -> list[Record] | None:
    """What an ERP holds of a kind; None: it can't be asked for it. Raises VendorUnknown."""
    try:
        return (
            await (await ground.controls())
            .measures()
            .held_by(system, kind, entities=scope.entities, since=WHOLE[0], until=WHOLE[1])
        )
    except VendorRefused:
        return None


def _row(document: Document) -> Row:
    return Row(kind=document.kind, external_id=document.document_id, legal_entity=document.legal_entity)


def _nothing() -> Gate:
    return Gate(
        name="something was loaded",
        verdict="inconclusive",
        measured="nothing",
        threshold="at least 1 row",
        why="the old ERP holds nothing of these objects in the scope",
    )
