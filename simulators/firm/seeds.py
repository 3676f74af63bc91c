"""Rows for the source systems of a landscape: each vendor's in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.firm.kantata_rows import kantata_rows
from simulators.firm.salesforce_rows import salesforce_rows
from simulators.firm.worker_rows import worker_rows

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

VENDORS = {"kantata": kantata_rows, "salesforce": salesforce_rows, "worker_feed": worker_rows}


def seed_rows(firm: Firm) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """System name in the landscape → object → rows, for the systems the firm starts in."""
    return {firm.systems[vendor]: rows(firm) for vendor, rows in VENDORS.items() if vendor in firm.systems}
