"""Sends billing events on that waited for a milestone, each once the ERP has all it names.

A billing event in the lane of its project would stand before the milestone it waits for, and neither
would ever go. So one that names a milestone the ERP does not have yet is parked, with words, and sent
on from here: at once when a milestone is posted, and at every look of the sweep, so that neither a
crash nor another gateway can strand it.
"""

from __future__ import annotations

import asyncio

import structlog

from router.connectors.port import Answer, Posted
from router.errors import CoexistError, NotCompleted
from router.journal.journal import Journal
from router.journal.port import FollowUp, Job
from router.model import State
from router.workflows.changes import Replay
from router.workflows.submissions import payload_of

log = structlog.get_logger(__name__)
SWEEP_S = 300
SOON_S = 2
"""How long after a milestone was posted to look: its settlement is committed by then."""


class PostedMilestones:
    """A follower that notices when an ERP has a milestone."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def follow_up(self, job: Job, answer: Answer) -> FollowUp:
        """Nothing more happens in the settlement's commit."""
        if job.kind == "milestone" and job.role == "authority" and isinstance(answer, Posted):
            self.event.set()
        return FollowUp()


class WaitingBills:
    """Looks after billing events that wait for a milestone."""

    def __init__(self, *, journal: Journal, posted: PostedMilestones, replay: Replay) -> None:
        self._journal = journal
        self._posted = posted
        self._replay = replay

    async def run(self) -> None:
        """Look whenever a milestone was posted, and every now and then; until cancelled."""
        while True:
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._posted.event.wait()
                self._posted.event.clear()
                await asyncio.sleep(SOON_S)
            except TimeoutError:
                self._posted.event.clear()
            try:
                await self.carry_on()
            except CoexistError as error:
                log.warning("bills_wait", why=error.message)

    async def carry_on(self) -> int:
        """Send on every billing event whose milestones are all posted; how many."""
        sent = 0
        for row in await self._journal.parked(codes=[NotCompleted.code]):
            payload = payload_of(row["received"]) or {}
            named = payload.get("milestone_ids")
            if row["kind"] != "billing_event" or not isinstance(named, list):
                continue
            projects = [str(payload.get("project_id")), *map(str, payload.get("with_projects") or ())]
            kept = await self._journal.kept(["milestone"], projects=projects)
            posted = {one.document.document_id for one in kept if one.state is State.POSTED}
            if posted.issuperset(str(name) for name in named):
                ids = [row["transaction_id"]]
                sent += await self._replay(ids, route="again", by="coexist", why="its milestones are posted")
        return sent
