"""What is said of each difference of two live ERPs, from both ERPs' records and the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from router.connectors.port import Record
from router.dualrun.breaks import BreakClass, Explanation
from router.dualrun.live_causes import JournalFacts, LiveFacts, LiveJudge
from router.dualrun.results import Difference, DocumentView, Pair
from router.model import SystemId
from tests.unit.live_records import RATES, Hours, invoiced
from tests.unit.sim_books import CLOUD, LEGACY

ROWS: list[Hours] = [
    ("CONSULTANT", "CONSULTING", 440, 12_345),
    ("CONSULTANT", "CONSULTING", 100, 9_999),
    ("ANALYST", "OPERATIONS", 50, 8_745),
]
OLD = invoiced(LEGACY, ROWS)
NEW = invoiced(CLOUD, ROWS, system="netsuite")
"""Net 1144.46 and 1144.83, tax 228.89 and 228.97, total 1373.35 and 1373.80."""


def record(kind: str, key: str, system: str = "sap_ecc", **fields: Any) -> Record:
    """A posted document of the same customer."""
    given: dict[str, Any] = {
        "vendor_id": f"{system}-{key}", "number": key, "status": "posted", "legal_entity": "UK01",
        "accounting_date": "2026-09-30", "currency": "GBP",
    }  # fmt: skip
    return Record(system=SystemId(system), kind=kind, external_id=key, **(given | fields))


def said(
    kind: str,
    key: str,
    difference: Difference,
    *,
    legacy: Sequence[Record] = (),
    cloud: Sequence[Record] = (),
    line: str | None = None,
    shadow: Mapping[tuple[str, str], tuple[str, str]] | None = None,
    **journal: Any,
) -> Explanation:
    """What the judge says of one difference of a document."""
    facts = LiveFacts.of(
        [OLD, *legacy], [NEW, *cloud], shadow or {}, tax_rates=RATES, journal=JournalFacts(**journal)
    )
    named = {"document_id": key}
    pair = Pair(
        key=named if line is None else {**named, "line": line}, legacy=(), cloud=(), differences=(difference,)
    )
    view = DocumentView(document=named, pairs=(pair,), legacy=(), cloud=())
    ((found,),) = LiveJudge(kind, facts).explain(view)
    if found.parts:
        assert sum(part.delta_minor for part in found.parts) == difference.delta_minor
    return found


def amount(column: str, delta: int) -> Difference:
    """An amount in pounds that differs."""
    return Difference(what="amount", column=column, currency="GBP", delta_minor=delta)


@pytest.mark.parametrize(("column", "delta"), [("net", 37), ("tax", 8), ("total", 45)])
def test_every_amount_of_an_invoice_has_the_cause_of_its_net(column: str, delta: int) -> None:
    """Tax follows the net: the hours' share of it is the hours' own."""
    found = said("invoice", "B1", amount(column, delta))
    assert (found.cause, found.code) == ("rounding", "hours-in-hundredths")
    assert "3 of 3 rows" in found.evidence
    assert "both invoices come out to the minor unit" in found.evidence


def test_lines_have_their_own_parts() -> None:
    """Line by line: 83 hundredths at 87.45 are 72.58, and 50 minutes 72.875: 72.88 per row."""
    found = said("invoice", "B1", amount("net", 30), line="ANALYST OPERATIONS")
    assert found.code == "hours-in-hundredths"
    assert found.parts == () or {part.code for part in found.parts} <= {
        "hours-in-hundredths",
        "rounded-per-line",
    }
    assert said("invoice", "B1", amount("net", 31), line="ANALYST OPERATIONS").cause == "unexplained"


@pytest.mark.parametrize("column", ["net", "tax", "total"])
def test_a_cent_too_much_is_never_taken_for_rounding(column: str) -> None:
    """There is no slack: one minor unit beyond what the habits make, and the break is unexplained."""
    delta = {"net": 37, "tax": 8, "total": 45}[column]
    for wrong in (delta - 1, delta + 1, 100_000):
        found = said("invoice", "B1", amount(column, wrong))
        assert found.cause == "unexplained"
        assert {part.code: part.delta_minor for part in found.parts}["unexplained"] == wrong - delta


def test_time_differs_by_its_hours_only() -> None:
    """440 min of 123.45 are 905.30, and 7.33 h 904.89; another minute, or another rate, is no habit."""
    old = record("time_entry", "T", minutes=440, hundredths=733, rate_minor=12_345, net_minor=90_489)
    new = record("time_entry", "T", "netsuite", minutes=440, rate_minor=12_345, net_minor=90_530)
    found = said("time_entry", "T", amount("net", 41), legacy=[old], cloud=[new])
    assert (found.cause, found.code) == ("rounding", "hours-in-hundredths")
    assert found.evidence == (
        "440 minutes at 123.45 an hour are 7.33 hours, 904.89, in sap_ecc and 440 minutes, 905.30, in netsuite"
    )
    assert said("time_entry", "T", amount("net", 42), legacy=[old], cloud=[new]).cause == "unexplained"
    for other in (
        replace(new, rate_minor=12_346, net_minor=90_537),
        replace(new, minutes=441, net_minor=90_736),
    ):
        delta = (other.net_minor or 0) - 90_489
        found = said("time_entry", "T", amount("net", delta), legacy=[old], cloud=[other])
        assert found.cause == "unexplained"


def memo(of: Record, system: str) -> Record:
    """The credit of a whole invoice."""
    return record(
        "credit_memo",
        "CM",
        system,
        net_minor=of.net_minor,
        tax_minor=of.tax_minor,
        total_minor=of.total_minor,
    )


def test_a_credit_follows_its_invoice() -> None:
    """It credits the whole of it in both ERPs; one that does not is not explained by it."""
    named = {("credit_memo", "CM"): "INV-B1"}
    sides: dict[str, Any] = {"legacy": [memo(OLD, "sap_ecc")], "cloud": [memo(NEW, "netsuite")]}
    found = said("credit_memo", "CM", amount("total", 45), **sides, invoice_of=named)
    assert found.code == "hours-in-hundredths"
    assert "whole of invoice B1 in both" in found.evidence
    partly = {**sides, "cloud": [replace(sides["cloud"][0], net_minor=1)]}
    assert said("credit_memo", "CM", amount("total", 45), **partly, invoice_of=named).cause == "unexplained"
    assert said("credit_memo", "CM", amount("total", 45), **sides).cause == "unexplained"


def paid(system: str, minor: int) -> Record:
    """A payment."""
    return record("payment", "PAY", system, total_minor=minor)


def test_paid_and_open_follow_the_totals() -> None:
    """137,335 settles the legacy's invoice and leaves 0.45 of the cloud's: the rest has the totals' cause."""
    status = Difference(what="status", column="status", legacy="paid", cloud="posted")
    named = {("payment", "PAY"): "INV-B1"}

    def judged(old_status: str, minor: int, *, in_cloud: bool = True, **more: Any) -> Explanation:
        facts = LiveFacts.of(
            [replace(OLD, status=old_status), paid("sap_ecc", minor)],
            [NEW, *([paid("netsuite", minor)] if in_cloud else [])],
            more.get("shadow", {}),
            tax_rates=RATES,
            journal=JournalFacts(invoice_of=named),
        )
        view = DocumentView(
            document={"document_id": "B1"}, legacy=(), cloud=(),
            pairs=(Pair(key={"document_id": "B1"}, legacy=(), cloud=(), differences=(status,)),),
        )  # fmt: skip
        return LiveJudge("invoice", facts).explain(view)[0][0]

    found = judged("paid", 137_335)
    assert (found.cause, found.code) == ("rounding", "hours-in-hundredths")
    assert "PAY leave 0.00 open of 1373.35 in sap_ecc and 0.45 open of 1373.80 in netsuite" in found.evidence
    # The amounts say the legacy's is open: its status then is what is wrong.
    assert judged("paid", 137_334).cause == "unexplained"
    refused = judged(
        "paid", 137_335, in_cloud=False, shadow={("payment", "PAY"): ("refused", "period closed")}
    )
    assert (refused.cause, refused.code) == ("refused", "refused")
    assert "PAY stands in one only" in refused.evidence


