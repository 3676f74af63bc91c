"""The price of a rollback: what comes home by itself, what is entered again, what stays, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.rollback import price as pricing
from cutover.rollback.price import WAYS, OldErp, Price, price
from router.canonical import Document, parse
from router.canonical.examples import example
from router.canonical.kinds import KINDS
from router.journal.port import Placed
from router.model import TransactionId

OLD = OldErp(takes=frozenset(KINDS) - {"task"}, is_closed=lambda document: document.accounting_date.day == 1)


def changed(kind: str, **changes: Any) -> Document:
    """The example of a kind with some fields changed."""
    return parse(example(kind).model_dump(mode="json", exclude_none=True) | changes)


def placed(seq: int, document: Document, **changes: Any) -> Placed:
    """A posted document of the new ERP that the old one never got."""
    money = document.money
    fields: dict[str, Any] = {
        "transaction_id": TransactionId(f"T{seq:012d}"), "document": document, "delivered": True,
        "amount_minor": money.minor if money is not None else 0, "state": "posted", "copy": "",
        "accepted_at": "2026-10-31T10:00:00.000000Z",
    }  # fmt: skip
    return Placed(**fields | changes)


def ways(*rows: Placed) -> list[tuple[str, str]]:
    return [(fate.way, fate.why) for fate in price(rows, OLD).fates]


def billed(*, copy: str, copied_total: str = "1320.00", event_copy_made: bool = True) -> list[Placed]:
    """A time entry, the event that bills it, the invoice the new ERP made of it and its payment."""
    invoice = changed("invoice", billing_event_id="B-1", document_id="INV-B-1")
    tax = {"1320.00": "220.00", "1320.01": "220.01"}[copied_total]
    line = {**invoice.model_dump(mode="json")["lines"][0], "tax": tax}
    own = changed(
        "invoice", billing_event_id="B-1", document_id="INV-B-1", lines=[line], tax=tax, total=copied_total
    )
    event = changed("billing_event", document_id="B-1", through="2026-10-31")
    return [
        placed(1, changed("time_entry", work_date="2026-10-30"), copy=copy),
        placed(2, event, copy=copy, copy_made=(own,) if copy == "posted" and event_copy_made else ()),
        placed(3, invoice, delivered=False),
        placed(4, changed("payment", invoice_id="INV-B-1"), copy=copy),
    ]


def test_what_stands_in_the_old_erp_comes_home_with_its_invoice() -> None:
    """Armed: nothing is sent, not even for the invoice, whose copy is the same to the cent."""
    found = price(billed(copy="posted"), OLD, per_hour=60)
    assert [fate.way for fate in found.fates] == ["armed"] * 4
    assert (found.count("armed"), found.minutes, found.copies) == (4, 0, ())


def test_an_invoice_whose_copy_differs_by_a_cent_stays_with_all_that_refers_to_it() -> None:
    """The customer has the other amount; the time behind it comes home, its copy is as good."""
    assert ways(*billed(copy="posted", copied_total="1320.01")) == [
        ("armed", ""),
        ("stays", pricing.WITH_ITS_INVOICE),
        ("stays", pricing.DIFFERS),
        ("stays", pricing.WITH_ITS_INVOICE),
    ]
    assert ways(*billed(copy="posted", event_copy_made=False))[2] == ("stays", pricing.DIFFERS)


def test_without_copies_the_invoice_and_the_work_on_it_stay_and_are_copied() -> None:
    """Else the old ERP would bill that work again; the invoice itself is what its copy of the request makes."""
    rows = billed(copy="")
    assert ways(*rows) == [
        ("stays", pricing.BILLED),
        ("stays", pricing.ISSUED),
        ("stays", pricing.ISSUED),
        ("stays", pricing.WITH_ITS_INVOICE),
    ]
    found = price(rows, OLD, per_hour=60)
    assert found.copies == ("T000000000001", "T000000000002", "T000000000004")
    assert found.minutes == 3


def test_work_that_is_on_no_invoice_is_entered_again() -> None:
    """Also what was accepted after the bill, lies after its last day, or is of another project."""
    rows = [
        *billed(copy=""),
        placed(5, changed("time_entry", document_id="T-late", work_date="2026-10-30")),
        placed(0, changed("time_entry", document_id="T-after", work_date="2026-11-02")),
        placed(0, changed("time_entry", document_id="T-other", work_date="2026-10-30", project_id="P-2")),
    ]
    assert ways(*rows)[4:] == [("re_enter", pricing.NEVER_SENT)] * 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (placed(1, example("milestone"), copy="posted"), ("armed", "")),
        (placed(1, example("milestone"), copy="refused"), ("stays", "the old ERP refused it")),
        (placed(1, example("milestone"), copy="dead"), ("stays", "the old ERP gave it up")),
        (placed(1, example("milestone"), copy="queued"), ("under_way", "is queued at the old ERP")),
        (placed(1, example("milestone"), state="in_doubt"), ("under_way", "is in doubt at the new ERP")),
        (placed(1, example("milestone"), state="refused"), ("re_enter", "was never sent to the old ERP")),
        (placed(1, changed("milestone", accounting_date="2026-10-01")), ("stays", "lies in a period that is closed")),
        (placed(1, example("task")), ("stays", "the old ERP takes no document of this kind")),
        (placed(1, example("payment")), ("stays", pricing.WITH_ITS_INVOICE)),
        (placed(1, example("payment"), copy="posted"), ("armed", "")),
        (placed(1, example("credit_memo"), copy="refused"), ("stays", "the old ERP refused it")),
        (placed(1, example("invoice")), ("stays", pricing.ISSUED)),
    ],
)  # fmt: skip
def test_each_document_goes_one_way_and_says_why(row: Placed, said: tuple[str, str]) -> None:
    """What can't come home says so in the words of accounting."""
    assert ways(row) == [said]


