"""What an hour costs: realistic rates by currency and role, and the day prices change.

Rates end in odd parts of a unit on purpose: a quarter of an hour at 128.50 is 32.125, so that an
ERP that rounds by line and one that rounds by document really differ.
"""

from __future__ import annotations

import random
from datetime import date

from simulators.core.money import exponent
from simulators.firm.model import Entity, Rate, RateCard

ROLES = {
    "ANALYST": 68,
    "CONSULTANT": 100,
    "ENGINEER": 108,
    "SENIOR": 131,
    "ARCHITECT": 152,
    "MANAGER": 166,
    "DIRECTOR": 214,
}
"""Role → percent of a consultant's hour."""
ROLE_MIX = ("ANALYST",) * 18 + ("CONSULTANT",) * 30 + ("ENGINEER",) * 22 + ("SENIOR",) * 14 + ("ARCHITECT",) * 7 + ("MANAGER",) * 7 + ("DIRECTOR",) * 2  # fmt: skip
HOUR_MINOR = {
    "USD": 16550, "GBP": 12850, "EUR": 13775, "CHF": 18525, "SGD": 18950, "JPY": 17850, "BHD": 54125, "KWD": 44125,
    "AED": 52550, "SAR": 51250, "AUD": 21450, "CAD": 18750, "INR": 485050, "SEK": 145050, "PLN": 38050, "BRL": 41550,
}  # fmt: skip
"""A consultant's hour in minor units: cents, yen, fils."""
STEP_MINOR = {0: 10, 2: 25, 3: 125}
"""Prices are multiples of this many minor units, by the currency's decimal places."""
COST_PERCENT = 41
"""What an hour costs the firm, of what it bills."""


def hour_minor(role: str, currency: str) -> int:
    """A role's list price an hour in minor units."""
    base = HOUR_MINOR.get(currency, 150 * 10 ** exponent(currency))
    return _stepped(base * ROLES.get(role, 100) // 100, currency)


def cost_minor(role: str, currency: str, rng: random.Random) -> int:
    """What an hour of a person costs the firm, in minor units."""
    return hour_minor(role, currency) * (COST_PERCENT + rng.randint(-4, 6)) // 100


def rate_card(
    entity: Entity, business_unit: str, month: date, rng: random.Random, currency: str = ""
) -> RateCard:
    """An entity's prices of the year, and the new ones from the 1st, the 15th or the month after.

    `currency` is another than the entity's own for clients abroad.
    """
    at_home = currency in ("", entity.currency)
    currency = currency or entity.currency
    year = date(month.year, 1, 1)
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    change = rng.choice((month, month.replace(day=15), following))
    rates: list[Rate] = []
    for role in ROLES:
        before = hour_minor(role, currency)
        after = _stepped(before * rng.randint(102, 106) // 100, currency)
        if change > year:  # in January the new prices are the only ones
            rates.append(Rate(role=role, hourly_minor=before, starts=year))
        rates.append(Rate(role=role, hourly_minor=after, starts=change))
    return RateCard(
        rate_card_id=f"RC-{entity.code}" if at_home else f"RC-{entity.code}-{currency}",
        entity=entity.code,
        business_unit=business_unit,
        currency=currency,
        name=f"{entity.name} list prices {month.year}" + ("" if at_home else f" in {currency}"),
        rates=tuple(rates),
    )


def _stepped(minor: int, currency: str) -> int:
    step = STEP_MINOR.get(exponent(currency), 1)
    return max(step, minor // step * step)
