"""Replays: refused, dead and parked transactions are sent again, after a person mended what was wrong.

What was parked because it could not be completed (a project not known yet) is completed anew from its
payload as received, under its own transaction id; what still can't be stays parked with its reason.
So is what a rule of the firm had parked: the rules look at it again, and what they accompany it with
is accepted along with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import orjson

from router.canonical import events
from router.canonical.documents import Document
from router.canonical.kinds import KINDS, parse
from router.canonical.masters import Opportunity
from router.errors import Refused
from router.finance.reversal import STATED, stated_by
from router.ingest.observations import Observations
from router.journal.journal import Journal
from router.journal.mapping_days import MappingOf
from router.journal.port import Submission
from router.journal.words import number
from router.model import SystemId
from router.workflows.corrections import CHANGED, Corrections, Families
from router.workflows.decisions import process_id
from router.workflows.directory import Directory
from router.workflows.enrich import Problem
from router.workflows.service import Workflows
from router.workflows.submissions import payload_of

Vetted = Callable[[Submission], Awaitable[Submission]]


class Replays:
    """Sends transactions again on top of one journal.

    `vetted` are the firm's rules (`Intake.vetted`), `directory` learns masters that were completed,
    `corrections` makes reversal and re-post of a row that was sent before with other values.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        observations: Observations,
        workflows: Workflows,
        vetted: Vetted | None = None,
        directory: Directory | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self._journal = journal
        self._corrections = corrections
        self._observations = observations
        self._workflows = workflows
        self._vetted = vetted
        self._directory = directory

    async def replay(
        self,
        ids: Sequence[str],
        *,
        route: Literal["pinned", "again"],
        by: str,
        why: str,
        mapping: MappingOf = "newest",
    ) -> int:
        """Send these transactions again; how many. Raises NotFound, BadInput for what is no id.

        `mapping`: written by the vendor's newest mapping, or by that of the day they were accepted.
        """
        mended: dict[str, Submission] = {}
        begun: list[Submission] = []
        for transaction_id in dict.fromkeys(ids):
            row = await self._journal.transaction(transaction_id)
            if row is None or row["document"] is not None or row["state"] != "parked":
                continue
            completed = await self.completed(row)
            if isinstance(completed, Problem):
                if completed.why != row["problem"]:
                    await self._journal.restate(transaction_id, completed.why, completed.code)
                continue
            mended[transaction_id] = completed
            begun += await self._taken_back(row)
            if self._workflows.accompanies(completed):
                before, after = await self._workflows.companions(completed)
                begun += [*before, *after]
        count = await self._journal.replay(
            ids, route=route, by=by, why=why, mended=mended, begun=begun, mapping=mapping
        )
        await self._learn(mended)
        return count

    async def _learn(self, mended: Mapping[str, Submission]) -> None:
        """Tell the directory of what was completed; a stale version was not."""
        if self._directory is None:
            return
        for transaction_id, submission in mended.items():
            row = await self._journal.transaction(transaction_id)
            if row is not None and row["document"] is not None and submission.document is not None:
                self._directory.learn((submission.document,))

    async def completed(self, row: Mapping[str, Any]) -> Submission | Problem:
        """What a parked transaction would be accepted as now, or why it still can't be; changes nothing."""
        seen = observed_in(row["received"])
        if row["kind"] not in KINDS:
            return Problem(f"there is no kind {row['kind'][:40]!r}", "unreadable")
        data, vendor_id = seen or ({}, "")
        if data.get("withdrawn"):
            return Problem(row["problem"], CHANGED)
        try:
            found = await self._observations.read(row["kind"], data) if seen else self._sent(row)
        except Refused as error:
            return Problem(error.one_line(), error.code)
        if found is None:
            return Problem(row["problem"] or "the payload is no document", "unreadable")
        if isinstance(found, Problem):
            return found
        submission = submission_of(row, found, vendor_id=vendor_id)
        later = await self._later(row, submission) if seen else None
        if later is not None:
            return Problem(
                f"{found.document_id} as its source showed it before {later}: resolve this one", CHANGED
            )
        made = await self._correction(submission, data)
        if made is not None and not made:
            return Problem(
                f"{found.document_id} was sent before, and says the same: resolve this one",
                CHANGED,
            )
        submission = made[-1] if made else submission
        if self._vetted is None:
            return submission
        try:
            looked = await self._vetted(submission)
        except Refused as error:
            return Problem(error.one_line(), error.code)
        return looked if looked.document is not None else Problem(looked.problem, looked.problem_code)

    async def _correction(self, submission: Submission, data: Mapping[str, Any]) -> list[Submission] | None:
        """Reversals and re-post where an observed row was accepted before; None where it was not."""
        document = submission.document
        if self._corrections is None or not data or document is None:
            return None
        family = (await self._families(submission)).get(document.document_id)
        return None if family is None else await self._corrections.correct(submission, data, family)

    async def _later(self, row: Mapping[str, Any], submission: Submission) -> str | None:
        """The last transaction that has a newer state of an observed row, or its deletion; None: this is the newest.

        A feed goes on while a row waits for a person: what it was must never replace what it is.
        """
        document = submission.document
        assert document is not None
        if document.kind in STATED:
            family = (await self._families(submission)).get(document.document_id, ())
            states = stated_by(document.document_id, [one["document"] for one in family])
            names = {one.document_id for one in states}
            ids = [str(one["transaction_id"]) for one in family if one["document_id"] in names]
        else:
            known = [
                await self._journal.transaction(one) for one in await self._journal.find(document.document_id)
            ]
            ids = [
                str(one["transaction_id"])
                for one in known
                if one is not None
                and (one["kind"], one["client"]) == (document.kind, row["client"])
                and one["document"] is not None
            ]
        for gone in await self._journal.parked(codes=[CHANGED]):
            said = payload_of(gone["received"]) or {}
            same = (gone["kind"], said.get("document_id")) == (document.kind, document.document_id)
            if same and said.get("withdrawn") and _system(gone["source"]) == _system(row["source"]):
                ids.append(gone["transaction_id"])
        newest = max(ids, key=number_of, default=None)
        return newest if newest is not None and number_of(newest) > number_of(row["transaction_id"]) else None

    async def _families(self, submission: Submission) -> Families:
        """What was made of an observed row of work that was accepted before."""
        if self._corrections is None or submission.document is None:
            return {}
        return await self._corrections.families(
            submission.kind, [submission.document.document_id], system=_system(submission.source)
        )

    async def _taken_back(self, row: Mapping[str, Any]) -> list[Submission]:
        """The reversals that go before a re-post which was parked, as the firm's rules leave them."""
        seen = observed_in(row["received"])
        found = await self._observations.read(row["kind"], seen[0]) if seen else None
        if seen is None or not isinstance(found, Document):
            return []
        made = await self._correction(submission_of(row, found, vendor_id=seen[1]), seen[0])
        backs = (made or [])[:-1]
        return [await self._vetted(one) for one in backs] if self._vetted is not None else backs

    def _sent(self, row: Mapping[str, Any]) -> Document | None:
        """The document of an event or of a process API's body, checked as when it came; raises Refused."""
        body = events.decode(row["received"].encode())
        if not isinstance(body, dict):
            return None
        wrapped = "specversion" in body
        found = events.read(body).document if wrapped else parse(body | {"kind": row["kind"]})
        self._observations.check(found)
        return found


def number_of(transaction_id: str) -> int:
    """The place of a transaction in the order of acceptance."""
    return number(transaction_id) or 0


def _system(source: str) -> str:
    """The system of a feed's source, `/kantata/time_entries`."""
    return source.split("/")[1] if source.startswith("/") else ""


def submission_of(row: Mapping[str, Any], document: Document, *, vendor_id: str = "") -> Submission:
    """A parked transaction's submission with a document: identity and payload stay as they were."""
    return Submission(
        client=row["client"],
        idempotency_key=row["idempotency_key"],
        received=row["received"].encode(),
        source=row["source"],
        event_id=row["event_id"],
        verb=row["verb"],
        document=document,
        kind=row["kind"],
        correlation_id=process_id(document) if isinstance(document, Opportunity) else row["correlation_id"],
        crosswalk=((SystemId(row["source"].split("/")[1]), vendor_id),) if vendor_id else (),
        deliver=not isinstance(document, Opportunity),
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
