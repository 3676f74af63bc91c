"""Reads the sub-ledgers of a finished rehearsal: what journal, ERPs and PSA each say of work and bills.

Every side is read by itself, from its own state; nothing here is compared (`cutover.report.finance`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

import orjson
from sqlalchemy import create_engine, text

from cutover.rehearsal.world import World
from cutover.report.finance import Bill, Books, Entry, Held, Work
from router.canonical.billing import CreditMemo, Invoice, WriteOff
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Contract, Project, Resource
from router.canonical.money import Money, hours_value
from router.canonical.work import Charge, ExpenseItem, Milestone
from simulators.core import ledger as ledger_accounts
from simulators.core.books import Books as SimulatedBooks
from simulators.core.rows import (
    BilledRow,
    ChargeRow,
    ExpenseRow,
    MilestoneRow,
    TimeRow,
    WorkRow,
)
from simulators.core.rows import (
    JournalEntry as EntryRow,
)
from simulators.core.rows import (
    WriteOff as WriteOffRow,
)
from simulators.psa.kantata import Kantata

ACCOUNTS: Mapping[str, str] = {
    "WORK_IN_PROGRESS": ledger_accounts.WORK_IN_PROGRESS,
    "ACCRUED_REVENUE": ledger_accounts.ACCRUED_REVENUE,
    "DEFERRED_REVENUE": ledger_accounts.DEFERRED_REVENUE,
    "REVENUE": ledger_accounts.REVENUE,
    "DUE_FROM": ledger_accounts.DUE_FROM,
    "DUE_TO": ledger_accounts.DUE_TO,
    "INTERCOMPANY_REVENUE": ledger_accounts.INTERCOMPANY_REVENUE,
    "INTERCOMPANY_COST": ledger_accounts.INTERCOMPANY_COST,
}
"""The simulated books' account numbers by their canonical names."""
KIND_OF = {"time": "time_entry", "expense": "expense_item"}
_SQL = (
    "SELECT t.kind, t.canonical, t.schema_version, t.authority, t.deliver, j.state FROM transactions AS t"
    " LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE t.canonical IS NOT NULL AND t.kind IN"
    " ('time_entry','expense_item','milestone','charge','invoice','credit_memo','write_off','journal_entry','resource','contract','project')"
    " ORDER BY t.seq"
)


