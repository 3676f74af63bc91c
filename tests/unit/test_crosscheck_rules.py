"""Cross-checks as rules: figures are exact, totals tie, and only what is proven counts as explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.report.data import judge
from router.canonical.kinds import parse
from router.connectors.port import Observed, Record, ShownTotal
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item
from router.dualrun.crosschecks.entities import intercompany
from router.dualrun.crosschecks.hours import hours
from router.dualrun.crosschecks.invoices import Billing, invoices
from router.dualrun.crosschecks.revenue import revenue
from router.finance.matching import Pair, Wrong
from router.journal.periods import Entered
from router.model import SystemId
from tests.integration.router_stand import event

CAUSES: tuple[Cause, ...] = ("timing", "in_doubt", "split", "refused", "missing", "unexplained")


def group(left: int, right: int, *items: Item, currency: str = "EUR", project: str = "P-1") -> Group:
    """A group of a project."""
    return Group(
        key={"project_id": project, "period": "2026-10"},
        legal_entity="DE01",
        currency=currency,
        left=left,
        right=right,
        items=items,
    )


def check(*groups: Group, problem: str = "") -> Check:
    """A check of invoices."""
    return Check(
        name="invoices",
        kind="invoice",
        what="cross_check",
        column="invoiced_total",
        left_name="ERPs",
        right_name="CRM",
        period="2026-10",
        groups=groups,
        problem=problem,
    )


def verdict_of(*checks: Check) -> tuple[str, list[str]]:
    """What a rehearsal says in which all else went well."""
    found = [one.to_json() for one in checks]
    return judge([], [], {"settled": True, "left": {}}, {"fits": True, "spare_minutes": 10}, [], [], found)


def test_a_rehearsal_whose_cross_check_is_unexplained_is_no_go() -> None:
    """One cent nobody explains is a no-go; what is on its way or waits as an exception is none."""
    late = Item(document_id="INV-1", left=100, right=0, cause="timing", code="feedback-in-flight")
    parked = Item(document_id="INV-2", left=7, right=0, cause="refused", code="parked")
    assert verdict_of(check(group(100, 100)), check(group(107, 0, late, parked)))[0] == "go"
    verdict, because = verdict_of(check(group(5, 5), group(108, 0, late, parked, project="P-2")))
    assert verdict == "no-go"
    assert because == ["nothing explains 1 of 2 figures in the cross-check of invoices"]


def test_a_cross_check_that_could_not_be_made_is_inconclusive() -> None:
    """A rehearsal that could not read a system is no go, and says which check lacks."""
    verdict, because = verdict_of(check(problem="the CRM is down"))
    assert verdict == "inconclusive"
    assert because == ["the cross-check of invoices could not be made: the CRM is down"]


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        ("timing", "pass"),
        ("in_doubt", "pass"),
        ("split", "pass"),
        ("refused", "fail"),
        ("unexplained", "fail"),
    ],
)
def test_the_verdict_has_three_values(cause: Cause, verdict: str) -> None:
    """A mismatch passes only where its cause needs nobody; a check with a problem never does."""
    item = Item(document_id="D", left=1, right=0, cause=cause, code=cause)
    assert check(group(1, 0, item)).verdict == verdict
    assert check(group(1, 1)).verdict == "pass"
    assert check(group(1, 1), problem="down").verdict == "inconclusive"


def test_documents_that_differ_under_equal_sums_are_a_mismatch() -> None:
    """One document too many and one too few hide each other in a sum, and not in the check."""
    found = check(
        group(10, 10, Item(document_id="A", left=10, right=0), Item(document_id="B", left=0, right=10))
    )
    assert (found.verdict, len(found.mismatches)) == ("fail", 1)
    assert found.breaks()[0].delta_minor == 0


ITEM = st.builds(
    Item,
    document_id=st.sampled_from(["A", "B", "C"]),
    left=st.integers(-(10**15), 10**15),
    right=st.integers(-(10**15), 10**15),
    cause=st.sampled_from(CAUSES),
    code=st.sampled_from(["x", "y"]),
)
GROUP = st.builds(
    lambda left, right, items, currency: group(left, right, *items, currency=currency),
    st.integers(-(10**15), 10**15),
    st.integers(-(10**15), 10**15),
    st.lists(ITEM, max_size=5),
    st.sampled_from(["", "EUR", "BHD", "JPY"]),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(GROUP, max_size=6))
def test_left_less_right_is_the_sum_of_all_deltas(groups: list[Group]) -> None:
    """Whatever documents are named: totals tie, and breaks with their parts sum to right less left."""
    found = check(*groups)
    assert all(row["ties"] for row in found.totals())
    for one in groups:
        assert one.left - one.right == sum(part.difference for part in one.parts())
    breaks = found.breaks()
    for row in found.totals():
        own = [one.delta_minor or 0 for one in breaks if one.currency == row["currency"]]
        assert sum(own) == row["right"] - row["left"]
    for broken in breaks:
        if broken.parts:
            assert sum(part.delta_minor or 0 for part in broken.parts) == broken.delta_minor


SAP, NETSUITE = SystemId("sap_ecc"), SystemId("netsuite")


def entered(
    kind: str, name: str, *, state: str = "posted", authority: str = "sap_ecc", **fields: Any
) -> Entered:
    """A document of the journal."""
    return Entered(
        transaction_id=name,
        document=parse(event(kind, document_id=name, **fields)["data"]),
        state=state,
        accepted_at="2026-10-30T12:00:00.000000Z",
        authority=authority,
        code="",
        why="",
    )


def record(kind: str, name: str, *, system: SystemId = SAP, **more: Any) -> Record:
    """A document as an ERP holds it."""
    basics: dict[str, Any] = {
        "vendor_id": name, "number": "", "status": "posted", "legal_entity": "UK01",
        "accounting_date": "2026-10-30", "currency": "GBP",
    }  # fmt: skip
    return Record(system=system, kind=kind, external_id=name, **{**basics, **more})


def parts(found: Check) -> list[tuple[str, int, str]]:
    """Document, difference and code of all that differs."""
    assert all(row["ties"] for row in found.totals())
    return [(one.document_id, one.difference, one.code) for each in found.mismatches for one in each.parts()]


def worked(*held: Record, state: str = "posted", minutes: int = 440) -> Check:
    """440 minutes approved in the PSA and entered, against what ERPs hold."""
    seen = Observed(
        kind="time_entry", verb="approved", event_id="e", vendor_id="1", occurred_at="2026-10-30T09:00:00Z",
        data={
            "document_id": "TE-1", "project_id": "P-100", "billable": True, "minutes": minutes,
            "work_date": "2026-10-30",
        },
        raw={},
    )  # fmt: skip
    return hours(
        approved=[seen],
        entered=[entered("time_entry", "TE-1", state=state)],
        held=held,
        entity_of={"P-100": "UK01"},
        period_of=lambda _, on: on.isoformat()[:7],
        period="2026-10",
        read_after="2026-10-30T11:30:00.000000Z",
    )


def test_hours_count_the_authority_once_and_the_shadow_beside_it() -> None:
    """A dual run's second copy is no second work; what is on its way is timing, what is nowhere is not."""
    found = worked(
        record("time_entry", "TE-1", minutes=440), record("time_entry", "TE-1", system=NETSUITE, minutes=439)
    )
    assert (found.verdict, found.groups[0].right, found.groups[0].shadow) == ("pass", 440, 439)
    assert parts(worked(state="queued")) == [("TE-1", 440, "in-flight")]
    assert worked(state="queued").verdict == "pass"
    lost = worked(record("time_entry", "TE-1", system=NETSUITE, minutes=440))
    assert (lost.verdict, parts(lost)) == ("fail", [("TE-1", 440, "missing-in-erp")])
    assert parts(worked(record("time_entry", "TE-1", minutes=440), minutes=441)) == [
        ("TE-1", 1, "minutes-differ")
    ]


