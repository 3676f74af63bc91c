"""What NetSuite's answers mean: codes before statuses, hostile shapes tolerated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.billing import BillingEvent
from router.canonical.kinds import parse
from router.connectors.http import seconds_of
from router.connectors.mapping import read_mappings
from router.connectors.netsuite.decisions import (
    Duplicate,
    duration,
    job_id,
    minutes_of,
    next_wait_s,
    problem_of,
    record_id,
    refusal,
    task_ids,
)
from router.connectors.netsuite.invoices import NotAnInvoice, canonical
from router.connectors.netsuite.queries import READ_BACKS
from router.connectors.netsuite.reading import Unreadable, minor, record_of
from router.connectors.netsuite.writer import decimal_hours
from router.connectors.port import Missing, NoAnswer, SaidNo, TryLater
from router.model import SystemId

MAPPINGS = read_mappings("netsuite")
NEEDED = {"customer": ("project", "P-1"), "apply.items.doc": ("invoice", "I-1")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=False, places=2),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["o:errorDetails", "detail", "o:errorCode", "o:errorPath", "items", "links", "href", "rel",
                         "status", "id", "item", "currency", "amount", "taxCode", "refName", "total", "title"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def envelope(code: str, detail: str = "no", path: str | None = None) -> dict[str, Any]:
    """An error envelope."""
    return {
        "o:errorDetails": [{"o:errorCode": code, "detail": detail, **({"o:errorPath": path} if path else {})}]
    }


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (429, envelope("CONCURRENCY_LIMIT_EXCEEDED"), TryLater(reason="no", throttled=True)),
        (400, envelope("CONCURRENCY_LIMIT_EXCEEDED"), TryLater(reason="no", throttled=True)),
        (400, envelope("SSS_REQUEST_LIMIT_EXCEEDED"), TryLater(reason="no", throttled=True)),
        (503, None, TryLater(reason="NetSuite answered 503", throttled=True)),
        (500, envelope("UNEXPECTED_ERROR"), NoAnswer(reason="500 UNEXPECTED_ERROR: no")),
        (302, None, NoAnswer(reason="302 HTTP_302: NetSuite answered 302")),
        (400, envelope("USER_ERROR", "This record already exists."), Duplicate()),
        (400, envelope("USER_ERROR", "The posting period Oct 2026 is closed.", "tranDate"),
         SaidNo(code="PERIOD_CLOSED", message="The posting period Oct 2026 is closed.", field="tranDate")),
        (400, envelope("CLOSED_TRAN_PRD"), SaidNo(code="PERIOD_CLOSED", message="no")),
        (400, envelope("INVALID_CONTENT", "Invalid reference key 9 for field customer.", "customer"),
         Missing(kind="project", document_id="P-1")),
        (400, envelope("INVALID_CONTENT", "Invalid reference key 9.", "apply.items[0].doc"),
         Missing(kind="invoice", document_id="I-1")),
        (400, envelope("INVALID_CONTENT", "Invalid reference key 9.", "department"),
         SaidNo(code="INVALID_CONTENT", message="Invalid reference key 9.", field="department")),
        (400, envelope("USER_ERROR", "Please enter a value.", "customer"),
         SaidNo(code="USER_ERROR", message="Please enter a value.", field="customer")),
        (400, "<html>", SaidNo(code="HTTP_400", message="NetSuite answered 400")),
    ],
)  # fmt: skip
def test_a_refusal_means_this(status: int, body: Any, wanted: Any) -> None:
    """The table of answers."""
    assert refusal(problem_of(status, body), needed=NEEDED) == wanted


def test_retry_after_is_passed_on() -> None:
    """Seconds only; a date or nonsense is no number."""
    answer = refusal(problem_of(429, None), needed={}, retry_after_s=seconds_of(" 12 "))
    assert isinstance(answer, TryLater)
    assert answer.after_s == 12
    assert [seconds_of(text) for text in ("", "soon", "-1", "1.5", "9999999", "0")] == [None] * 5 + [0.0]


@settings(deadline=None, max_examples=200)
@given(status=st.integers(100, 599), body=JSON)
def test_no_shape_of_an_answer_breaks_the_reader(status: int, body: Any) -> None:
    """Whatever JSON comes back, there is an answer, and nothing long is kept."""
    problem = problem_of(status, body)
    assert len(problem.code) <= 64
    assert len(problem.message) <= 500
    refusal(problem, needed=NEEDED)
    assert isinstance(task_ids(body), list)


EVENT = parse(
    {
        "kind": "billing_event", "document_id": "BE-1", "legal_entity": "UK01", "region": "EMEA",
        "business_unit": "CONSULTING", "accounting_date": "2026-10-31", "project_id": "P-1", "customer_id": "C-1",
        "contract_id": "K-1", "currency": "GBP", "period": "2026-10", "through": "2026-10-31",
    }
)  # fmt: skip
LINE: dict[str, Any] = {
    "line": 1, "description": "d", "amount": Decimal("10.10"), "tax1Amt": Decimal("2.02"),
    "taxCode": {"refName": "GB-STD"}, "quantity": Decimal("0.333333"),
}  # fmt: skip
INVOICE: dict[str, Any] = {
    "tranId": "INV1", "tranDate": "2026-10-31", "dueDate": "2026-11-30", "currency": {"refName": "GBP"},
    "subtotal": Decimal("10.10"), "taxTotal": Decimal("2.02"), "total": Decimal("12.12"), "item": {"items": [LINE]},
}  # fmt: skip


def test_an_invoice_is_read_and_must_tie() -> None:
    """Exact numbers, minutes to the nearest, and totals that do not tie are no invoice."""
    assert isinstance(EVENT, BillingEvent)
    made = canonical(EVENT, INVOICE, MAPPINGS)
    assert (made.total.minor, made.lines[0].minutes, made.status) == (1212, 20, "posted")
    odd: tuple[dict[str, Any], ...] = (
        {"total": Decimal("12.13")},
        {"total": 12.12},
        {"subtotal": Decimal("10.105")},
        {"item": {"items": []}},
        {"dueDate": None},
        {"currency": {"refName": "XXQ"}},
        {"item": {"items": [LINE | {"amount": Decimal("10.11")}]}},
    )
    for wrong in odd:
        with pytest.raises(NotAnInvoice):
            canonical(EVENT, INVOICE | wrong, MAPPINGS)


@settings(deadline=None, max_examples=200)
@given(body=JSON)
def test_no_other_shape_is_an_invoice(body: Any) -> None:
    """Anything else is said to be none, by one error."""
    assert isinstance(EVENT, BillingEvent)
    with pytest.raises(NotAnInvoice):
        canonical(EVENT, body, MAPPINGS)


@settings(deadline=None)
@given(minutes=st.integers(-1_000_000, 1_000_000))
def test_minutes_survive_both_notations(minutes: int) -> None:
    """`h:mm` and six decimal places both read back exactly."""
    assert minutes_of(duration(minutes)) == minutes
    assert minutes_of(orjson.dumps(decimal_hours(minutes)).decode()) == minutes


def test_what_is_no_duration() -> None:
    """Nonsense is None, not zero."""
    for text in ("", "x", "7:60", "1:2", "NaN", "1e99", "7:20:00"):
        assert minutes_of(text) is None


def test_ids_are_taken_from_links_and_hosts_are_not() -> None:
    """Only the end of an address counts, and only digits or job ids."""
    assert record_id("https://evil.example/services/rest/record/v1/timebill/12") == "12"
    assert record_id("/record/v1/timebill/12?x=1") is None
    assert record_id("/record/v1/timebill/../12/../x") is None
    assert job_id("/services/rest/async/v1/job/7") == "7"
    assert job_id("/services/rest/async/v1/job/7/task") is None
    links = [{"rel": "self", "href": f"x/async/v1/job/7/task/{n}"} for n in (2, 1, 2)]
    assert task_ids({"items": [{"links": [link]} for link in links]}) == ["2", "1"]


def test_waits_grow_and_stop_growing() -> None:
    """A quarter of a second, doubling, at most eight."""
    assert [next_wait_s(n) for n in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_amounts_are_exact_or_refused() -> None:
    """Text or JSON number, in the currency's places."""
    assert minor("1234567890123.45", "USD") == 123456789012345
    assert minor(Decimal("15.005"), "BHD") == 15005
    assert minor("1E+2", "JPY") == 100
    for wrong in ("1.005", "x", "", "NaN", "Infinity", None):
        with pytest.raises(ValueError, match=r"."):
            minor(wrong, "USD")


@pytest.mark.parametrize("kind", sorted(READ_BACKS))
def test_an_odd_row_is_unreadable(kind: str) -> None:
    """Missing columns, unknown subsidiaries and broken amounts are one error."""
    good = {"id": "1", "legal_entity": "2", "currency": "USD"}
    lines = [{"line": "x", "net": "x", "account": "1"}]
    for row in (
        {},
        {"id": "1"},
        good | {"legal_entity": "9"},
        good | {"minutes": "x", "amount": "x", "total": "x"},
    ):
        if kind in ("customer", "contact", "project", "task", "change_order") and row.get("minutes"):
            continue
        with pytest.raises(Unreadable):
            record_of(kind, row, lines, system=SystemId("n"), entities={"2": "UK01"}, mappings=MAPPINGS)
