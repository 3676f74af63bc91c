"""Causes of texts, statuses, dimensions, dates and lone rows."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun.breaks import Explanation
from router.dualrun.causes import learned as bounds
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.causes.letters import FORMS, LOOK_ALIKES, folded, form
from router.dualrun.results import Difference, DocumentView, Pair
from tests.unit.causes_samples import POLICY, codes, document, explain, lone, pair, policy, row


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        ("Café", "Café ", "formatting/trailing-space"),
        ("a  b", "a b", "formatting/inner-space"),
        ("Workshop", "WORKSHOP", "formatting/letter-case"),
        ("Café", unicodedata.normalize("NFD", "Café"), "formatting/unicode-composition"),
        ("\ufb01nance", "finance", "formatting/unicode-compatibility"),
        ("Code", "C\u043ede", "formatting/look-alike"),
        ("A\u2013B", "A-B", "formatting/look-alike"),
        ("Alpha", "\u0391lpha", "formatting/look-alike"),
        ("007", "7", "numbering/leading-zeros"),
        ("Workshop", "Workshops", "unexplained/unexplained"),
        ("", "Workshop", "unexplained/unexplained"),
        (" WORKSHOP", "workshop", "formatting/letter-case"),
    ],
)
def test_the_form_of_a_text(legacy: str, cloud: str, code: str) -> None:
    """Blanks, case, composition, look-alikes, zeros: the plainest form that makes the texts equal."""
    assert codes(explain({}, {"memo": legacy}, {"memo": cloud})) == {"memo": code}


def test_a_look_alike_is_named() -> None:
    """What can't be seen is told by its name; several forms are all told."""
    found = form("Code", "C\u043ede")
    assert found is not None
    assert found.evidence.endswith(": LATIN SMALL LETTER O and CYRILLIC SMALL LETTER O")
    both = form(" Code", "C\u043eDE")
    assert both is not None
    assert "blanks around it and letters that look alike and upper and lower case" in both.evidence


def test_look_alikes_are_what_they_seem() -> None:
    """Each letter of the table is a Cyrillic or Greek one that stands for one Latin letter of the same case."""
    for code, latin in LOOK_ALIKES.items():
        name = unicodedata.name(chr(code))
        if name.startswith(("CYRILLIC", "GREEK")):
            assert len(latin) == 1
            assert latin.isupper() == ("CAPITAL" in name)


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_a_form_is_told_of_equal_texts_only(one: str, other: str) -> None:
    """What differs once all forms are taken away is never a matter of form."""
    if one != other:
        found = form(one, other)
        assert found is None or (
            folded(one) == folded(other) and found.code in {code for code, _, _ in FORMS}
        )


def agreeing(name: str, legacy: str, cloud: str, rows: int) -> list[DocumentView]:
    """Documents whose rows have these words, and differ in the memo besides."""
    return [
        document([pair(at, {}, {name: legacy, "memo": "a"}, {name: cloud, "memo": "b"})])
        for at in range(20, 20 + rows)
    ]


def test_a_pair_of_words_that_holds_throughout_is_a_mapping() -> None:
    """Three rows and no other; one row elsewhere that agrees makes it another dimension."""
    both = {"cost_center": "CC10"}, {"cost_center": "9010"}
    throughout = explain({}, *both, learn=agreeing("cost_center", "CC10", "9010", 2))
    assert codes(throughout) == {"cost_center": "mapping/dimension-mapping"}
    assert "in all 3 rows seen, and the other way round" in throughout["cost_center"].evidence
    too_few = explain({}, *both, learn=agreeing("cost_center", "CC10", "9010", 1))
    assert codes(too_few) == {"cost_center": "unexplained/unexplained"}
    mixed = [*agreeing("cost_center", "CC10", "9010", 5), *agreeing("cost_center", "CC10", "CC10", 1)]
    once = explain({}, *both, learn=mixed)
    assert codes(once) == {"cost_center": "data_entry/other-dimension"}
    assert once["cost_center"].evidence.endswith("'CC10' is 'CC10' on both sides in 1 other rows")


def test_the_rows_that_agree_count_as_well() -> None:
    """A row of the document that agrees shows that the word is the same on both sides."""
    one = pair(1, {}, {"cost_center": "CC10"}, {"cost_center": "CC20"})
    view = document([one], legacy=[row(2, {"cost_center": "CC10"})], cloud=[row(2, {"cost_center": "CC10"})])
    ((found,),) = ExtractJudge(POLICY).explain(view)
    assert (found.cause, found.code) == ("data_entry", "other-dimension")


