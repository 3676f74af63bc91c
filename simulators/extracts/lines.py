"""Believable invoice lines of a professional-services firm, as both ERPs would extract them.

Amounts are integer minor units, reckoned once and rounded half up: net = hours x rate, tax = net x tax
rate, base amount = total x exchange rate. Nothing here is wrong yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from simulators.core.money import decimal_text, exponent, rounded

MONTH = date(2026, 10, 1)
DAYS = 31
ENTITIES: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "UK01": ("GBP", (("S20", "20"), ("R5", "5"), ("Z0", "0"))),
    "DE01": ("EUR", (("V19", "19"), ("V7", "7"), ("Z0", "0"))),
    "US01": ("USD", (("TX8", "8.25"), ("N0", "0"))),
    "JP01": ("JPY", (("J10", "10"), ("J8", "8"))),
    "BH01": ("BHD", (("B10", "10"), ("Z0", "0"))),
}
"""Legal entity: base currency, and tax codes with their rates in percent."""
WORTH = {"GBP": "1.27", "EUR": "1.09", "USD": "1", "JPY": "0.0067", "BHD": "2.65"}
"""Rough worth in USD; the rate of a day is near it."""
COST_CENTERS = ("CC100", "CC110", "CC200", "CC210", "CC300")
DEPARTMENTS = ("Consulting", "Managed Services", "Digital", "Data")
PRACTICES = ("Strategy", "Cloud", "Security", "Analytics")
APPROVERS = ("a.meyer", "j.okafor", "s.tanaka", "p.rossi")
WORK = (
    "Workshop",
    "Data migration",
    "Café rollout",
    "Code review",
    "Go-live support",
    "Prüfung der Belege",
    "Steering",
)


@dataclass(slots=True, kw_only=True)
class Line:
    """One invoice line in one ERP."""

    document: str
    line: str
    customer_id: str
    project_id: str
    legal_entity: str
    currency: str
    hours: Decimal
    rate: int
    net: int
    tax_code: str
    tax_rate: Decimal
    tax: int | None
    total: int
    fx_rate: Decimal
    fx_date: date
    base_currency: str
    base_amount: int
    posting_date: date
    period: str
    status: str
    number: str
    cost_center: str
    department: str
    practice: str
    approved_by: str
    memo: str

    def reckon(self) -> Line:
        """Work the amounts out anew from hours, rates and exchange rate, each rounded once, half up."""
        self.net = half_up(self.exact_net)
        return self.retax()

    def retax(self) -> Line:
        """Work out what follows from net."""
        self.tax = half_up(self.net * Fraction(self.tax_rate) / 100)
        return self.resum()

    def resum(self) -> Line:
        """Work out what follows from net and tax."""
        self.total = self.net + (self.tax or 0)
        self.base_amount = half_up(self.exact_base)
        return self

    @property
    def exact_net(self) -> Fraction:
        """Hours x rate in minor units, not rounded."""
        return Fraction(self.hours) * self.rate

    @property
    def exact_base(self) -> Fraction:
        """Total x exchange rate in minor units of the base currency, not rounded."""
        scale = Fraction(10) ** (exponent(self.base_currency) - exponent(self.currency))
        return self.total * Fraction(self.fx_rate) * scale

    def copied(self) -> Line:
        """The same line, to be changed."""
        return copy(self)

    def cells(self, dates: str) -> dict[str, str | None]:
        """The cells of an extract as text, numbers with a decimal point; None is no value."""

        def money(minor: int | None, currency: str) -> str | None:
            return None if minor is None else decimal_text(minor, currency)

        return {
            "document": self.document, "line": self.line, "number": self.number,
            "customer_id": self.customer_id, "project_id": self.project_id, "legal_entity": self.legal_entity,
            "currency": self.currency, "quantity": f"{self.hours:f}", "rate": money(self.rate, self.currency),
            "net": money(self.net, self.currency), "tax_code": self.tax_code, "tax_rate": f"{self.tax_rate:f}",
            "tax": money(self.tax, self.currency), "total": money(self.total, self.currency),
            "fx_rate": f"{self.fx_rate:f}", "fx_date": self.fx_date.strftime(dates),
            "base_currency": self.base_currency, "base_amount": money(self.base_amount, self.base_currency),
            "posting_date": self.posting_date.strftime(dates), "period": self.period, "status": self.status,
            "cost_center": self.cost_center, "department": self.department, "practice": self.practice,
            "approved_by": self.approved_by or None, "memo": self.memo,
        }  # fmt: skip


def half_up(value: Fraction) -> int:
    """To the nearest minor unit, a half away from zero."""
    return rounded(value, "half_up")


@dataclass(frozen=True, slots=True)
class Market:
    """Exchange rates of each day, no two days of a pair alike."""

    rates: Mapping[tuple[str, str, date], Decimal]

    @classmethod
    def drawn(cls, rng: Random) -> Market:
        """A month of rates, each day within a percent of the usual one."""
        rates: dict[tuple[str, str, date], Decimal] = {}
        for one, dollars in WORTH.items():
            for other, others in WORTH.items():
                usual = Fraction(dollars) / Fraction(others)
                steps = rng.sample(range(-1000, 1000), DAYS)
                for day, step in enumerate(steps):
                    rate = Decimal(1)
                    if one != other:
                        rate = Decimal(
                            rounded(usual * (1 + Fraction(step, 100_000)) * 10**8, "half_up")
                        ).scaleb(-8)
                    rates[one, other, MONTH + timedelta(day)] = rate
        return cls(rates)

    def rate(self, currency: str, base: str, day: date) -> Decimal:
        """The rate of a day."""
        return self.rates[currency, base, day]


def invoices(rng: Random, market: Market, documents: int, first: int) -> list[list[Line]]:
    """Invoices of one month: mostly in the entity's own currency, one to eight lines each."""
    return [_invoice(rng, market, first + place) for place in range(documents)]


