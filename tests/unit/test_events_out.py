"""Business events, pure: each line of the history gives the events its catalogue says, and no others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import KINDS
from router.errors import BadInput
from router.events_out.catalogue import CATALOGUE, TYPES
from router.events_out.decisions import ON_ACCEPTANCE, ON_POSTING, derive
from router.events_out.feed import check_types, cursor_of, to_cloud_event
from router.journal.event_facts import About, Fact, Settled

POSTED = {"job": 1000, "target": "netsuite", "role": "authority", "event": "answered yes"}


def about(kind: str = "time_entry", verb: str = "", **changed: Any) -> About:
    """The example of a kind, accepted and complete."""
    document = example(kind)
    money = document.money
    facts: dict[str, Any] = {
        "transaction_id": "T000000000001", "correlation_id": "T000000000001", "kind": kind,
        "verb": verb or document.verbs[0], "source": "/test", "legal_entity": document.legal_entity,
        "accounting_date": document.accounting_date.isoformat(), "currency": money.currency if money else "",
        "amount_minor": money.minor if money else 0,
        "document": document.model_dump(mode="json", exclude_none=True), "completed": False, "deliver": True,
        "authority": "netsuite", "trail": (),
    }  # fmt: skip
    return About(**(facts | changed))


def line(what: str, detail: dict[str, Any] | None = None, on: About | None = None, **changed: Any) -> Fact:
    """A line of the history."""
    facts: dict[str, Any] = {
        "history_id": 7, "at": "2026-10-30T12:00:00.000000Z", "what": what, "detail": detail or {}, "about": on,
        "operation": "create",
    }  # fmt: skip
    return Fact(**(facts | changed))


def names(fact: Fact) -> list[str]:
    """The events of a line."""
    return [event.type.name for event in derive(fact)]


@pytest.mark.parametrize(("key", "name"), ON_POSTING.items())
def test_what_is_posted_is_told(key: tuple[str, str], name: str) -> None:
    """Each kind and verb of the table gives its event when the ERP that counts has it, with the promised data."""
    kind, verb = key
    assert verb in KINDS[kind].verbs
    (event,) = derive(line("posted", POSTED, about(kind, verb)))
    assert event.type.name == name
    assert event.data["system"] == "netsuite"
    assert event.data["transaction_id"] == "T000000000001"
    assert set(event.data) <= set(CATALOGUE[name].fields)


@pytest.mark.parametrize(("kind", "name"), ON_ACCEPTANCE.items())
def test_what_is_approved_is_told_at_once(kind: str, name: str) -> None:
    """Approved work and requests are told when they are accepted, and again nothing when a copy is posted."""
    assert names(line("accepted", {"state": "queued"}, about(kind))) == [name]
    assert name not in names(line("posted", POSTED, about(kind)))


@pytest.mark.parametrize("role", ["shadow", "feedback"])
@pytest.mark.parametrize("what", ["posted", "refused", "dead"])
def test_shadows_and_feedback_are_no_business_facts(role: str, what: str) -> None:
    """Whatever becomes of them, nothing is told."""
    assert names(line(what, {**POSTED, "role": role}, about())) == []


def test_a_cancellation_is_no_creation() -> None:
    """A customer that is taken back again was not created by that."""
    assert names(line("posted", POSTED, about("customer", "cancelled"), operation="cancel")) == []


def test_negative_time_that_adjusts_is_a_reversal() -> None:
    """The entry that takes another back is told as TimeReversed, a re-post as TimePosted."""
    document = dict(about().document or {})
    back = about(document=document | {"adjusts": "TE-1", "minutes": -60})
    again = about(document=document | {"adjusts": "TE-1", "minutes": 60})
    assert names(line("posted", POSTED, back)) == ["TimeReversed"]
    assert names(line("posted", POSTED, again)) == ["TimePosted"]
    assert names(line("accepted", {"state": "queued"}, back)) == [], "nobody approved it"
    assert names(line("accepted", {"state": "queued"}, again)) == ["TimeApproved"]


@pytest.mark.parametrize(
    ("before", "with_", "paid"), [(0, 1000, True), (0, 999, False), (999, 1000, True), (1000, 1200, False)]
)
def test_the_payment_that_closes_an_invoice_tells_so(before: int, with_: int, paid: bool) -> None:
    """InvoicePaid is told by the payment that reaches the total, neither before nor after."""
    settled = Settled(total_minor=1000, before_minor=before, with_minor=with_, paid_minor=with_)
    found = names(line("posted", POSTED, about("payment"), settled=settled))
    assert found == ["PaymentReceived", *(["InvoicePaid"] if paid else [])]


@pytest.mark.parametrize(
    ("kind", "name"), [("credit_memo", "CreditIssued"), ("write_off", "InvoiceWrittenOff")]
)
@pytest.mark.parametrize(("before", "paid", "closes"), [(900, 900, True), (900, 0, False), (800, 800, False)])
def test_what_settles_the_rest_of_a_paid_invoice_tells_so(
    kind: str, name: str, before: int, paid: int, closes: bool
) -> None:
    """A credit or write-off of the last 100 closes it where money came before; what nobody paid is not paid."""
    settled = Settled(total_minor=1000, before_minor=before, with_minor=before + 100, paid_minor=paid)
    found = derive(line("posted", POSTED, about(kind), settled=settled))
    assert [event.type.name for event in found] == [name, *(["InvoicePaid"] if closes else [])]
    if closes:
        assert found[1].data["total"] == "10.00"
        assert found[1].data["invoice_id"] == found[0].data["invoice_id"]


def ledger(purpose: str, *lines: tuple[str, str]) -> About:
    """A journal entry of some lines."""
    document = dict(example("journal_entry").model_dump(mode="json", exclude_none=True))
    rows = [{"line": n, "account": account, "amount": amount} for n, (account, amount) in enumerate(lines, 1)]
    return about("journal_entry", document=document | {"purpose": purpose, "lines": rows, "currency": "GBP"})


def test_entries_of_the_ledger_go_by_purpose() -> None:
    """Revenue by the credit of revenue, a charge by the provider's leg alone; accruals are no business event."""
    (revenue,) = derive(
        line("posted", POSTED, ledger("revenue", ("DEFERRED_REVENUE", "90.00"), ("REVENUE", "-90.00")))
    )
    assert (revenue.type.name, revenue.data["amount"]) == ("RevenueRecognised", "90.00")
    provider = ledger("intercompany", ("DUE_FROM", "50.00"), ("INTERCOMPANY_REVENUE", "-50.00"))
    (charge,) = derive(line("posted", POSTED, provider))
    assert (charge.type.name, charge.data["amount"]) == ("IntercompanyCharged", "50.00")
    receiver = ledger("intercompany", ("INTERCOMPANY_COST", "50.00"), ("DUE_TO", "-50.00"))
    assert names(line("posted", POSTED, receiver)) == []
    assert (
        names(line("posted", POSTED, ledger("accrual", ("ACCRUED_REVENUE", "1.00"), ("REVENUE", "-1.00"))))
        == []
    )


