"""The Kantata side of the connector port."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from router.canonical.kinds import Kind
from router.connectors.bearer import BearerClient, readable
from router.connectors.http import Trace
from router.connectors.kantata.feeds import API, NAMES, FeedReader
from router.connectors.kantata.writes import Writer
from router.connectors.mapping import Unmapped
from router.connectors.port import (
    Answer,
    Capabilities,
    Delivery,
    LookUpAnswer,
    LookUpResult,
    NoAnswer,
    NotThere,
    Observed,
    Page,
    Record,
    Result,
    SaidNo,
)
from router.model import SystemId

PROJECTS: frozenset[Kind] = frozenset({"project"})
FEEDBACK: frozenset[Kind] = frozenset({"invoice", "payment", "time_entry"})


class KantataConnector:
    """One account."""

    def __init__(self, *, system: SystemId, http: BearerClient, feeds: FeedReader, writer: Writer) -> None:
        self.system = system
        self.capabilities = Capabilities(kinds=PROJECTS, feeds=NAMES, cancels=PROJECTS, feedback=FEEDBACK)
        self._http = http
        self._feeds = feeds
        self._writer = writer

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Create or archive projects, write status back; one at a time."""
        trace = Trace()
        answers: list[Answer] = []
        for delivery in deliveries:
            try:
                answers.append(await self._post(delivery, trace))
            except Unmapped as error:
                answers.append(SaidNo(code="UNMAPPED", message=error.one_line()))
        return Result(answers=tuple(answers), exchange=trace.exchange())

    async def _post(self, delivery: Delivery, trace: Trace) -> Answer:
        kind, operation = delivery.subject, delivery.operation
        if kind == "project" and operation == "create":
            return await self._writer.create_project(delivery, trace)
        if kind == "project" and operation == "cancel":
            return await self._writer.archive_project(delivery, trace)
        if kind in FEEDBACK and operation == "feedback":
            return await self._writer.tell(delivery, trace)
        return SaidNo(code="NOT_SUPPORTED", message=f"Kantata takes no {operation} of a {kind}")

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Projects by reference or title; archived or not; status by reference."""
        trace = Trace()
        answers: list[LookUpAnswer] = []
        for delivery in deliveries:
            try:
                answers.append(await self._look_up(delivery, trace))
            except Unmapped as error:
                answers.append(NoAnswer(reason=error.one_line()))
        return LookUpResult(answers=tuple(answers), exchange=trace.exchange())

    async def _look_up(self, delivery: Delivery, trace: Trace) -> LookUpAnswer:
        kind, operation = delivery.subject, delivery.operation
        if kind == "project" and operation == "create":
            return await self._writer.find_project(delivery.external_id, trace)
        if kind == "project" and operation == "cancel":
            return await self._writer.is_archived(delivery, trace)
        if kind in FEEDBACK and operation == "feedback":
            return await self._writer.was_told(delivery, trace)
        return NotThere()

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """Approved time and expenses, completed milestones, or what was deleted, after `cursor`."""
        return await self._feeds.read(feed, cursor, limit)

    async def approved(self, feed: str, *, first: date, last: date) -> Sequence[Observed]:
        """All time or expenses that are approved now and were done in [first, last]."""
        return await self._feeds.approved(feed, first, last)

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """A PSA keeps no books: nothing."""
        del kind, legal_entities, since, until
        return ()

    async def ping(self) -> None:
        """Log in and ask for one user; raises VendorUnknown or VendorRefused."""
        readable(
            await self._http.call("GET", f"{API}/users.json", Trace(), query=(("per_page", "1"),)), "Kantata"
        )

    async def aclose(self) -> None:
        """The client belongs to who made it."""
