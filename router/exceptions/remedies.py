"""What helps: sending exceptions again, in bulk and tried out first, and correcting a document by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from router.canonical import events
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.errors import BadInput, Refused
from router.exceptions.decisions import Filter, Judged
from router.exceptions.service import Desk
from router.ingest.intake import Intake
from router.ingest.observations import Observations
from router.ingest.replays import Replays, observed_in, submission_of
from router.journal.journal import Journal
from router.journal.mapping_days import MappingOf
from router.journal.port import Submission
from router.model import Decision
from router.workflows.directory import Directory
from router.workflows.enrich import Problem
from router.workflows.service import Workflows

BULK = 1_000
"""Exceptions one bulk replay takes; the answer says how many are left."""
Route = Literal["pinned", "again"]


class Remedies:
    """Replays and corrections of exceptions."""

    def __init__(
        self,
        *,
        desk: Desk,
        journal: Journal,
        replays: Replays,
        intake: Intake,
        workflows: Workflows,
        observations: Observations,
        directory: Directory,
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._replays = replays
        self._intake = intake
        self._workflows = workflows
        self._observations = observations
        self._directory = directory

    async def replay(
        self, wanted: Filter, *, dry_run: bool, by: str, why: str, mapping: MappingOf, route: Route
    ) -> dict[str, Any]:
        """Send again what a filter means, or say of each what would happen; oldest first."""
        every = await self._desk.chosen(wanted)
        chosen = every[:BULK]
        told = [await self._outlook(one, route) for one in chosen]
        answer: dict[str, Any] = {
            "dry_run": dry_run,
            "mapping": mapping,
            "route": route,
            "chosen": len(chosen),
            "left": len(every) - len(chosen),
        }
        if dry_run:
            return answer | {"would_go_on": sum(row["would"] != "stay" for row in told), "items": told}
        # By itself a conflict or a break is nothing to send.
        ids = [
            row["transaction_id"]
            for row in told
            if row["transaction_id"] is not None and row["would"] != "stay"
        ]
        count = (
            await self._replays.replay(list(dict.fromkeys(ids)), route=route, by=by, why=why, mapping=mapping)
            if ids
            else 0
        )
        for row in told:
            row["done"] = row["transaction_id"] in ids
        return answer | {"replayed": count, "items": told}

    async def _outlook(self, one: Judged, route: Route) -> dict[str, Any]:
        """What a replay of an exception would come to now."""
        raised = one.raised
        told: dict[str, Any] = {
            "id": raised.exception_id,
            "type": raised.type,
            "transaction_id": raised.transaction_id,
            "kind": raised.kind,
            "document_id": raised.document_id,
        }
        if raised.transaction_id is None:
            return told | {
                "would": "stay",
                "route": None,
                "why": "there is nothing to send: a person decides",
            }
        if raised.exception_id.startswith("J"):
            return told | {"would": "send", "route": None, "why": f"sent to {raised.target} again"}
        row = await self._journal.transaction(raised.transaction_id)
        assert row is not None
        if raised.state == "parked":
            return told | await self._of_parked(row)
        if raised.type in ("outcome-unknown", "follow-up-failed"):
            return told | {
                "would": "look up", "route": None, "why": f"looked up in {raised.target} before it is sent"
            }  # fmt: skip
        if route == "again":
            (decision,) = await self._journal.would_route([(parse(row["document"]), row["verb"])])
            if decision.authority not in (None, raised.target) and not decision.hold:
                return told | {"would": "send", "route": _route(decision), "why": decision.why}
        return told | {
            "would": "send", "route": None, "why": f"sent to {raised.target} again; it refuses again what is not mended"
        }  # fmt: skip

    async def _of_parked(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if row["document"] is None:
            found = await self._replays.completed(row)
            if isinstance(found, Problem):
                return {"would": "stay", "route": None, "why": found.why}
            document, deliver = found.document, found.deliver
            if document is None or not deliver:
                return {
                    "would": "complete",
                    "route": None,
                    "why": "it is complete now and recorded as a fact",
                }
        else:
            document = parse(row["document"])
        (decision,) = await self._journal.would_route([(document, row["verb"])])
        if decision.authority is None and not decision.hold:
            return {"would": "stay", "route": _route(decision), "why": decision.why}
        would = "complete" if row["document"] is None else "send"
        return {"would": would, "route": _route(decision), "why": decision.why}

    async def correct(
        self,
        exception_id: str,
        *,
        document: Mapping[str, Any] | None,
        changes: Mapping[str, Any] | None,
        by: str,
        why: str,
    ) -> dict[str, Any]:
        """Put a corrected document (or the one there is, with some fields changed) in its place and send it.

        Raises Refused when something was posted already, BadInput for a document that is not valid.
        """
        one = await self._desk.find(exception_id)
        transaction_id = one.raised.transaction_id
        row = await self._journal.transaction(transaction_id) if transaction_id is not None else None
        if row is None or transaction_id is None or exception_id != transaction_id:
            raise Refused(
                f"{exception_id} is no transaction whose document could be corrected",
                mend="replay it, or resolve it",
            )
        corrected, vendor_id = await self._corrected(row, document, changes)
        self._observations.check(corrected)
        submission = await self._intake.vetted(submission_of(row, corrected, vendor_id=vendor_id))
        if submission.document is None:
            raise Refused(submission.problem, mend="mend that first, or correct it too")
        begun = await self._begun(row, submission)
        count = await self._journal.correct(transaction_id, submission, by=by, why=why, begun=begun)
        if count:
            self._directory.learn((submission.document,))
        after = await self._journal.transaction(transaction_id)
        assert after is not None
        return {
            "transaction_id": transaction_id,
            "state": after["state"],
            "goes_on": bool(count),
            "document": after["document"],
            "status_url": f"/v1/transactions/{transaction_id}",
        }

    async def _corrected(
        self, row: Mapping[str, Any], document: Mapping[str, Any] | None, changes: Mapping[str, Any] | None
    ) -> tuple[Document, str]:
        seen = observed_in(row["received"]) if row["document"] is None else None
        if document is not None:
            return parse({**document, "kind": row["kind"]}), seen[1] if seen else ""
        changed = dict(changes or {})
        if row["document"] is not None:
            return parse({**row["document"], **changed}), ""
        if seen is not None:
            found = await self._observations.read(row["kind"], {**seen[0], **changed})
            if isinstance(found, Problem):
                raise BadInput(found.why)
            return found, seen[1]
        body = events.decode(row["received"].encode())
        data = body.get("data", body) if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise BadInput("changes: the payload as received is no document", mend="give the whole document")
        return parse({**data, **changed, "kind": row["kind"]}), ""

    async def _begun(self, row: Mapping[str, Any], submission: Submission) -> Sequence[Submission]:
        """What is accepted along with it, where that has not happened; raises Refused where it would differ."""
        if not self._workflows.accompanies(submission):
            return ()
        before, after = await self._workflows.companions(submission)
        if row["document"] is None:
            return [*before, *after]
        money = submission.document.money if submission.document is not None else None
        worth = (money.currency, money.minor) if money is not None else ("", 0)
        if (before or after) and worth != (row["currency"], row["amount_minor"]):
            raise Refused(
                "other documents were accepted along with it, for the amount it had",
                mend="keep the amount; correct it by an adjusting document once it is posted",
            )
        return ()


def _route(decision: Decision) -> dict[str, Any]:
    return {
        "rule": decision.rule,
        "table_version": decision.table_version,
        "authority": decision.authority,
        "shadow": decision.shadow,
        "hold": decision.hold,
    }
