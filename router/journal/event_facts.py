"""The history line by line with what it is about: the facts business events are derived from.

The history is the order of the journal. On SQLite one writer commits at a time, so its numbers are in
order of commit. On PostgreSQL a line of a lower number may be committed after one of a higher; so lines
are read only up to a number below which none can come any more (`Postgres.through`). A reader that goes
on behind the last line it saw never skips one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from router.canonical.kinds import parse
from router.errors import Refused
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.redating import REDATED
from router.journal.repairing import NOT_REPAIRS
from router.journal.words import from_json, id_text

SETTLES = ("payment", "credit_memo", "write_off")
"""Kinds that lower what is open of an invoice."""
_TRAIL = "('accepted','completed','corrected','parked','refused','dead','posted','late','exception resolved')"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The transaction a line is about, with the document as it was when the line was written."""

    transaction_id: str
    correlation_id: str
    kind: str
    verb: str
    source: str
    legal_entity: str
    accounting_date: str
    currency: str
    amount_minor: int
    document: Mapping[str, Any] | None
    completed: bool
    """A document was put in the place of the missing one by a later line."""
    deliver: bool
    authority: str
    trail: Sequence[tuple[int, str, Mapping[str, Any]]]
    """Lines that raise or end exceptions or change the document: number, what, detail; oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was settled of an invoice up to and with a line, in minor units of its currency."""

    total_minor: int
    before_minor: int
    with_minor: int
    paid_minor: int
    """How much of `with_minor` is payments: what was only credited or given up was not paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the history."""

    history_id: int
    at: str
    what: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    about: About | None = None
    operation: str = ""
    """create or cancel, where the line settles a delivery."""
    settled: Settled | None = None
    """For a line that posts a payment, credit memo or write-off of an invoice the journal knows."""


class EventFacts(JournalCore):
    """Reads the history in order."""

    async def event_facts(
        self, after: int, *, most: int, through: int | None = None
    ) -> tuple[list[Fact], int]:
        """The next lines behind a number, and the number up to which the history is complete.

        `through`: such a number from before; asking anew waits for writers under way (PostgreSQL).
        """
        return await self._read(_page, after, most, through)


def _page(tx: Transaction, after: int, most: int, through: int | None) -> tuple[list[Fact], int]:
    if through is None or through <= after:
        through = after
        if tx.rows("SELECT 1 FROM history WHERE history_id > ? LIMIT 1", (after,)):
            through = tx.dialect.through(tx, "history", "history_id")
    rows = tx.rows(
        "SELECT history_id, seq, at, what, detail FROM history WHERE history_id > ? AND history_id <= ?"
        " ORDER BY history_id LIMIT ?",
        (after, through, most),
    )
    seqs = sorted({row[1] for row in rows if row[1] is not None})
    known, operations = _about(tx, seqs), _operations(tx, rows)
    lines = []
    for history_id, seq, at, what, detail in rows:
        told = from_json(detail) or {}
        lines.append(
            Fact(
                history_id=history_id,
                at=at,
                what=what,
                detail=told,
                about=None if seq is None else _as_of(known.get(seq), history_id),
                operation=operations.get(told.get("job", 0), ""),
            )
        )
    return _with_settled(tx, lines), through


def _about(tx: Transaction, seqs: Sequence[int]) -> dict[int, About]:
    trails: dict[int, list[tuple[int, str, Mapping[str, Any]]]] = {}
    for history_id, seq, what, detail in tx.among(
        f"SELECT history_id, seq, what, detail FROM history WHERE seq IS NOT NULL AND what IN {_TRAIL} AND {{any}}"
        " ORDER BY history_id",
        "seq",
        list(seqs),
    ):
        trails.setdefault(seq, []).append((history_id, what, from_json(detail) or {}))
    found = {}
    for seq, canonical, deliver, authority, *rest in tx.among(
        "SELECT seq, canonical, deliver, authority, correlation_id, kind, verb, source, legal_entity,"
        # A correction of one ERP is no business of the firm's: what it corrects was told.
        f" accounting_date, currency, amount_minor FROM transactions AS t WHERE {NOT_REPAIRS} AND {{any}}",
        "seq",
        list(seqs),
    ):
        names = (
            "correlation_id", "kind", "verb", "source", "legal_entity", "accounting_date", "currency", "amount_minor",
        )  # fmt: skip
        found[seq] = About(
            transaction_id=id_text(seq),
            document=from_json(canonical),
            deliver=bool(deliver),
            authority=authority or "",
            completed=False,
            trail=tuple(trails.get(seq, ())),
            **dict(zip(names, rest, strict=True)),
        )
    return found


