"""The live comparison of one kind: exact at any size, four levels, duplicates never paired, lines that roll up."""

import random
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.configfile import loads
from router.connectors.port import Record
from router.dualrun.comparison import levels_of, walks_of
from router.dualrun.explain import explained
from router.dualrun.kind_comparison import KindResult, compare_kind, kinds_bench
from router.dualrun.live_causes import LiveFacts, LiveJudge
from router.dualrun.policy import DualRunPolicy, as_dual_run_policy
from router.dualrun.workbench import Workbench
from router.errors import BadConfig, VendorUnknown
from router.landscape import default_file
from router.model import SystemId

POLICY = as_dual_run_policy(default_file("policies/default.yaml"))
LINE = {
    "line": 1,
    "description": "Work",
    "net_minor": 100_000,
    "tax_minor": 20_000,
    "tax_code": "STD",
    "minutes": 600,
}


def record(key: str, **changes: Any) -> Record:
    """An invoice of GBP 1,200.00."""
    row = Record(
        system=SystemId("erp"), kind="invoice", external_id=key, vendor_id=f"V-{key}", number="1", status="posted",
        legal_entity="UK01", accounting_date="2026-10-31", currency="GBP", net_minor=100_000, tax_minor=20_000,
        total_minor=120_000, project_id="P-1", customer_id="C-1", lines=(LINE,),
    )  # fmt: skip
    return replace(row, **changes)


def compared(legacy: list[Record], cloud: list[Record], policy: DualRunPolicy = POLICY) -> KindResult:
    """Both sides of one kind; the month is the period."""
    kind = (legacy or cloud)[0].kind if legacy or cloud else "invoice"
    with kinds_bench() as bench:
        return compare_kind(
            kind,
            policy.kinds[kind],
            legacy,
            cloud,
            period=lambda _, on: on[:7],
            today=date(2026, 11, 1),
            bench=bench,
        )


Found = tuple[str, str, str, int | None]


def found(legacy: list[Record], cloud: list[Record], policy: DualRunPolicy = POLICY) -> list[Found]:
    """(key, class, column, delta) of every difference of documents."""
    result = compared(legacy, cloud, policy)
    return [
        (pair.key["document_id"], one.what, one.column, one.delta_minor)
        for view in result.headers.views
        for pair in view.pairs
        for one in pair.differences
    ]


def found_in_lines(legacy: list[Record], cloud: list[Record]) -> list[Found]:
    """The same of lines, with the line's name for the key."""
    lines = compared(legacy, cloud).lines
    assert lines is not None
    return [
        (pair.key["line"], one.what, one.column, one.delta_minor)
        for view in lines.views
        for pair in view.pairs
        for one in pair.differences
    ]


def test_equal_sides_have_no_differences() -> None:
    """What is the same is silent, and counted as compared."""
    result = compared([record("A"), record("B")], [record("B"), record("A")])
    assert not result.headers.views
    assert result.headers.counts.pairs == 2
    assert result.lines is not None
    assert not result.lines.views


