"""The documents of a correction: opposites, successors, adjusting entries, all for one ERP only. Pure.

A reversal takes back what that ERP holds, not what it should hold; a successor says what the firm
accepted. Where a figure can't be taken back to the minor unit no document is made and a person is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from router.canonical.billing import Invoice, InvoiceLine, WriteOff
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.ledger import Account, EntryLine, JournalEntry
from router.canonical.money import Money, hours_value
from router.canonical.reference import TaxCode
from router.canonical.work import ExpenseItem, TimeEntry
from router.connectors.port import Record
from router.dualrun.repairs.drafts import OTHER, Draft, effects
from router.dualrun.repairs.setting_off import As
from router.dualrun.repairs.standing import Standing
from router.errors import BadInput
from router.finance.credits import credit_of, rebill_of
from router.finance.identity import derived

DIMENSIONS = ("department", "practice", "service_line", "cost_center")
DateOf = Callable[[Document], date | None]
"""The first day that takes a document; None when no period does."""
Made = tuple[As, Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """What of the firm's settings a correction needs."""

    rounding_account: Account
    taxes: Mapping[str, TaxCode]
    date_of: DateOf
    paid_minor: Callable[[str], int]
    """What payments have paid of an invoice."""


class CannotCorrect(Exception):
    """Why no document can be made: one sentence for a person."""


def made(draft: Draft, standing: Standing, firm: Firm, *, tag: str) -> tuple[Made, ...]:
    """The documents of a draft; raises CannotCorrect. `tag`: eight characters that make their ids its own."""
    document = standing.document
    if document is None:
        raise CannotCorrect(f"the router never accepted {standing.kind} {standing.document_id}")
    assert draft.side is not None
    rows = standing.rows.get(draft.side, ())
    try:
        found = _MAKERS[draft.action](draft, document, rows, standing, firm, tag)
    except (BadInput, ValueError) as error:
        raise CannotCorrect(f"no valid document says it: {error}") from error
    return tuple((role, _dated(one, firm)) for role, one in found)


def _dated(document: Document, firm: Firm) -> Document:
    on = firm.date_of(document)
    if on is None:
        raise CannotCorrect(f"no period of {document.legal_entity} takes it any more")
    return document.model_copy(update={"accounting_date": on})