def billed(shown: int, *held: Record, on_its_way: Mapping[str, str] | None = None) -> Check:
    """What a CRM shows of a project against the invoices of ERPs."""
    known = {name: Billing(project_id="P-1", authority="sap_ecc") for name in ("I-1", "I-2", "CM-1")}
    total = ShownTotal(record_id="o", project_id="P-1", customer_id="C-1", currency="GBP", total_minor=shown)
    return invoices(
        held=held, shown=[total], known=known, on_its_way=on_its_way or {}, told=frozenset({"P-1"}), period="2026-10"
    )  # fmt: skip


def test_invoices_are_counted_less_their_credit_memos() -> None:
    """Of the ERP that decides, to the penny; a cancelled one counts nothing."""
    books = (
        record("invoice", "I-1", total_minor=10_001),
        record("invoice", "I-1", system=NETSUITE, total_minor=9_999),
        record("invoice", "I-2", total_minor=50, status="cancelled"),
        record("credit_memo", "CM-1", total_minor=2_500),
    )
    found = billed(7_501, *books)
    assert (found.verdict, found.groups[0].left, found.groups[0].shadow) == ("pass", 7_501, 9_999)
    assert [one[1:] for one in parts(billed(10_001, *books))] == [(-2_500, "totals-differ")]
    waits = billed(10_001, *books, on_its_way={"P-1": "queued"})
    assert (waits.verdict, waits.causes()) == ("pass", {"timing": 1})


def test_a_leg_that_lacks_is_the_difference_of_its_pair() -> None:
    """554.40 due from without a due to: the leg is named, and the pair's totals tie."""
    pair = Pair("UK01", "US01", "2026-10", "GBP", 55_440, 55_440, 55_440, 0)
    pair.wrong.append(
        Wrong(document_id="IC-1.to", legal_entity="US01", system="sap_ecc", cause="missing", sent_minor=-55_440, held_minor=0)
    )  # fmt: skip
    found = intercompany([pair], "2026-10")
    assert (found.verdict, parts(found)) == ("fail", [("IC-1.to", 55_440, "missing")])