def test_one_refused_payment_keeps_its_invoice_in_the_new_erp() -> None:
    """Else the invoice would be open in the old ERP and paid in the new one."""
    rows = billed(copy="posted")
    rows[3] = placed(4, changed("payment", invoice_id="INV-B-1"), copy="refused")
    assert [way for way, _ in ways(*rows)] == ["armed", "stays", "stays", "stays"]
    assert ways(*rows)[3] == ("stays", "the old ERP refused it")


def test_the_price_is_told_by_way_kind_entity_and_currency() -> None:
    """Counts and exact money; a pace that was never measured gives no minutes."""
    rows = [placed(at, changed("milestone", document_id=f"M-{at}")) for at in range(3)]
    found = price(rows, OLD, held=2).to_json()
    assert (found["re_enter"], found["held"], found["minutes"]) == (3, 2, None)
    (row,) = found["rows"]
    each = rows[0].amount_minor
    assert row["amount"] == f"{each * 3 // 100}.{each * 3 % 100:02d}"
    assert (row["kind"], row["count"], row["currency"]) == ("milestone", 3, "GBP")
    assert price((), OLD).minutes == 0


STATES = st.sampled_from(["posted", "refused", "dead", "queued", "in_doubt"])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KINDS)), STATES, st.sampled_from(["", "posted", "refused", "queued"])
        ),
        max_size=12,
    )
)
def test_every_document_goes_exactly_one_way_and_no_money_is_lost(drawn: list[tuple[str, str, str]]) -> None:
    """The ways add up to what there was, by count and by money, and only what is settled is moved."""
    rows = [placed(at, example(kind), state=state, copy=copy) for at, (kind, state, copy) in enumerate(drawn)]
    found: Price = price(rows, OLD)
    assert sum(found.count(way) for way in WAYS) == len(rows)
    by_id = {row.transaction_id: row for row in rows}
    money = [sum(fate.amount_minor for fate in found.fates), sum(row.amount_minor for row in rows)]
    assert money[0] == money[1]
    for one in found.ids("armed"):
        assert by_id[one].copy == "posted" or not by_id[one].delivered
    for one in (*found.ids("re_enter"), *found.copies):
        assert by_id[one].copy == ""
        assert by_id[one].state not in ("queued", "in_flight", "in_doubt")