def test_a_full_counter_costs_an_explanation_and_makes_none_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound nothing is said of words any more."""
    monkeypatch.setattr(bounds, "WORDS_MAX", 1)
    seen = [*agreeing("cost_center", "A", "B", 1), *agreeing("cost_center", "CC10", "9010", 5)]
    found = explain({}, {"cost_center": "CC10"}, {"cost_center": "9010"}, learn=seen)
    assert codes(found) == {"cost_center": "unexplained/unexplained"}
    seen = [*agreeing("cost_center", "CC10", "9010", 5), *agreeing("cost_center", "CC10", "CC10", 1)]
    found = explain({}, {"cost_center": "CC10"}, {"cost_center": "9010"}, learn=seen)
    assert codes(found) == {"cost_center": "unexplained/unexplained"}


def test_two_columns_in_each_others_place() -> None:
    """Cost centre and department hold each other's word."""
    found = explain({}, {"cost_center": "A", "department": "B"}, {"cost_center": "B", "department": "A"})
    assert codes(found) == dict.fromkeys(("cost_center", "department"), "data_entry/columns-swapped")


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        ("open", "paid", "timing/status-lag"),
        ("Paid In Full", "partially_paid", "timing/status-lag"),
        ("pending approval", "approved", "missing_approval/missing-approval"),
        ("open", "posted", "unexplained/unexplained"),
        ("X1", "paid", "unexplained/unexplained"),
    ],
)
def test_a_status_behind(legacy: str, cloud: str, code: str) -> None:
    """One word follows the other in a document's life; two words for one step prove nothing."""
    assert codes(explain({}, {"status": legacy}, {"status": cloud})) == {"status": code}


def test_approved_on_one_side() -> None:
    """Nobody approved it in the cloud ERP: both the name and the status say so."""
    found = explain(
        {}, {"approved_by": "a.meyer", "status": "open"}, {"approved_by": None, "status": "pending approval"}
    )
    assert codes(found) == dict.fromkeys(("approved_by", "status"), "missing_approval/missing-approval")
    assert found["status"].evidence == (
        "approved by a.meyer in the legacy ERP; in the cloud ERP nobody approved it (status 'pending approval')"
    )
    other = explain({}, {"approved_by": "a.meyer"}, {"approved_by": "j.okafor"})
    assert codes(other) == {"approved_by": "unexplained/unexplained"}


def test_numbered_differently() -> None:
    """A number out of each ERP's own range; zeros before the same one are told apart."""
    assert codes(explain({}, {"number": "R1"}, {"number": "INV9"})) == {"number": "numbering/number"}
    assert codes(explain({}, {"number": "0042"}, {"number": "42"})) == {"number": "numbering/leading-zeros"}


ZONED = policy(
    accounting_date={"type": "date", "time_zones": {"legacy": "Europe/Berlin", "cloud": "America/New_York"}},
    posted_at={"type": "text"},
)


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        ("2026-10-30", "2026-11-02", "period/cut-off"),
        ("2026-03-04", "2026-04-03", "data_entry/day-month-swapped"),
        ("2026-10-14", "2026-10-15", "unexplained/unexplained"),
    ],
)
def test_dates(legacy: str, cloud: str, code: str) -> None:
    """On either side of a period's end, day for month, or just another day."""
    found = explain({}, {"accounting_date": legacy}, {"accounting_date": cloud})
    assert codes(found) == {"accounting_date": code}


def test_one_instant_in_two_time_zones() -> None:
    """A day earlier in New York than in Berlin may be one instant; a day later can't; the instant decides."""
    earlier = {"accounting_date": "2026-10-15"}, {"accounting_date": "2026-10-14"}
    assert codes(explain({}, *earlier, rules=ZONED)) == {"accounting_date": "timing/time-zone"}
    later = explain({}, *reversed(earlier), rules=ZONED)
    assert codes(later) == {"accounting_date": "unexplained/unexplained"}
    night = explain({"posted_at": "2026-10-15T00:30:00+02:00"}, *earlier, rules=ZONED)
    assert night["accounting_date"].evidence == (
        "2026-10-14 22:30 UTC is 2026-10-15 in Europe/Berlin and 2026-10-14 in America/New_York"
    )
    noon = explain({"posted_at": "2026-10-15T12:00:00+02:00"}, *earlier, rules=ZONED)
    assert codes(noon) == {"accounting_date": "unexplained/unexplained"}


def test_a_period_follows_its_date_or_is_wrong() -> None:
    """Two dates in two periods are a cut-off; one date in two periods is a wrong period."""
    moved = explain(
        {},
        {"accounting_date": "2026-10-30", "period": "2026-10"},
        {"accounting_date": "2026-11-02", "period": "2026-11"},
    )
    assert codes(moved) == dict.fromkeys(("accounting_date", "period"), "period/cut-off")
    wrong = explain({"accounting_date": "2026-10-30"}, {"period": "2026-10"}, {"period": "2026-11"})
    assert codes(wrong) == {"period": "period/wrong-period"}


BOTH = {"customer": "C1", "legal_entity": "UK01", "approved_by": "a.meyer", "accounting_date": "2026-10-30"}


def judged(*pairs: Pair) -> list[Explanation]:
    """What is said of each pair's first difference."""
    return [said[0] for said in ExtractJudge(POLICY).explain(document(pairs))]


def split(*halves: int, hours: tuple[str, ...] = ("1", "2")) -> list[Explanation]:
    """A row of 300.00 and 3 h that is missing, and these that are too many."""
    more = [
        lone("cloud", at, {**BOTH, "total": minor, "quantity": hour, "memo": f"m{at}"})
        for at, (minor, hour) in enumerate(zip(halves, hours, strict=True), start=2)
    ]
    return judged(lone("legacy", 1, {**BOTH, "total": 30000, "quantity": "3"}), *more)