def _reverse_duplicate(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    del firm
    alone = draft.breaks[0].what.startswith("missing_")
    if len(rows) != (1 if alone else 2):
        raise CannotCorrect(f"it stands {len(rows)} times, so it is not plain which are too many")
    if isinstance(document, Invoice):
        if not alone:
            raise CannotCorrect(
                "a credit memo names an invoice by its id, and both have the same: cancel one by hand"
            )
        held = as_held(document, rows[0])
        memo = credit_of(held, reason="posted twice", on=document.accounting_date)
        return [("takes_back", _named(memo, document.document_id, tag, "r"))]
    return [("takes_back", opposite(document, rows[-1], standing.document_id, tag))]


def _reverse_and_repost(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    del firm, draft
    row = _only(rows)
    if not isinstance(document, TimeEntry | ExpenseItem):
        raise CannotCorrect(f"a {document.kind} has no successor of its own kind")
    again = document.model_copy(update={"adjusts": standing.document_id})
    return [
        ("takes_back", opposite(document, row, standing.document_id, tag)),
        ("stands_for", _named(again, document.document_id, tag, "v")),
    ]


def _credit_and_rebill(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    del standing
    row = _only(rows)
    if not isinstance(document, Invoice):
        raise CannotCorrect(f"a {document.kind} is not credited")
    if row.status != "posted":
        raise CannotCorrect(f"it is {row.status} in that ERP: give the money back first")
    on = document.accounting_date
    held = as_held(document, row)
    memo = credit_of(held, reason=f"corrects {draft.breaks[0].column or 'the invoice'}", on=on)
    again = rebill_of(document, None, taxes=firm.taxes, on=on)
    return [
        ("takes_back", _named(memo, document.document_id, tag, "r")),
        ("stands_for", _named(again, document.document_id, tag, "v")),
    ]


def _adjust(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    _only(rows)
    found = [one for one in effects(draft)[0] if one.counted]
    if len(found) != 1:
        raise CannotCorrect(f"{len(found)} of its differences count as money, an entry takes one")
    amount = Money(found[0].minor, found[0].currency)
    account: Account = "REVENUE" if document.kind in ("invoice", "credit_memo") else "WORK_IN_PROGRESS"
    # Revenue grows by a credit, work in progress by a debit.
    grows = -amount if account == "REVENUE" else amount
    lines: list[tuple[Account, Money, Mapping[str, str]]] = [
        (account, grows, {}),
        (firm.rounding_account, -grows, {}),
    ]
    text = f"rounding difference of {standing.document_id}"
    return [("adds", _entry(document, standing, lines, text, tag))]


def _reclassify(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    del firm
    row = _only(rows)
    assert draft.side is not None
    right = _only(standing.rows.get(OTHER[draft.side], ()))
    columns = [one.column for one in draft.breaks]
    if any(name not in DIMENSIONS for name in columns):
        raise CannotCorrect(f"{', '.join(columns)} is no dimension an entry can move between")
    if document.kind == "journal_entry" or not row.net_minor:
        raise CannotCorrect(
            "it is worth nothing by itself, so there is nothing to move: correct its lines by hand"
        )
    value = Money(row.net_minor, row.currency)
    account: Account = "REVENUE" if document.kind in ("invoice", "credit_memo") else "WORK_IN_PROGRESS"
    sign = -1 if account == "REVENUE" else 1
    kept = {name: row.dimensions[name] for name in DIMENSIONS if row.dimensions.get(name)}
    wanted = kept | {name: right.dimensions[name] for name in columns if right.dimensions.get(name)}
    moved = Money(sign * value.minor, value.currency)
    lines = ((account, -moved, kept), (account, moved, wanted))
    return [("adds", _entry(document, standing, lines, f"moves {standing.document_id}", tag))]


def _settle_status(
    draft: Draft, document: Document, rows: Sequence[Record], standing: Standing, firm: Firm, tag: str
) -> list[Made]:
    row = _only(rows)
    assert draft.side is not None
    right = _only(standing.rows.get(OTHER[draft.side], ()))
    if not isinstance(document, Invoice) or (row.status, right.status) != ("posted", "paid"):
        raise CannotCorrect(f"{row.status} here and {right.status} there is not settled by a posting")
    if row.total_minor is None or right.total_minor is None or row.currency != right.currency:
        raise CannotCorrect("the totals of the two ERPs can't be compared")
    paid = firm.paid_minor(document.document_id)
    rest = row.total_minor - paid
    if paid <= 0 or not 0 < rest <= abs(row.total_minor - right.total_minor):
        raise CannotCorrect("the payment itself is missing there: its own break is to be repaired first")
    given_up = WriteOff.model_validate(
        {
            **_head(document), "kind": "write_off", "document_id": derived(document.document_id, f".fix-{tag}w"),
            "customer_id": document.customer_id, "project_id": document.project_id,
            "invoice_id": document.document_id, "amount": Money(rest, row.currency), "currency": row.currency,
            "reason": "rest left by a rounding difference between two ERPs", "approved_by": APPROVER,
        }
    )  # fmt: skip
    return [("adds", given_up)]


APPROVER = "to be approved"
"""Stands in a plan's write-off until a second person approves the plan."""
_MAKERS: Mapping[str, Callable[[Draft, Document, Sequence[Record], Standing, Firm, str], list[Made]]] = {
    "reverse_duplicate": _reverse_duplicate,
    "reverse_and_repost": _reverse_and_repost,
    "credit_and_rebill": _credit_and_rebill,
    "adjust": _adjust,
    "reclassify": _reclassify,
    "settle_status": _settle_status,
}


def opposite(document: Document, row: Record, row_id: str, tag: str) -> Document:
    """What takes back a row as its ERP holds it; raises CannotCorrect where that can't be said exactly."""
    coded = {name: row.dimensions[name] for name in DIMENSIONS if row.dimensions.get(name)}
    if isinstance(document, TimeEntry):
        minutes = row.minutes or 0
        if row.net_minor is None or not minutes:
            raise CannotCorrect("that ERP shows neither hours nor value")
        worth = hours_value(minutes, document.bill_rate).minor
        if abs(worth - row.net_minor) > abs(document.bill_rate.minor) // 100 + 1:
            raise CannotCorrect("its value there is not its hours at the rate that was sent")
        changed: dict[str, Any] = {"minutes": -minutes, "adjusts": row_id, "part_of": None, **coded}
    elif isinstance(document, ExpenseItem):
        held = row.net_minor or 0
        as_sent = held in (document.amount.minor, document.billed.minor)
        if not as_sent and document.bill_amount is not None:
            raise CannotCorrect("cost and price differ, and only one of them is shown by that ERP")
        cost = document.amount if as_sent else Money(held, document.currency)
        price = None if document.bill_amount is None else -document.bill_amount
        changed = {"amount": -cost, "bill_amount": price, "adjusts": row_id, "part_of": None, **coded}
    elif isinstance(document, JournalEntry):
        if row.total_minor != document.money.minor:
            raise CannotCorrect("that ERP debits another amount than was sent")
        lines = tuple(line.model_copy(update={"amount": -line.amount}) for line in document.lines)
        changed = {"lines": lines, "reverses": row_id}
    else:
        raise CannotCorrect(f"a {document.kind} has no opposite: cancel it in that ERP")
    return _named(document.model_copy(update=changed), document.document_id, tag, "r")


def as_held(document: Invoice, row: Record) -> Invoice:
    """An invoice with the lines and totals an ERP holds; raises ValueError where they don't add up.

    A credit takes back what stands there, to the minor unit, or a rest would stay open.
    """
    currency = document.currency

    def money(minor: object) -> Money:
        return Money(int(str(minor or 0)), currency)

    lines = tuple(
        InvoiceLine.model_validate(
            {
                **{name: line[name] for name in DIMENSIONS if line.get(name)},
                "line": at,
                "description": str(line.get("description") or "")[:255],
                "minutes": line.get("minutes"),
                "net": money(line.get("net_minor")),
                "tax": money(line.get("tax_minor")),
                "tax_code": line.get("tax_code") or document.lines[0].tax_code,
            }
        )
        for at, line in enumerate(row.lines, 1)
    )
    totals = {"net": money(row.net_minor), "tax": money(row.tax_minor), "total": money(row.total_minor)}
    named = {name: getattr(document, name) for name in Invoice.model_fields}
    return Invoice.model_validate(named | totals | {"lines": lines})


def _named(document: Document, stem: str, tag: str, ending: str) -> Document:
    return document.model_copy(update={"document_id": derived(stem, f".fix-{tag}{ending}")})


def _only(rows: Sequence[Record]) -> Record:
    if len(rows) != 1:
        raise CannotCorrect(f"it stands {len(rows)} times in that ERP")
    return rows[0]


def _head(document: Document) -> dict[str, Any]:
    names = ("legal_entity", "region", "business_unit", "accounting_date")
    return {name: getattr(document, name) for name in names}


def _entry(
    document: Document,
    standing: Standing,
    lines: Sequence[tuple[Account, Money, Mapping[str, str]]],
    text: str,
    tag: str,
) -> JournalEntry:
    currency = lines[0][1].currency
    return JournalEntry.model_validate(
        {
            **_head(document),
            "kind": "journal_entry",
            "document_id": derived(document.document_id, f".fix-{tag}a"),
            "purpose": "adjustment",
            "project_id": cast("str | None", getattr(document, "project_id", None)),
            "currency": currency,
            "exchange_rate": getattr(document, "exchange_rate", None),
            "source_id": standing.document_id,
            "text": text[:255],
            "lines": tuple(
                EntryLine.model_validate(
                    {"line": at, "account": account, "amount": amount, "text": text[:255], **coded}
                )
                for at, (account, amount, coded) in enumerate(lines, 1)
            ),
        }
    )


def parsed(data: Mapping[str, Any]) -> Document:
    """A document of a plan; raises BadInput naming every wrong field."""
    return parse(data)
