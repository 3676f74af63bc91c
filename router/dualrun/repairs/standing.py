"""What is known of a document when it is to be corrected: rows of both ERPs, deliveries, the firm's own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.canonical.documents import Document
from router.connectors.port import Record
from router.dualrun.policy import SIDES, Side

SHOWN = (
    "vendor_id", "number", "status", "accounting_date", "currency", "net_minor", "tax_minor", "total_minor",
    "minutes", "project_id", "customer_id",
)  # fmt: skip
"""What of a row must not move between proposal and correction."""
UNDER_WAY = ("queued", "in_flight", "in_doubt", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The newest delivery of a document to one ERP."""

    state: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One document as it stands everywhere."""

    kind: str
    document_id: str
    """Our id in the ERPs: what the key of a break says."""
    rows: Mapping[Side, tuple[Record, ...]]
    """What each ERP holds under that id, corrections set off."""
    document: Document | None = None
    """As the firm accepted it; None: the journal does not know it."""
    transaction_id: str = ""
    """Of what was delivered: the billing event of an invoice."""
    owner: Side | None = None
    sent: Mapping[Side, Sent] = field(default_factory=dict)


def state_of_rows(rows: Mapping[Side, Sequence[Record]]) -> dict[str, str]:
    """Every figure of the rows a correction is made from, as text; no row is said as such."""
    state: dict[str, str] = {}
    for side in SIDES:
        held = sorted(rows.get(side, ()), key=lambda row: row.vendor_id)
        if not held:
            state[side] = "nothing"
        for at, row in enumerate(held, 1):
            for name in SHOWN:
                value = getattr(row, name)
                if value not in (None, ""):
                    state[f"{side} {at} {name}"] = str(value)
            for name, coded in sorted(row.dimensions.items()):
                state[f"{side} {at} {name}"] = coded
            if row.lines:
                summed = sum(int(line.get("net_minor") or 0) for line in row.lines)
                state[f"{side} {at} lines"] = f"{len(row.lines)} lines, {summed} net_minor"
    return state


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is no longer as it was, one sentence each; empty when nothing moved."""
    return [
        f"{name}: {before.get(name, 'nothing')} before, {now.get(name, 'nothing')} now"
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    ]
