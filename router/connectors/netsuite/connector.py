"""The NetSuite connector: deliveries in, answers out; see the package for the decisions behind it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from router.canonical.billing import BillingEvent
from router.canonical.kinds import Kind
from router.connectors.http import Lost, Reply, Trace
from router.connectors.mapping import Mappings
from router.connectors.netsuite import balances, batches, billed, queries, written
from router.connectors.netsuite.answers import DISAGREES, of_failure, of_result, of_write, page_of, settled
from router.connectors.netsuite.decisions import Duplicate, next_wait_s
from router.connectors.netsuite.invoices import NotAnInvoice, canonical
from router.connectors.netsuite.reading import Unreadable, record_of
from router.connectors.netsuite.records import KINDS, MASTERS, RECORD_TYPES, build, cancellation
from router.connectors.netsuite.signing import percent
from router.connectors.netsuite.vocabulary import Vocabularies
from router.connectors.netsuite.wire import Wire
from router.connectors.netsuite.writer import Call, Unfit
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
from router.errors import VendorRefused, VendorUnknown
from router.model import SystemId

CANCELS = frozenset({"customer", "project", "contract"})
BULK = ("time_entry", "expense_item", "journal_entry")
PAGE = 1000
"""Rows a page; the vendor's maximum."""
STRETCH = 50_000
"""Rows paged by offset before the key moves on: one query gives at most 100,000 (vendor documentation)."""
MAX_PAGES = 1000
INVOICE_READS = 5
"""Looks at an invoice just made, four seconds in all: a throttled read must not put the write in doubt."""


