"""Gathers what live causes are judged by: the records of both ERPs, and what the journal knows beside them.

Which work an invoice billed, each ERP says itself (`Record.billed`). Which invoice a payment, credit memo or
write-off settles, the journal says: it accepted the document that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from router.connectors.port import Record
from router.dualrun.live_causes import JournalFacts, LiveFacts
from router.journal.billing_facts import Kept
from router.model import SystemId

SETTLING = ("payment", "credit_memo", "write_off")


class Journal(Protocol):
    """What is asked of the journal."""

    async def kept(self, kinds: Sequence[str], *, legal_entity: str | None = None) -> Sequence[Kept]:
        """Accepted documents of some kinds of an entity."""
        ...

    async def conflicts(self) -> list[dict[str, Any]]:
        """Recorded conflicts of ownership."""
        ...

    async def shadow_states(
        self, *, target: SystemId, entities: Sequence[str]
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(kind, our id) to (state, reason) of shadow deliveries."""
        ...


async def gather(
    journal: Journal,
    *,
    legacy: Sequence[Record],
    cloud: Sequence[Record],
    target: SystemId,
    entities: Sequence[str],
    tax_rates: Mapping[str, int],
) -> LiveFacts:
    """All of it; `legacy` and `cloud` are the records of every kind of these entities, `target` is the cloud ERP."""
    invoice_of: dict[tuple[str, str], str] = {}
    for entity in entities:
        for kept in await journal.kept(SETTLING, legal_entity=entity):
            document = kept.document
            invoice = getattr(document, "invoice_id", None)
            if invoice:
                invoice_of[(document.kind, document.document_id)] = str(invoice)
    conflicts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in await journal.conflicts():
        conflicts.setdefault((str(row["kind"]), str(row["document_id"])), []).append(row)
    shadow = await journal.shadow_states(target=target, entities=entities)
    facts = JournalFacts(invoice_of=invoice_of, conflicts=conflicts)
    return LiveFacts.of(legacy, cloud, shadow, tax_rates=tax_rates, journal=facts)