@pytest.mark.parametrize(
    ("left", "right", "gap"),
    [
        # 1,234,567,890.00 and 1,234,567,920.00: float32 calls them equal
        (123_456_789_000, 123_456_792_000, 3_000),
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
    """Money, status, dimension, date and text are told apart; another period is told beside the date."""
    assert found([record("A")], [record("A", status="paid")]) == [("A", "status", "status", None)]
    assert found([record("A")], [record("A", accounting_date="2026-10-30")]) == [
        ("A", "date", "accounting_date", None)
    ]
    assert {row[1:3] for row in found([record("A")], [record("A", accounting_date="2026-11-01")])} == {
        ("date", "accounting_date"),
        ("dimension", "period"),
    }
    assert found([record("A")], [record("A", customer_id="C-2")]) == [("A", "text", "customer_id", None)]
    assert found([record("A")], [record("A", legal_entity="DE01")]) == [
        ("A", "dimension", "legal_entity", None)
    ]
    old = record("A", kind="time_entry", minutes=60, dimensions={"department": "X"}, lines=())
    assert found([old], [replace(old, dimensions={"department": "Y"})]) == [
        ("A", "dimension", "department", None)
    ]
    assert found([old], [replace(old, dimensions={})]) == [("A", "dimension", "department", None)]
    assert found([old], [replace(old, minutes=61)])[0][:3] == ("A", "amount", "minutes")


def test_two_currencies_are_one_difference_and_never_subtracted() -> None:
    """A hundred pounds and a hundred dollars have no delta."""
    assert found([record("A")], [record("A", currency="USD")]) == [("A", "currency", "currency", None)]


def test_what_stands_on_one_side_is_missing_on_the_other() -> None:
    """Both directions, with the amount that is missing; what carries no id of ours pairs with nothing."""
    assert found([record("A")], []) == [("A", "missing_in_cloud", "", -120_000)]
    assert found([], [record("A")]) == [("A", "missing_in_legacy", "", 120_000)]
    nameless = record("", vendor_id="7")
    assert [row[:2] for row in found([nameless], [replace(nameless, system=SystemId("other"))])] == [
        ("erp:7", "missing_in_cloud"),
        ("other:7", "missing_in_legacy"),
    ]


def test_duplicates_are_a_break_of_their_own_and_never_paired() -> None:
    """A key that stands twice is told, not compared by position; nor are its lines."""
    twice = [record("A"), record("A", total_minor=5, vendor_id="V-2")]
    assert [row[1] for row in found(twice, [record("A")])] == ["duplicate_in_legacy"]
    assert [row[1] for row in found([record("A")], twice)] == ["duplicate_in_cloud"]
    assert found_in_lines(twice, [record("A")]) == []


def test_lines_are_compared_with_what_they_say_and_roll_up_to_their_document() -> None:
    """What two lines differ cancels out in the document, and is a difference of lines all the same."""
    old = record(
        "A", lines=({**LINE, "net_minor": 60_000}, {**LINE, "net_minor": 40_000, "description": "Travel"})
    )
    new = replace(old, lines=tuple({**line, "net_minor": 50_000} for line in old.lines[::-1]))
    assert found([old], [new]) == []
    assert found_in_lines([old], [new]) == [
        ("Travel", "amount", "net", 10_000),
        ("Work", "amount", "net", -10_000),
    ]
    assert compared([old], [new]).untied_documents == ()
    coded = replace(old, lines=({**old.lines[0], "tax_code": "RED"}, old.lines[1]))
    assert found_in_lines([old], [coded]) == [("Work", "dimension", "tax_code", None)]


def test_lines_of_one_name_are_one_group() -> None:
    """One ERP's two lines against the other's one: their sum is compared."""
    half = {**LINE, "net_minor": 50_000, "tax_minor": 10_000, "minutes": 300}
    assert found_in_lines([record("A", lines=(half, half))], [record("A")]) == []
    assert found_in_lines([record("A", lines=(half, {**half, "net_minor": 50_001}))], [record("A")]) == [
        ("Work (tax_code STD)", "amount", "net", -1)
    ]


@pytest.mark.parametrize(
    "wrong", [{"lines": ({**LINE, "net_minor": 99_999},)}, {"tax_minor": 19_999}, {"net_minor": 100_001}]
)
def test_a_document_that_does_not_add_up_is_untied(wrong: dict[str, Any]) -> None:
    """Lines sum to the net, net and tax to the total, on each side by itself."""
    assert compared([record("A", **wrong)], [record("A")]).untied_documents == ("A",)
    assert compared([record("A")], [record("A", **wrong)]).untied_documents == ("A",)


def test_a_currency_there_is_not_is_told_with_its_document() -> None:
    """No amount is guessed, and the comparison says which document of which ERP it can't read."""
    with pytest.raises(VendorUnknown, match="erp holds invoice A in 'GPB'"):
        compared([record("A", currency="GPB")], [record("A")])


def test_a_tolerance_is_in_minor_units_and_ignoring_needs_a_reason() -> None:
    """A tolerance passes what it says and not one unit more, and what it hid is counted in money."""
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


@pytest.mark.parametrize("where", ["columns", "lines"])
def test_a_column_no_erp_has_is_refused(where: str) -> None:
    """Compared as nothing with nothing it would agree for ever."""
    kind: dict[str, Any] = {"columns": {"total": {"type": "money"}}, "lines": {"net": {"type": "money"}}}
    kind[where] = {**kind[where], "totl": {"type": "text"}}
    policy = DualRunPolicy.model_validate({"kinds": {"invoice": kind}})
    with pytest.raises(BadConfig, match="no column 'totl'"):
        found([record("A")], [record("A")], policy)


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


def test_a_row_of_the_levels_for_each_entity_currency_and_period() -> None:
    """Counts and sums of both sides, and what differs of each sort, where the legacy ERP has the document."""
    old = [record("A"), record("B", legal_entity="DE01", currency="EUR"), record("C")]
    new = [record("A", status="paid"), record("B", legal_entity="DE01", currency="EUR", total_minor=120_001)]
    result = compared(old, new)
    judge = LiveJudge("invoice", LiveFacts.of(old, new, {}, tax_rates={}))
    breaks = list(explained(result.headers.views, judge, result.headers.policy, kind="invoice"))
    german, british = levels_of(result, breaks, lambda _, on: on[:7])
    assert (german["legal_entity"], german["period"], german["currency"]) == ("DE01", "2026-10", "EUR")
    assert german["money"] == {"legacy": "1200.00", "cloud": "1200.01"}
    assert (german["amount_breaks"], german["status_breaks"]) == (1, 0)
    assert british["count"] == {"legacy": 2, "cloud": 1}
    assert (british["missing_breaks"], british["status_breaks"], british["amount_breaks"]) == (1, 1, 0)


def test_control_totals_are_walked_from_one_erp_to_the_other() -> None:
    """What is missing, doubled, off, or in another period leads from the legacy's total to the cloud's."""
    old = [record("A"), record("B"), record("C"), record("D")]
    new = [
        record("A", total_minor=120_001), record("C", accounting_date="2026-11-02"), record("D"),
        record("D", vendor_id="V-2"), record("E"),
    ]  # fmt: skip
    result = compared(old, new)
    assert result.untied_walks == ()
    totals = {
        row["by"]["period"]: row
        for row in walks_of(result)
        if row["column"] == "total" and row["level"] == "document"
    }
    assert all(row["ties"] for row in walks_of(result))
    october = totals["2026-10"]
    assert (october["legacy"], october["cloud"]) == ("4800.00", "4800.01")
    assert october["walk"] == {
        "missing_in_cloud": "1200.00", "missing_in_legacy": "1200.00", "duplicates": "1200.00", "amounts": "0.01",
        "moved": "-1200.00",
    }  # fmt: skip
    assert totals["2026-11"]["cloud"] == totals["2026-11"]["walk"]["moved"] == "1200.00"


def test_a_walk_that_does_not_arrive_is_told() -> None:
    """Were the engine to lose a row, its sums would not be those of the records any more."""
    result = compared([record("A"), record("B")], [record("A"), record("B")])
    assert result.untied_walks == ()
    lost = replace(result, legacy=result.legacy[:1])
    assert lost.untied_walks == tuple(
        f"invoice {column}: legacy records sum to something else" for column in ("net", "tax", "total")
    )


@settings(deadline=None, max_examples=25)
@given(
    left=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), max_size=8),
    right=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), max_size=8),
    seed=st.integers(0, 9),
)
def test_the_sets_agree_with_a_plain_comparison(
    left: list[tuple[str, int]], right: list[tuple[str, int]], seed: int
) -> None:
    """DuckDB's answer is that of two dictionaries, and the order of rows does not matter; every walk ties."""

    def rows(given: list[tuple[str, int]]) -> list[Record]:
        return [record(key, total_minor=amount, vendor_id=str(at)) for at, (key, amount) in enumerate(given)]

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
    alone = {row[:2] for row in given_rows}
    once = {(key, what) for key, what in alone if what.startswith("duplicate")}
    # A key that stands twice on one side and never on the other may be told by one break or by two.
    twice = {key for key, _ in once}
    assert {row for row in alone if row[0] not in twice} == {row for row in expected if row[0] not in twice}
    assert {row for row in expected if row[1].startswith("duplicate")} == once
    shuffled = random.Random(seed).sample(rows(left), len(left))
    assert sorted(map(str, found(shuffled, rows(right)))) == sorted(map(str, given_rows))
    assert compared(rows(left), rows(right)).untied_walks == ()


def test_a_bench_is_as_new_after_every_kind() -> None:
    """What one kind left behind neither shows in the next one's comparison nor stays in memory."""
    sides = [[record("A"), record("B")], [record("A", net_minor=99_000, total_minor=119_000), record("C")]]
    alone = compared(sides[0], sides[1])

    def once_more(bench: Workbench) -> KindResult:
        return compare_kind(
            "invoice", POLICY.kinds["invoice"], *sides,
            period=lambda _, on: on[:7], today=date(2026, 11, 1), bench=bench,
        )  # fmt: skip

    with kinds_bench() as bench:
        assert [once_more(bench) for _ in range(3)] == [alone] * 3
        assert bench.rows("SELECT count(*) FROM duckdb_tables()") == [(0,)]
