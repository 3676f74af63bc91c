"""Documents: strict, frozen, exact in money, and every refusal names the field."""

from fractions import Fraction
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import example as at
from hypothesis import given
from hypothesis import strategies as st

from router.canonical import KINDS, Money, events, parse
from router.canonical.examples import EXAMPLES, example, examples
from router.canonical.money import exponent, hours_value, round_half_even, round_half_up
from router.canonical.published import schema_of
from router.errors import BadInput

CURRENCIES = ["GBP", "JPY", "BHD", "USD", "EUR", "SGD"]


def body(kind: str = "time_entry", **changes: Any) -> dict[str, Any]:
    """A valid document's JSON object with changes."""
    return {**example(kind).model_dump(mode="json", exclude_none=True), **changes}


def test_every_kind_has_an_example_that_comes_back_as_it_was() -> None:
    """What is written can be read, exactly, for all twenty-one kinds."""
    assert set(EXAMPLES) == set(KINDS)
    assert len(KINDS) == 21
    for document in examples():
        assert parse(orjson.loads(document.model_dump_json())) == document


@pytest.mark.parametrize("kind", KINDS)
def test_published_schemas_accept_the_examples_and_refuse_more(kind: str) -> None:
    """The JSON Schema of each kind says what the model says."""
    schema = schema_of(kind, KINDS[kind].version)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(body(kind))
    assert not validator.is_valid(body(kind, surprise=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bill_rate": 150.0}, "bill_rate: '150.0' is not a decimal string"),
        ({"bill_rate": "NaN"}, "bill_rate: 'NaN' is not"),
        ({"bill_rate": "1e400"}, "bill_rate: '1e400' is not"),
        ({"bill_rate": "Infinity"}, "bill_rate"),
        ({"bill_rate": "١٥٠"}, "bill_rate"),
        ({"bill_rate": "1,50"}, "bill_rate"),
        ({"bill_rate": "150.005"}, "more than the 2 decimal places of GBP"),
        ({"bill_rate": "9" * 16}, "at most 15 digits"),
        ({"currency": "QQQ"}, "not an ISO 4217 currency code"),
        ({"currency": None}, "not an ISO 4217 currency code"),
        ({"minutes": 1.5}, "minutes"),
        ({"minutes": "60"}, "minutes"),
        ({"minutes": 10**9}, "minutes"),
        ({"billable": "yes"}, "billable"),
        ({"accounting_date": "20261031"}, "accounting_date"),
        ({"accounting_date": "2026-02-30"}, "accounting_date"),
        ({"accounting_date": 1793404800}, "accounting_date"),
        ({"document_id": ""}, "document_id"),
        ({"document_id": "x" * 65}, "document_id"),
        ({"document_id": "a b"}, "document_id"),
        ({"document_id": "a\nb"}, "document_id"),
        ({"surprise": 1}, "surprise"),
        ({"kind": "time-entry"}, "unknown kind 'time-entry'"),
        ({"kind": ["time_entry"]}, "unknown kind"),
    ],
)
def test_bad_fields_are_named(changes: dict[str, Any], said: str) -> None:
    """Every refusal says which field and what is wrong with it."""
    with pytest.raises(BadInput, match=r".+") as caught:
        parse(body(**changes))
    assert said in caught.value.message


def test_documents_do_not_change() -> None:
    """A document that was read is a value."""
    document = example("invoice")
    with pytest.raises(ValueError, match="frozen"):
        document.document_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("changes", [{"net": "1.00"}, {"total": "1320.01"}, {"lines": []}])
