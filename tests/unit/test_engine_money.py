"""Money is compared to the last minor unit, at any size, in any currency, and never across currencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.clusters import Clusters
from router.dualrun.explain import explained
from router.dualrun.policy import Policy
from router.dualrun.workbench import Workbench
from router.errors import BadConfig
from tests.unit.engine_samples import Table, compare, told

POLICY = {"key": ["id"], "columns": {"total": {"type": "money"}}}


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """One database for all."""
    with Workbench(threads=2) as made:
        yield made


def rows(*amounts: str | None, currency: str = "EUR") -> list[dict[str, str | None]]:
    """Rows A1, A2, … with these totals."""
    return [{"id": f"A{place}", "total": each, "currency": currency} for place, each in enumerate(amounts, 1)]


def found(bench: Workbench, legacy: Table, cloud: Table, **policy: Any) -> list[Any]:
    """The differences."""
    return [one for _, one in told(list(compare(bench, POLICY | policy, legacy, cloud).documents()))]


@pytest.mark.parametrize(
    ("legacy", "cloud", "currency", "delta"),
    [
        ("1234567890.00", "1234567920.00", "EUR", 3000),
        ("250000.01", "250000.02", "EUR", 1),
        ("12345678901234567890.01", "12345678901234567890.02", "EUR", 1),
        ("-99999999999999999999.99", "-99999999999999999999.98", "USD", 1),
        ("100", "101", "JPY", 1),
        ("1.234", "1.235", "BHD", 1),
        ("1.2345", "1.2346", "CLF", 1),
        ("0.10", "0.20", "CHF", 10),
    ],
)
def test_the_smallest_difference_is_found(
    bench: Workbench, legacy: str, cloud: str, currency: str, delta: int
) -> None:
    """One minor unit at any size is a break of exactly that size, and the total walks to the cloud's."""
    made = compare(bench, POLICY, rows(legacy, currency=currency), rows(cloud, currency=currency))
    assert [one for _, one in told(list(made.documents()))] == [("amount", "total", legacy, cloud, delta)]
    (total,) = made.totals
    assert total.ties
    assert total.amounts_minor == delta


@pytest.mark.parametrize("other", ["5.00", "5", "05.000", "+5", "5.00 ", "5,00-", "(5.00)"])
def test_ways_to_write_a_number(bench: Workbench, other: str) -> None:
    """Zeros in front and behind are no difference; what is no number is refused with row and cell."""
    if "," in other:
        with pytest.raises(BadConfig, match=r"row 1, column total: '5,00-' is no number"):
            found(bench, rows("5.00"), rows(other))
        return
    worth = -1000 if other.startswith("(") else None
    assert [one[4] for one in found(bench, rows("5.00"), rows(other))] == ([] if worth is None else [worth])


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1.005", "EUR", "has more than the 2 decimal places of EUR"),
        ("1.5", "JPY", "has more than the 0 decimal places of JPY"),
        ("1e3", "EUR", "is no number"),
        ("12.34.56", "EUR", "is no number"),
        ("1", "XXY", "is not an ISO 4217 currency code"),
        ("1", None, "has no currency"),
        ("9" * 40, "EUR", "is too large"),
    ],
)
def test_what_is_no_amount_is_refused(bench: Workbench, amount: str, currency: Any, said: str) -> None:
    """The line names the file, the row, the column and what is wrong."""
    bad = [*rows("1.00"), {"id": "A9", "total": amount, "currency": currency}]
    with pytest.raises(BadConfig, match=r"row 2, column (total|currency): ") as refused:
        found(bench, rows("1.00"), bad)
    assert said in str(refused.value)
    assert "cloud.csv:2" in str(refused.value)


def test_currencies_are_never_added_or_subtracted(bench: Workbench) -> None:
    """A pair in two currencies is one difference without a delta, and moves between two totals that tie."""
    made = compare(
        bench,
        POLICY | {"control_totals": [[]]},
        [*rows("10.00", "7.00"), {"id": "J1", "total": "1000", "currency": "JPY"}],
        [
            {"id": "A1", "total": "10.00", "currency": "USD"},
            *rows("0", "7.00")[1:],
            {"id": "J1", "total": "1000", "currency": "JPY"},
        ],
    )
    assert [one for _, one in told(list(made.documents()))] == [("currency", "currency", "EUR", "USD", None)]
    assert [(one.currency, one.legacy_minor, one.cloud_minor, one.moved_minor) for one in made.totals] == [
        ("EUR", 1700, 700, -1000),
        ("JPY", 1000, 1000, 0),
        ("USD", 0, 1000, 1000),
    ]
    assert all(one.ties for one in made.totals)


