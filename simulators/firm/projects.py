"""What the firm works on: customers, contracts with their lines, projects with their tasks, deals."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from simulators.firm.contracts import TIME_AND_MATERIALS_PERCENT, contract_of
from simulators.firm.entities import cost_center, month_end, shares
from simulators.firm.model import (
    Billing,
    Contract,
    Customer,
    Dimensions,
    Entity,
    MilestoneRow,
    Opportunity,
    Person,
    Project,
    RateCard,
    Size,
    Task,
    stream,
)
from simulators.firm.names import Names, plain
from simulators.firm.prices import hour_minor

ABROAD_EVERY, ABROAD_AT = 8, 2
"""One client in eight is served across a border, in its own currency."""
PARENT_EVERY = 9
TERMS_DAYS = (14, 30, 30, 30, 45, 60)
TASKS = ("Analysis", "Design", "Build", "Test", "Go-live")
NAME_TRIES = 8
"""Draws of a company name before a number tells two of them apart."""
PROJECT_MANAGEMENT = "Coordination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """All contracts and projects, and the milestones that fall due in the month."""

    contracts: tuple[Contract, ...]
    projects: tuple[Project, ...]
    milestones: tuple[MilestoneRow, ...]


def customers_of(
    entities: dict[str, Entity], dimensions: Dimensions, *, count: int, seed: int, names: Names
) -> tuple[Customer, ...]:
    """`count` customers, each served by one entity: `C-0001`, …"""
    rng = stream(seed, "customers")
    found: list[Customer] = []
    taken: dict[str, int] = {}
    for code, share in shares(count, entities).items():
        for _ in range(share):
            number = len(found) + 1
            home = _home(entities, code, number)
            name = _unused(names, home.country, taken)
            taken[name] = number
            # A few clients belong to a group that the firm serves too.
            parent = found[-1] if number % PARENT_EVERY == 0 and found and found[-1].entity == code else None
            found.append(
                Customer(
                    customer_id=f"C-{number:04d}",
                    entity=code,
                    business_unit=rng.choice(dimensions.business_units),
                    name=name,
                    currency=home.currency,
                    country=home.country,
                    tax_registration=f"{home.country}{rng.randint(100_000_000, 999_999_999)}",
                    terms_days=rng.choice(TERMS_DAYS),
                    email=f"payables.{number}@{plain(name).replace('.', '-') or 'client'}.example",
                    address=names.address(home.country),
                    parent_id=parent.customer_id if parent else None,
                )
            )
    return tuple(found)


def _home(entities: dict[str, Entity], code: str, number: int) -> Entity:
    """Where a client of an entity is at home: now and then abroad, in another of the firm's countries."""
    if number % ABROAD_EVERY != ABROAD_AT or len(entities) < 2:
        return entities[code]
    others = [entity for name, entity in entities.items() if name != code]
    return others[number // ABROAD_EVERY % len(others)]


def _unused(names: Names, country: str, taken: dict[str, int]) -> str:
    name = names.company(country)
    for _ in range(NAME_TRIES):
        if name not in taken:
            return name
        name = names.company(country)
    return f"{name} {len(taken) + 1}"


def portfolio_of(
    entities: dict[str, Entity],
    dimensions: Dimensions,
    *,
    month: date,
    size: Size,
    seed: int,
    names: Names,
    customers: Sequence[Customer],
    people: Sequence[Person],
    cards: Sequence[RateCard],
) -> Portfolio:
    """Contracts and projects per entity: `P-UK01-0042` runs under `K-UK01-0042`."""
    rng = stream(seed, "projects")
    card_of = {(card.entity, card.currency): card for card in cards}
    contracts: list[Contract] = []
    projects: list[Project] = []
    milestones: list[MilestoneRow] = []
    for code, share in shares(size.projects, entities).items():
        clients = [row for row in customers if row.entity == code]
        managers = [row for row in people if row.entity == code and row.role in ("MANAGER", "DIRECTOR")]
        for number in range(1, share + 1):
            # Each client gets a project before any gets a second one.
            client = clients[(number - 1) % len(clients)] if number <= len(clients) else rng.choice(clients)
            manager = rng.choice(managers).name if managers else None
            project = _project(entities[code], dimensions, number, client, manager, month, names.title(), rng)
            card = card_of[(code, project.currency)]
            contract = contract_of(
                entities, project, client, card, number=len(projects) + 1, known=dimensions.tax_codes, rng=rng
            )
            projects.append(project)
            contracts.append(contract)
            milestones.extend(_due(contract, project, month, len(milestones), rng))
    return Portfolio(contracts=tuple(contracts), projects=tuple(projects), milestones=tuple(milestones))


def _project(
    entity: Entity,
    dimensions: Dimensions,
    number: int,
    client: Customer,
    manager: str | None,
    month: date,
    title: str,
    rng: random.Random,
) -> Project:
    at = f"{entity.code}-{number:04d}"
    department = rng.choice(dimensions.departments)
    starts = month - timedelta(days=rng.randint(10, 400))
    tasks = [*rng.sample(TASKS, 2), PROJECT_MANAGEMENT]
    return Project(
        project_id=f"P-{at}",
        customer_id=client.customer_id,
        contract_id=f"K-{at}",
        entity=entity.code,
        business_unit=client.business_unit,
        name=title,
        currency=client.currency,
        starts=starts,
        ends=month + timedelta(days=rng.randint(45, 500)),
        department=department,
        practice=rng.choice(dimensions.practices),
        service_line=rng.choice(dimensions.service_lines),
        cost_center=cost_center(entity.code, department, dimensions),
        manager=manager,
        tasks=tuple(
            Task(task_id=f"T-{at}-{place}", name=name, billable=name != PROJECT_MANAGEMENT)
            for place, name in enumerate(tasks, start=1)
        ),
    )


def _due(
    contract: Contract, project: Project, month: date, count: int, rng: random.Random
) -> list[MilestoneRow]:
    """Two of three fixed-fee projects complete one milestone in the month; some complete two."""
    open_lines = [line for line in contract.lines if line.bills == "milestones"]
    if not open_lines:
        return []
    how_many = min(len(open_lines), rng.choice((0, 1, 1, 1, 1, 2)))
    first = rng.randint(0, len(open_lines) - how_many)
    return [
        MilestoneRow(
            milestone_id=count + at + 1,
            project_id=project.project_id,
            contract_id=contract.contract_id,
            contract_line=line.line,
            name=line.description,
            amount_minor=line.amount_minor or 0,
            currency=contract.currency,
            due_on=month_end(month) - timedelta(days=rng.randint(0, 3)),
        )
        for at, line in enumerate(open_lines[first : first + how_many])
    ]


def opportunities_of(
    projects: Sequence[Project],
    contracts: Sequence[Contract],
    customers: Sequence[Customer],
    *,
    month: date,
    wins: int,
    seed: int,
    names: Names,
) -> tuple[Opportunity, ...]:
    """One won deal per running project, and `wins` open ones that the rehearsed days will win."""
    rng = stream(seed, "opportunities")
    billing_of: dict[str, Billing] = {row.contract_id: row.billing for row in contracts}
    found = [
        Opportunity(
            opportunity_id=at,
            customer_id=project.customer_id,
            entity=project.entity,
            business_unit=project.business_unit,
            name=project.name,
            amount_minor=hour_minor("CONSULTANT", project.currency) * rng.randint(300, 4000),
            currency=project.currency,
            close_date=project.starts - timedelta(days=rng.randint(5, 40)),
            billing=billing_of[project.contract_id],
            project_id=project.project_id,
        )
        for at, project in enumerate(projects, start=1)
    ]
    for _ in range(wins):
        client = rng.choice(customers)
        found.append(
            Opportunity(
                opportunity_id=len(found) + 1,
                customer_id=client.customer_id,
                entity=client.entity,
                business_unit=client.business_unit,
                name=names.title(),
                amount_minor=hour_minor("CONSULTANT", client.currency) * rng.randint(300, 4000),
                currency=client.currency,
                close_date=month_end(month),
                billing="fixed_fee"
                if rng.randint(1, 100) > TIME_AND_MATERIALS_PERCENT
                else "time_and_materials",
                project_id=None,
            )
        )
    return tuple(found)
