"""Amounts, hours and days as ECC writes them, in the connector and in the simulator; ids and codes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.billing import InvoiceLine
from router.canonical.money import Money, exponent
from router.connectors.sap_ecc import formats, keys
from router.connectors.sap_ecc.receivables import line_taxes
from simulators.erp.sap_ecc import formats as sim

MINOR = st.integers(-(10**13), 10**13)


@pytest.mark.parametrize(
    ("minor", "currency", "stored", "outside"),
    [
        (123450, "GBP", "1234.50", "1234.5000"),
        (-123450, "GBP", "1234.50-", "-1234.5000"),
        (1000, "JPY", "10.00", "1000.0000"),
        (-7, "JPY", "0.07-", "-7.0000"),
        (1234, "BHD", "12.34", "1.2340"),
        (5, "BHD", "0.05", "0.0050"),
        (0, "EUR", "0.00", "0.0000"),
    ],
)
def test_amounts_inside_and_outside(minor: int, currency: str, stored: str, outside: str) -> None:
    """Tables and files hold two implied decimals whatever the currency; BAPIs take the major unit."""
    assert formats.stored(minor) == sim.inside_amount(minor) == stored
    assert formats.outside(Money(minor, currency)) == sim.outside_amount(minor, currency) == outside


@settings(deadline=None)
@given(minor=MINOR, currency=st.sampled_from(["GBP", "JPY", "BHD"]))
def test_amounts_survive_the_way_there_and_back(minor: int, currency: str) -> None:
    """Exactly, in every currency, written by one side and read by the other."""
    assert formats.of_stored(sim.inside_amount(minor)) == minor
    assert sim.of_inside_amount(formats.stored(minor)) == minor
    assert sim.of_outside_amount(formats.outside(Money(minor, currency)), currency) == minor


@settings(deadline=None)
@given(minutes=st.integers(-1_000_000, 1_000_000))
def test_every_whole_minute_survives_hundredths_of_hours(minutes: int) -> None:
    """A hundredth of an hour is 0.6 minutes, so rounding there and back loses nothing."""
    hundredths = formats.hundredths(minutes)
    assert abs(hundredths * 60 - minutes * 100) <= 30
    assert formats.minutes_of(hundredths) == minutes
    assert formats.of_stored(sim.hours_text(hundredths)) == hundredths


@pytest.mark.parametrize(
    ("minutes", "hundredths"), [(440, 733), (10, 17), (-35, -58), (3, 5), (-3, -5), (0, 0)]
)
def test_hours_are_rounded_half_away_from_zero(minutes: int, hundredths: int) -> None:
    """7 h 20 min is 7.33 h."""
    assert formats.hundredths(minutes) == hundredths


@pytest.mark.parametrize(
    "text", ["", "1,50", "1.234", "--1", "1.5e3", "٣", "-1.00", "1.00--", "nan", "1" * 17]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """By both sides; nothing is guessed."""
    with pytest.raises(ValueError, match="is no"):
        formats.of_stored(text)
    with pytest.raises(sim.NotAValue):
        sim.of_inside_amount(text)


def test_a_bapi_amount_with_more_decimals_than_its_currency_is_refused() -> None:
    """0.5 yen do not exist."""
    assert exponent("JPY") == 0
    with pytest.raises(sim.NotAValue):
        sim.of_outside_amount("0.5000", "JPY")


def test_days() -> None:
    """YYYYMMDD inside, with dashes in SOAP; zeros are no day; nonsense is refused."""
    day = date(2026, 2, 28)
    assert formats.day_text(day) == sim.day_text(day) == "20260228"
    assert sim.day_of("2026-02-28") == sim.day_of("20260228") == formats.day_of("20260228") == day
    assert formats.day_of("00000000") is sim.day_of("0000-00-00") is None
    assert (formats.day_iso("20260228"), formats.day_iso("")) == ("2026-02-28", "")
    for text in ("20260229", "2026-2-28", "2026022", "x"):
        with pytest.raises(ValueError, match=r"."):
            formats.day_of(text)
        with pytest.raises(sim.NotAValue):
            sim.day_of(text)


def test_keys_of_documents() -> None:
    """In full up to 70, a short reference, a project's own key in capitals; longer ones by digest, never cut alike."""
    assert keys.external_key("x" * 70) == "x" * 70
    first, second = keys.external_key("x" * 70 + "1"), keys.external_key("x" * 70 + "2")
    assert first != second
    assert len(first) == len(second) == 70
    assert keys.reference("INV-1") == "INV-1"
    assert len(keys.reference("INV-" + "1" * 20)) == 16
    assert keys.project_key("P-100") == "P-100"
    assert keys.project_key("p-100") != keys.project_key("P-100")
    assert len(keys.project_key("P" * 64)) <= 24


def test_document_tax_is_spread_over_lines() -> None:
    """What lines miss of a document's tax goes to the line with the most."""
    lines = [
        InvoiceLine(line=n, description="", net=Money(100, "GBP"), tax_code="T", tax=Money(tax, "GBP"))
        for n, tax in enumerate((5, 7, 7), start=1)
    ]
    assert line_taxes(lines, Money(20, "GBP")) == [5, 8, 7]
    assert line_taxes(lines, Money(19, "GBP")) == [5, 7, 7]
