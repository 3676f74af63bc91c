"""The last part of a load: opening balances, posted to the new ERP as one entry an entity and currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cutover.loading import opening
from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult
from router.canonical.documents import Document
from router.connectors.port import Balance
from router.journal.port import Scope
from router.model import SystemId


async def load_balances(ground: Ground, step: Step, scope: Scope, as_of: str, result: StepResult) -> Gate:
    """Post what the new ERP's trial balance lacks of the old one's, and tie both out; the gate.

    The entries go through the journal to the new ERP alone. Begun again, they are found there, not posted again.
    Raises StepFailed for balances that can't be posted, VendorUnknown.
    """
    plan = ground.plan
    old = await _balances(ground, plan.source, scope, as_of)
    lacking = opening.missing(old, await _balances(ground, plan.target, scope, as_of), step.accounts)
    await ground.note(step, "opening balances", {"as_of": as_of, "missing": _shown(lacking)})
    loading = (await ground.controls()).loading()
    projects = await loading.known(scope, ("project", "customer"))
    posted = []
    for place, rows in lacking.items():
        if said := opening.problem_of(rows):
            raise StepFailed(f"opening balances of {place[0]} in {place[1]}: {said}")
        like = _like(projects, place[0])
        document = opening.entry(
            place, rows, as_of=as_of, region=like.region, business_unit=like.business_unit
        )
        if await loading.post(document, target=plan.target, by=ground.by):
            posted.append(document.document_id)
    await ground.until_drained(scope, (plan.target,))
    gate, table = opening.tie_out(old, await _balances(ground, plan.target, scope, as_of), step.accounts)
    result.evidence |= {"opening_entries": posted, "opening_balances": table}
    return gate


async def _balances(ground: Ground, system: SystemId, scope: Scope, as_of: str) -> Sequence[Balance]:
    measures = (await ground.controls()).measures()
    found = await measures.balances(system, entities=scope.entities, as_of=date.fromisoformat(as_of))
    if found is None:
        raise StepFailed(f"{system} can't be asked for a trial balance")
    return found


def _like(documents: Sequence[Document], entity: str) -> Document:
    """A document of the entity, for the region and unit its entries are of."""
    found = next((one for one in documents if one.legal_entity == entity), None)
    if found is None:
        raise StepFailed(f"{entity} has no project or customer that says which region its books belong to")
    return found


def _shown(lacking: dict[opening.Place, dict[str, int]]) -> list[dict[str, object]]:
    return [
        {"legal_entity": entity, "currency": currency, "minor": rows}
        for (entity, currency), rows in lacking.items()
    ]
