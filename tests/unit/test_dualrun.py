"""The first comparison: exact at any size, four levels, duplicates never paired, causes from evidence only."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.configfile import loads
from router.connectors.port import Record
from router.dualrun.compare import Difference, Sheets
from router.dualrun.decisions import Evidence, cause
from router.dualrun.policy import DualRunPolicy, as_dual_run_policy
from router.errors import BadConfig
from router.landscape import default_file
from router.model import SystemId

POLICY = as_dual_run_policy(default_file("policies/default.yaml"))


def record(key: str, **changes: Any) -> Record:
    """An invoice of GBP 1,200.00."""
    row = Record(
        system=SystemId("erp"), kind="invoice", external_id=key, vendor_id=f"V-{key}", number="1", status="posted",
        legal_entity="UK01", accounting_date="2026-10-31", currency="GBP", net_minor=100_000, tax_minor=20_000,
        total_minor=120_000, project_id="P-1", customer_id="C-1", lines=({"net_minor": 100_000},),
    )  # fmt: skip
    return replace(row, **changes)


def found(
    legacy: list[Record], cloud: list[Record], policy: DualRunPolicy = POLICY
) -> list[tuple[str, str, str, int | None]]:
    """(key, class, column, delta) of every difference."""
    sheets = Sheets(legacy, cloud)
    try:
        return [(row.key, row.what, row.column, row.delta) for row in sheets.differences(policy)]
    finally:
        sheets.close()


def test_equal_sheets_have_no_differences() -> None:
    """What is the same is silent, and counted as compared."""
    sheets = Sheets([record("A"), record("B")], [record("B"), record("A")])
    assert sheets.differences(POLICY) == []
    assert sheets.pairs() == 2


@pytest.mark.parametrize(
    ("left", "right", "gap"),
    [
        (
            123_456_789_000,
            123_456_792_000,
            3_000,
        ),  # 1,234,567,890.00 and 1,234,567,920.00: float32 calls them equal
        (25_000_001, 25_000_002, 1),
        (99_999_999_999_999_999, 99_999_999_999_999_998, -1),  # beyond what a float64 can tell apart
    ],
)
def test_money_is_compared_exactly_at_any_size(left: int, right: int, gap: int) -> None:
    """One minor unit is seen in a billion and in a quadrillion."""
    totals = {"net_minor": 0, "tax_minor": 0}
    rows = found([record("A", total_minor=left, **totals)], [record("A", total_minor=right, **totals)])
    assert rows == [("A", "amount", "total", gap)]


def test_each_level_has_its_class() -> None:
    """Money, status, dimension, date and text are told apart."""
    assert found([record("A")], [record("A", status="paid")]) == [("A", "status", "status", None)]
    assert found([record("A")], [record("A", accounting_date="2026-11-01")]) == [
        ("A", "date", "accounting_date", None)
    ]
    assert found([record("A")], [record("A", customer_id="C-2")]) == [("A", "text", "customer_id", None)]
    work = {"kind": "time_entry", "minutes": 60}
    old = record("A", **work, dimensions={"department": "X"})
    assert found([old], [replace(old, dimensions={"department": "Y"})]) == [
        ("A", "dimension", "department", None)
    ]


def test_what_stands_on_one_side_is_missing_on_the_other() -> None:
    """Both directions, with the amount that is missing."""
    assert found([record("A")], []) == [("A", "missing_in_cloud", "", -120_000)]
    assert found([], [record("A")]) == [("A", "missing_in_legacy", "", 120_000)]
    assert found([record("")], []) == [("vendor:V-", "missing_in_cloud", "", -120_000)]


def test_duplicates_are_a_break_of_their_own_and_never_paired() -> None:
    """A key that stands twice is told, not compared by position."""
    rows = found([record("A"), record("A", total_minor=5)], [record("A")])
    assert [row[1] for row in rows] == ["duplicate_in_legacy"]


def test_a_tolerance_is_in_minor_units_and_ignoring_needs_a_reason() -> None:
    """A tolerance passes what it says and not one unit more; money can't be ignored at all."""
    data = {"kinds": {"invoice": {"columns": {"total": {"type": "money", "tolerance_minor": 2}}}}}
    policy = DualRunPolicy.model_validate(data)
    assert found([record("A")], [record("A", total_minor=120_002)], policy) == []
    assert found([record("A")], [record("A", total_minor=120_003)], policy) == [("A", "amount", "total", 3)]
    for column in (
        "{type: text, ignore: true}",
        "{type: money, ignore: true, reason: a, owner: b, expires: 2027-01-01}",
    ):
        with pytest.raises(BadConfig, match=r"policy:\d+:\d+"):
            as_dual_run_policy(
                loads(f"kinds:\n  invoice:\n    columns:\n      total: {column}\n", name="policy")
            )