def test_a_row_split_without_a_crosswalk() -> None:
    """Amounts and hours sum exactly: all three rows say so. A minor unit or an hour off: nothing does."""
    found = split(10000, 20000)
    assert [(one.cause, one.code) for one in found] == [("split", "split")] * 3
    assert "30000 = 10000 + 20000 in minor units of GBP" in found[0].evidence
    assert {one.cause for one in split(10000, 20001)} == {"missing"}
    assert {one.cause for one in split(10000, 20000, hours=("1", "3"))} == {"missing"}


def test_a_sum_that_two_sets_of_rows_make_proves_neither() -> None:
    """Two ways to split are no proof of one."""
    found = split(10000, 20000, 10000, 20000, hours=("1", "2", "1", "2"))
    assert {one.cause for one in found} == {"missing"}


def test_among_many_rows_a_sum_proves_nothing() -> None:
    """Fifteen lone rows of a customer and the sums of fourteen others meet by chance; nor is it worth the time."""
    wholes = [lone("legacy", at, {**BOTH, "total": 10000 + 1000 * at}) for at in range(1, 16)]
    parts = [lone("cloud", 100 + at, {**BOTH, "total": 6000 + 37 * at * at}) for at in range(1, 14)]
    fitting = lone("cloud", 200, {**BOTH, "total": 11000 - 6037})
    assert {one.code for one in judged(*wholes, *parts, fitting)} == {"not-in-cloud", "not-in-legacy"}
    few = judged(wholes[0], parts[0], fitting)
    assert [one.code for one in few] == ["split"] * 3


def test_rows_merged_without_a_crosswalk() -> None:
    """The other way round it is a merge."""
    found = judged(
        lone("legacy", 1, {**BOTH, "total": 10000}),
        lone("legacy", 2, {**BOTH, "total": 20000}),
        lone("cloud", 3, {**BOTH, "total": 30000}),
    )
    assert [(one.cause, one.code) for one in found] == [("split", "merged")] * 3


def test_the_same_row_under_another_key() -> None:
    """Equal in all that is compared: renumbered. The same key with zeros before it: leading zeros."""
    same = {**BOTH, "total": 30000, "memo": "Workshop"}
    found = judged(lone("legacy", 1, same), lone("cloud", 2, same))
    assert [(one.cause, one.code) for one in found] == [("numbering", "number")] * 2
    zeros = judged(lone("legacy", 1, same, line="0010"), lone("cloud", 2, {**same, "memo": "x"}, line="10"))
    assert [(one.cause, one.code) for one in zeros] == [("numbering", "leading-zeros")] * 2


def test_a_row_posted_again_under_another_line() -> None:
    """It says what another row says, and that one has its partner."""
    again = {**BOTH, "total": 30000, "memo": "Workshop"}
    view = document([lone("cloud", 9, again)], legacy=[row(1, again)], cloud=[row(1, again)])
    ((found,),) = ExtractJudge(POLICY).explain(view)
    assert (found.cause, found.code) == ("duplicate_posting", "duplicate-posting")


def test_a_row_nobody_approved_never_went_on() -> None:
    """Where other rows say who approved them, one without is absent for that reason."""
    missing = lone("legacy", 1, {**BOTH, "approved_by": None, "total": 1})
    view = document([missing], legacy=[row(2, BOTH)], cloud=[row(2, BOTH)])
    ((found,),) = ExtractJudge(POLICY).explain(view)
    assert (found.cause, found.code) == ("missing_approval", "missing-approval")
    ((alone,),) = ExtractJudge(POLICY).explain(document([missing]))
    assert (alone.cause, alone.code) == ("missing", "not-in-cloud")


def test_late_is_said_only_where_the_extract_is_known_to_end_before() -> None:
    """A date near a month's end proves nothing by itself."""
    view = document([lone("legacy", 1, {**BOTH, "total": 1})])
    ((absent,),) = ExtractJudge(POLICY).explain(view)
    assert absent.code == "not-in-cloud"
    ((late,),) = ExtractJudge(POLICY, until={"cloud": date(2026, 10, 29)}).explain(view)
    assert (late.cause, late.code) == ("timing", "cut-off")
    ((known,),) = ExtractJudge(POLICY, until={"cloud": date(2026, 10, 30)}).explain(view)
    assert known.code == "not-in-cloud"


def test_entries_of_the_crosswalk() -> None:
    """Wrong, missing and dangling entries are told apart."""
    one, other = row(1, BOTH), row(2, BOTH)
    entry = (Difference(what="crosswalk", legacy="4711, 1", cloud="4711, 2"),)
    key = {"document": "4711", "line": "1"}
    wrong = Pair(key=key, legacy=(one,), cloud=(other,), differences=entry)
    missing = Pair(key=key, legacy=(one,), cloud=(other,), paired_by="key", differences=entry)
    dangling = Pair(key=key, legacy=(one,), cloud=(), differences=entry)
    assert [found.code for found in judged(wrong, missing, dangling)] == [
        "wrong-entry",
        "no-entry",
        "dangling",
    ]