RAISED = (5, "refused", {"role": "authority", "code": "F5201"})


def test_an_exception_is_told_once_until_it_ends() -> None:
    """Refused again is nothing new; posted after all resolves it; raised again after that is told again."""
    refusal = {"role": "authority", "target": "sap_ecc", "code": "F5201", "why": "period closed"}
    (event,) = derive(line("refused", refusal, about()))
    assert event.data["exception_type"] == "erp-period-closed"
    assert names(line("refused", refusal, about(trail=(RAISED,)))) == []
    assert names(line("posted", POSTED, about(trail=(RAISED,)))) == ["TimePosted", "ExceptionResolved"]
    ended = (RAISED, (6, "posted", POSTED))
    assert names(line("refused", refusal, about(trail=ended))) == ["ExceptionRaised"]
    assert names(line("posted", POSTED, about(trail=(RAISED, (6, "exception resolved", {}))))) == [
        "TimePosted"
    ]
    parked = (1, "accepted", {"state": "parked"})
    assert names(line("posted", POSTED, about(trail=(parked,)))) == ["TimePosted", "ExceptionResolved"]


def test_what_was_parked_is_told_when_it_is_complete() -> None:
    """Without a document nothing was approved yet; the completion tells it; an unroutable document was approved."""
    waiting = about(document=None, completed=True)
    (raised,) = derive(line("accepted", {"state": "parked", "code": "project-unknown"}, waiting))
    assert (raised.type.name, raised.data["exception_type"]) == ("ExceptionRaised", "project-unknown")
    assert names(line("completed", {"by": "ann"}, about())) == ["TimeApproved"]
    assert names(line("accepted", {"state": "parked"}, about())) == ["TimeApproved", "ExceptionRaised"]


