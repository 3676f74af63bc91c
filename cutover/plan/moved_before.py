"""What of a plan an earlier one has moved already, by the route table in force. Pure, given a decision."""

from __future__ import annotations

from collections.abc import Callable

from cutover.plan.footing import BILLED
from cutover.plan.model import Plan
from router.canonical.documents import Document
from router.canonical.examples import example
from router.landscape import Landscape
from router.model import Decision


def moved_before(plan: Plan, landscape: Landscape, decide: Callable[[Document], Decision]) -> list[str]:
    """Entities (and units) of the plan's waves whose work the new ERP owns before the run begins.

    A run takes its waves to stand in the old ERP: its dual run would send such work back there.
    """
    found: list[str] = []
    for wave in plan.waves:
        kinds = [kind for kind in wave.all_kinds if kind in BILLED] or list(wave.all_kinds)
        for entity in wave.entities:
            for unit in wave.business_units or landscape.business_units:
                where = {
                    "legal_entity": entity,
                    "region": landscape.legal_entities[entity].region,
                    "business_unit": unit,
                    "accounting_date": plan.window.opens.date(),
                }
                moved = [
                    kind
                    for kind in kinds
                    if decide(example(kind).model_copy(update=where)).authority == plan.target
                ]
                if moved:
                    found.append(f"{moved[0]} of {entity} {unit}")
    return found