@pytest.mark.parametrize(
    ("state", "why", "cause"),
    [
        ("refused", "period closed", "refused"),
        ("dead", "gave up", "refused"),
        ("parked", "waits for approval", "missing_approval"),
        ("in_doubt", "no answer", "in_doubt"),
        ("queued", "", "timing"),
        ("posted", "", "unexplained"),
    ],
)
@pytest.mark.parametrize(("kind", "delivered"), [("time_entry", "time_entry"), ("invoice", "billing_event")])
def test_what_the_cloud_lacks_has_its_delivery_for_a_cause(
    state: str, why: str, cause: str, kind: str, delivered: str
) -> None:
    """A posted delivery whose document is not there is explained by nothing; an invoice is delivered as its bill."""
    found = said(kind, "D", Difference(what="missing_in_cloud"), shadow={(delivered, "D"): (state, why)})
    assert found.cause == cause


@pytest.mark.parametrize(
    ("what", "column", "cause"),
    [
        ("missing_in_legacy", "", "unexplained"),
        ("duplicate_in_cloud", "", "duplicate_posting"),
        ("date", "accounting_date", "unexplained"),
        ("dimension", "period", "unexplained"),
        ("dimension", "cost_center", "unexplained"),
        ("text", "customer_id", "unexplained"),
        ("status", "status", "unexplained"),
        ("amount", "minutes", "unexplained"),
    ],
)
def test_the_rest_is_named_or_not_explained(what: BreakClass, column: str, cause: str) -> None:
    """Nothing is explained that nothing proves."""
    difference = Difference(what=what, column=column, legacy="A", cloud="B", delta_minor=1)
    assert said("expense_item", "X", difference).cause == cause


