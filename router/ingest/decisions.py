"""Pure checks of what came in against the landscape: facts in, verdicts out."""

from __future__ import annotations

from router.canonical.documents import Document
from router.errors import BadInput
from router.landscape import Landscape
from router.model import Decision

YEARS = range(1990, 2100)
"""Years an accounting date may lie in: a typo such as 0206 or 9999 is refused before an ERP stumbles on it."""


def check(document: Document, landscape: Landscape) -> None:
    """Refuse a document whose entity, region, unit or year the landscape does not allow.

    Fiscal periods are not its business: they change while the router runs (`workflows.period_book`).
    """
    entity = landscape.legal_entities.get(document.legal_entity)
    if entity is None:
        raise BadInput(
            f"legal_entity: there is no {document.legal_entity!r}",
            mend="use one of " + ", ".join(landscape.legal_entities),
        )
    if document.region != entity.region:
        raise BadInput(
            f"region: {document.region!r} is not the region of {document.legal_entity}",
            mend=f"use {entity.region!r}",
        )
    if document.business_unit not in landscape.business_units:
        raise BadInput(
            f"business_unit: there is no {document.business_unit!r}",
            mend="use one of " + ", ".join(landscape.business_units),
        )
    if document.accounting_date.year not in YEARS:
        raise BadInput(
            f"accounting_date: {document.accounting_date} lies outside the years {YEARS[0]} to {YEARS[-1]}",
            mend="check the year",
        )


def route_of(decision: Decision | None) -> dict[str, object] | None:
    """A decision as the API shows it."""
    if decision is None:
        return None
    return {
        "rule": decision.rule,
        "table_version": decision.table_version,
        "authority": decision.authority,
        "shadow": decision.shadow,
        "hold": decision.hold,
        "why": decision.why,
    }