def test_no_value_is_not_zero(bench: Workbench) -> None:
    """Unless the policy says so, and then it is counted."""
    legacy, cloud = rows("0.00", "5.00"), rows(None, "5.00")
    assert found(bench, legacy, cloud) == [("amount", "total", "0.00", None, 0)]
    rule = {"columns": {"total": {"type": "money", "empty_is_zero": True}}}
    made = compare(bench, POLICY | rule, legacy, cloud)
    assert list(made.documents()) == []
    assert [(one.why, one.pairs) for one in made.hidden] == [("empty_is_zero", 1)]


def test_a_tolerance_hides_what_it_allows_and_no_more(bench: Workbench) -> None:
    """What it hid is counted with its money; one minor unit more is a break of full size."""
    rule = {"columns": {"total": {"type": "money", "tolerance_minor": 2}}}
    made = compare(bench, POLICY | rule, rows("1.00", "2.00", "3.00"), rows("1.02", "1.98", "3.03"))
    assert [one for _, one in told(list(made.documents()))] == [("amount", "total", "3.00", "3.03", 3)]
    assert [(one.why, one.pairs, one.money) for one in made.hidden] == [("tolerance", 2, {"EUR": 4})]
    assert made.totals[0].ties


def test_unused_leave_is_told_and_expired_leave_too(bench: Workbench) -> None:
    """An ignore that hid nothing has no pairs; one past its day says so."""
    ignore = {"type": "text", "ignore": True, "reason": "free text", "owner": "ops", "expires": "2026-10-01"}
    rule = {"columns": {"total": {"type": "money", "tolerance_minor": 1}, "memo": ignore}}
    made = compare(
        bench,
        POLICY | rule,
        [dict(one, memo="a") for one in rows("1.00")],
        [dict(one, memo="b") for one in rows("1.00")],
    )
    assert [(one.column, one.pairs, one.used, one.expired) for one in made.hidden] == [
        ("total", 0, False, False),
        ("memo", 1, True, True),
    ]


def test_both_currencies_of_a_split_count_as_money(bench: Workbench) -> None:
    """Two legacy rows in two currencies against two in the cloud: both differences are counted, none is lost."""
    legacy: Table = [*rows("10.00"), {"id": "A2", "total": "20.00", "currency": "USD"}]
    cloud: Table = [*rows("10.01"), {"id": "A2", "total": "20.07", "currency": "USD"}]
    entries = [{"legacy.id": one, "cloud.id": other} for one in ("A1", "A2") for other in ("A1", "A2")]
    made = compare(bench, POLICY, legacy, cloud, crosswalk=entries)
    policy = Policy.model_validate(POLICY)
    clusters = Clusters()
    for one in explained(made.documents, ExtractJudge(policy), policy):
        clusters.add(one)
    assert clusters.money() == {"EUR": 1, "USD": 7}


def test_a_key_that_stands_twice_on_both_sides_counts_on_both(bench: Workbench) -> None:
    """Twice 10.00 against 10.00 and 4.00 is worth 6.00 less, not what one side has too much."""
    twice = [dict(row) for row in [*rows("10.00"), *rows("10.00")]]
    other = [dict(row) for row in [*rows("10.00"), *rows("4.00")]]
    made = compare(bench, POLICY, twice, other)
    policy = Policy.model_validate(POLICY)
    clusters = Clusters()
    found = list(explained(made.documents, ExtractJudge(policy), policy))
    for one in found:
        clusters.add(one)
    assert [one.what for one in found] == ["duplicate_in_legacy", "duplicate_in_cloud"]
    assert clusters.money() == {"EUR": -600}


def test_amounts_too_large_to_be_added_are_refused(bench: Workbench) -> None:
    """A column of account numbers is no money: said so, not an overflow of the database."""
    with pytest.raises(BadConfig, match="38 digits"):
        compare(bench, POLICY, rows(*["9" * 35] * 2000), rows("1"))


def test_a_split_into_another_currency_is_told(bench: Workbench) -> None:
    """30.00 EUR against 10.00 EUR and 20.00 USD: two currencies, and nothing is subtracted."""
    cloud: Table = [*rows("10.00"), {"id": "A2", "total": "20.00", "currency": "USD"}]
    entries = [{"legacy.id": "A1", "cloud.id": other} for other in ("A1", "A2")]
    made = compare(bench, POLICY, rows("30.00"), cloud, crosswalk=entries)
    told_of = [one for _, one in told(list(made.documents()))]
    assert told_of == [("currency", "currency", "EUR", "EUR | USD", None)]
    assert all(total.ties for total in made.totals)
    dangling = compare(bench, POLICY, rows("1"), rows("1"), crosswalk=[{"legacy.id": "A1", "cloud.id": "A9"}])
    assert [one[0] for _, one in told(list(dangling.documents()))] == ["crosswalk"]