class NetSuite:
    """One NetSuite account as the port sees it."""

    def __init__(
        self,
        system: SystemId,
        *,
        wire: Wire,
        mappings: Mappings,
        rng: random.Random,
        timeout_s: float,
        bulk: int = batches.MAX_BATCH,
        subsidiaries: Mapping[str, str] | None = None,
    ) -> None:
        self.system = system
        self.capabilities = Capabilities(
            kinds=KINDS,
            bulk={kind: min(bulk, batches.MAX_BATCH) for kind in BULK},
            cancels=CANCELS,
        )
        self._wire, self._rng, self._timeout_s = wire, rng, timeout_s
        self._mappings, self._words = mappings, Vocabularies(mappings)
        self._asked: dict[Kind, queries.ReadBack] = {}
        self._given = dict(subsidiaries or {})
        self._known: dict[str, str] | None = None
        self._learning = asyncio.Lock()

    # Writing

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Send documents of one kind and operation, once."""
        trace = Trace()
        return Result(answers=await self._post(deliveries, trace), exchange=trace.exchange())

    async def _post(self, deliveries: Sequence[Delivery], trace: Trace) -> list[Answer]:
        if not deliveries:
            return []
        first = deliveries[0]
        kind, operation = first.document.kind, first.operation
        if operation == "cancel" and kind in CANCELS:
            return [await self._cancel(delivery, trace) for delivery in deliveries]
        if operation != "create" or kind not in KINDS:
            no = SaidNo(code="UNSUPPORTED", message=f"NetSuite does not take {operation} of {kind}")
            return [no] * len(deliveries)
        subsidiaries = await self._subsidiaries(trace)
        if isinstance(subsidiaries, TryLater):
            return [subsidiaries] * len(deliveries)
        answers: dict[int, Answer] = {}
        calls: dict[int, Call] = {}
        for at, delivery in enumerate(deliveries):
            try:
                calls[at] = build(delivery, subsidiaries, self._words.as_of(delivery.mapping_of))
            except Unfit as unfit:
                answers[at] = unfit.answer
        told = await self._send(kind, deliveries, calls, trace)
        doubled = [at for at, answer in told.items() if isinstance(answer, Duplicate)]
        if doubled:
            for at, found in (await self._found(doubled, deliveries, trace)).items():
                told[at] = DISAGREES if isinstance(found, NotThere) else found
        return [answers[at] if at in answers else settled(told[at]) for at in range(len(deliveries))]

    async def _send(
        self, kind: Kind, deliveries: Sequence[Delivery], calls: Mapping[int, Call], trace: Trace
    ) -> dict[int, Answer | Duplicate]:
        if kind not in BULK or len(calls) < 2:
            return {at: await self._one(deliveries[at], call, trace) for at, call in calls.items()}
        told: dict[int, Answer | Duplicate] = {}
        places = list(calls)
        most = self.capabilities.bulk[kind]
        for start in range(0, len(places), most):
            part = places[start : start + most]
            outcome = await batches.run(
                self._wire,
                RECORD_TYPES[kind],
                [calls[at].body for at in part],
                trace,
                key=self._uuid(),
                patience_s=self._timeout_s,
            )
            for n, at in enumerate(part):
                told[at] = (
                    of_result(outcome[n], calls[at].needed)
                    if isinstance(outcome, list)
                    else of_failure(outcome, calls[at].needed)
                )
        return told

    async def _one(self, delivery: Delivery, call: Call, trace: Trace) -> Answer | Duplicate:
        document, eid = delivery.document, percent(delivery.external_id)
        if isinstance(document, BillingEvent):
            order = delivery.refs["contract", document.contract_id]
            method, path = "POST", f"/record/v1/salesOrder/{order}/!transform/invoice"
        elif document.kind in MASTERS:
            method, path = "PUT", f"/record/v1/{RECORD_TYPES[document.kind]}/eid:{eid}"
        else:
            method, path = "POST", f"/record/v1/{RECORD_TYPES[document.kind]}"
        outcome = await self._wire.call(method, path, trace, body=call.body)
        answer = of_write(outcome, call.needed)
        if isinstance(document, BillingEvent):
            if isinstance(answer, Posted):
                return await self._with_invoice(answer.vendor_id, document, trace)
            if isinstance(answer, SaidNo) and answer.code == "NONEXISTENT_ID":
                return Missing(kind="contract", document_id=document.contract_id)
        return answer

    async def _cancel(self, delivery: Delivery, trace: Trace) -> Answer:
        kind = delivery.document.kind
        vendor_id = delivery.refs.get((kind, delivery.document.document_id))
        key = percent(vendor_id) if vendor_id else f"eid:{percent(delivery.external_id)}"
        try:
            body = orjson.dumps(cancellation(delivery.document, self._words.as_of(delivery.mapping_of)))
        except Unfit as unfit:
            return unfit.answer
        outcome = await self._wire.call("PATCH", f"/record/v1/{RECORD_TYPES[kind]}/{key}", trace, body=body)
        return settled(of_write(outcome, {}, known_id=vendor_id))

    async def _with_invoice(self, vendor_id: str, event: BillingEvent, trace: Trace) -> Posted | NoAnswer:
        """The invoice exists; without its content the outcome is still unknown to us, and a look-up mends it."""
        for waited in range(INVOICE_READS):
            reply = await self._wire.call(
                "GET", f"/record/v1/invoice/{vendor_id}", trace, query=(("expandSubResources", "true"),)
            )
            if isinstance(reply, Lost) or (isinstance(reply, Reply) and reply.status == 200):
                break
            await asyncio.sleep(next_wait_s(waited))
        if not isinstance(reply, Reply) or reply.status != 200:
            return NoAnswer(reason=f"invoice {vendor_id} was made but can't be read")
        try:
            return Posted(vendor_id=vendor_id, created=(canonical(event, reply.json(), self._mappings),))
        except NotAnInvoice as error:
            return NoAnswer(reason=f"invoice {vendor_id} is unreadable: {error}")

    # Asking

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Which of these NetSuite has, by external id; a billing event is found as its invoice."""
        trace = Trace()
        found = await self._found(range(len(deliveries)), deliveries, trace)
        return LookUpResult(answers=[found[at] for at in range(len(deliveries))], exchange=trace.exchange())

    async def _found(
        self, places: Sequence[int], deliveries: Sequence[Delivery], trace: Trace
    ) -> dict[int, LookUpAnswer]:
        told: dict[int, LookUpAnswer] = {}
        for start in range(0, len(places), queries.LOOK_UP_AT_ONCE):
            part = places[start : start + queries.LOOK_UP_AT_ONCE]
            first = deliveries[part[0]]
            kind = first.document.kind
            if kind not in KINDS:
                told |= {at: NotThere() for at in part}
                continue
            ids = [deliveries[at].external_id for at in part]
            if unreadable := self._words.newest.unreadable(kind):
                told |= {at: NoAnswer(reason=unreadable.message) for at in part}
                continue
            fields = self._words.newest.fields
            sql = queries.look_up(kind, fields, len(ids), cancelled=first.operation == "cancel")
            try:
                rows = await self._rows(sql, ids, "id", trace)
            except VendorUnknown as error:
                told |= {at: NoAnswer(reason=error.message) for at in part}
                continue
            by_eid = {str(row.get("document_id")): str(row.get("id")) for row in rows}
            for at in part:
                told[at] = await self._named(by_eid.get(deliveries[at].external_id), deliveries[at], trace)
        return told

    async def _named(self, vendor_id: str | None, delivery: Delivery, trace: Trace) -> LookUpAnswer:
        if vendor_id is None:
            return NotThere()
        if isinstance(delivery.document, BillingEvent) and delivery.operation == "create":
            return await self._with_invoice(vendor_id, delivery.document, trace)
        return Posted(vendor_id=vendor_id)

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """NetSuite is read back, not followed."""
        del cursor, limit
        raise VendorRefused(f"{self.system} has no change feed {feed!r}")

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """Documents of a kind with accounting date in [since, until); masters are given whole.

        Raises VendorUnknown when NetSuite can't answer, VendorRefused for a kind it is not asked for.
        """
        asked = self._read_back(kind)
        trace = Trace()
        subsidiaries = await self._subsidiaries(trace)
        if isinstance(subsidiaries, TryLater):
            raise VendorUnknown(subsidiaries.reason, throttled=subsidiaries.throttled)
        entities = {
            vendor_id: self._mappings.ours("entities", code)
            for code, vendor_id in subsidiaries.items()
            if self._mappings.ours("entities", code) in legal_entities
        }
        ids = list(entities)
        if not ids:
            return []
        parameters = [*ids, since, until] if asked.dated else ids
        marks = ", ".join("?" * len(ids))
        rows = await self._rows(asked.sql.replace("{entities}", marks), parameters, "id", trace)
        lines: dict[str, list[Any]] = {}
        if asked.lines is not None:
            sql = asked.lines.replace("{entities}", marks)
            for line in await self._rows(sql, parameters, asked.line_key, trace):
                lines.setdefault(str(line.get("document")), []).append(line)
        work: dict[str, list[Any]] = {}
        charges = billed.query(self._words.newest.fields) if kind == "invoice" else None
        if charges is not None:
            for row in await self._rows(charges.replace("{entities}", marks), parameters, "id", trace):
                work.setdefault(str(row.get("document")), []).append(row)
        try:
            return [
                record_of(
                    kind,
                    row,
                    lines.get(str(row.get("id")), []),
                    work=work.get(str(row.get("id")), []),
                    system=self.system,
                    entities=entities,
                    mappings=self._mappings,
                )
                for row in rows
            ]
        except Unreadable as error:
            raise VendorUnknown(f"{self.system} gave an unreadable {kind}: {error}") from error

    def _read_back(self, kind: Kind) -> queries.ReadBack:
        """The query of a kind in the newest words; raises VendorRefused."""
        if kind not in self._asked:
            made = queries.READ_BACKS.get(kind)
            if made is None:
                raise VendorRefused(f"{kind} can't be read back from {self.system}")
            if unreadable := self._words.newest.unreadable(kind):
                raise VendorRefused(unreadable.message, mend=unreadable.mend)
            self._asked[kind] = made(self._words.newest.fields)
        return self._asked[kind]

    async def written(
        self, *, legal_entities: Sequence[str], since: datetime, until: datetime
    ) -> Sequence[Written]:
        """Postings created in [since, until], whoever made them; raises VendorUnknown."""
        trace = Trace()
        subsidiaries = await self._subsidiaries(trace)
        if isinstance(subsidiaries, TryLater):
            raise VendorUnknown(subsidiaries.reason, throttled=subsidiaries.throttled)
        entities = {
            vendor_id: ours
            for code, vendor_id in subsidiaries.items()
            if (ours := self._mappings.ours("entities", code)) in legal_entities
        }
        if not entities:
            return []
        query = written.sql(
            self._words.newest.fields["invoice.columns"]["document_id"], ", ".join("?" * len(entities))
        )
        parameters = [*entities, written.stamp(since), written.stamp(until)]
        rows = await self._rows(query, parameters, "id", trace)
        return [written.written_of(row, system=self.system, entities=entities) for row in rows]

    async def trial_balance(self, *, legal_entities: Sequence[str], as_of: date) -> Sequence[Balance]:
        """Balances at the end of a day, from accounting lines; raises VendorUnknown, VendorRefused."""
        trace = Trace()
        subsidiaries = await self._subsidiaries(trace)
        if isinstance(subsidiaries, TryLater):
            raise VendorUnknown(subsidiaries.reason, throttled=subsidiaries.throttled)
        entities = {
            vendor_id: ours
            for code, vendor_id in subsidiaries.items()
            if (ours := self._mappings.ours("entities", code)) in legal_entities
        }
        if not entities:
            return []
        sql = balances.query(self._words.newest.fields).replace("{entities}", ", ".join("?" * len(entities)))
        until = (as_of + timedelta(days=1)).isoformat()
        rows = await self._rows(sql, [*entities, until], balances.KEY, trace)
        try:
            return balances.balances(rows, entities=entities, mappings=self._mappings, system=self.system)
        except (KeyError, ValueError, TypeError) as error:
            raise VendorUnknown(f"{self.system} gave an unreadable trial balance: {error}") from error

    async def ping(self) -> None:
        """Reach and authenticate; raises VendorUnknown or VendorRefused."""
        await self._rows(self._subsidiary_sql(), [], "id", Trace())

    async def aclose(self) -> None:
        """Nothing to close: the HTTP client belongs to whoever made it."""

    # Inside

    async def _rows(
        self, sql: str, parameters: Sequence[str], key: str, trace: Trace
    ) -> list[dict[str, Any]]:
        """Every row of a query that ends in `key > ? ORDER BY key`; raises VendorUnknown."""
        rows: list[dict[str, Any]] = []
        last, offset = "0", 0
        for _ in range(MAX_PAGES):
            reply = await self._wire.call(
                "POST",
                "/query/v1/suiteql",
                trace,
                body=orjson.dumps({"q": sql, "params": [*parameters, last]}),
                query=(("limit", str(PAGE)), ("offset", str(offset))),
                headers={"Prefer": "transient"},
            )
            page = page_of(reply)
            rows.extend(page["items"])
            if not page.get("hasMore"):
                return rows
            offset += PAGE
            if len(page["items"]) != PAGE:
                raise VendorUnknown("NetSuite's pages do not advance")
            if offset >= STRETCH:
                last, offset = str(page["items"][-1].get(key, "")), 0
        raise VendorUnknown(f"more than {MAX_PAGES} pages")

    async def _subsidiaries(self, trace: Trace) -> dict[str, str] | TryLater:
        """Internal ids by legal entity: from the landscape's options, else asked once."""
        async with self._learning:
            if self._known is None:
                try:
                    rows = await self._rows(self._subsidiary_sql(), [], "id", trace)
                except VendorUnknown as error:
                    return TryLater(
                        reason=error.message, after_s=error.retry_after_s, throttled=error.throttled
                    )
                asked = {str(row["external_id"]): str(row["id"]) for row in rows if row.get("external_id")}
                self._known = asked | self._given
            return self._known

    def _subsidiary_sql(self) -> str:
        words = self._words.newest
        if unreadable := words.unreadable("subsidiary"):
            raise VendorRefused(unreadable.message, mend=unreadable.mend)
        return queries.subsidiaries(words.fields)

    def _uuid(self) -> str:
        bits = f"{self._rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"
