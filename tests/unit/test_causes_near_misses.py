"""What looks like a cause and is none: a claim that the rows don't prove is not made."""

from __future__ import annotations

import pytest

from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.results import Difference, Pair
from tests.unit.causes_samples import POLICY, codes, document, explain, lone, policy, row

NOTHING = "unexplained/unexplained"
ZONED = policy(
    accounting_date={"type": "date", "time_zones": {"legacy": "Europe/Berlin", "cloud": "America/New_York"}},
    posted_at={"type": "text"},
)
LINE = {"customer": "C1", "legal_entity": "UK01", "approved_by": "a.meyer", "accounting_date": "2026-10-30"}


def test_two_instants_are_not_one_instant_in_two_zones() -> None:
    """Each side's own instant must be cut to both dates: the other side's may be another day's."""
    legacy = {"accounting_date": "2026-10-15", "posted_at": "2026-10-15T00:30:00+02:00"}
    same = {"accounting_date": "2026-10-14", "posted_at": "2026-10-14T18:30:00-04:00"}
    other = {"accounting_date": "2026-10-14", "posted_at": "2026-10-14T09:00:00-04:00"}
    assert codes(explain({}, legacy, same, rules=ZONED))["accounting_date"] == "timing/time-zone"
    assert codes(explain({}, legacy, other, rules=ZONED))["accounting_date"] == NOTHING


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        ("2026-10-31", "2026-11-01", "period/cut-off"),
        ("2026-10-31", "2027-10-31", NOTHING),
        ("2026-09-30", "2026-12-01", NOTHING),
    ],
)
def test_dates_far_apart_are_no_cut_off(legacy: str, cloud: str, code: str) -> None:
    """A year mistyped has an end of a period in between as well."""
    found = explain({}, {"accounting_date": legacy}, {"accounting_date": cloud})
    assert codes(found) == {"accounting_date": code}


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        ("2026-10", "2026-11", "period/wrong-period"),
        ("202610", "2026-10", NOTHING),
        ("2026M10", "2026/10", NOTHING),
        ("FY27-P04", "2026-10", NOTHING),
        ("", "2026-10", NOTHING),
    ],
)
def test_one_period_written_in_two_ways_is_not_a_wrong_one(legacy: str, cloud: str, code: str) -> None:
    """Only two months can't both be that of one posting date."""
    found = explain({"accounting_date": "2026-10-30"}, {"period": legacy}, {"period": cloud})
    assert codes(found) == {"period": code}


def test_names_of_periods_that_always_go_together_are_a_mapping() -> None:
    """An ERP's own names for periods are mapped, not wrong."""
    pairs = [
        explained.pairs[0]
        for explained in (document([_periods(at, "FY27-P04", "OCT-26")]) for at in range(1, 4))
    ]
    judge = ExtractJudge(POLICY)
    view = document(pairs)
    judge.learn([view])
    assert {one[0].code for one in judge.explain(view)} == {"dimension-mapping"}


def _periods(at: int, legacy: str, cloud: str) -> Pair:
    both = {**LINE}
    one, other = row(at, {**both, "period": legacy}), row(at, {**both, "period": cloud})
    found = Difference(what="dimension", column="period", legacy=legacy, cloud=cloud)
    return Pair(key={"document": "4711", "line": str(at)}, legacy=(one,), cloud=(other,), paired_by="key", differences=(found,))  # fmt: skip


def test_one_key_of_two_different_rows_is_not_posted_twice() -> None:
    """Rows of other amounts share a number; two of three that are alike were posted twice."""

    def doubled(*totals: int, **cells: str) -> str:
        rows = [row(at, {**LINE, "total": total}) for at, total in enumerate(totals, 1)]
        if cells:
            rows[-1] = row(len(rows), {**LINE, "total": totals[-1], **cells})
        found = Difference(what="duplicate_in_cloud", legacy="1 row", cloud=f"{len(rows)} rows")
        pair = Pair(key={"document": "4711", "line": "1"}, legacy=(), cloud=tuple(rows), differences=(found,))
        ((said,),) = ExtractJudge(POLICY).explain(document([pair]))
        return f"{said.cause}/{said.code}"

    assert doubled(100, 100) == "duplicate_posting/duplicate-posting"
    assert doubled(100, 100, accounting_date="2026-10-31") == "duplicate_posting/duplicate-posting"
    assert doubled(100, 250, 100) == "duplicate_posting/duplicate-posting"
    assert doubled(100, 250) == "numbering/key-used-twice"
    assert doubled(100, 100, customer="C2") == "numbering/key-used-twice"


def test_a_row_is_not_absent_for_want_of_approval_where_others_pass_without() -> None:
    """Where a row that nobody approved stands on both sides, approval is no gate."""
    missing = lone("legacy", 1, {**LINE, "approved_by": None, "total": 1})
    passed = row(3, {**LINE, "approved_by": None, "total": 7})
    view = document([missing], legacy=[row(2, LINE), passed], cloud=[row(2, LINE), passed])
    ((found,),) = ExtractJudge(POLICY).explain(view)
    assert (found.cause, found.code) == ("missing", "not-in-cloud")


@pytest.mark.parametrize(
    ("legacy", "cloud"),
    [
        (12345, 12545),
        (12345, -12346),
        (10000, 10001),
        (12345, 54321),
        (12345, 123457),
        (12345, 15342),
        (110, 101000),
    ],
)
def test_numbers_that_are_nearly_a_slip(legacy: int, cloud: int) -> None:
    """One digit more, another sign with another cent, digits that are not neighbours: nothing is claimed."""
    found = explain({"net": 1}, {"total": legacy}, {"total": cloud})
    assert codes(found) == {"total": NOTHING}


@pytest.mark.parametrize(
    ("column", "legacy", "cloud"),
    [
        ("cost_center", "CC10", "CC1O0"),
        ("memo", "Rate 0010", "Rate 10"),
        ("memo", "Straße", "Strase"),
        ("memo", "resume", "résumé"),
        ("number", "00", ""),
    ],
)
def test_texts_that_are_nearly_the_same(column: str, legacy: str, cloud: str) -> None:
    """A form is only what leaves the same letters when it is taken away."""
    found = explain({}, {column: legacy}, {column: cloud})[column]
    assert found.code in ("unexplained", "number")
