"""Who works for the firm: consultants by entity, with role, department, cost centre and cost rate."""

from __future__ import annotations

from simulators.firm.entities import cost_center, shares
from simulators.firm.model import Dimensions, Entity, Person, stream
from simulators.firm.names import Names, plain
from simulators.firm.prices import ROLE_MIX, cost_minor

MAIL_DOMAIN = "harbour.example"
"""RFC 2606 keeps `.example` free: no mail leaves by accident."""


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