def journal_books(url: str) -> Books:
    """Posted work, bills and entries as the journal has them, by authority."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(_SQL))]
    finally:
        engine.dispose()
    people: dict[str, Resource] = {}
    contracts: dict[str, Contract] = {}
    projects: dict[str, Project] = {}
    documents: list[tuple[Document, str]] = []
    hours: list[tuple[Mapping[str, Any], str]] = []
    waiting: list[tuple[str, str, int]] = []
    for kind, canonical, version, authority, deliver, state in rows:
        if kind == "time_entry":
            # Tens of thousands, all checked when they were accepted: their fields are enough.
            if authority and (state == "posted" or not deliver):
                hours.append((orjson.loads(canonical), str(authority)))
            elif deliver:
                data = orjson.loads(canonical)
                waiting.append((data["document_id"], data["legal_entity"], int(data["minutes"])))
            continue
        document = parse(orjson.loads(canonical), int(version))
        if isinstance(document, Resource):
            people[document.document_id] = document
        elif isinstance(document, Contract):
            contracts[document.document_id] = document
        elif isinstance(document, Project):
            projects[document.document_id] = document
        elif authority and (state == "posted" or not deliver):
            documents.append((document, str(authority)))
    books = Books(waiting=waiting)
    # Hours under a fixed fee or a subscription have a price, but are not what is billed.
    by_the_hour = {
        name
        for name, project in projects.items()
        if (contract := contracts.get(project.contract_id)) is not None
        and contract.line_for("time") is not None
    }
    for data, authority in hours:
        books.work.append(_hours(data, authority, people, by_the_hour))
    for document, authority in documents:
        _take(books, document, authority)
    return books


def _hours(
    data: Mapping[str, Any], authority: str, people: Mapping[str, Resource], by_the_hour: AbstractSet[str]
) -> Work:
    currency, minutes = str(data["currency"]), int(data["minutes"])
    billed = data["billable"] and data["project_id"] in by_the_hour
    value = hours_value(minutes, Money.parse(data["bill_rate"], currency)).minor if billed else 0
    person = people.get(data["resource_id"])
    rate = person.cost_rate_on(date.fromisoformat(data["work_date"])) if person else None
    return Work(
        system=authority,
        kind="time_entry",
        document_id=data["document_id"],
        entity=data["legal_entity"],
        currency=currency,
        minutes=minutes,
        value_minor=value,
        employer=person.legal_entity if person else data["legal_entity"],
        cost=hours_value(minutes, rate) if rate else None,
    )


def _take(books: Books, document: Document, authority: str) -> None:
    kind, document_id, entity = document.kind, document.document_id, document.legal_entity
    if isinstance(document, ExpenseItem):
        books.work.append(
            Work(
                system=authority, kind=kind, document_id=document_id, entity=entity, currency=document.currency, minutes=0, value_minor=document.billed.minor,
                employer=document.legal_entity, cost=document.amount,
            )
        )  # fmt: skip
    elif isinstance(document, Milestone | Charge):
        books.work.append(
            Work(
                system=authority, kind=kind, document_id=document_id, entity=entity, currency=document.currency, minutes=0, value_minor=document.amount.minor,
                employer=document.legal_entity, cost=None,
            )
        )  # fmt: skip
    elif isinstance(document, Invoice | CreditMemo):
        sign = 1 if isinstance(document, Invoice) else -1
        books.bills.append(
            Bill(
                system=authority,
                kind=kind,
                document_id=document_id,
                entity=entity,
                currency=document.currency,
                net_minor=sign * document.net.minor,
                deferred_minor=0,
            )
        )
    elif isinstance(document, WriteOff):
        books.written_off.append(
            Bill(
                system=authority,
                kind=kind,
                document_id=document_id,
                entity=entity,
                currency=document.currency,
                net_minor=document.amount.minor,
                deferred_minor=0,
            )
        )
    elif isinstance(document, JournalEntry):
        lines: dict[str, int] = {}
        for line in document.lines:
            lines[line.account] = lines.get(line.account, 0) + line.amount.minor
        books.entries.append(
            Entry(
                system=authority,
                kind=kind,
                document_id=document_id,
                entity=entity,
                currency=document.currency,
                purpose=document.purpose,
                lines=lines,
            )
        )


def erp_books_of(world: World) -> tuple[Books, list[Held]]:
    """The same of every ERP's own rows, authority or shadow, and its ledger's balance of work in progress."""
    books, held = Books(), []
    for name in world.options.landscape.of_role("erp"):
        ledger = _books(world, name)
        numbers = {number: account for account, number in ACCOUNTS.items()}
        unbilled: dict[tuple[str, str], int] = {}
        for row in _rows(ledger, ("time", "expense", "milestone", "charge")):
            assert isinstance(row, WorkRow)
            if row.status == "cancelled":
                continue
            books.work.append(
                Work(
                    system=name, kind=KIND_OF.get(row.type, row.type), document_id=row.external_id,
                    entity=row.entity, currency=row.currency, minutes=getattr(row, "minutes", 0),
                    value_minor=_value(row), employer=row.entity, cost=None,
                    billed_by=_invoice_id(ledger, row), wip_minor=row.wip_minor,
                )
            )  # fmt: skip
            if not row.invoice:
                key = (row.entity, row.currency)
                unbilled[key] = unbilled.get(key, 0) + row.wip_minor
        _bills(books, name, ledger)
        for row in _rows(ledger, ("journal_entry",)):
            assert isinstance(row, EntryRow)
            lines: dict[str, int] = {}
            for line in row.lines:
                account = numbers.get(line.account, line.account)
                lines[account] = lines.get(account, 0) + line.minor
            books.entries.append(
                Entry(
                    system=name, kind="journal_entry", document_id=row.external_id, entity=row.entity,
                    currency=row.currency, purpose=row.purpose, lines=lines,
                )
            )  # fmt: skip
        held += _held(world, name, unbilled)
    return books, held


def _books(world: World, system: str) -> SimulatedBooks:
    found = getattr(world.simulators[system].sim, "books", None)
    assert isinstance(found, SimulatedBooks), f"{system} keeps no books"
    return found


def _invoice_id(ledger: SimulatedBooks, row: WorkRow) -> str:
    found = ledger.by_vendor_id("invoice", row.invoice) if row.invoice else None
    return found.external_id or found.vendor_id if found is not None else ""


def _value(row: WorkRow) -> int:
    if isinstance(row, TimeRow | ExpenseRow):
        # What a cap kept off an invoice is part of it: the row was worth that, and it was given away.
        return row.wip_minor
    assert isinstance(row, MilestoneRow | ChargeRow)
    return row.amount_minor


def _bills(books: Books, system: str, ledger: Any) -> None:
    for row in _rows(ledger, ("invoice", "credit_memo")):
        assert isinstance(row, BilledRow)
        if row.status == "cancelled":
            continue
        sign = 1 if row.type == "invoice" else -1
        books.bills.append(
            Bill(
                system=system, kind=row.type, document_id=row.external_id, entity=row.entity,
                currency=row.currency, net_minor=sign * row.net_minor,
                deferred_minor=sign * sum(line.net_minor for line in row.lines if line.deferred),
            )
        )  # fmt: skip
    for off in _rows(ledger, ("write_off",)):
        assert isinstance(off, WriteOffRow)
        books.written_off.append(
            Bill(
                system=system, kind="write_off", document_id=off.external_id, entity=off.entity,
                currency=off.currency, net_minor=off.amount_minor, deferred_minor=0,
            )
        )  # fmt: skip


def _held(world: World, system: str, unbilled: Mapping[tuple[str, str], int]) -> list[Held]:
    """Unbilled work by sub-ledger and by general ledger, for every entity and currency of one ERP."""
    home = {code: entity.currency for code, entity in world.options.landscape.legal_entities.items()}
    ledger = _books(world, system).ledger
    number = ACCOUNTS["WORK_IN_PROGRESS"]
    found: dict[tuple[str, str], int] = {}
    for entity, currency in home.items():
        for account, minor in ledger.trial_balance(entity).items():
            name, _, other = account.partition(" ")
            if name == number:
                found[(entity, other or currency)] = minor
    keys = sorted({*found, *unbilled})
    return [
        Held(system=system, entity=key[0], currency=key[1], rows_minor=unbilled.get(key, 0), ledger_minor=found.get(key, 0))
        for key in keys
    ]  # fmt: skip


def _rows(ledger: Any, types: Iterable[str]) -> list[Any]:
    return [row for name in types for row in ledger.rows(name)]


def psa_minutes(world: World) -> dict[str, int]:
    """Approved minutes by the router's id of the entry, as the PSA itself holds them now."""
    found: dict[str, int] = {}
    for name in world.options.landscape.of_role("psa"):
        psa = world.simulators[name].sim
        assert isinstance(psa, Kantata), f"{name} is a PSA of another vendor"
        for row in psa.rows("time_entries"):
            if row["approved"]:
                found[f"TE-{row['id']}"] = int(row["time_in_minutes"])
    return found