def test_a_conflict_of_ownership_comes_first() -> None:
    """Somebody offered another value than the owner's: that is why the two ERPs say different things."""
    conflicts = {
        ("project", "P"): [
            {
                "attribute": "department",
                "sender": "kantata",
                "owner": "salesforce",
                "kept": "A",
                "offered": "B",
            }
        ]
    }
    difference = Difference(what="dimension", column="department", legacy="A", cloud="B")
    found = said("project", "P", difference, conflicts=conflicts)
    assert (found.cause, found.code) == ("ownership", "ownership-conflict")
    assert "kantata offered 'B' for department, which salesforce owns" in found.evidence
    other = replace(difference, column="practice")
    assert said("project", "P", other, conflicts=conflicts).cause == "unexplained"
    for values in (("A", "C"), ("C", "B"), ("A", "")):
        later = replace(difference, legacy=values[0], cloud=values[1])
        assert said("project", "P", later, conflicts=conflicts).cause == "unexplained"


def coded(count: int, column: str = "department", **kept: str) -> list[Explanation]:
    """What is said of as many documents, A in the legacy and B in the cloud, beside one that is `kept` in both."""
    word = Difference(what="dimension", column=column, legacy="A", cloud="B")
    views = [
        DocumentView(
            document={"document_id": f"X{at}"}, legacy=(), cloud=(),
            pairs=(Pair(key={"document_id": f"X{at}"}, legacy=(), cloud=(), differences=(word,)),),
        )
        for at in range(count)
    ]  # fmt: skip
    legacy = record("expense_item", "K", dimensions=kept)
    cloud = record("expense_item", "K", "netsuite", dimensions=kept)
    judge = LiveJudge("expense_item", LiveFacts.of([legacy], [cloud], {}, tax_rates=RATES))
    judge.learn(views)
    return [one for view in views for row in judge.explain(view) for one in row]


def test_a_word_is_mapped_only_where_it_is_mapped_throughout() -> None:
    """Three documents say so and none says otherwise; a period or a legal entity is never a mere word."""
    assert {(one.cause, one.code) for one in coded(3)} == {("mapping", "dimension-mapping")}
    assert "in all 3 documents" in coded(3)[0].evidence
    assert {one.cause for one in coded(2)} == {"unexplained"}
    assert {one.cause for one in coded(3, department="A")} == {"unexplained"}
    assert {one.cause for one in coded(3, department="B", practice="A")} == {"mapping"}
    for column in ("period", "legal_entity", "project_id"):
        assert {one.cause for one in coded(9, column)} == {"unexplained"}


def test_habits_are_told_with_their_evidence() -> None:
    """How many documents prove them, and which habits no document tells apart."""
    facts = LiveFacts.of([OLD], [NEW], {}, tax_rates=RATES)
    legacy, cloud = facts.habits()
    assert legacy["habits"]["hours"] == "hundredths"
    assert (legacy["reproduced"], legacy["invoices"]) == (1, 1) == (cloud["reproduced"], cloud["invoices"])
    assert "mode" in legacy["not_told_apart"]
    assert "make 1 of 1 of its invoices again; no invoice tells the other" in legacy["sentence"]
