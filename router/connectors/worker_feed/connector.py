"""The HCM side of the connector port: one feed, and nothing to write."""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.kinds import Kind
from router.connectors.bearer import BearerClient, Query, readable
from router.connectors.http import Trace
from router.connectors.mapping import Mappings
from router.connectors.port import (
    Capabilities,
    Delivery,
    LookUpResult,
    NotThere,
    Page,
    Record,
    Result,
    SaidNo,
)
from router.connectors.worker_feed.decisions import PAGE_MAX, good_cursor, page_of, worker
from router.connectors.worker_feed.keyed import KeyedClient
from router.errors import BadInput
from router.model import SystemId

WORKERS = "workers"


class WorkerFeedConnector:
    """One HCM."""

    def __init__(
        self,
        *,
        system: SystemId,
        http: BearerClient | KeyedClient,
        mappings: Mappings,
        path: str,
        since: str,
    ) -> None:
        self.system = system
        self.capabilities = Capabilities(kinds=frozenset(), feeds=(WORKERS,), can_look_up=False)
        self._http = http
        self._mappings = mappings
        self._path = path
        self._since = since

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Nothing is written to an HCM."""
        answers = tuple(
            SaidNo(code="NOT_SUPPORTED", message=f"the HCM takes no {one.operation} of a {one.subject}")
            for one in deliveries
        )
        return Result(answers=answers, exchange=Trace().exchange())

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Nothing was written, so nothing is there."""
        return LookUpResult(answers=tuple(NotThere() for _ in deliveries), exchange=Trace().exchange())

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """Workers changed after `cursor`; raises BadInput for another feed, Unmapped, VendorUnknown."""
        if feed != WORKERS:
            raise BadInput(f"the HCM has no feed {feed!r}", mend=f"use {WORKERS}")
        before, size = good_cursor(cursor, self._since), max(1, min(limit, PAGE_MAX))
        query: Query = (("limit", str(size)),)
        found = await self._get((("changed_since", before), *query) if before else query)
        page = page_of(found, before=before, limit=size)
        events = tuple(worker(row, self._mappings) for row in page.rows)
        return Page(events=events, cursor=page.cursor, more=page.more)

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """An HCM keeps no books: nothing."""
        del kind, legal_entities, since, until
        return ()

    async def ping(self) -> None:
        """Log in and ask for one worker; raises VendorUnknown or VendorRefused."""
        await self._get((("limit", "1"),))

    async def aclose(self) -> None:
        """The client belongs to who made it."""

    async def _get(self, query: Query) -> dict[str, object]:
        outcome = await self._http.call("GET", self._path, Trace(), query=query)
        found: dict[str, object] = readable(outcome, "HCM")
        return found
