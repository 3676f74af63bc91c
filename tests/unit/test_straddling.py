"""Documents across a switch, purely: each case is judged by what the plan states, violations are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml

from cutover.plan.model import Straddling
from cutover.plan.reading import read_plan
from cutover.straddling.cases import CASES, reasons, straddlers
from cutover.straddling.facts import Across, ErpWork, Half, Move, Straddler
from router.errors import BadConfig
from router.landscape import default_file, read_landscape
from router.model import SystemId

OLD, NEW = SystemId("sap_ecc"), SystemId("netsuite")
BEFORE, MOVED, AFTER = "2026-10-30T12:00:00Z", "2026-10-31T08:00:00Z", "2026-11-01T09:00:00Z"
OLD_ERP = Straddling(back_dated="old_erp", milestones="old_erp", cut_date=date(2026, 11, 1))
MOVES = (
    Move(at="2026-10-29T00:00:00Z", entities=("UK01", "US01"), business_units=(), kinds=(), stage="shadow"),
    Move(at=MOVED, entities=("UK01",), business_units=(), kinds=(), stage="live"),
)


def document(kind: str = "time_entry", **changes: Any) -> Straddler:
    """Time of October of an entity that has moved, decided after it, in the new ERP."""
    given: dict[str, Any] = {
        "seq": 7, "kind": kind, "document_id": "D-1", "legal_entity": "UK01", "business_unit": "CONSULTING",
        "accounting_date": "2026-10-30", "day": "2026-10-30", "currency": "GBP", "amount_minor": 12_345,
        "authority": "netsuite", "rule": "uk-live", "decided_at": AFTER, "state": "posted", "project_id": "P-1",
    }  # fmt: skip
    return Straddler(**given | changes)


def across(*found: Straddler, **changes: Any) -> Across:
    """The documents, UK01 moved and US01 not."""
    given: dict[str, Any] = {
        "source": OLD,
        "target": NEW,
        "moves": MOVES,
        "straddlers": found,
        "authority": {},
    }
    return Across(**given | changes)


def told(case: str, given: Across, policy: Straddling | None = None) -> dict[str, Any]:
    """One case of the report."""
    found = straddlers(given, policy or Straddling())
    row: dict[str, Any] = next(row for row in found["cases"] if row["case"] == case)
    return row


INVOICE = {("invoice", "INV-1"): "sap_ecc"}
LEGS = (
    document("journal_entry", document_id="IC-1.from", counterparty="US01"),
    document(
        "journal_entry", seq=8, document_id="IC-1.to", legal_entity="US01", counterparty="UK01", authority="sap_ecc",
        rule="us-dual-run",
    ),
)  # fmt: skip
OBEYED = [
    ("back_dated", None, (document(),), {}),
    ("back_dated", OLD_ERP, (document(authority="sap_ecc"),), {}),
    ("back_dated", OLD_ERP, (document(accounting_date="2026-11-01"),), {}),
    ("back_dated", None, (document(authority="sap_ecc", rule="pin"),), {}),
    ("back_dated", None, (document(authority="", state="parked"),), {}),
    ("followers", None, (document("payment", authority="sap_ecc", refers_to=("invoice", "INV-1")),), INVOICE),
    ("reopened", None, (document(corrects=True, authority="sap_ecc", refers_to=("time_entry", "T-1")),),
     {("time_entry", "T-1"): "sap_ecc"}),
    ("milestones", None, (document("milestone"),), {}),
    ("milestones", OLD_ERP, (document("milestone", authority="sap_ecc"),), {}),
    ("milestones", None, (document("billing_event", day="2026-10-31", milestones=("MS-1",)),),
     {("milestone", "MS-1"): "sap_ecc"}),
    ("closed_period", None, (document(accounting_date="2026-11-01", redated=("2026-10-30", "2026-11-01", "closed")),), {}),
    ("intercompany", None, LEGS, {}),
]  # fmt: skip


@pytest.mark.parametrize(("case", "policy", "found", "authority"), OBEYED)
def test_what_follows_its_policy_is_counted_with_its_money_and_where_it_went(
    case: str, policy: Straddling | None, found: tuple[Straddler, ...], authority: dict[Any, str]
) -> None:
    """Count, money and place; no violation, and no reason against the cutover."""
    given = across(*found, authority=authority)
    row = told(case, given, policy)
    assert (row["count"], row["violated"], row["obeyed"]) == (len(found), 0, True)
    assert sum(place["count"] for place in row["where"]) == len(found)
    assert row["examples"][0]["trace"] == "coexist trace T000000000007"
    assert reasons(straddlers(given, policy or Straddling())) == []


BROKEN = [
    ("back_dated", None, (document(authority="sap_ecc"),), {}, "belongs to netsuite"),
    ("back_dated", OLD_ERP, (document(),), {}, "belongs to sap_ecc"),
    ("followers", None, (document("payment", refers_to=("invoice", "INV-1")),), INVOICE, "belongs to sap_ecc"),
    ("reopened", None, (document(corrects=True, refers_to=("time_entry", "T-1")),),
     {("time_entry", "T-1"): "sap_ecc"}, "belongs to sap_ecc"),
    ("milestones", None, (document("milestone", authority="sap_ecc"),), {}, "belongs to netsuite"),
    ("closed_period", None, (document(redated=("2026-10-30", "2026-11-01", "closed")),), {}, "should be 2026-11-01"),
    ("closed_period", Straddling(closed_period="refuse"),
     (document(accounting_date="2026-11-01", redated=("2026-10-30", "2026-11-01", "closed")),), {}, "says refuse"),
    ("intercompany", None, (replace(LEGS[0], state="refused"), LEGS[1]), {}, "other leg"),
    ("intercompany", None, (replace(LEGS[0], amount_minor=1), LEGS[1]), {}, "another amount"),
    ("intercompany", None, (replace(LEGS[0], authority="sap_ecc"), replace(LEGS[1], authority="netsuite")), {},
     "belongs to netsuite"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "policy", "found", "authority", "said"), BROKEN)
def test_what_went_elsewhere_is_a_violation_with_its_transaction(
    case: str, policy: Straddling | None, found: tuple[Straddler, ...], authority: dict[Any, str], said: str
) -> None:
    """It is named, and it is a reason against the cutover."""
    given = across(*found, authority=authority)
    row = told(case, given, policy)
    assert row["violated"] > 0
    assert said in row["violations"][0]["why"]
    assert row["violations"][0]["transaction_id"].startswith("T0000000000")
    assert len(reasons(straddlers(given, policy or Straddling()))) == 1


def test_what_was_decided_before_the_switch_or_elsewhere_does_not_straddle() -> None:
    """Neither the old days' own work, nor what belongs to an entity that has not moved."""
    given = across(
        document(decided_at=BEFORE, authority="sap_ecc"), document(legal_entity="US01", authority="sap_ecc")
    )
    assert all(told(case, given)["count"] == 0 for case in CASES)


