"""Matches due-from and due-to across all ERPs, from what they hold now, and stores what does not match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from router.canonical.ledger import JournalEntry
from router.canonical.money import Money
from router.canonical.work import ExpenseItem, TimeEntry
from router.connectors.port import Connector, Record
from router.dualrun.lifecycle import Scope
from router.errors import VendorRefused, VendorUnknown
from router.finance.calendar import Calendars
from router.finance.intercompany import leg_ids, owed
from router.finance.matching import WORDS, Held, Pair, Sent, Wrong, match
from router.journal.break_states import BreakRun
from router.journal.journal import Journal
from router.model import SystemId
from router.workflows.intercompany import IntercompanyLegs

DUE = ("DUE_FROM", "DUE_TO")
CODE = "intercompany-mismatch"
BOOKED, UNCHARGED = "booked", "uncharged"
"""The two things a match looks at: legs that were sent, and charges that should have been."""
AROUND = timedelta(days=62)
"""How far outside a period a leg is looked for that is not in it."""


class IntercompanyMatch:
    """The match of one period, read from the journal and from every ERP."""

    def __init__(
        self,
        *,
        journal: Journal,
        connectors: Mapping[SystemId, Connector],
        calendars: Calendars,
        entities: Sequence[str],
        charges: IntercompanyLegs,
    ) -> None:
        self._journal = journal
        self._connectors = connectors
        self._calendars = calendars
        self._entities = tuple(entities)
        self._charges = charges

    async def match(self, period: str, *, uncharged: bool = True) -> list[Pair]:
        """Every pair of entities with charges in a period; raises BadInput for what is no period.

        `uncharged`: all work of the period is read too, for charges that were never made.
        """
        spans = [self._calendars.named(entity, period) for entity in self._entities]
        first, last = min(one.first for one in spans), max(one.last for one in spans)
        rows = await self._journal.entered(
            ("journal_entry",), first=(first - AROUND).isoformat(), last=(last + AROUND).isoformat()
        )
        sent = [
            Sent(entry=row.document, state=row.state, system=row.authority or "")
            for row in rows
            if isinstance(row.document, JournalEntry)
            and any(one.account in DUE for one in row.document.lines)
        ]
        held = await self._held(first - AROUND, last + AROUND)
        pairs = match(sent, held, period, self._name)
        if not uncharged:
            return pairs
        missing = await self._uncharged(period, first, last, {one.entry.document_id for one in sent})
        return _with_missing(pairs, missing, period)

    async def mismatches(
        self, period: str, entity: str, *, store: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """The mismatches an entity is a side of, each with its `problem`.

        `store`: as breaks too, in place of what was found before, so that somebody works on them. An
        ERP that can't be read is a mismatch: what nobody could look at never passes.
        """
        try:
            pairs = await self.match(period)
        except (VendorUnknown, VendorRefused) as error:
            return [{"code": CODE, "problem": f"an ERP's books can't be read: {error.message}"}]
        if store:
            await self.store(period, pairs)
        wrong = [one for one in pairs if one.status == "mismatch"]
        return [_shown(pair) for pair in wrong if entity in (pair.provider, pair.receiver)]

    async def store(self, period: str, pairs: Sequence[Pair], *, uncharged: bool = True) -> None:
        """Store what does not match, leg by leg; what was found before and matches now is fixed.

        `uncharged`: whether the match also looked for charges that were never made; otherwise it can't say
        that they are there now.
        """
        rows = [row for pair in pairs if pair.status == "mismatch" for row in _breaks(pair)]
        name = f"intercompany:{period}"
        scope = Scope(
            subject=name if uncharged else f"{name}:{BOOKED}",
            kinds=("journal_entry",),
            legal_entities=self._entities,
        )
        await self._journal.store_run(BreakRun(run_id=name, scope=scope, series=True), rows)

    async def report(self, period: str, *, store: bool = False) -> dict[str, Any]:
        """The match of a period as JSON; `store`: what does not match becomes breaks."""
        pairs = await self.match(period)
        if store:
            await self.store(period, pairs)
        return {
            "period": period,
            "matched": all(pair.status == "matched" for pair in pairs),
            "pairs": [_shown(pair) for pair in pairs],
        }

    def _name(self, entity: str, on: date) -> str:
        known = entity if entity in self._entities else self._entities[0]
        return self._calendars.on(known, on).name

    async def _held(self, first: date, last: date) -> list[Held]:
        found: list[Held] = []
        until = (last + timedelta(days=1)).isoformat()
        for connector in self._connectors.values():
            if "journal_entry" in connector.capabilities.kinds:
                rows = await connector.read_back(
                    "journal_entry", legal_entities=self._entities, since=first.isoformat(), until=until
                )
                found += [one for row in rows if (one := _leg_of(row)) is not None]
        return found

    async def _uncharged(self, period: str, first: date, last: date, charged: set[str]) -> list[JournalEntry]:
        """The legs that should be there for work of a period, and are not.

        Most work crosses no entities, which who did it for what tells: the rest alone is read whole.
        """
        begin, end = first.isoformat(), last.isoformat()
        crosses: dict[tuple[str, str, str], tuple[str, str] | None] = {}
        names: set[tuple[str, str]] = set()
        for one in await self._journal.work_done(first=begin, last=end):
            who = (one.resource_id, one.project_id, one.legal_entity)
            if who not in crosses:
                crosses[who] = await self._charges.between(*who)
            if crosses[who] is not None and leg_ids(one.kind, one.document_id)[0] not in charged:
                names.add((one.kind, one.document_id))
        found: list[JournalEntry] = []
        if not names:
            return found
        for row in await self._journal.entered(
            ("time_entry", "expense_item"), first=begin, last=end, names=names
        ):
            work = row.document
            if not isinstance(work, TimeEntry | ExpenseItem):
                continue
            sides = await self._charges.sides(work)
            if sides is not None and self._name(sides[0], work.accounting_date) == period:
                made = [one.document for one in await self._charges.uncharged(work)]
                found += [one for one in made if isinstance(one, JournalEntry)]
        return found


def _leg_of(row: Record) -> Held | None:
    """What a record says is due from and due to another entity; None where it says nothing of it.

    Raises VendorUnknown for one without a date: it would be in no period.
    """
    due = dict.fromkeys(DUE, 0)
    for line in row.lines:
        if line.get("account") in due:
            due[line["account"]] += int(line["net_minor"])
    if not any(line.get("account") in due for line in row.lines):
        return None
    gone = row.status in ("cancelled", "reversed")
    return Held(
        system=row.system,
        document_id=row.external_id,
        number=row.number or row.vendor_id,
        legal_entity=row.legal_entity,
        counterparty=_counterparty(row),
        on=_dated(row),
        currency=row.currency,
        due_from_minor=0 if gone else due["DUE_FROM"],
        due_to_minor=0 if gone else due["DUE_TO"],
    )


def _dated(row: Record) -> date:
    try:
        return date.fromisoformat(row.accounting_date)
    except ValueError as error:
        raise VendorUnknown(
            f"{row.system} holds journal entry {row.external_id or row.vendor_id} on"
            f" {row.accounting_date[:20]!r}, which is no date"
        ) from error


def _counterparty(row: Record) -> str:
    """The other entity, which some ERPs keep on the entry and some on its lines."""
    named = [str(line["counterparty"]) for line in row.lines if line.get("counterparty")]
    return row.dimensions.get("counterparty", "") or next(iter(named), "")


def _with_missing(pairs: list[Pair], missing: Sequence[JournalEntry], period: str) -> list[Pair]:
    by_key = {(one.provider, one.receiver, one.currency): one for one in pairs}
    for entry in missing:
        sent = Sent(entry=entry, state="", system="")
        provider, receiver = sent.pair
        key = (provider, receiver, entry.currency)
        pair = by_key.setdefault(key, Pair(provider, receiver, period, entry.currency))
        pair.wrong.append(
            Wrong(
                document_id=entry.document_id,
                legal_entity=entry.legal_entity,
                system="",
                cause="leg-missing",
                sent_minor=owed(entry).minor,
                held_minor=0,
            )
        )
    return [by_key[key] for key in sorted(by_key)]


def _shown(pair: Pair) -> dict[str, Any]:
    def text(minor: int) -> str:
        return str(Money(minor, pair.currency))

    row: dict[str, Any] = {
        "provider": pair.provider,
        "receiver": pair.receiver,
        "period": pair.period,
        "currency": pair.currency,
        "status": pair.status,
        "due_from": text(pair.due_from_minor),
        "due_to": text(pair.due_to_minor),
        "difference": text(pair.difference_minor),
        "sent": {"due_from": text(pair.due_from_sent_minor), "due_to": text(pair.due_to_sent_minor)},
        "legs": [
            {
                "document_id": one.document_id,
                "legal_entity": one.legal_entity,
                "system": one.system,
                "cause": one.cause,
                "sent": text(one.sent_minor),
                "held": text(one.held_minor),
                "why": WORDS[one.cause],
            }
            for one in pair.wrong
        ],
    }
    if pair.status == "mismatch":
        causes = "; ".join(
            f"{one.document_id} ({one.system or 'no ERP'}): {one.cause}" for one in pair.wrong[:3]
        )
        row["code"] = CODE
        row["problem"] = (
            f"{pair.provider} has {row['due_from']} {pair.currency} due from {pair.receiver} in {pair.period},"
            f" which owes {row['due_to']}: {causes or 'the books differ'}"
        )
    return row


def _breaks(pair: Pair) -> list[dict[str, Any]]:
    rows = []
    for one in pair.wrong:
        delta = one.held_minor - one.sent_minor
        rows.append(
            {
                "key": {"document_id": one.document_id},
                "kind": "journal_entry",
                "class": "intercompany",
                "column": "due",
                "legacy": str(Money(one.sent_minor, pair.currency)),
                "cloud": str(Money(one.held_minor, pair.currency)),
                "legal_entity": one.legal_entity,
                "project_id": "",
                "currency": pair.currency,
                "delta": str(Money(delta, pair.currency)),
                "delta_minor": delta,
                "cause": one.cause,
                "evidence": f"{CODE}: {WORDS[one.cause]}",
                "code": CODE,
                "facts": {"aspect": UNCHARGED if one.cause == "leg-missing" else BOOKED},
            }
        )
    return rows
