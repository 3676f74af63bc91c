"""The Salesforce side of the connector port: reads won opportunities, writes status back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from router.canonical.kinds import Kind
from router.clock import Clock
from router.connectors.bearer import BearerClient, readable
from router.connectors.given import Given, digest
from router.connectors.http import Lost, NotSent, Outcome, Reply, Trace
from router.connectors.mapping import Mappings
from router.connectors.port import (
    Answer,
    Capabilities,
    Delivery,
    LookUpAnswer,
    LookUpResult,
    Missing,
    NoAnswer,
    NotThere,
    Observed,
    Page,
    Posted,
    Record,
    Result,
    SaidNo,
    ShownTotal,
    TryLater,
)
from router.connectors.salesforce.decisions import (
    WriteBack,
    at_the_end,
    holds,
    observed,
    read_cursor,
    refusal,
    shown_total,
    shown_totals,
    soql,
    stamp_of,
    to_stamp,
    write_back,
)
from router.connectors.salesforce.required import all_names
from router.errors import BadInput, VendorUnknown
from router.model import SystemId

FEED = "opportunities"
FEEDBACK: frozenset[Kind] = frozenset({"project", "invoice", "payment"})
PAGES_MAX = 50
"""Pages read in one call while everything in them was given before."""
LIMIT_MAX = 2_000


class SalesforceConnector:
    """One org."""

    def __init__(
        self,
        *,
        system: SystemId,
        http: BearerClient,
        clock: Clock,
        version: str,
        overlap_s: int,
        mappings: Mappings,
    ) -> None:
        self.system = system
        self.capabilities = Capabilities(kinds=frozenset(), feeds=(FEED,), feedback=FEEDBACK)
        self._http = http
        self._clock = clock
        self._data = f"/services/data/v{version}"
        self._overlap_s = overlap_s
        self._given = Given()
        self._mappings = mappings
        self._names = all_names(mappings)
        self._newest = self._names[mappings.newest.version]

    # --- feed -----------------------------------------------------------------------------------

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """Won opportunities after `cursor`; raises BadInput for an unknown feed, VendorUnknown."""
        if feed != FEED:
            raise BadInput(f"Salesforce has no feed {feed!r}", mend=f"use {FEED}")
        limit = max(1, min(limit, LIMIT_MAX))
        start = at = read_cursor(cursor)
        if not at.began:
            at = replace(at, began=stamp_of(self._clock.now()))
        known = self._given.before(cursor or "")
        events: dict[str, Observed] = {}
        more = True
        for _ in range(PAGES_MAX):
            rows = await self._query(soql(at, limit, self._newest))
            for row in rows:
                event = observed(row, self._newest)
                if event.event_id not in known:
                    events[event.event_id] = event
            if rows:
                at = replace(
                    at, stamp=to_stamp(rows[-1].get("SystemModstamp")), record_id=str(rows[-1]["Id"])
                )
            more = len(rows) >= limit
            if events or not more:
                break
        # Nothing older than this can be read again.
        since = min(at.stamp, at_the_end(replace(at, stamp=at.began), self._overlap_s).stamp)
        if not more:
            at = at_the_end(at, self._overlap_s)
        after = replace(at, seen=digest(start.seen, events)).text()
        stamps = {event_id: event.occurred_at for event_id, event in events.items()}
        self._given.remember(before=cursor or "", after=after, given=stamps, since=since)
        return Page(events=tuple(events.values()), cursor=after, more=more)

    async def _query(self, text: str) -> list[Mapping[str, Any]]:
        """All records of a query, following `nextRecordsUrl` inside this org only."""
        body = await self._read(f"{self._data}/query", query=(("q", text),))
        records = _records(body)
        for _ in range(PAGES_MAX):
            following = body.get("nextRecordsUrl")
            if body.get("done") is not False or following is None:
                return records
            if (
                not isinstance(following, str)
                or not following.startswith("/services/data/v")
                or ".." in following
            ):
                raise VendorUnknown("Salesforce: nextRecordsUrl leads elsewhere")
            body = await self._read(following)
            records += _records(body)
        raise VendorUnknown("Salesforce: a query has too many pages")

    async def _read(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
        outcome = await self._http.call("GET", path, Trace(), query=query)
        if isinstance(outcome, Reply) and outcome.status == 403:
            told = refusal(outcome.status, outcome.json(), outcome.retry_after_s)
            if isinstance(told, TryLater):
                raise VendorUnknown(f"Salesforce: {told.reason}", throttled=told.throttled)
        found: dict[str, Any] = readable(outcome, "Salesforce")
        return found

    async def invoiced(self) -> Sequence[ShownTotal]:
        """What is shown as invoiced of every opportunity that has a project, in order of their ids."""
        found: dict[str, ShownTotal] = {}
        after = ""
        for _ in range(PAGES_MAX):
            rows = await self._query(shown_totals(after, LIMIT_MAX, self._newest))
            totals = [shown_total(row, self._newest) for row in rows]
            found |= {one.record_id: one for one in totals}
            if len(rows) < LIMIT_MAX:
                return tuple(found.values())
            after = totals[-1].record_id
        raise VendorUnknown("Salesforce: there are too many opportunities with a project")

    # --- write-back -----------------------------------------------------------------------------

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Write project, invoice and payment status back, one record at a time."""
        trace = Trace()
        answers: list[Answer] = [await self._write(delivery, trace) for delivery in deliveries]
        return Result(answers=tuple(answers), exchange=trace.exchange())

    async def _write(self, delivery: Delivery, trace: Trace) -> Answer:
        told = self._told(delivery)
        if isinstance(told, SaidNo):
            return told
        path, query = self._address(told)
        fields = {name: _json(value, number=name == told.amount) for name, value in told.fields.items()}
        outcome = await self._http.call("PATCH", path, trace, query=query, body=fields)
        if isinstance(outcome, NotSent):
            return TryLater(reason=outcome.reason, after_s=outcome.after_s, throttled=outcome.throttled)
        if isinstance(outcome, Lost):
            return NoAnswer(reason=outcome.reason)
        if outcome.status in (200, 201, 204):
            return self._accepted(outcome, told)
        if outcome.status == 404 and not told.record_id:
            return Missing(kind="project", document_id=told.project_code)
        return refusal(outcome.status, outcome.json(), outcome.retry_after_s) or NoAnswer(
            reason=f"status {outcome.status}"
        )

    def _accepted(self, outcome: Reply, told: WriteBack) -> Answer:
        if told.record_id:
            return (
                Posted(vendor_id=told.record_id) if outcome.status == 204 else NoAnswer(reason="odd success")
            )
        if outcome.status == 204:
            # As versions before 46.0 update: without a body.
            return Posted(vendor_id=f"{told.key}/{told.project_code}")
        body = outcome.json()
        # {"id": ..., "success": true}; anything else may come from a proxy, and then nothing was written.
        if (
            not isinstance(body, dict)
            or body.get("success") is not True
            or not isinstance(body.get("id"), str)
        ):
            return NoAnswer(reason="the answer can't be read")
        return Posted(vendor_id=body["id"])

    def _told(self, delivery: Delivery) -> WriteBack | SaidNo:
        kind = delivery.subject
        if delivery.operation != "feedback" or kind not in FEEDBACK:
            return SaidNo(
                code="NOT_SUPPORTED", message=f"Salesforce takes no {delivery.operation} of a {kind}"
            )
        return write_back(
            kind, delivery.facts, self._names[self._mappings.as_of(delivery.mapping_of).version]
        )

    def _address(self, told: WriteBack) -> tuple[str, tuple[tuple[str, str], ...]]:
        base = f"{self._data}/sobjects/Opportunity"
        if told.record_id:
            return f"{base}/{told.record_id}", ()
        return f"{base}/{told.key}/{quote(told.project_code, safe='')}", (("updateOnly", "true"),)

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Read each record and compare: it has what we wrote, or it has not."""
        trace = Trace()
        answers = [await self._find(delivery, trace) for delivery in deliveries]
        return LookUpResult(answers=tuple(answers), exchange=trace.exchange())

    async def _find(self, delivery: Delivery, trace: Trace) -> LookUpAnswer:
        told = self._told(delivery)
        if isinstance(told, SaidNo):
            return NotThere()
        path, _ = self._address(told)
        names = ",".join(("Id", *told.fields))
        outcome: Outcome = await self._http.call("GET", path, trace, query=(("fields", names),))
        if not isinstance(outcome, Reply):
            return NoAnswer(reason=outcome.reason)
        record = outcome.json()
        if outcome.status == 404 and refusal(404, record, None) is not None:
            return NotThere()
        if outcome.status != 200 or not isinstance(record, dict) or not isinstance(record.get("Id"), str):
            return NoAnswer(reason=f"status {outcome.status}")
        return Posted(vendor_id=record["Id"]) if holds(record, told.fields) else NotThere()

    # --- the rest of the port -------------------------------------------------------------------

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """A CRM keeps no books: nothing."""
        del kind, legal_entities, since, until
        return ()

    async def ping(self) -> None:
        """Log in and ask for the limits; raises VendorUnknown or VendorRefused."""
        await self._read(f"{self._data}/limits")

    async def aclose(self) -> None:
        """The client belongs to who made it."""


def _records(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
        raise VendorUnknown("Salesforce: the answer has no records")
    return list(records)


def _json(value: Any, *, number: bool) -> Any:
    """Amounts travel as JSON numbers, digit for digit."""
    return orjson.Fragment(str(value).encode()) if number else value
