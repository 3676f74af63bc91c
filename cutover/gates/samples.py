"""Whether a transaction stands in an ERP as it was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.canonical.kinds import KINDS
from router.connectors.port import Record
from router.journal.gate_facts import Followed

READ_AS: Mapping[str, str] = {"billing_event": "invoice"}
"""What an ERP made of it, and knows by the same id."""
GONE = ("cancelled", "reversed")
SETTLED = ("posted", "refused", "dead")


def sampled(found: Sequence[Followed], samples: int) -> dict[str, list[Followed]]:
    """The first of each kind, in the order of the path."""
    picked: dict[str, list[Followed]] = {}
    for one in found:
        of_kind = picked.setdefault(one.kind, [])
        if len(of_kind) < samples:
            of_kind.append(one)
    return {kind: picked[kind] for kind in KINDS if kind in picked}


def problem_of(sample: Followed, records: Mapping[str, Record]) -> str:
    """What is wrong with a sample in the ERP; empty: nothing."""
    if sample.state != "posted":
        return f"its delivery is {sample.state.replace('_', ' ')}"
    record = records.get(sample.external_id) or records.get(sample.document_id)
    if record is None:
        return "the ERP does not have it"
    if record.status in GONE:
        return f"the ERP has it {record.status}"
    if record.legal_entity != sample.legal_entity:
        return f"the ERP has it in {record.legal_entity}, it was sent for {sample.legal_entity}"
    return _money(sample, record)


def _money(sample: Followed, record: Record) -> str:
    held = [minor for minor in (record.net_minor, record.total_minor) if minor is not None]
    # What has no amount of its own can't be held to one: a master, the order to bill.
    if not sample.currency or not sample.amount_minor or not held or sample.kind in READ_AS:
        return ""
    if record.currency and record.currency != sample.currency:
        return f"the ERP has it in {record.currency}, it was sent in {sample.currency}"
    # An ERP that keeps hundredths of hours is off by half of one at most.
    slack = 1 + (record.rate_minor or 0) // 200 if record.hundredths is not None else 0
    if min(abs(minor - sample.amount_minor) for minor in held) > slack:
        return f"the ERP has {held[-1]} minor units of it, {sample.amount_minor} were sent"
    return ""