def recognised(
    sent: Mapping[str, int],
    *,
    period: str = "2026-10",
    own: Mapping[str, int] | None = None,
    held: Mapping[str, int] | None = None,
    states: Mapping[str, str] | None = None,
    planned: int = 100_00,
    over: str = "2026-10",
    **plan: Any,
) -> Check:
    """A schedule of 100.00 a month; `sent`: month → revenue of its entry, `held`: what the ERP has of it."""
    months = [{"period": f"2026-{at:02d}", "amount": "100.00"} for at in (9, 10, 11)]
    changed = plan.pop("changed", False)
    states = states or {}
    rows = [entered("revenue_schedule", "RS-1", lines=months, **plan)]
    books = [
        record(
            "revenue_schedule", "RS-1",
            lines=tuple({"description": row["period"], "net_minor": planned} for row in months),
        )
    ]  # fmt: skip
    for month, minor in sent.items():
        amount = f"{minor // 100}.{minor % 100:02d}"
        rows.append(
            entered(
                "journal_entry", f"RR-{month}", state=states.get(month, "posted"), purpose="revenue",
                counterparty=None, contract_id="K-100", source_id="RS-1", accounting_date=f"{month}-28",
                lines=[
                    {"line": 1, "account": "DEFERRED_REVENUE", "amount": amount},
                    {"line": 2, "account": "REVENUE", "amount": f"-{amount}"},
                ],
            )
        )  # fmt: skip
        if states.get(month, "posted") == "posted":
            there = (held or {}).get(month, minor)
            books.append(
                record("journal_entry", f"RR-{month}", lines=({"account": "REVENUE", "net_minor": -there},))
            )
    return revenue(
        entered=rows,
        held=books,
        earned={("K-100", 1): own or {"2026-09": 100_00, "2026-10": 200_00, "2026-11": 300_00}},
        changed=frozenset({"K-100"} if changed else ()),
        period=period,
        over={"UK01": over},
    )


BOTH = {"2026-09": 100_00, "2026-10": 100_00}


def test_revenue_is_timing_only_while_its_entry_is_not_due() -> None:
    """November is not over: timing. September and October are: an entry that lacks is nobody's timing."""
    assert recognised(BOTH).mismatches == ()
    november = recognised(BOTH, period="2026-11")
    assert (november.verdict, parts(november)) == ("pass", [("RS-1", 100_00, "not-recognised-yet")])
    lacks = recognised({"2026-09": 100_00})
    assert (lacks.verdict, parts(lacks)) == ("fail", [("RS-1", 100_00, "not-recognised")])
    both = recognised({"2026-09": 100_00}, period="2026-11")
    assert parts(both) == [("RS-1", 100_00, "not-recognised-yet"), ("RS-1", 100_00, "not-recognised")]
    waits = recognised(BOTH, states={"2026-10": "queued"})
    assert (waits.verdict, parts(waits)) == ("pass", [("RR-2026-10", 100_00, "in-flight")])


def test_a_changed_contract_explains_only_what_its_terms_earn() -> None:
    """The version that stands earns 150.00: what was recognised beside that is unexplained, as is an edit."""
    own = {"2026-10": 150_00}
    sound = recognised({"2026-09": 100_00, "2026-10": 50_00}, own=own, changed=True)
    assert (sound.verdict, parts(sound)) == ("pass", [("RS-1", 50_00, "terms-changed")])
    off = recognised({"2026-09": 100_00, "2026-10": 49_00}, own=own, changed=True, over="2026-11")
    assert (off.verdict, parts(off)[-1]) == ("fail", ("RS-1", 1_00, "revenue-differs"))
    same = recognised({"2026-09": 100_00, "2026-10": 50_00}, own=own)
    assert (same.verdict, parts(same)) == ("fail", [("RS-1", 50_00, "plan-differs")])
    edited = recognised(BOTH, held={"2026-10": 99_99}, changed=True)
    assert (edited.verdict, parts(edited)) == ("fail", [("RS-1", 1, "entry-differs")])
    schedule = recognised(BOTH, planned=99_00, changed=True)
    assert (schedule.verdict, parts(schedule)) == ("fail", [("RS-1", -2_00, "schedule-differs")])


@pytest.mark.parametrize("method", ["percentage_of_completion", "milestone"])
def test_an_estimate_is_held_against_what_was_done(method: str) -> None:
    """120.00 are earned by what was done: recognising 120.00 is right, 119.00 waits for the next entry at most."""
    own = {"2026-10": 120_00, "2026-11": 120_00}
    sound = recognised({"2026-09": 100_00, "2026-10": 20_00}, own=own, method=method)
    assert (sound.verdict, parts(sound)) == ("pass", [("RS-1", 80_00, "estimate")])
    short = {"2026-09": 100_00, "2026-10": 19_00}
    waits = recognised(short, own=own, method=method)
    assert (waits.verdict, parts(waits)[-1]) == ("pass", ("RS-1", 1_00, "next-entry"))
    overdue = recognised(short, own=own, method=method, over="2026-11")
    assert (overdue.verdict, parts(overdue)[-1]) == ("fail", ("RS-1", 1_00, "revenue-differs"))
    later = recognised({**short, "2026-11": 1_00}, own=own, method=method, over="2026-11")
    assert (later.verdict, parts(later)[-1]) == ("pass", ("RS-1", 1_00, "caught-up"))
