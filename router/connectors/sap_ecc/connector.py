"""SAP ECC as the port sees it: BAPIs one at a time, time, expenses and ledger entries in IDoc files, look-ups in tables."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from router.canonical.billing import BillingEvent
from router.canonical.kinds import Kind
from router.canonical.ledger import JournalEntry
from router.canonical.work import ExpenseItem, TimeEntry
from router.clock import Clock
from router.connectors.http import Lost, NotSent, Trace
from router.connectors.mapping import Unmapped
from router.connectors.port import (
    Answer,
    Balance,
    Capabilities,
    Delivery,
    LookUpAnswer,
    LookUpResult,
    Missing,
    NoAnswer,
    NotThere,
    Page,
    Posted,
    Record,
    Result,
    SaidNo,
    TryLater,
    Written,
)
from router.connectors.sap_ecc import balances, batches, written
from router.connectors.sap_ecc.answers import Fault, NoLogon, Outcome, Reply
from router.connectors.sap_ecc.calls import call_of
from router.connectors.sap_ecc.decisions import CREDENTIALS, after_commit, before_commit
from router.connectors.sap_ecc.drop import Drop
from router.connectors.sap_ecc.entries import journal_entry
from router.connectors.sap_ecc.found import MASTERS, PLACES, Place
from router.connectors.sap_ecc.idoc import Sender, Unfit
from router.connectors.sap_ecc.invoices import HEADER, ITEM, invoice_of
from router.connectors.sap_ecc.keys import external_key
from router.connectors.sap_ecc.names import DIMENSIONS, Names
from router.connectors.sap_ecc.payloads import Call, Source
from router.connectors.sap_ecc.readback import READABLE, ReadBack
from router.connectors.sap_ecc.tables import TableReader, Where, equal
from router.connectors.sap_ecc.wire import Session, Wire
from router.errors import VendorRefused, VendorUnknown
from router.model import SystemId

CANCELS = frozenset({"customer", "project", "contract"})
BULK = ("time_entry", "expense_item", "journal_entry")
MAX_BULK = 500
"""IDocs in a file: a file is processed one IDoc after the other, and nobody hears of any before the end."""
_VENDOR_IDS = (
    "CUSTOMERNO", "SALESDOCUMENT", "EMPLOYEENUMBER", "PARTNEREMPLOYEEID", "OBJ_KEY", "EV_ASSIGNMENT", "EV_PLAN",
)  # fmt: skip
"""Parameters in which a create BAPI gives the id of what it made."""
UNDER_WAY = frozenset({"50", "62", "64", "66", "75"})
"""IDoc statuses before processing: a document in one of these may still be posted."""


class SapEcc:
    """One ECC client."""

    def __init__(
        self,
        system: SystemId,
        *,
        wire: Wire,
        drop: Drop,
        names: Names,
        clock: Clock,
        rng: random.Random,
        timeout_s: float,
        sap_client: str,
        logical_system: str,
        sender: str,
        bulk: int = MAX_BULK,
    ) -> None:
        self.system = system
        self.capabilities = Capabilities(
            kinds=frozenset(PLACES), bulk={kind: min(bulk, MAX_BULK) for kind in BULK}, cancels=CANCELS
        )
        self._wire, self._drop, self._names = wire, drop, names
        self._clock, self._rng, self._timeout_s = clock, rng, timeout_s
        self._client, self._logical_system, self._sender = sap_client, logical_system, sender
        self._reader = TableReader(wire)
        self._read_back = ReadBack(system, self._reader, names)

    # Writing

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Send documents of one kind and operation, once."""
        trace = Trace()
        answers: list[Answer]
        if deliveries and deliveries[0].operation == "create" and deliveries[0].document.kind in BULK:
            answers = await self._by_idoc(deliveries, trace)
        else:
            answers = []
            for delivery in deliveries:
                try:
                    answers.append(await self._by_bapi(delivery, trace))
                except VendorRefused as error:
                    if not answers:
                        raise
                    answers.append(TryLater(reason=error.message))
        return Result(answers=answers, exchange=trace.exchange())

    async def _by_idoc(self, deliveries: Sequence[Delivery], trace: Trace) -> list[Answer]:
        answers: dict[int, Answer] = {}
        places: dict[str, int] = {}
        idocs: dict[str, str] = {}
        sender = Sender(
            client=self._client,
            logical_system=self._logical_system,
            sender=self._sender,
            at=self._clock.now(),
        )
        for at, delivery in enumerate(deliveries):
            key = external_key(delivery.external_id)
            if key in idocs:
                answers[at] = SaidNo(code="TWICE", message="the same document is twice in one batch")
                continue
            try:
                idocs[key] = self._idoc(sender, delivery, len(idocs) + 1)
                places[key] = at
            except Unfit as unfit:
                answers[at] = unfit.answer
            except Unmapped as error:
                answers[at] = _unmapped(error)
        keys = list(idocs)
        most = self.capabilities.bulk[deliveries[0].document.kind]
        for start in range(0, len(keys), most):
            part = {key: idocs[key] for key in keys[start : start + most]}
            try:
                told = await batches.run(
                    self._wire, self._drop, self._file_name(), part, trace, patience_s=self._timeout_s
                )
            except VendorRefused as error:
                if not start:
                    raise
                told = dict.fromkeys(part, TryLater(reason=error.message))
            answers |= {places[key]: answer for key, answer in told.items()}
        return [answers[at] for at in range(len(deliveries))]

    def _idoc(self, sender: Sender, delivery: Delivery, serial: int) -> str:
        document = delivery.document
        source = self._source(delivery)
        if isinstance(document, JournalEntry):
            return journal_entry(document, source, sender, serial)
        assert isinstance(document, TimeEntry | ExpenseItem)
        wbs = source.ref("project", document.project_id)
        coding = [source.dimension(word, getattr(document, word)) for word in DIMENSIONS]
        if isinstance(document, TimeEntry):
            return sender.time_entry(document, delivery.external_id, wbs=wbs, coding=coding, serial=serial)
        company = source.company()
        return sender.expense_item(
            document, delivery.external_id, wbs=wbs, company=company, coding=coding, serial=serial
        )

    def _source(self, delivery: Delivery) -> Source:
        return Source(delivery, self._names.as_of(delivery.mapping_of))

    def _file_name(self) -> str:
        name = re.sub(r"[^A-Za-z0-9_]", "_", self.system)[:40]
        return f"{name}-{self._clock.now():%Y%m%dT%H%M%S%f}-{self._rng.getrandbits(48):012x}"

    async def _by_bapi(self, delivery: Delivery, trace: Trace) -> Answer:
        kind, operation = delivery.document.kind, delivery.operation
        cancel = operation == "cancel"
        if kind not in (CANCELS if cancel else PLACES) or operation not in ("create", "cancel"):
            return SaidNo(code="UNSUPPORTED", message=f"SAP ECC does not take {operation} of {kind}")
        known = delivery.refs.get((kind, delivery.document.document_id), "")
        try:
            if not known and kind in MASTERS:
                known = await self._known(delivery, trace)
            if cancel and not known:
                return Missing(kind=kind, document_id=delivery.document.document_id)
            call = call_of(self._source(delivery), known=known, cancel=cancel)
        except Unfit as unfit:
            return unfit.answer
        except Unmapped as error:
            return _unmapped(error)
        except VendorUnknown as error:
            return _not_asked(error)
        session = Session()
        outcome, answer = await self._called(call, session, trace)
        if answer is not None:
            if session.cookie:
                await self._wire.call("BAPI_TRANSACTION_ROLLBACK", {}, trace, session=session, close=True)
            return answer
        assert isinstance(outcome, Reply)
        if not session.cookie:
            return NoAnswer(reason="SAP ECC opened no session to commit in")
        committed = await self._wire.call(
            "BAPI_TRANSACTION_COMMIT", {"WAIT": "X"}, trace, session=session, close=True
        )
        doubt = after_commit(committed)
        if doubt is not None:
            # ECC serves a session one call at a time: once this is answered, the commit has either happened or never
            # will, so the look-up that follows can be trusted. Its own answer changes nothing.
            await self._wire.call("BAPI_TRANSACTION_ROLLBACK", {}, trace, session=session, close=True)
            return doubt
        return await self._posted(delivery, _vendor_id(outcome) or known, trace)

    async def _called(self, call: Call, session: Session, trace: Trace) -> tuple[Outcome, Answer | None]:
        """The outcome of the call itself, and what says that it must not be committed."""
        outcome: Outcome | None = None
        for function in filter(None, (call.opens, call.function, call.closes)):
            own = function == call.function
            said = await self._wire.call(function, call.values if own else {}, trace, session=session)
            if own or outcome is None:
                outcome = said
            answer = before_commit(said)
            if answer is not None:
                return outcome, answer
        assert outcome is not None
        return outcome, None

    async def _posted(self, delivery: Delivery, vendor_id: str, trace: Trace) -> Answer:
        """Committed; what the BAPI did not tell (a milestone's number, an invoice's content) is read."""
        document = delivery.document
        try:
            if isinstance(document, BillingEvent):
                return await self._with_invoice(document, vendor_id, trace)
            found = vendor_id or await self._known(delivery, trace)
        except (VendorUnknown, VendorRefused, Unmapped) as error:
            return NoAnswer(reason=f"committed, but {error.message}")
        return Posted(vendor_id=found) if found else NoAnswer(reason="committed, but not found")

    async def _with_invoice(self, event: BillingEvent, vbeln: str, trace: Trace) -> Posted | NoAnswer:
        heads, lines = self._names.newest.section("VBRK"), self._names.newest.section("VBRP")
        own = equal(heads["vendor_id"], vbeln)
        headers = await self._reader.select("VBRK", heads, HEADER, own, trace)
        items = await self._reader.select("VBRP", lines, ITEM, equal(lines["vendor_id"], vbeln), trace)
        if len(headers) != 1:
            return NoAnswer(reason=f"billing document {vbeln} can't be read")
        try:
            return Posted(vendor_id=vbeln, created=(invoice_of(event, headers[0], items, self._names),))
        except ValueError as error:
            return NoAnswer(reason=f"billing document {vbeln} is unreadable: {str(error)[:300]}")

    # Asking

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Which of these ECC has; a billing event is found with its invoice, an IDoc under way is no answer."""
        trace = Trace()
        answers: list[LookUpAnswer] = []
        try:
            if deliveries:
                answers = await self._found(deliveries, trace)
        except (VendorUnknown, Unmapped) as error:
            answers = [NoAnswer(reason=error.message)] * len(deliveries)
        return LookUpResult(answers=answers, exchange=trace.exchange())

    async def _found(self, deliveries: Sequence[Delivery], trace: Trace) -> list[LookUpAnswer]:
        kind, cancel = deliveries[0].document.kind, deliveries[0].operation == "cancel"
        place = PLACES.get(kind)
        if place is None:
            return [NotThere()] * len(deliveries)
        keys = [external_key(delivery.external_id) for delivery in deliveries]
        # IDocs first: one that is posted in between is then found in its table.
        under_way = await self._under_way(keys, trace) if kind in BULK else {}
        rows = await self._rows(place, keys, trace)
        answers: list[LookUpAnswer] = []
        for key, delivery in zip(keys, deliveries, strict=True):
            row = next((row for row in rows.get(key, []) if place.is_gone(row) == cancel), None)
            if row is None and kind in MASTERS and not cancel:
                row = next(iter(rows.get(key, [])), None)
            if row is not None and isinstance(delivery.document, BillingEvent):
                answers.append(await self._with_invoice(delivery.document, place.vendor_id(row), trace))
            elif row is not None:
                answers.append(Posted(vendor_id=place.vendor_id(row)))
            elif key in under_way:
                answers.append(NoAnswer(reason=f"IDoc {under_way[key]} waits to be processed"))
            else:
                answers.append(NotThere())
        return answers

    async def _known(self, delivery: Delivery, trace: Trace) -> str:
        """ECC's id of a document by our id; empty when it has none."""
        place = PLACES[delivery.document.kind]
        key = external_key(delivery.external_id)
        rows = (await self._rows(place, [key], trace)).get(key, [])
        return place.vendor_id(rows[0]) if rows else ""

    async def _rows(
        self, place: Place, keys: Sequence[str], trace: Trace
    ) -> Mapping[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        names = self._names.newest.section(place.table)
        for row in await self._reader.select_each(
            place.table, names, place.attributes, "external_id", keys, place.where(names), trace
        ):
            found.setdefault(row["external_id"], []).append(row)
        return found

    async def _under_way(self, keys: Sequence[str], trace: Trace) -> dict[str, str]:
        fields = ("DOCNUM", "STATUS", "ARCKEY")
        rows = await self._reader.read_each("EDIDC", fields, "ARCKEY", keys, Where(), trace)
        return {row["ARCKEY"]: row["DOCNUM"] for row in rows if row["STATUS"] in UNDER_WAY}

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """ECC is read back, not followed."""
        del cursor, limit
        raise VendorRefused(f"{self.system} has no change feed {feed!r}")

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """Documents of a kind with accounting date in [since, until); masters are given whole.

        Raises VendorUnknown when ECC can't answer, VendorRefused for a kind it is not asked for.
        """
        if kind not in READABLE:
            raise VendorRefused(f"{kind} can't be read back from {self.system}")
        companies = self._names.companies(legal_entities)
        if not companies:
            return []
        try:
            return await self._read_back.read(
                kind, companies=companies, since=since, until=until, trace=Trace()
            )
        except Unmapped as error:
            raise VendorRefused(error.message, mend=error.mend) from error
        except (KeyError, ValueError) as error:
            raise VendorUnknown(f"{self.system} gave an unreadable {kind}: {error}") from error

    async def written(
        self, *, legal_entities: Sequence[str], since: datetime, until: datetime
    ) -> Sequence[Written]:
        """Ledger documents entered in [since, until], whoever did; raises VendorUnknown, VendorRefused."""
        companies = {code: entity for entity in legal_entities for code in self._names.companies([entity])}
        if not companies:
            return []
        low, high = since.replace(microsecond=0), until
        try:
            names = self._names.newest.section("BKPF")
            columns = [*(names[attribute] for attribute in written.ATTRIBUTES), *written.ENTERED]
            rows = await self._reader.read(
                "BKPF", columns, written.where(names, list(companies), since, until), Trace()
            )
            found = [written.written_of(row, names, system=self.system, entities=companies) for row in rows]
        except Unmapped as error:
            raise VendorRefused(error.message, mend=error.mend) from error
        except (KeyError, ValueError) as error:
            raise VendorUnknown(f"{self.system} gave an unreadable document header: {error}") from error
        kept = [one for one in found if low <= datetime.fromisoformat(one.created_at) <= high]
        return sorted(kept, key=lambda one: (one.created_at, one.vendor_id))

    async def trial_balance(self, *, legal_entities: Sequence[str], as_of: date) -> Sequence[Balance]:
        """Balances of the leading ledger at the end of a day; raises VendorUnknown, VendorRefused."""
        companies = self._names.companies(legal_entities)
        if not companies:
            return []
        until = (as_of + timedelta(days=1)).isoformat()
        try:
            rows = await self._reader.read(
                balances.TABLE, balances.FIELDS, balances.where(companies, until), Trace()
            )
            return balances.balances(rows, self._names, self.system)
        except Unmapped as error:
            raise VendorRefused(error.message, mend=error.mend) from error
        except (KeyError, ValueError) as error:
            raise VendorUnknown(f"{self.system} gave an unreadable trial balance: {error}") from error

    async def ping(self) -> None:
        """Reach and authenticate; raises VendorUnknown or VendorRefused."""
        outcome = await self._wire.call("RFC_PING", {}, Trace())
        if isinstance(outcome, NotSent):
            raise VendorUnknown(outcome.reason, retry_after_s=outcome.after_s, throttled=outcome.throttled)
        if isinstance(outcome, NoLogon):
            raise VendorRefused(outcome.reason, mend=CREDENTIALS)
        if isinstance(outcome, Lost | Fault):
            raise VendorUnknown(f"{self.system}: {outcome}")

    async def aclose(self) -> None:
        """Nothing to close: the HTTP client belongs to whoever made it."""


def _not_asked(error: VendorUnknown) -> Answer:
    """A look-up before a write failed: nothing was written."""
    return TryLater(reason=error.message, after_s=error.retry_after_s, throttled=error.throttled)


def _unmapped(error: Unmapped) -> SaidNo:
    """The mapping lacks a code or a name: nothing was written."""
    return SaidNo(code="UNMAPPED", message=error.one_line())


def _vendor_id(reply: Reply) -> str:
    """The id a create BAPI gave; empty for changes, and for milestones, whose number it does not tell."""
    for name in _VENDOR_IDS:
        if reply.text(name):
            return reply.text(name)
    for table, column in (("TO_BAPIKNUMHS", "COND_NO_NEW"), ("SUCCESS", "BILL_DOC")):
        for row in reply.table(table):
            return row.get(column, "")
    return ""
