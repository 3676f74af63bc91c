"""Reference data of the landscape: entities, units, currencies, taxes, dimensions, fiscal calendars."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from router.canonical.documents import Code, Country, Currency, Name
from router.canonical.money import exponent


@cache
def _zones() -> frozenset[str]:
    """Every IANA zone; asked once, since the answer reads some 600 files."""
    return frozenset(available_timezones())


class Reference(BaseModel):
    """A row of reference data as a YAML file gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FiscalCalendar(Reference):
    """Fiscal periods of one or more entities: calendar months, closed through a day."""

    periods: Literal["monthly"] = "monthly"
    closed_through: date | None = None
    """Accounting dates up to and including this day are refused."""


class LegalEntity(Reference):
    """A company of the firm with its own books."""

    name: Name
    region: Code
    currency: Currency
    country: Country
    calendar: str = "monthly"
    time_zone: str = "UTC"
    tax_code: Code = "T0"
    """The standard tax code of its domestic sales."""

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        exponent(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in _zones():
            msg = f"{value!r} is not an IANA time zone such as Europe/London"
            raise ValueError(msg)
        return value


class TaxCode(Reference):
    """A rate of tax on sales, in hundredths of a percent: 2000 is 20%."""

    name: Name
    basis_points: Annotated[int, Field(ge=0, le=10_000)]


class Dimensions(Reference):
    """The codes documents may carry for analysis."""

    departments: tuple[Code, ...] = ("DELIVERY",)
    practices: tuple[Code, ...] = ("ADVISORY",)
    service_lines: tuple[Code, ...] = ("CONSULTING",)


class FiscalPeriod(Reference):
    """A period of an entity's books, `YYYY-MM`, with its first and last day."""

    legal_entity: Code
    name: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
    first: date
    last: date
    closed: bool


def period_of(on: date) -> str:
    """The fiscal period a date lies in: `2026-10`."""
    return f"{on.year:04d}-{on.month:02d}"
