"""Who and what stands in the extracts: customers, people, projects, contracts, prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from simulators.firm.entities import cost_center, month_end
from simulators.firm.extract_notes import Notes
from simulators.firm.extract_rows import Row
from simulators.firm.extract_values import MAX_ID
from simulators.firm.model import (
    Bills,
    Contract,
    ContractLine,
    Customer,
    Dimensions,
    Entity,
    MilestoneRow,
    Person,
    Project,
    Rate,
    RateCard,
)
from simulators.firm.prices import COST_PERCENT, ROLES, hour_minor

ROLE = "CONSULTANT"
TERMS_DAYS = 30
PROJECT_START = date(2026, 1, 1)
PRICES_START = date(2000, 1, 1)
"""Assumed prices hold for every work date."""


class Parties:
    """Makes masters of rows, with stated defaults for what the rows do not say."""

    def __init__(self, entities: Mapping[str, Entity], dimensions: Dimensions, notes: Notes) -> None:
        self._entities = entities
        self._dimensions = dimensions
        self._notes = notes
        self._rows: dict[str, Row] = {}

    def customer(self, row: Row) -> Customer:
        """A customer; currency and country default to the entity's."""
        values, notes = row.values, self._notes
        entity = self._entities[values["legal_entity"]]
        unit = self._dimensions.business_units[0]
        sentence = f"a customer's payment terms are {TERMS_DAYS} days"
        return Customer(
            customer_id=values["customer_id"],
            entity=entity.code,
            business_unit=notes.value(row, "business_unit", unit, f"a customer's business unit is {unit}"),
            name=values["name"],
            currency=notes.value(row, "currency", entity.currency, "a customer's currency is the entity's"),
            country=notes.value(row, "country", entity.country, "a customer's country is the entity's"),
            tax_registration=values.get("tax_registration"),
            terms_days=notes.value(row, "payment_terms_days", TERMS_DAYS, sentence),
            email=values.get("email"),
            address=values.get("address"),
        )

    def person(self, row: Row) -> Person | None:
        """A person; the cost rate defaults to a share of the role's list price."""
        values, notes = row.values, self._notes
        entity = self._entities[values["legal_entity"]]
        unit, first = self._dimensions.business_units[0], self._dimensions.departments[0]
        role = notes.value(row, "role", ROLE, f"a person's role is {ROLE}")
        currency = values.get("currency", entity.currency)
        department = notes.value(row, "department", first, f"a person's department is {first}")
        if "cost_rate" in values:
            cost = notes.minor("people.csv", row, "cost_rate", currency)
        else:
            notes.default(f"an hour of a person costs {COST_PERCENT}% of the role's list price")
            cost = hour_minor(role, currency) * COST_PERCENT // 100
        if cost is None:
            return None
        return Person(
            person_id=values["person_id"],
            entity=entity.code,
            business_unit=notes.value(row, "business_unit", unit, f"a person's business unit is {unit}"),
            name=values["name"],
            role=role,
            department=department,
            cost_center=self._center(row, entity.code, department),
            currency=currency,
            cost_minor=cost,
            email=values.get("email"),
        )

    def project(
        self, row: Row, customers: Mapping[str, Customer], contracts: Mapping[str, Row]
    ) -> Project | None:
        """A project of a known customer; entity, currency and unit default to the customer's."""
        values, notes, dimensions = row.values, self._notes, self._dimensions
        customer = customers.get(values["customer_id"])
        if customer is None:
            why, mend = "is none of the customers that were read", "add or mend it in customers.csv"
            notes.refuse("projects.csv", row, "customer_id", why, mend)
            return None
        contract_id = values.get("contract_id")
        if contract_id is not None and contract_id not in contracts:
            why, mend = "is none of the contracts that were read", "add or mend it in contracts.csv"
            notes.refuse("projects.csv", row, "contract_id", why, mend)
            return None
        self._rows[values["project_id"]] = row
        entity = notes.value(row, "legal_entity", customer.entity, "a project's entity is its customer's")
        department = self._first(row, "department", dimensions.departments)
        sentence = "a project without a contract runs by the hour under one of its own"
        return Project(
            project_id=values["project_id"],
            customer_id=customer.customer_id,
            contract_id=notes.value(row, "contract_id", "", sentence),
            entity=entity,
            business_unit=notes.value(
                row, "business_unit", customer.business_unit, "a project's business unit is its customer's"
            ),
            name=values["name"],
            currency=notes.value(
                row, "currency", customer.currency, "a project's currency is its customer's"
            ),
            starts=notes.value(row, "starts", PROJECT_START, f"a project starts on {PROJECT_START}"),
            ends=values.get("ends"),
            department=department,
            practice=self._first(row, "practice", dimensions.practices),
            service_line=self._first(row, "service_line", dimensions.service_lines),
            cost_center=self._center(row, entity, department),
            manager=values.get("manager"),
            tasks=(),
        )

    def _first(self, row: Row, field: str, codes: Sequence[str]) -> str:
        sentence = f"a project's {field.replace('_', ' ')} is {codes[0]}"
        return str(self._notes.value(row, field, codes[0], sentence))

    def _center(self, row: Row, entity: str, department: str) -> str:
        default = cost_center(entity, department, self._dimensions)
        sentence = "a cost centre follows from entity and department"
        return str(self._notes.value(row, "cost_center", default, sentence))

    def cards(self, projects: Sequence[Project], people: Sequence[Person]) -> dict[tuple[str, str], RateCard]:
        """(entity, currency) → list prices of every role that occurs."""
        roles = tuple(dict.fromkeys([*ROLES, *(row.role for row in people)]))
        odd = [role for role in roles if role not in ROLES]
        found: dict[tuple[str, str], RateCard] = {}
        for code, currency in dict.fromkeys((row.entity, row.currency) for row in projects):
            short = f"RC-{code}-{currency}"
            found[code, currency] = RateCard(
                rate_card_id=short if len(short) <= MAX_ID else f"RC-{len(found) + 1:04d}-{currency}",
                entity=code,
                business_unit=self._dimensions.business_units[0],
                currency=currency,
                name=f"Assumed list prices {currency}",
                rates=tuple(
                    Rate(role=role, hourly_minor=hour_minor(role, currency), starts=PRICES_START)
                    for role in roles
                ),
            )
        if found:
            self._notes.state("rate cards were not given; hours are billed at assumed list prices by role")
        if odd:
            self._notes.state(f"roles without a list price cost as much as {ROLE}: {', '.join(odd[:20])}")
        return found

    def contracts(
        self, projects: Sequence[Project], rows: Mapping[str, Row], cards: Mapping[tuple[str, str], RateCard]
    ) -> tuple[list[Project], list[Contract]]:
        """Projects with their contract named, and the contracts; a project without usable terms is refused."""
        named: list[Project] = []
        made: dict[str, Contract] = {}
        taken = set(rows)
        for at, project in enumerate(projects, start=1):
            contract_id = project.contract_id or _own_id(project.project_id, at, taken)
            taken.add(contract_id)
            contract = made.get(contract_id)
            if contract is None:
                card = cards[project.entity, project.currency]
                contract = self._contract(contract_id, project, rows.get(contract_id), card)
            if contract is None:
                self._refuse_terms(project, f"its contract {contract_id} was refused", "mend the contract")
                continue
            theirs = (contract.customer_id, contract.currency, contract.entity)
            if theirs != (project.customer_id, project.currency, project.entity):
                why = f"its contract {contract_id} is {theirs[0]}'s, in {theirs[1]}, with {theirs[2]}"
                self._refuse_terms(project, why, "give the project a contract of its own")
                continue
            made[contract_id] = contract
            named.append(replace(project, contract_id=contract_id))
        return named, list(made.values())

    def _refuse_terms(self, project: Project, why: str, mend: str) -> None:
        self._notes.refuse("projects.csv", self._rows[project.project_id], "contract_id", why, mend)

    def _contract(
        self, contract_id: str, project: Project, row: Row | None, card: RateCard
    ) -> Contract | None:
        values = row.values if row is not None else {}
        entity = self._entities[project.entity]
        fixed = values.get("billing") == "fixed_fee"
        amount = None
        if row is not None and "amount" in values:
            amount = self._notes.minor("contracts.csv", row, "amount", project.currency)
            if amount is None:
                return None
        if fixed and row is not None and (amount is None or amount <= 0):
            why, mend = "a fixed fee needs an amount above zero", "fill it in, or bill by the hour"
            self._notes.refuse("contracts.csv", row, "amount", why, mend)
            return None

        def line(number: int, bills: Bills, description: str, fee: int | None) -> ContractLine:
            return ContractLine(
                line=number,
                bills=bills,
                description=description,
                tax_code=entity.tax_code,
                service_line=project.service_line,
                amount_minor=fee,
            )

        step = str(values.get("milestone", "Fixed fee"))
        work = (
            line(1, "milestones", step, amount) if fixed else line(1, "time", "Services by the hour", amount)
        )
        return Contract(
            contract_id=contract_id,
            customer_id=project.customer_id,
            entity=project.entity,
            business_unit=project.business_unit,
            currency=project.currency,
            billing="fixed_fee" if fixed else "time_and_materials",
            rate_card_id=card.rate_card_id,
            starts=values.get("starts", project.starts),
            ends=values.get("ends", project.ends),
            purchase_order=values.get("purchase_order"),
            lines=(work, line(2, "expenses", "Travel and expenses at cost", None)),
        )


def _own_id(project_id: str, at: int, taken: set[str]) -> str:
    for wanted in (f"K-{project_id.removeprefix('P-')}"[:16], f"K-{at:06d}"):
        if wanted not in taken:
            return wanted
    return f"K-OWN-{at:06d}"


def milestones_of(
    projects: Sequence[Project], contracts: Sequence[Contract], rows: Mapping[str, Row], month: date
) -> tuple[MilestoneRow, ...]:
    """The fixed fees that fall due in the month, each on the first project of its contract."""
    project_of = {row.contract_id: row.project_id for row in reversed(projects)}
    found: list[MilestoneRow] = []
    for contract in contracts:
        row = rows.get(contract.contract_id)
        due_on = row.values.get("due_on") if row is not None else None
        if contract.billing != "fixed_fee" or due_on is None or not month <= due_on <= month_end(month):
            continue
        line = contract.lines[0]
        found.append(
            MilestoneRow(
                milestone_id=len(found) + 1,
                project_id=project_of[contract.contract_id],
                contract_id=contract.contract_id,
                contract_line=line.line,
                name=line.description,
                amount_minor=line.amount_minor or 0,
                currency=contract.currency,
                due_on=due_on,
            )
        )
    return tuple(found)
