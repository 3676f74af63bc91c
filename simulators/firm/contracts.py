"""On what terms the firm works: by the hour, for a fixed fee, on a retainer, by subscription."""

from __future__ import annotations

import random
from collections.abc import Mapping

from simulators.firm.model import (
    Billing,
    Bills,
    Contract,
    ContractLine,
    Customer,
    Entity,
    Project,
    RateCard,
    Recognition,
)
from simulators.firm.prices import hour_minor

TIME_AND_MATERIALS_PERCENT = 75
STEPS = ("Concept", "Prototype", "Build", "Acceptance", "Roll-out")
RETAINER_EVERY, RETAINER_AT = 12, 6
SUBSCRIPTION_EVERY, SUBSCRIPTION_AT = 12, 9
"""One project in twelve each, at fixed places: the smallest firm has both."""
CAPPED_OF_TEN = 3
TIGHT_EVERY = 5
"""One capped contract in so many reaches its cap within the month."""
MARKUPS = (0, 0, 0, 500, 1000)
EUROPE = frozenset({"AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PL"})
EXPORT, REVERSE_CHARGE = "EXPORT", "EU-RC"


def contract_of(
    entities: Mapping[str, Entity],
    project: Project,
    client: Customer,
    card: RateCard,
    *,
    number: int,
    known: tuple[str, ...],
    rng: random.Random,
) -> Contract:
    """The contract of a project; `number` counts projects through the firm, `known` are its tax codes."""
    entity = entities[project.entity]
    billing = _billing(number, rng)
    hour = hour_minor("CONSULTANT", project.currency)
    tax_code = tax_code_of(entity, client, known)

    def line(
        at: int, bills: Bills, description: str, amount: int | None, revenue: Recognition = "as_billed"
    ) -> ContractLine:
        return ContractLine(
            line=at,
            bills=bills,
            description=description,
            tax_code=tax_code,
            service_line=project.service_line,
            amount_minor=amount,
            revenue=revenue,
            markup_basis_points=rng.choice(MARKUPS) if bills == "expenses" else 0,
        )

    if billing == "fixed_fee":
        deferred = rng.randint(1, 3) == 1
        lines = [
            line(
                at,
                "milestones",
                name,
                hour * rng.randint(80, 600),
                "straight_line" if deferred else "as_billed",
            )
            for at, name in enumerate(STEPS[: rng.randint(2, 4)], 1)
        ]
    elif billing == "retainer":
        lines = [
            line(1, "retainer", "Monthly retainer", hour * rng.randint(20, 60)),
            line(2, "time", "Services beyond the retainer", None),
        ]
    elif billing == "subscription":
        lines = [line(1, "subscription", "Managed service", hour * rng.randint(40, 160), "straight_line")]
    else:
        lines = [line(1, "time", "Services by the hour", _cap(hour, rng))]
    lines.append(line(len(lines) + 1, "expenses", "Travel and expenses", None))
    return Contract(
        contract_id=project.contract_id,
        customer_id=project.customer_id,
        entity=entity.code,
        business_unit=project.business_unit,
        currency=project.currency,
        billing=billing,
        rate_card_id=card.rate_card_id,
        starts=project.starts,
        ends=project.ends,
        purchase_order=f"PO{rng.randint(100_000, 999_999)}" if rng.randint(1, 3) > 1 else None,
        lines=tuple(lines),
        rate_type="average" if project.currency != entity.currency and rng.randint(1, 2) == 1 else "spot",
    )


def tax_code_of(entity: Entity, client: Customer, known: tuple[str, ...]) -> str:
    """At home the entity's own code; abroad reverse charge within the Union, else an export."""
    abroad = REVERSE_CHARGE if {client.country, entity.country} <= EUROPE else EXPORT
    return entity.tax_code if client.country == entity.country or abroad not in known else abroad


def _billing(number: int, rng: random.Random) -> Billing:
    fixed = rng.randint(1, 100) > TIME_AND_MATERIALS_PERCENT
    if number % RETAINER_EVERY == RETAINER_AT:
        return "retainer"
    if number % SUBSCRIPTION_EVERY == SUBSCRIPTION_AT:
        return "subscription"
    return "fixed_fee" if fixed else "time_and_materials"


def _cap(hour: int, rng: random.Random) -> int | None:
    capped, wide, tight = (
        rng.randint(1, 10) <= CAPPED_OF_TEN,
        rng.randint(2000, 9000),
        rng.randint(1, TIGHT_EVERY),
    )
    if not capped:
        return None
    return hour * (wide // 60 if tight == 1 else wide)
