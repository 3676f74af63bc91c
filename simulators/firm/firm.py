"""The firm and what can be asked of it: master data events and rows for the source systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from simulators.firm.masters import master_events
from simulators.firm.model import (
    Assignment,
    Contact,
    Contract,
    Customer,
    Dimensions,
    Entity,
    ExpenseRow,
    MilestoneRow,
    OpenInvoice,
    Opportunity,
    Person,
    Project,
    RateCard,
    TimeRow,
)
from simulators.firm.seeds import seed_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """The whole of it: one month of a services firm's business."""

    month: date
    """The first day of the month being closed."""
    entities: Mapping[str, Entity]
    dimensions: Dimensions
    systems: Mapping[str, str]
    """Vendor → the system's name in the landscape."""
    customers: tuple[Customer, ...]
    rate_cards: tuple[RateCard, ...]
    contracts: tuple[Contract, ...]
    projects: tuple[Project, ...]
    people: tuple[Person, ...]
    time: tuple[TimeRow, ...]
    expenses: tuple[ExpenseRow, ...]
    milestones: tuple[MilestoneRow, ...]
    contacts: tuple[Contact, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    open_invoices: tuple[OpenInvoice, ...] = ()
    assumptions: tuple[str, ...] = ()
    """What was filled in because the user's extracts did not say; empty for the fictional firm."""

    def masters(self) -> list[dict[str, Any]]:
        """CloudEvents of the initial load, in the order documents need each other."""
        return master_events(self)

    def seeds(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """System name → object → rows for the simulators' `/_sim/seed`."""
        return seed_rows(self)
