"""Numbers in every format become canonical text, the same in SQL and in Python, and nothing else does."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun.extracts.numbers import canonical_number, number_sql
from router.dualrun.policy import NumberFormat
from router.dualrun.workbench import Workbench, literal
from tests.unit.extract_samples import COMMA, ENGLISH, FORMATS, FRENCH, GERMAN, POINT, SWISS


def in_sql(texts: list[str], numbers: NumberFormat) -> list[str | None]:
    with Workbench(threads=1) as bench:
        given_rows = ", ".join(f"({number}, {literal(text)})" for number, text in enumerate(texts))
        return [
            row[0]
            for row in bench.rows(
                f"SELECT {number_sql('cell', numbers)} FROM (VALUES {given_rows}) t(n, cell) ORDER BY n"
            )
        ]


@pytest.mark.parametrize(
    ("text", "numbers", "canonical"),
    [
        ("1234.50", POINT, "1234.50"),
        ("-0.01", POINT, "-0.01"),
        ("123.45-", POINT, "-123.45"),
        ("(123.45)", POINT, "-123.45"),
        ("+7", POINT, "7"),
        (" 12.5 ", POINT, "12.5"),
        ("007.10", POINT, "007.10"),
        (".5", POINT, "0.5"),
        ("-.5", POINT, "-0.5"),
        ("5.", POINT, "5"),
        ("\u22125.00", POINT, "-5.00"),
        ("1,234,567.89", ENGLISH, "1234567.89"),
        ("12,34,567.89", ENGLISH, "1234567.89"),
        ("1.234.567,89-", GERMAN, "-1234567.89"),
        ("1.234", GERMAN, "1234"),
        ("1234,5", COMMA, "1234.5"),
        ("1\u202f234,50", FRENCH, "1234.50"),
        ("1\u00a0234,50", FRENCH, "1234.50"),
        ("1 234,50", FRENCH, "1234.50"),
        ("1'234'567.05", SWISS, "1234567.05"),
        ("1’234.05", SWISS, "1234.05"),
        ("123456789012345678.90", POINT, "123456789012345678.90"),
        ("1,234.50", POINT, None),
        ("1.234.50", GERMAN, None),
        ("1,23", ENGLISH, None),
        ("1,2345.00", ENGLISH, None),
        ("1e3", POINT, None),
        ("1_000", POINT, None),
        ("£5.00", POINT, None),
        ("5.00 GBP", POINT, None),
        ("--5", POINT, None),
        ("(-5)", POINT, None),
        ("-5-", POINT, None),
        ("(5", POINT, None),
        ("", POINT, None),
        (".", POINT, None),
        ("-", POINT, None),
        ("٣٤", POINT, None),
        ("１２", POINT, None),
        ("12\n", POINT, None),
        ("0x10", POINT, None),
        ("NaN", POINT, None),
        ("Infinity", POINT, None),
    ],
)
def test_a_number_is_read_in_its_format_or_not_at_all(
    text: str, numbers: NumberFormat, canonical: str | None
) -> None:
    """SQL and Python agree on each form, accepted or refused."""
    assert canonical_number(text, numbers) == canonical
    assert in_sql([text], numbers) == [canonical]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(alphabet="0123456789.,'-+() \u00a0\u202f\u2212e", max_size=12), min_size=1, max_size=60),
    st.sampled_from(FORMATS),
)
def test_sql_and_python_are_twins(texts: list[str], numbers: NumberFormat) -> None:
    """Whatever the text, both say the same, and what they say is canonical."""
    said = in_sql(texts, numbers)
    assert said == [canonical_number(text, numbers) for text in texts]
    assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) for text in said if text is not None)


def written(value: Decimal, numbers: NumberFormat, sign: str) -> str:
    """A number as a system of that format prints it."""
    text = f"{abs(value):,f}" if numbers.grouping else f"{abs(value):f}"
    text = text.replace(",", "\x00").replace(".", numbers.decimal).replace("\x00", numbers.grouping)
    if value >= 0:
        return text
    return {"front": f"-{text}", "behind": f"{text}-", "round": f"({text})"}[sign]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.decimals(-(10**20), 10**20, places=3), min_size=1, max_size=60),
    st.sampled_from(FORMATS),
    st.sampled_from(["front", "behind", "round"]),
)
def test_what_was_written_is_read_back_exactly(
    values: list[Decimal], numbers: NumberFormat, sign: str
) -> None:
    """Twenty digits, three decimals, any format and any way to write a minus: the very number comes back."""
    read = in_sql([written(value, numbers, sign) for value in values], numbers)
    assert [Decimal(text or "NaN") for text in read] == values
