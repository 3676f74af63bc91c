"""Change feeds: polls CRM and PSA, enriches what it saw, accepts it with the new cursor in one commit.

A crash between reading and accepting loses nothing: the cursor moves only with the acceptance. A row
seen twice is one event (its id is the source's). A row that can't be completed is parked, not dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import orjson
import structlog

from router.canonical.documents import Document
from router.canonical.kinds import KINDS
from router.canonical.masters import Opportunity
from router.connectors.port import Connector, Observed
from router.errors import Refused, VendorRefused, VendorUnknown
from router.ingest.intake import Intake
from router.ingest.observations import Observations
from router.journal.journal import Journal
from router.journal.port import Submission
from router.model import SystemId
from router.workflows.corrections import CHANGED, WITHDRAWN, Corrections
from router.workflows.decisions import process_id
from router.workflows.enrich import Problem
from router.workflows.submissions import payload_of

log = structlog.get_logger(__name__)
SLOW_POLL_S = 900
"""A feed that fails or has nothing new is asked less and less often, down to this: quotas are shared."""


class FeedPoller:
    """Polls one feed of one system until cancelled."""

    def __init__(
        self,
        *,
        system: SystemId,
        feed: str,
        connector: Connector,
        intake: Intake,
        journal: Journal,
        observations: Observations,
        corrections: Corrections,
        poll_s: int,
        pages_max: int,
    ) -> None:
        self.system = system
        self.feed = feed
        self._connector = connector
        self._intake = intake
        self._journal = journal
        self._observations = observations
        self._corrections = corrections
        self._poll_s = poll_s
        self._pages_max = pages_max
        self.problem = ""
        """Why the last poll failed; empty when it did not."""

    async def run(self) -> None:
        """Poll for ever."""
        wait_s = self._poll_s
        while True:
            try:
                seen = await self.poll()
                self.problem = ""
                wait_s = self._poll_s if seen else min(wait_s * 2, SLOW_POLL_S)
            except (VendorUnknown, VendorRefused, Refused) as error:
                wait_s = min(wait_s * 2, SLOW_POLL_S)
                if isinstance(error, VendorUnknown) and error.retry_after_s:
                    wait_s = max(wait_s, round(error.retry_after_s))
                self.problem = error.message
                log.warning(
                    "feed_failed", system=self.system, feed=self.feed, why=error.message, again_in_s=wait_s
                )
            await asyncio.sleep(wait_s)

    async def poll(self) -> int:
        """Read until the feed has no more for now; returns how many events were new or replayed."""
        seen = 0
        cursor = await self._journal.cursor(self.system, self.feed)
        for _ in range(self._pages_max):
            page = await self._connector.changes(self.feed, cursor)
            if not page.events and page.cursor == cursor:
                break
            submissions = await self._submissions(page.events)
            await self._intake.accept(submissions, cursor=(self.system, self.feed, page.cursor))
            seen += len(page.events)
            cursor = page.cursor
            if not page.more:
                break
        return seen

    async def _submissions(self, events: Sequence[Observed]) -> list[Submission]:
        """What a page comes to: a row seen for the first time is itself, one seen before its correction."""
        ids: dict[str, list[str]] = {}
        for event in events:
            ids.setdefault(event.kind, []).append(str(event.data.get("document_id")))
        system = str(self.system)
        known = {
            kind: await self._corrections.families(kind, names, system=system) for kind, names in ids.items()
        }
        made: list[Submission] = []
        for event in events:
            family = known[event.kind].get(str(event.data.get("document_id")))
            if family is not None:
                made += await self._corrections.correct(await self._submission(event), event.data, family)
            elif event.verb != WITHDRAWN:
                made.append(await self._submission(event))
            else:
                made += await self._deleted(event)
        return made

    async def _deleted(self, event: Observed) -> list[Submission]:
        """A deleted row that was never sent: without a trace, unless it waits for a person, who must not send it."""
        name = str(event.data.get("document_id"))
        waiting = [
            row["transaction_id"]
            for row in await self._journal.parked()
            if row["kind"] == event.kind
            and row["source"].startswith(f"/{self.system}/")
            and (payload_of(row["received"]) or {}).get("document_id") == name
        ]
        if not waiting:
            return []
        why = f"{name} was deleted in {self.system} while {', '.join(waiting)} waited: resolve this one too"
        return [replace(await self._submission(event), problem=why, problem_code=CHANGED)]

    async def _submission(self, event: Observed) -> Submission:
        found = await self._observations.read(event.kind, event.data)
        problem = found if isinstance(found, Problem) else Problem("", "")
        document = found if isinstance(found, Document) else None
        opportunity = isinstance(document, Opportunity)
        return Submission(
            client=f"feed:{self.system}",
            idempotency_key=f"{self.feed} {event.event_id}",
            received=orjson.dumps(
                {"data": event.data, "raw": event.raw, "vendor_id": event.vendor_id},
                option=orjson.OPT_SORT_KEYS,
                default=str,
            ),
            source=f"/{self.system}/{self.feed}",
            event_id=event.event_id,
            verb=event.verb if event.verb in KINDS[event.kind].verbs else KINDS[event.kind].verbs[0],
            document=document,
            kind=event.kind,
            problem=problem.why,
            problem_code=problem.code,
            correlation_id=process_id(document) if isinstance(document, Opportunity) else None,
            crosswalk=((self.system, event.vendor_id),),
            deliver=not opportunity,
            keep_conflict=True,
        )
