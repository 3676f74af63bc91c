"""What the simulators know of the firm: the landscape file as plain data, without the router.

Entities, tax codes and closed periods are the firm's; a personality is one ERP's own habits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

from simulators.core.money import RoundingMode, exponent
from simulators.core.rates import RateTable, published

Level = Literal["line", "document"]
Hours = Literal["minutes", "hundredths"]
Fx = Literal["spot", "average"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A company of the firm with its own books."""

    code: str
    name: str
    region: str
    currency: str
    country: str
    time_zone: str
    tax_code: str
    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmData:
    """Entities by code, tax rates in basis points by code, and the last closed day by entity."""

    entities: Mapping[str, Entity]
    tax_codes: Mapping[str, int]
    closed_through: Mapping[str, date | None]
    business_units: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    practices: tuple[str, ...] = ()
    service_lines: tuple[str, ...] = ()
    rates: RateTable = field(default_factory=RateTable)
    """The exchange rates the firm publishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """How one ERP reckons where real ones differ.

    rounding: `line` rounds every time row and sums; `document` sums exactly and rounds once.
    tax: `line` rounds tax per invoice line; `document` once per tax code of the document.
    hours: `hundredths` keeps 7 h 20 min as 7.33 h and bills that; `minutes` is exact.
    """

    rounding: Level = "line"
    tax: Level = "line"
    mode: RoundingMode = "half_up"
    hours: Hours = "minutes"
    time_zone: str = "UTC"
    fx: Fx = "spot"
    """Which of the firm's published rates it translates by, where a document brings none."""

    def __post_init__(self) -> None:
        habits = (("rounding", Level), ("tax", Level), ("mode", RoundingMode), ("hours", Hours), ("fx", Fx))
        for name, words in habits:
            if getattr(self, name) not in get_args(words):
                msg = f"personality.{name}: {getattr(self, name)!r} is none of {', '.join(get_args(words))}"
                raise ValueError(msg)


def personality(config: Mapping[str, Any]) -> Personality:
    """The personality in `systems.<name>` of a landscape; raises ValueError naming an odd word."""
    given = dict(config.get("personality") or {})
    known = Personality.__dataclass_fields__
    for name in given:
        if name not in known:
            msg = f"personality.{name} is none of {', '.join(known)}"
            raise ValueError(msg)
    return Personality(**given)


def firm_data(landscape: Mapping[str, Any]) -> FirmData:
    """Reads the firm from a landscape mapping; raises ValueError or KeyError when it is not one."""
    entities = {
        code: Entity(
            code=code,
            name=str(row["name"]),
            region=str(row["region"]),
            currency=str(row["currency"]),
            country=str(row["country"]),
            time_zone=str(row.get("time_zone", "UTC")),
            tax_code=str(row.get("tax_code", "T0")),
            calendar=str(row.get("calendar", "monthly")),
        )
        for code, row in landscape["legal_entities"].items()
    }
    for entity in entities.values():
        exponent(entity.currency)  # an unknown currency is refused here, not at the first invoice
    calendars = landscape.get("calendars") or {}
    codes = landscape.get("tax_codes") or {"T0": {"basis_points": 0}}
    dimensions = landscape.get("dimensions") or {}
    return FirmData(
        entities=entities,
        tax_codes={code: int(row["basis_points"]) for code, row in codes.items()},
        closed_through={
            code: _day((calendars.get(entity.calendar) or {}).get("closed_through"))
            for code, entity in entities.items()
        },
        business_units=tuple(landscape.get("business_units") or ()),
        departments=tuple(dimensions.get("departments") or ()),
        practices=tuple(dimensions.get("practices") or ()),
        service_lines=tuple(dimensions.get("service_lines") or ()),
        rates=published(landscape.get("fx_rates") or (), str(landscape.get("group_currency") or "")),
    )


def _day(value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))
