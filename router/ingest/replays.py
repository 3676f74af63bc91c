"""Replays: refused, dead and parked transactions are sent again, after a person mended what was wrong.

What was parked because it could not be completed (a project not known yet) is completed anew from its
payload as received, under its own transaction id; what still can't be stays parked with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from router.canonical.kinds import KINDS
from router.canonical.masters import Opportunity
from router.ingest.observations import Observations
from router.journal.journal import Journal
from router.journal.port import Submission
from router.model import SystemId
from router.workflows.decisions import process_id
from router.workflows.enrich import Problem
from router.workflows.service import Workflows


class Replays:
    """Sends transactions again on top of one journal."""

    def __init__(self, *, journal: Journal, observations: Observations, workflows: Workflows) -> None:
        self._journal = journal
        self._observations = observations
        self._workflows = workflows

    async def replay(
        self, ids: Sequence[str], *, route: Literal["pinned", "again"], by: str, why: str
    ) -> int:
        """Send these transactions again; how many. Raises NotFound, BadInput for what is no id."""
        mended: dict[str, Submission] = {}
        begun: list[Submission] = []
        for transaction_id in dict.fromkeys(ids):
            row = await self._journal.transaction(transaction_id)
            if row is None or row["document"] is not None or row["state"] != "parked":
                continue
            completed = await self._complete(row)
            if completed is None:
                continue
            mended[transaction_id] = completed
            if isinstance(completed.document, Opportunity) and completed.document.won:
                begun += await self._workflows.start_project(completed.document)
        return await self._journal.replay(ids, route=route, by=by, why=why, mended=mended, begun=begun)

    async def _complete(self, row: Mapping[str, Any]) -> Submission | None:
        """The submission an observation has become; None when it can't be completed, or was no observation."""
        seen = observed_in(row["received"])
        if seen is None or row["kind"] not in KINDS:
            return None
        data, vendor_id = seen
        found = await self._observations.read(row["kind"], data)
        if isinstance(found, Problem):
            return None
        won = isinstance(found, Opportunity)
        return Submission(
            client=row["client"],
            idempotency_key=row["idempotency_key"],
            received=row["received"].encode(),
            source=row["source"],
            event_id=row["event_id"],
            verb=row["verb"],
            document=found,
            kind=row["kind"],
            correlation_id=process_id(found) if isinstance(found, Opportunity) else row["correlation_id"],
            crosswalk=((SystemId(row["source"].split("/")[1]), vendor_id),) if vendor_id else (),
            deliver=not won,
        )


def observed_in(received: str) -> tuple[Mapping[str, Any], str] | None:
    """Data and vendor id of a feed's payload as received; None for any other payload."""
    try:
        seen = orjson.loads(received)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(seen, dict) or not isinstance(seen.get("data"), dict) or "raw" not in seen:
        return None
    return seen["data"], str(seen.get("vendor_id") or "")
