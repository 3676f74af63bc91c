"""Reference data of the landscape: entities, units, currencies, rates, taxes, dimensions, fiscal calendars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from router.canonical.documents import BasisPoints, Code, Country, Currency, Name, Rate
from router.canonical.money import exponent


@cache
def _zones() -> frozenset[str]:
    """Every IANA zone; asked once, since the answer reads some 600 files."""
    return frozenset(available_timezones())


def _several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Reference(BaseModel):
    """A row of reference data as a YAML file gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FiscalCalendar(Reference):
    """Fiscal periods of one or more entities, and what happens to what comes too late.

    `monthly` periods are calendar months. `4-4-5` periods are weeks of a year that starts on
    `year_starts`: four, four and five to a quarter, the last one of a 53-week year six.
    """

    periods: Literal["monthly", "4-4-5"] = "monthly"
    year_starts: date | None = None
    """4-4-5: the first day of a fiscal year; the years before and after follow from it."""
    closed_through: date | None = None
    """Accounting dates up to and including this day are in hard-closed periods."""
    late: Literal["refuse", "next_period", "reopen"] = "refuse"
    """A late entry: refused, moved to the first day of the next open period, or parked until somebody re-opens."""
    payroll_cut_off_day: Annotated[int, Field(ge=1, le=31)] | None = None
    """Work of a month that is approved after this day of it is paid with the month after."""

    @model_validator(mode="after")
    def _weeks_need_a_start(self) -> FiscalCalendar:
        if self.periods == "4-4-5" and self.year_starts is None:
            msg = "year_starts: a 4-4-5 calendar needs the first day of a fiscal year"
            raise ValueError(msg)
        return self


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
    reverse_charge: bool = False
    """The customer accounts for the tax: none is charged, and the invoice must say so."""

    @model_validator(mode="after")
    def _nothing_charged_in_reverse(self) -> TaxCode:
        if self.reverse_charge and self.basis_points:
            msg = "basis_points: a reverse-charge code charges nothing"
            raise ValueError(msg)
        return self


class TaxRule(Reference):
    """Which tax code a sale has, by jurisdiction; the first rule that fits decides. A field not given fits all."""

    seller: Country | None = None
    buyer: Annotated[tuple[Country, ...] | None, BeforeValidator(_several)] = None
    """Countries of the customer; None: any."""
    domestic: bool | None = None
    """True: only sales within the seller's country; False: only across a border."""
    business: bool | None = None
    """True: only customers with a tax registration; False: only those without."""
    from_: Annotated[date | None, Field(alias="from")] = None
    """First accounting date it holds for."""
    until: date | None = None
    """The first accounting date it no longer holds for."""
    tax_code: Code
    why: str = ""


class FxRate(Reference):
    """One published exchange rate: units of `quote` for one unit of `base`, from a day on."""

    type: Literal["spot", "average", "budget"] = "spot"
    base: Currency
    quote: Currency
    from_: Annotated[date, Field(alias="from")]
    rate: Rate


class Intercompany(Reference):
    """What one entity charges another for its people: their cost plus a mark-up."""

    markup_basis_points: BasisPoints = 0
    by_pair: Mapping[str, BasisPoints] = {}
    """`PROVIDER>RECEIVER` to another mark-up."""


class ExpenseLimit(Reference):
    """What may be passed on to a customer of one expense category."""

    billable: bool = True
    most: Decimal | None = None
    """The most of one item that is billed, in the major unit of the item's currency; the rest is the firm's."""
    receipt_above: Decimal | None = None


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