def test_facts_an_erp_reported_are_told_as_posted() -> None:
    """The invoice an ERP made of a billing event is in the books as it is recorded."""
    (event,) = derive(line("accepted", {"state": "posted"}, about("invoice", deliver=False), operation=""))
    assert (event.type.name, event.data["system"]) == ("InvoicePosted", "netsuite")


def test_switches_and_closes_are_told_per_entity() -> None:
    """One event an entity, in the order of their codes; opening lanes or soft closes are not told."""
    switch = {"epochs": {"UK01": 2, "DE01": 1}, "table_version": 3, "by": "ann", "why": "weekend"}
    found = derive(line("switched", switch))
    assert [(event.subject, event.data["epoch"], event.n) for event in found] == [
        ("DE01", 1, 0),
        ("UK01", 2, 1),
    ]
    close = {"legal_entity": "UK01", "period": "2026-10", "by": "ann", "why": "month-end"}
    assert names(line("period closed", close)) == ["PeriodClosed"]
    assert names(line("period closed", {**close, "was": "soft_closed"})) == ["PeriodClosed"]
    assert names(line("period closed", {**close, "was": "closed"})) == [], "told when it was closed"
    assert names(line("period soft_closed", close)) == []
    reopened = {**close, "was": "closed", "approved_by": "bob"}
    (event,) = derive(line("period open", reopened))
    assert (event.type.name, event.data["approved_by"]) == ("PeriodReopened", "bob")
    assert names(line("period open", {**reopened, "was": "soft_closed"})) == []
    assert names(line("opened", {"entities": ["UK01"]})) == []


@pytest.mark.parametrize("entry", TYPES, ids=lambda entry: entry.name)
def test_the_catalogue_defines_each_event(entry: Any) -> None:
    """A meaning, when it is told, and an example of exactly its data."""
    assert len(entry.meaning) > 20
    assert entry.meaning.endswith(".")
    assert len(entry.when) > 20
    assert set(entry.example) == set(entry.fields)
    assert entry.type == f"coexist.event.{entry.name}.v1"


def test_an_event_is_a_cloud_event() -> None:
    """CloudEvents 1.0 in structured JSON, with an id that is derived from its place in the journal."""
    (event,) = derive(line("posted", POSTED, about("customer")))
    made = to_cloud_event(event)
    assert {name: made[name] for name in ("specversion", "id", "source", "type", "subject")} == {
        "specversion": "1.0", "id": "E000000000007-000", "source": "/coexist/journal",
        "type": "coexist.event.CustomerCreated.v1", "subject": "C-100",
    }  # fmt: skip
    assert made["time"] == "2026-10-30T12:00:00.000000Z"


@settings(deadline=None, max_examples=100)
@given(text=st.text(max_size=30) | st.from_regex(r"[0-9]{1,16}\.[0-9]{1,10}", fullmatch=True))
def test_a_cursor_is_one_or_is_refused(text: str) -> None:
    """Any text is either a place in the feed or a clear refusal."""
    fits = re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,9}", text)
    if fits:
        line_, n = cursor_of(text)
        assert (line_ >= 0, n >= -1) == (True, True)
    else:
        with pytest.raises(BadInput, match="after"):
            cursor_of(text)


def test_an_unknown_type_is_refused() -> None:
    """The names there are come with the refusal."""
    with pytest.raises(BadInput, match="Nothing"):
        check_types(["Nothing"])
    check_types(list(CATALOGUE))
