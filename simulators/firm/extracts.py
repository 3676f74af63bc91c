"""The user's own firm, from a folder of exports: what `build` invents, read from their files instead.

Bad rows, doubles and rows that refer to nothing are left out and listed; what the files do not say is
filled by stated defaults, which `Firm.assumptions` repeats with the number of rows they touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulators.firm.entities import dimensions_of, entities_of, systems_of
from simulators.firm.extract_mapping import BadExtracts, read_mapping
from simulators.firm.extract_notes import Notes
from simulators.firm.extract_parties import Parties, milestones_of
from simulators.firm.extract_rows import Errors, Reader, RowError
from simulators.firm.extract_values import Known
from simulators.firm.extract_work import WorkDone
from simulators.firm.firm import Firm
from simulators.firm.names import Names
from simulators.firm.projects import opportunities_of

__all__ = ["BadExtracts", "RowError", "read_extracts"]


def read_extracts(folder: Path | str, landscape: Mapping[str, Any]) -> tuple[Firm, list[RowError]]:
    """The firm of a folder with mapping.yaml, and every row that was left out.

    Raises BadExtracts when mapping.yaml can't be used; whatever the data files hold is listed instead.
    """
    folder = Path(folder)
    mapping = read_mapping(folder)
    entities, dimensions = entities_of(landscape), dimensions_of(landscape)
    errors = Errors()
    reader = Reader(folder, known=Known(entities, dimensions), errors=errors)
    notes = Notes(mapping, reader, errors)
    parties = Parties(entities, dimensions, notes)

    customers = notes.made("customers.csv", "customer_id", parties.customer)
    people = notes.made("people.csv", "person_id", parties.person)
    terms = {str(row.values["contract_id"]): row for row in notes.first("contracts.csv", "contract_id")}
    clients = {row.customer_id: row for row in customers}
    projects = notes.made("projects.csv", "project_id", lambda row: parties.project(row, clients, terms))
    cards = parties.cards(projects, people)
    projects, contracts = parties.contracts(projects, terms, cards)
    work = WorkDone(people=people, projects=projects, customers=customers, entities=entities, notes=notes)
    month, time = work.time(mapping.month)
    expenses, open_invoices = work.expenses(month), work.open_invoices()
    if projects:
        notes.state("every project has a won deal in the CRM with an invented amount, which reaches no ERP")
        notes.state("time and expenses are handed in but not approved when the rehearsed days begin")
    firm = Firm(
        month=month,
        entities=entities,
        dimensions=dimensions,
        systems=systems_of(landscape),
        customers=tuple(customers),
        rate_cards=tuple(cards.values()),
        contracts=tuple(contracts),
        projects=tuple(replace(row, tasks=work.tasks_of(row.project_id)) for row in projects),
        people=tuple(people),
        time=tuple(time),
        expenses=tuple(expenses),
        milestones=milestones_of(projects, contracts, terms, month),
        opportunities=opportunities_of(
            projects, contracts, customers, month=month, wins=0, seed=0, names=Names(0)
        ),
        open_invoices=tuple(open_invoices),
        assumptions=notes.told(),
    )
    return firm, errors.listed()