def _invoice(rng: Random, market: Market, place: int) -> list[Line]:
    entity = rng.choice(list(ENTITIES))
    base, codes = ENTITIES[entity]
    currency = base if rng.random() < 0.5 else rng.choice(list(WORTH))
    day = MONTH + timedelta(rng.randrange(DAYS))
    customer, project = rng.randrange(40), rng.randrange(3)
    first = codes[0] if rng.random() < 0.7 else rng.choice(codes)
    approver = rng.choice(APPROVERS)
    status = rng.choice(("open", "open", "paid"))
    lines = []
    for number in range(1, rng.choice((1, 2, 3, 3, 4, 5, 6, 8)) + 1):
        code, percent = first if rng.random() < 0.8 else rng.choice(codes)
        line = Line(
            document=f"{90_000_001 + place * 7:010d}", line=str(number * 10), number=f"R2026-{place + 1:05d}",
            customer_id=f"C{customer:04d}", project_id=f"P{customer:04d}-{project}", legal_entity=entity,
            currency=currency, hours=_hours(rng), rate=_rate(rng, currency), net=0, tax_code=code,
            tax_rate=Decimal(percent), tax=0, total=0, fx_rate=market.rate(currency, base, day), fx_date=day,
            base_currency=base, base_amount=0, posting_date=day, period=f"{day:%Y-%m}", status=status,
            cost_center=rng.choice(COST_CENTERS), department=rng.choice(DEPARTMENTS),
            practice=rng.choice(PRACTICES), approved_by=approver,
            memo=f"{rng.choice(WORK)} {place + 1}/{number}",
        )  # fmt: skip
        lines.append(line.reckon())
    return lines


def _hours(rng: Random) -> Decimal:
    return (
        Decimal(rng.randrange(1, 160)).scaleb(0) / 4
        if rng.random() < 0.8
        else Decimal(rng.randrange(5, 3000)) / 100
    )


def _rate(rng: Random, currency: str) -> int:
    """An hourly rate in minor units, about 60 to 300 USD."""
    dollars = rng.randrange(6_000, 30_000)
    minor = Fraction(dollars, 100) / Fraction(WORTH[currency]) * 10 ** exponent(currency)
    return max(1, rounded(minor, "half_up"))
