"""What the firm takes from the landscape: entities, dimensions, business units, system names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from simulators.firm.model import Dimensions, Entity

FRIDAY_SATURDAY = frozenset({"BH", "DZ", "EG", "IL", "IQ", "JO", "KW", "LY", "OM", "QA", "SA", "SY", "YE"})
"""Countries (ISO 3166) whose days off are Friday and Saturday (CLDR weekend data)."""
WEIGHTS = (34, 22, 16, 10, 12, 6)
"""Share of the firm by entity in the landscape's order, in percent; further entities get the last one."""


def entities_of(landscape: Mapping[str, Any]) -> dict[str, Entity]:
    """The landscape's legal entities in the file's order."""
    taxes = landscape.get("tax_codes") or {}
    found: dict[str, Entity] = {}
    for code, row in landscape["legal_entities"].items():
        tax_code = str(row.get("tax_code", "T0"))
        country = str(row["country"])
        found[str(code)] = Entity(
            code=str(code),
            name=str(row["name"]),
            region=str(row["region"]),
            currency=str(row["currency"]),
            country=country,
            time_zone=str(row.get("time_zone", "UTC")),
            tax_code=tax_code,
            tax_basis_points=int((taxes.get(tax_code) or {}).get("basis_points", 0)),
            weekend=(4, 5) if country in FRIDAY_SATURDAY else (5, 6),
        )
    return found


def dimensions_of(landscape: Mapping[str, Any]) -> Dimensions:
    """The landscape's codes, with the same defaults the router has."""
    given = landscape.get("dimensions") or {}

    def codes(name: str, default: str) -> tuple[str, ...]:
        return tuple(str(code) for code in given.get(name) or (default,))

    return Dimensions(
        business_units=tuple(str(code) for code in landscape["business_units"]),
        departments=codes("departments", "DELIVERY"),
        practices=codes("practices", "ADVISORY"),
        service_lines=codes("service_lines", "CONSULTING"),
        tax_codes=tuple(str(code) for code in landscape.get("tax_codes") or ()),
    )


def systems_of(landscape: Mapping[str, Any]) -> dict[str, str]:
    """Vendor → name of the first system of that vendor."""
    found: dict[str, str] = {}
    for name, row in (landscape.get("systems") or {}).items():
        found.setdefault(str(row.get("vendor", name)), str(name))
    return found


def cost_center(entity: str, department: str, dimensions: Dimensions) -> str:
    """A department's cost centre in an entity: `UK01200`, short enough for the legacy ERP's 10 places."""
    at = dimensions.departments.index(department) if department in dimensions.departments else -1
    return f"{entity}{(at + 1) * 100:03d}"


def shares(count: int, entities: Mapping[str, Entity]) -> dict[str, int]:
    """`count` things dealt out over the entities by weight, at least one each, in a fixed order."""
    weights = [WEIGHTS[min(at, len(WEIGHTS) - 1)] for at in range(len(entities))]
    total = sum(weights)
    dealt = [max(1, count * weight // total) for weight in weights]
    rest = count - sum(dealt)
    for at in range(max(0, rest)):
        dealt[at % len(dealt)] += 1
    return dict(zip(entities, dealt, strict=True))


def workdays(month: date, weekend: tuple[int, int]) -> list[date]:
    """The month's working days where these two weekdays are off."""
    days = [month + timedelta(days=at) for at in range(31)]
    return [day for day in days if day.month == month.month and day.weekday() not in weekend]


def month_end(month: date) -> date:
    """The last day of the month that starts on `month`."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def week_of(day: date, weekend: tuple[int, int]) -> date:
    """The first day of the working week a day lies in: the day after the weekend."""
    return day - timedelta(days=(day.weekday() - (weekend[1] + 1)) % 7)
