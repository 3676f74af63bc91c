"""What live causes are judged by: both ERPs' records, and what the journal knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.connectors.port import Record
from router.dualrun.live_causes.habits import Learned, learn
from router.model import SystemId

Key = tuple[str, str]
"""Kind and our id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """What the journal knows that no ERP tells."""

    invoice_of: Mapping[Key, str] = field(default_factory=dict)
    """The invoice, by its document id, that a payment, credit memo or write-off names."""
    conflicts: Mapping[Key, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Recorded conflicts of ownership by document: attribute, sender, owner, kept and offered value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpFacts:
    """One ERP's documents and how it reckons."""

    system: SystemId
    records: Mapping[Key, Record]
    learned: Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFacts:
    """All of it."""

    legacy: ErpFacts
    cloud: ErpFacts
    tax_rates: Mapping[str, int]
    """Basis points by our tax code."""
    shadow: Mapping[Key, tuple[str, str]] = field(default_factory=dict)
    """State and reason of the shadow delivery of a document."""
    journal: JournalFacts = field(default_factory=JournalFacts)
    settling: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    """What settles an invoice, by the invoice's document id."""

    @classmethod
    def of(
        cls,
        legacy_records: Sequence[Record],
        cloud_records: Sequence[Record],
        shadow_states: Mapping[Key, tuple[str, str]],
        *,
        tax_rates: Mapping[str, int],
        journal: JournalFacts | None = None,
    ) -> LiveFacts:
        """Learn both ERPs' habits from their records; the first of several with one key stands for them."""
        journal = journal or JournalFacts()
        settling: dict[str, list[Key]] = {}
        for key, invoice in journal.invoice_of.items():
            settling.setdefault(invoice, []).append(key)
        return cls(
            legacy=_erp(legacy_records, tax_rates),
            cloud=_erp(cloud_records, tax_rates),
            tax_rates=tax_rates,
            shadow=shadow_states,
            journal=journal,
            settling={invoice: tuple(sorted(keys)) for invoice, keys in settling.items()},
        )

    def habits(self) -> list[dict[str, Any]]:
        """How both ERPs reckon, with the evidence, for a report."""
        return [erp.learned.to_json(erp.system) for erp in (self.legacy, self.cloud)]

    def pair(self, kind: str, external_id: str) -> tuple[Record, Record] | None:
        """Both ERPs' records of a document; None when one of them has none."""
        old, new = (
            self.legacy.records.get((kind, external_id)),
            self.cloud.records.get((kind, external_id)),
        )
        return None if old is None or new is None else (old, new)


def _erp(records: Sequence[Record], tax_rates: Mapping[str, int]) -> ErpFacts:
    by_key: dict[Key, Record] = {}
    for record in records:
        by_key.setdefault((record.kind, record.external_id), record)
    system = records[0].system if records else SystemId("")
    return ErpFacts(system=system, records=by_key, learned=learn(records, tax_rates))
