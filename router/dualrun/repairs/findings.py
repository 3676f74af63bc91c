"""What a check says of a proposal: ready, moved, right already, blocked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from router.connectors.port import Record
from router.dualrun.policy import Side
from router.dualrun.repairs.drafts import OTHER
from router.dualrun.repairs.plan import Proposal
from router.dualrun.repairs.standing import UNDER_WAY, Standing, moved, state_of_rows

Verdict = Literal["ready", "moved", "already_right", "blocked", "applied", "no_posting"]
FIELDS: Mapping[str, str] = {"net": "net_minor", "tax": "tax_minor", "total": "total_minor"}
"""Compared columns by the name a row has for them, where it has another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one proposal, with why; `moved` has each figure before and now."""

    id: str
    verdict: Verdict
    why: str = ""
    moved: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For an answer and a terminal."""
        return {"id": self.id, "verdict": self.verdict, "why": self.why, "moved": list(self.moved)}


def judged(proposal: Proposal, standing: Standing, corrections: Sequence[tuple[str, str]]) -> Finding:
    """The verdict by what stands now.

    `corrections`: (document id, state) of the documents it would make that were accepted before.
    """
    if not proposal.posts:
        return Finding(id=proposal.id, verdict="no_posting", why=proposal.tells or proposal.why)
    side = proposal.side or "cloud"
    if corrections:
        return _of_made(proposal, corrections)
    sent = standing.sent.get(side)
    if sent is not None and sent.state in UNDER_WAY:
        words = "nobody knows whether it was posted" if sent.state == "in_doubt" else "it is on its way"
        return Finding(id=proposal.id, verdict="blocked", why=f"{words} ({sent.state} in {side})")
    if is_right(proposal, standing):
        return Finding(id=proposal.id, verdict="already_right", why="the two ERPs agree on it now")
    found = moved(proposal.state, state_of_rows(standing.rows))
    if found:
        return Finding(
            id=proposal.id,
            verdict="moved",
            why="the rows have moved since: propose again",
            moved=tuple(found),
        )
    return Finding(id=proposal.id, verdict="ready")


def _of_made(proposal: Proposal, corrections: Sequence[tuple[str, str]]) -> Finding:
    bad = [f"{name} is {state}" for name, state in corrections if state in ("refused", "dead", "parked")]
    if bad:
        return Finding(id=proposal.id, verdict="blocked", why=f"it was applied, and {', '.join(bad)}")
    waiting = [f"{name} is {state}" for name, state in corrections if state != "posted"]
    if waiting:
        return Finding(id=proposal.id, verdict="blocked", why=f"it was applied, and {', '.join(waiting)}")
    return Finding(id=proposal.id, verdict="applied", why="its documents are posted")


def is_right(proposal: Proposal, standing: Standing) -> bool:
    """Whether none of the breaks of a proposal is there any more."""
    return not any(_stands(one.what, one.column, standing) for one in proposal.breaks)


def _stands(what: str, column: str, standing: Standing) -> bool:
    for side in ("legacy", "cloud"):
        rows = standing.rows.get(_side(side), ())
        if what == f"missing_in_{side}":
            return not rows and bool(standing.rows.get(OTHER[_side(side)], ()))
        if what == f"duplicate_in_{side}":
            return len(rows) > 1
    legacy, cloud = standing.rows.get("legacy", ()), standing.rows.get("cloud", ())
    if len(legacy) != 1 or len(cloud) != 1:
        return True
    return shown(legacy[0], column) != shown(cloud[0], column)


def _side(name: str) -> Side:
    return "legacy" if name == "legacy" else "cloud"


def shown(row: Record, column: str) -> str:
    """The value of a compared column of a row, as text."""
    if column in row.dimensions:
        return row.dimensions[column]
    value = getattr(row, FIELDS.get(column, column), "")
    return "" if value is None else str(value)
