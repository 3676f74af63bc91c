"""What the journal stores and compares is pydantic's own JSON, sorted, byte for byte, for every kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import KINDS, Document, Money, parse
from router.canonical.documents import Part
from router.canonical.examples import example
from router.journal.prepared import canonical_of


def by_pydantic(document: Document) -> bytes:
    return orjson.dumps(document.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)


def parts(of: type[Part] = Part) -> Iterator[type[Part]]:
    for one in of.__subclasses__():
        yield one
        yield from parts(one)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_example_of_a_kind_is_stored_as_pydantic_writes_it(kind: str) -> None:
    """Amounts and rates as text, days as ISO, nothing that is not given; and it reads back as itself."""
    document = example(kind)
    stored = canonical_of(document)
    assert stored == by_pydantic(document)
    assert parse(orjson.loads(stored)) == document


@pytest.mark.parametrize("model", list(dict.fromkeys(parts())), ids=lambda model: model.__name__)
def test_what_may_be_left_out_is_none_by_default(model: type[Part]) -> None:
    """Only such fields are looked at for `None`; and a field holds nothing but what is written here."""
    for name, field in model.model_fields.items():
        may_be_none = type(None) in get_args(field.annotation)
        assert may_be_none == (field.default is None), name


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@settings(deadline=None, max_examples=150)
@given(
    notes=TEXT,
    minutes=st.integers(-1_000_000, 1_000_000),
    day=st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    minor=st.integers(0, 10**15),
    currency=st.sampled_from(["GBP", "JPY", "BHD"]),
    task=st.none() | st.just("T-1"),
)
def test_any_time_entry_is_stored_as_pydantic_writes_it(
    notes: str, minutes: int, day: date, minor: int, currency: str, task: str | None
) -> None:
    """Whatever text, sign, day and currency."""
    wanted: dict[str, Any] = {
        "notes": notes,
        "minutes": minutes,
        "accounting_date": day,
        "currency": currency,
        "bill_rate": Money(minor, currency),
        "task_id": task,
    }
    document = example("time_entry").model_copy(update=wanted)
    assert canonical_of(document) == by_pydantic(document)


@pytest.mark.parametrize("value", ["0.0000000001", "1.1734", "123456789.1234567891", "1.10"])
def test_a_rate_keeps_its_digits(value: str) -> None:
    """Decimals are written plainly, never with an exponent, as pydantic does with our serializer."""
    document = example("invoice").model_copy(update={"exchange_rate": Decimal(value)})
    assert canonical_of(document) == by_pydantic(document)
    assert orjson.loads(canonical_of(document))["exchange_rate"] == value