def test_totals_that_do_not_tie_are_refused(changes: dict[str, Any]) -> None:
    """Lines sum to net; net and tax sum to total; nothing is off by a penny."""
    with pytest.raises(BadInput):
        parse(body("invoice", **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "coexist.time_entry.approved.v2"}, "version v2"),
        ({"type": "coexist.time_entry.eaten.v1"}, "no verb 'eaten'"),
        ({"type": "coexist.teapot.boiled.v1"}, "unknown kind 'teapot'"),
        ({"type": "com.example"}, "is not coexist."),
        ({"id": ""}, "id"),
        ({"id": "x" * 257}, "id"),
        ({"source": 7}, "source"),
        ({"data": [1]}, "not a JSON object"),
    ],
)
def test_bad_events_are_named(changes: dict[str, Any], said: str) -> None:
    """The envelope is checked before the document."""
    event = events.wrap(example("time_entry"), source="/psa", event_id="1")
    assert events.read(event).verb == "approved"
    with pytest.raises(BadInput) as caught:
        events.read({**event, **changes})
    assert said in caught.value.message


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe{}", b'{"a": NaN}', b"[" * 5000, b'{"a": Infinity}'])
def test_bad_bytes_are_refused(raw: bytes) -> None:
    """What is no JSON is told, not guessed."""
    with pytest.raises(BadInput, match="not JSON"):
        events.decode(raw)


@given(minor=st.integers(-(10**16), 10**16), currency=st.sampled_from(CURRENCIES))
def test_money_is_written_and_read_exactly(minor: int, currency: str) -> None:
    """Text and back, for 0, 2 and 3 decimal places."""
    money = Money(minor, currency)
    if len(str(abs(minor))) <= 15 + exponent(currency):
        assert Money.parse(str(money), currency) == money
    assert Money.of(Fraction(money.decimal()), currency) == money


@given(numerator=st.integers(-(10**9), 10**9), denominator=st.integers(1, 10**6))
def test_rounding_is_to_the_nearest(numerator: int, denominator: int) -> None:
    """Both modes give a nearest integer; they differ only at a half, by one."""
    value = Fraction(numerator, denominator)
    up, even = round_half_up(value), round_half_even(value)
    assert abs(up - value) <= Fraction(1, 2)
    assert abs(even - value) <= Fraction(1, 2)
    assert up == even or (abs(up - value) == Fraction(1, 2) and even % 2 == 0)


@pytest.mark.parametrize(
    ("minutes", "rate", "currency", "worth"),
    [
        (440, "150.00", "GBP", "1100.00"),
        (1, "100.00", "GBP", "1.67"),
        (7, "12345", "JPY", "1440"),
        (7, "12.345", "BHD", "1.440"),
        (-440, "150.00", "GBP", "-1100.00"),
    ],
)
def test_hours_are_worth_what_they_are(minutes: int, rate: str, currency: str, worth: str) -> None:
    """Minutes times an hourly rate, rounded once."""
    assert str(hours_value(minutes, Money.parse(rate, currency))) == worth


@at(minutes=30, minor=1)  # a half below an odd number
@at(minutes=-30, minor=3)
@given(minutes=st.integers(-(10**6), 10**6), minor=st.integers(-(10**9), 10**9))
def test_hours_are_rounded_as_the_exact_value_is(minutes: int, minor: int) -> None:
    """Both modes agree with rounding the exact fraction, halves and negatives included."""
    rate, exact = Money(minor, "GBP"), Fraction(minor * minutes, 60)
    assert hours_value(minutes, rate).minor == round_half_up(exact)
    assert hours_value(minutes, rate, "half_even").minor == round_half_even(exact)


def test_currencies_follow_iso_4217() -> None:
    """JPY has no minor unit, BHD has three decimals, and an invented code has none."""
    assert [exponent(code) for code in ("GBP", "JPY", "BHD")] == [2, 0, 3]
    # What people are shown is another thing: CLDR gives these no decimals, the standard does.
    assert [exponent(code) for code in ("RSD", "IQD", "ALL", "UYW")] == [2, 3, 2, 4]
    with pytest.raises(ValueError, match="ISO 4217"):
        exponent("XAU")  # gold has no minor unit
    with pytest.raises(ValueError, match="ISO 4217"):
        exponent("gbp")
    with pytest.raises(ValueError, match="can't be added"):
        Money(1, "GBP") + Money(1, "EUR")