def test_after_the_old_erp_is_retired_nothing_stays_with_it() -> None:
    """The old days' documents go to the new ERP as well, as the policy says."""
    retired = Move(at="2026-11-01T08:00:00Z", entities=("UK01",), business_units=(), kinds=(), stage="cloud")
    given = across(document(), moves=(*MOVES, retired))
    assert told("back_dated", given, OLD_ERP)["violated"] == 0
    gone_back = replace(retired, stage="shadow")
    assert told("back_dated", across(document(), moves=(*MOVES, gone_back)))["count"] == 0


HALVES = (
    Half(project_id="P-1", legal_entity="UK01", authority="sap_ecc", currency="GBP", count=3, minor=300),
    Half(project_id="P-1", legal_entity="UK01", authority="netsuite", currency="GBP", count=2, minor=200),
    Half(project_id="P-2", legal_entity="US01", authority="sap_ecc", currency="USD", count=1, minor=100),
)


def work(system: str, document_id: str = "T-1", billed_by: str = "") -> ErpWork:
    """A piece of work in an ERP that is worth something."""
    return ErpWork(system=system, kind="time_entry", document_id=document_id, worth=True, billed_by=billed_by)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((work("sap_ecc"), work("netsuite")), ""),
        ((work("sap_ecc", billed_by="B-1"), work("netsuite", billed_by="B-1")), ""),
        ((work("sap_ecc"),), "nobody will bill it"),
        (
            (work("sap_ecc", billed_by="B-1"), work("netsuite", billed_by="B-2")),
            "is billed in netsuite and sap_ecc",
        ),
    ],
)
def test_work_of_half_moved_projects_is_billed_once_and_not_lost(
    rows: tuple[ErpWork, ...], said: str
) -> None:
    """A shadow's bill is no bill; work that only the old ERP has, unbilled, is lost to billing."""
    given = across(
        halves=HALVES,
        work=rows,
        projects={("time_entry", "T-1"): "P-1"},
        authority={("billing_event", "B-1"): "sap_ecc", ("billing_event", "B-2"): "netsuite"},
    )
    row = told("half_moved", given)
    assert row["count"] == 1
    assert row["money"] == [{"currency": "GBP", "amount": "5.00"}]
    assert (
        [one["why"] for one in row["violations"]] == [] if not said else said in row["violations"][0]["why"]
    )


@pytest.mark.parametrize(
    ("straddling", "reverse", "said"),
    [
        ({"back_dated": "old_erp"}, True, "old_erp needs a cut_date"),
        ({"milestones": "old_erp"}, True, "milestones: old_erp needs a cut_date"),
        ({"cut_date": "2026-11-01"}, True, "means nothing"),
        ({"back_dated": "old_erp", "cut_date": "2026-11-01"}, False, "would wait there for ever"),
        ({"back_dated": "old_erp", "cut_date": "2026-11-01"}, True, ""),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_a_mend(
    tmp_path: Any,
    straddling: dict[str, str],
    reverse: bool,
    said: str,
) -> None:
    """When the plan is read, not on the weekend."""
    data = default_file("plans/weekend.yaml").data | {"straddling": straddling}
    data["steps"] = [
        {name: value for name, value in step.items() if name != "reverse"}
        | ({"reverse": reverse} if step["kind"] == "switch" else {})
        for step in data["steps"]
    ]
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    if not said:
        assert read_plan(path, read_landscape()).straddling.stays == ("time_entry", "expense_item")
        return
    with pytest.raises(BadConfig, match=said) as caught:
        read_plan(path, read_landscape())
    assert caught.value.mend