def test_status_words_are_mapped() -> None:
    """The policy's map says which words mean the same."""
    mapped = {"type": "status", "map": {"P": "posted", "it's open": "posted"}}
    policy = DualRunPolicy.model_validate({"kinds": {"invoice": {"columns": {"status": mapped}}}})
    assert found([record("A", status="P")], [record("A", status="it's open")], policy) == []
    assert len(found([record("A", status="P")], [record("A", status="X")], policy)) == 1


def test_hostile_text_passes_through_unchanged() -> None:
    """Quotes, line ends, separators and scripts are only text."""
    nasty = "a\"b,c\n'; DROP TABLE legacy; --<script>"
    assert found([record("A", customer_id=nasty)], [record("A", customer_id=nasty)]) == []
    assert found([record(nasty)], [record(nasty, total_minor=1)]) == [(nasty, "amount", "total", -119_999)]


@settings(deadline=None, max_examples=40)
@given(
    left=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), max_size=8),
    right=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), max_size=8),
    seed=st.integers(0, 9),
)
def test_the_sets_agree_with_a_plain_comparison(
    left: list[tuple[str, int]], right: list[tuple[str, int]], seed: int
) -> None:
    """DuckDB's answer is that of two dictionaries, and the order of rows does not matter."""

    def rows(given: list[tuple[str, int]]) -> list[Record]:
        return [record(key, total_minor=amount) for key, amount in given]

    expected: set[tuple[str, str]] = set()
    for key in "ABCDE":
        old, new = [a for k, a in left if k == key], [a for k, a in right if k == key]
        if old and not new:
            expected.add((key, "missing_in_cloud"))
        if new and not old:
            expected.add((key, "missing_in_legacy"))
        if len(old) > 1:
            expected.add((key, "duplicate_in_legacy"))
        if len(new) > 1:
            expected.add((key, "duplicate_in_cloud"))
        if len(old) == len(new) == 1 and old != new:
            expected.add((key, "amount"))
    given_rows = found(rows(left), rows(right))
    assert {row[:2] for row in given_rows} == expected
    shuffled = random.Random(seed).sample(rows(left), len(left))
    assert found(shuffled, rows(right)) == given_rows


def difference(**changes: Any) -> Difference:
    """A time entry of 7:20 at GBP 150.00: 1,100.00 in the cloud, 7.33 hours and 1,099.50 in the legacy ERP."""
    facts: dict[str, Any] = {
        "kind": "time_entry", "key": "TE-1", "legal_entity": "UK01", "currency": "GBP", "project_id": "P-1",
        "what": "amount", "column": "net", "legacy": "109950", "cloud": "110000", "delta": 50,
    }  # fmt: skip
    return Difference(**(facts | changes))


EVIDENCE = Evidence(
    minutes={"TE-1": 440}, time_deltas={"P-1": 50}, time_rows={"P-1": 1}, invoice_lines={"B-1": 2},
    invoice_net={"B-1": 50, "B-2": 5_000}, invoice_total={"B-1": 60}, shadow={("time_entry", "TE-9"): ("refused", "no rate")},
)  # fmt: skip
INVOICE = {"kind": "invoice", "key": "B-1"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "rounding"),
        ({"legacy": "109940", "delta": 60}, "unexplained"),
        ({"key": "TE-2"}, "unexplained"),
        ({"key": "TE-9", "what": "missing_in_cloud", "column": ""}, "refused"),
        ({"key": "TE-8", "what": "missing_in_cloud", "column": ""}, "unexplained"),
        ({**INVOICE, "column": "net", "delta": 50}, "rounding"),
        ({**INVOICE, "column": "tax", "delta": 10}, "tax"),
        ({**INVOICE, "column": "tax", "delta": 53}, "unexplained"),
        ({**INVOICE, "column": "total", "delta": 60}, "rounding"),
        ({**INVOICE, "column": "total", "delta": 6_000}, "unexplained"),
        ({**INVOICE, "key": "B-2", "column": "net", "delta": 5_000}, "unexplained"),
        ({**INVOICE, "key": "B-2", "column": "tax", "delta": 1_000}, "unexplained"),
        ({**INVOICE, "what": "status", "column": "status", "legacy": "paid", "cloud": "posted"}, "rounding"),
        (
            {
                **INVOICE,
                "key": "B-3",
                "what": "status",
                "column": "status",
                "legacy": "paid",
                "cloud": "posted",
            },
            "unexplained",
        ),
        ({"what": "dimension", "column": "department"}, "mapping"),
        ({"what": "date", "column": "accounting_date"}, "period"),
        ({"what": "text", "column": "customer_id"}, "unexplained"),
    ],
)
def test_a_cause_needs_its_evidence(changes: dict[str, Any], expected: str) -> None:
    """What the data can't account for to the minor unit stays unexplained."""
    assert cause(difference(**changes), EVIDENCE)[0] == expected