def _as_of(about: About | None, history_id: int) -> About | None:
    """The transaction as it was when a line was written: what came later did not change the past."""
    if about is None:
        return None
    was = about
    for line, what, detail in reversed(about.trail):
        if line <= history_id:
            break
        if what == "completed":
            was = replace(was, document=None, completed=True)
        elif what == "corrected" and detail.get("before") is not None:
            was = _with(was, detail["before"])
        elif what == "late" and detail.get("state") in REDATED and was.document is not None:
            was = _with(was, {**was.document, "accounting_date": detail["from"]})
    return was


def _with(about: About, document: Mapping[str, Any]) -> About:
    """A transaction with another document, and with what its columns said of that."""
    try:
        money = parse(document).money
    except Refused:  # written by an older version: what its columns say now is the best there is
        return replace(about, document=document)
    return replace(
        about,
        document=document,
        legal_entity=str(document["legal_entity"]),
        accounting_date=str(document["accounting_date"]),
        currency=money.currency if money is not None else "",
        amount_minor=money.minor if money is not None else 0,
    )


def _operations(tx: Transaction, rows: Sequence[Sequence[Any]]) -> dict[int, str]:
    jobs = sorted(
        {
            job
            for row in rows
            if row[3] in ("posted", "refused", "dead")
            and isinstance(job := (from_json(row[4]) or {}).get("job"), int)
        }
    )
    found: dict[int, str] = dict(tx.among("SELECT job_id, operation FROM jobs WHERE {any}", "job_id", jobs))
    return found


def _posts(what: str, detail: Mapping[str, Any]) -> bool:
    """Whether a line says that the books have it: its ERP took it, or an ERP reported it as a fact."""
    if what == "accepted":
        return detail.get("state") == "posted"
    return what == "posted" and detail.get("role") == "authority"


def _with_settled(tx: Transaction, lines: list[Fact]) -> list[Fact]:
    """What was settled by lines that posted a payment, credit memo or write-off, of their invoice."""
    wanted: dict[str, None] = {}
    for line in lines:
        if line.about is not None and line.about.kind in SETTLES and _posts(line.what, line.detail):
            wanted[str((line.about.document or {}).get("invoice_id"))] = None
    if not wanted:
        return lines
    totals = {
        document_id: int(minor)
        for document_id, minor in tx.among(
            "SELECT document_id, amount_minor FROM transactions WHERE kind = 'invoice' AND transactional = 1"
            " AND {any}",
            "document_id",
            list(wanted),
        )
    }
    by_invoice = _settlements(tx, totals)
    found = []
    for line in lines:
        invoice = str((line.about.document or {}).get("invoice_id")) if line.about is not None else ""
        if line.about is None or line.about.kind not in SETTLES or invoice not in totals:
            found.append(line)
            continue
        parts = by_invoice.get(invoice, [])
        before = sum(minor for at, minor, _ in parts if at < line.history_id)
        settled = Settled(
            total_minor=totals[invoice],
            before_minor=before,
            with_minor=before + sum(minor for at, minor, _ in parts if at == line.history_id),
            paid_minor=sum(minor for at, minor, kind in parts if at <= line.history_id and kind == "payment"),
        )
        found.append(replace(line, settled=settled))
    return found


def _settlements(tx: Transaction, invoices: Mapping[str, int]) -> dict[str, list[tuple[int, int, str]]]:
    """(line that posted it, minor units, kind) of everything that lowered what is open of some invoices."""
    worth: dict[int, tuple[str, int, str]] = {}
    for kind in SETTLES:
        for seq, canonical, minor in tx.rows(
            "SELECT seq, canonical, amount_minor FROM transactions AS t WHERE kind = ? AND transactional = 1"
            f" AND canonical IS NOT NULL AND {NOT_REPAIRS}",
            (kind,),
        ):
            invoice = (from_json(canonical) or {}).get("invoice_id")
            if str(invoice) in invoices:
                worth[seq] = (str(invoice), int(minor), kind)
    found: dict[str, list[tuple[int, int, str]]] = {}
    taken: dict[int, None] = {}
    for history_id, seq, what, detail in tx.among(
        "SELECT history_id, seq, what, detail FROM history WHERE seq IS NOT NULL AND what IN ('posted','accepted')"
        " AND {any} ORDER BY history_id",
        "seq",
        sorted(worth),
    ):
        told = from_json(detail) or {}
        if seq not in taken and _posts(what, told):
            taken[seq] = None
            invoice, minor, kind = worth[seq]
            found.setdefault(invoice, []).append((history_id, minor, kind))
    return found
