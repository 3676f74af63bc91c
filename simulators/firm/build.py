"""Builds the fictional firm from a landscape, a seed and a size: the same arguments, the same firm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from simulators.firm.entities import dimensions_of, entities_of, systems_of
from simulators.firm.firm import Firm
from simulators.firm.model import DEFAULT, Size, stream
from simulators.firm.month import expenses_of, teams_of, time_of
from simulators.firm.names import Names
from simulators.firm.people import assignments_of, contacts_of, people_of
from simulators.firm.prices import rate_card
from simulators.firm.projects import customers_of, opportunities_of, portfolio_of

MONTH = date(2026, 10, 1)
"""The month the default cutover weekend closes."""


def build(landscape: Mapping[str, Any], *, seed: int, size: Size = DEFAULT, month: date = MONTH) -> Firm:
    """The firm of a landscape mapping; `month` is the first day of the month being closed."""
    assert month.day == 1, month
    entities = entities_of(landscape)
    dimensions = dimensions_of(landscape)
    names = Names(seed)
    people = people_of(entities, dimensions, count=size.consultants, seed=seed, names=names)
    customers = customers_of(entities, dimensions, count=size.customers, seed=seed, names=names)
    prices = stream(seed, "prices")
    abroad = sorted(
        {(row.entity, row.currency) for row in customers if row.currency != entities[row.entity].currency}
    )
    cards = tuple(
        rate_card(entities[code], dimensions.business_units[0], month, prices, currency)
        for code, currency in [*((code, "") for code in entities), *abroad]
    )
    portfolio = portfolio_of(
        entities,
        dimensions,
        month=month,
        size=size,
        seed=seed,
        names=names,
        customers=customers,
        people=people,
        cards=cards,
    )
    teams = teams_of(people, portfolio.projects, seed=seed)
    return Firm(
        month=month,
        entities=entities,
        dimensions=dimensions,
        systems=systems_of(landscape),
        customers=customers,
        rate_cards=cards,
        contracts=portfolio.contracts,
        projects=portfolio.projects,
        people=people,
        time=time_of(people, teams, entities, month=month, seed=seed),
        expenses=expenses_of(people, teams, entities, month=month, seed=seed),
        milestones=portfolio.milestones,
        contacts=contacts_of(customers, names),
        assignments=assignments_of(people, teams, month=month),
        opportunities=opportunities_of(
            portfolio.projects,
            portfolio.contracts,
            customers,
            month=month,
            wins=size.wins,
            seed=seed,
            names=names,
        ),
    )
