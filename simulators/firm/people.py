"""People: the firm's consultants with role, cost centre and cost rate, their assignments, clients' contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from simulators.firm.entities import cost_center, month_end, shares
from simulators.firm.model import (
    Assignment,
    Contact,
    Customer,
    Dimensions,
    Entity,
    Person,
    Project,
    stream,
)
from simulators.firm.names import Names, plain
from simulators.firm.prices import ROLE_MIX, cost_minor

MAIL_DOMAIN = "harbour.example"
"""RFC 2606 keeps `.example` free: no mail leaves by accident."""
ASSIGNED_EVERY = 3
"""One person in so many is planned ahead; the others are sent where they are needed."""


def people_of(
    entities: dict[str, Entity], dimensions: Dimensions, *, count: int, seed: int, names: Names
) -> tuple[Person, ...]:
    """`count` people, numbered through the firm: `R-0001`, …"""
    rng = stream(seed, "people")
    found: list[Person] = []
    for code, share in shares(count, entities).items():
        entity = entities[code]
        for _ in range(share):
            number = len(found) + 1
            role = rng.choice(ROLE_MIX)
            department = rng.choice(dimensions.departments)
            name = names.person(entity.country)
            found.append(
                Person(
                    person_id=f"R-{number:04d}",
                    entity=code,
                    business_unit=rng.choice(dimensions.business_units),
                    name=name,
                    role=role,
                    department=department,
                    cost_center=cost_center(code, department, dimensions),
                    currency=entity.currency,
                    cost_minor=cost_minor(role, entity.currency, rng),
                    email=f"{plain(name)}.{number}@{MAIL_DOMAIN}",
                )
            )
    return tuple(found)


def contacts_of(customers: Sequence[Customer], names: Names) -> tuple[Contact, ...]:
    """One contact a customer: `CT-0001`, …"""
    return tuple(
        Contact(
            contact_id=f"CT-{row.customer_id.removeprefix('C-')}"[:16],
            customer_id=row.customer_id,
            entity=row.entity,
            business_unit=row.business_unit,
            name=names.person(row.country),
            email=row.email or f"contact.{at}@client.example",
        )
        for at, row in enumerate(customers, start=1)
    )


def assignments_of(
    people: Sequence[Person], teams: Mapping[str, Sequence[Project]], *, month: date
) -> tuple[Assignment, ...]:
    """Some people's plan from the month on: half their time on their first project, for three months."""
    found: list[Assignment] = []
    for person in people[::ASSIGNED_EVERY]:
        for project in teams.get(person.person_id, ())[:1]:
            ends = min(project.ends or date.max, month_end(month) + timedelta(days=61))
            found.append(
                Assignment(
                    assignment_id=f"AS-{len(found) + 1:05d}",
                    person_id=person.person_id,
                    project_id=project.project_id,
                    role=person.role,
                    starts=month,
                    ends=ends,
                    minutes=(ends - month).days * 5 // 7 * 240,
                )
            )
    return tuple(found)
