"""Timesheets and expense reports that were re-opened after they were sent: reversals and re-posts.

A source system shows a row again, approved with other values, or deletes it. What the ERP holds is
taken back by its opposite and posted anew (`router.finance.reversal`), all in the commit that moves
the feed's cursor, so a row can't be taken back without its successor.

Policy. Reversal and re-post go to the ERP that holds the original, also after the entity has moved on
(lineage); they wait there for the original when it is still under way. Where the new ERP has a copy, which
it bills, the copy is corrected with it. A row moved to another project is taken back where it was and posted
where it now belongs, by the route in force. In a closed period both are dated the first day that takes them.
Time that an invoice has billed is taken back all the
same: it shows as negative work on the next invoice. A row whose approval was only taken back stays
posted until it is approved again or deleted. Only what the source states counts as a change; rates
and dimensions of today are not a reason to correct what was right when it was posted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from router.canonical.events import wrap
from router.canonical.kinds import Kind
from router.canonical.work import ExpenseItem, TimeEntry
from router.errors import StaleVersion
from router.finance.reversal import (
    STATED,
    History,
    Work,
    changed,
    history,
    repost,
    reversals,
    root_of_version,
    version_id,
)
from router.journal.journal import Journal
from router.journal.port import Submission
from router.workflows.period_book import PeriodBook
from router.workflows.submissions import payload_of

WITHDRAWN = "withdrawn"
"""The verb of an observation that a row was deleted."""
CHANGED = "changed-after-acceptance"
"""The problem code of a row that says nothing which could still be sent: a person resolves it."""
Families = Mapping[str, Sequence[Mapping[str, Any]]]
"""Document id as the source gives it → journal rows of it and all that was made of it."""


class Corrections:
    """Turns a changed row into what its ERP must post; a Vet keeps a superseded version out."""

    kinds: frozenset[Kind] = frozenset(STATED)
    alone = False

    def __init__(self, *, journal: Journal, periods: PeriodBook) -> None:
        self._journal = journal
        self._periods = periods

    async def families(self, kind: Kind, ids: Sequence[str], *, system: str) -> Families:
        """Rows that were accepted from a system before, with all that was made of them.

        Others are left out: a document of the same id that somebody else sent is not this system's to
        change, so it is parked as changed after acceptance, and its deletion means nothing.
        """
        if kind not in self.kinds or not ids:
            return {}
        found: dict[str, list[Mapping[str, Any]]] = {}
        stems = dict.fromkeys(ids)
        for row in await self._journal.family(kind, ids):
            name = str(row["document_id"])
            stem = name if name in stems else next((one for one in _stems(name) if one in stems), None)
            if stem is not None:
                found.setdefault(stem, []).append(row)
        own = f"/{system}/"
        return {
            stem: rows
            for stem, rows in found.items()
            if any(row["document_id"] == stem and str(row["source"]).startswith(own) for row in rows)
        }

    async def correct(
        self, seen: Submission, data: Mapping[str, Any], family: Sequence[Mapping[str, Any]]
    ) -> list[Submission]:
        """What is submitted instead of a row that was accepted before; nothing when it did not change.

        `seen` is the row as it would be submitted for the first time, `data` what its source states.
        One that can't be completed is parked whole: what was posted stays until its successor is known.
        """
        root = str(data["document_id"])
        found = history(root, [row["document"] for row in family])
        withdrawn = bool(data.get("withdrawn"))
        if not withdrawn and found.standing and not changed(seen.kind, _stated(found, family), data):
            return []
        if not withdrawn and not isinstance(seen.document, TimeEntry | ExpenseItem):
            return [replace(seen, problem=f"{root} was changed after it was sent: {seen.problem}")]
        await self._periods.freshen()
        correlation_id = next(row["correlation_id"] for row in family if row["document_id"] == root)
        days = {one.document_id: self._day(one) for one in found.standing}
        made = [
            _own(seen, one, f"{seen.idempotency_key} {one.document_id}", correlation_id)
            for one in reversals(found, on=days)
        ]
        if not withdrawn:
            assert isinstance(seen.document, TimeEntry | ExpenseItem)
            made.append(_own(seen, self._anew(found, seen.document), seen.idempotency_key, correlation_id))
        return made

    async def look(self, submission: Submission) -> Submission:
        """Refuse a version of a row that a later correction has replaced; raises StaleVersion."""
        document = submission.document
        version = root_of_version(document.document_id) if document is not None else None
        if version is not None:
            root, number = version
            rows = await self._journal.family(submission.kind, [root])
            found = history(root, [row["document"] for row in rows])
            known = {row["document_id"] for row in rows}
            if found.corrections >= number and document is not None and document.document_id not in known:
                raise StaleVersion(
                    f"{document.document_id} was replaced by a later correction of {root}",
                    mend="nothing is to be done: the later one has been accepted",
                )
        return submission

    def _anew(self, found: History, document: Work) -> Work:
        made = repost(found, document)
        first = found.standing[0] if found.standing else None
        if first is not None and first.project_id != document.project_id:
            made = made.model_copy(update={"adjusts": None})  # it belongs where its new project is
        return made.model_copy(update={"accounting_date": self._day(made)})

    def _day(self, document: Work) -> Any:
        """The accounting date of a correction: the document's own, else the first that takes it."""
        on = document.accounting_date
        probe = document.model_copy(update={"adjusts": document.adjusts or document.document_id})
        return self._periods.first_open(document.legal_entity, on, probe) or on


def _stated(found: History, family: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the source stated of the newest version."""
    name = version_id(found)
    row = next((row for row in family if row["document_id"] == name), None)
    return (payload_of(row["received"]) or {}) if row is not None else {}


def _own(seen: Submission, document: Work, key: str, correlation_id: str) -> Submission:
    """A document of a correction, under the identity of the row it comes from."""
    first = key == seen.idempotency_key
    event_id = seen.event_id or key
    if not first:  # one event of the source becomes several documents: each is an event of its own
        event_id = f"{event_id} {document.document_id}"
    event = wrap(document, source=seen.source or "/corrections", event_id=event_id, verb="approved")
    return replace(
        seen,
        idempotency_key=key,
        event_id=event_id,
        received=orjson.dumps(event),
        verb="approved",
        document=document,
        problem="",
        problem_code="",
        correlation_id=correlation_id,
        crosswalk=seen.crosswalk if first else (),
        as_sent=None,
    )


def _stems(document_id: str) -> list[str]:
    """What an id may be derived from, the longest first."""
    parts = document_id.split(".")
    return [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
