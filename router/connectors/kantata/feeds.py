"""Reads the change feeds: approved time, approved expenses, completed milestones, what was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from router.canonical.kinds import Kind
from router.clock import Clock
from router.connectors.bearer import BearerClient, Query, readable
from router.connectors.given import Given, digest
from router.connectors.http import Trace
from router.connectors.kantata.decisions import (
    PAGE_MAX,
    Cursor,
    advance,
    at_the_end,
    read_cursor,
    references_in,
    rows_of,
    stamp_of,
    window,
)
from router.connectors.kantata.deletions import DELETIONS, DeletionReader
from router.connectors.kantata.observations import Fields, Names, Row, expense, milestone, time_entry
from router.connectors.kantata.required import OPTIONAL, REQUIRED
from router.connectors.mapping import VendorMapping
from router.connectors.port import Observed, Page
from router.errors import BadInput, VendorUnknown

SERVICE = "coexist"
"""The external references that carry canonical ids."""
PAGES_MAX = 200
"""Pages read in one call while everything in them was given before, restarts included; of approved work, pages a day."""
API = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed: what to ask for, and what the rows become."""

    kind: Kind
    collection: str
    query: Query
    wanted: Callable[[Row], bool]
    done: str | None = None
    """What narrows it to days of work."""


FEEDS: Mapping[str, Feed] = {
    "time_entries": Feed(
        kind="time_entry",
        collection="time_entries",
        query=(
            ("approved", "true"),
            ("from_archived_workspaces", "true"),
            ("include", "workspace,user,active_submission"),
        ),
        wanted=lambda row: row.get("approved") is True,
        done="date_performed_between",
    ),
    "expenses": Feed(
        kind="expense_item",
        collection="expenses",
        query=(
            ("approved", "true"),
            ("from_archived_workspaces", "true"),
            ("include", "workspace,user,active_submission"),
        ),
        wanted=lambda row: row.get("approved") is True,
    ),
    "milestones": Feed(
        kind="milestone",
        collection="stories",
        query=(("story_type", "milestone"), ("state", "completed"), ("include", "workspace")),
        wanted=lambda row: row.get("story_type") == "milestone" and row.get("state") == "completed",
    ),
}


NAMES = (*FEEDS, DELETIONS)
"""Every feed there is."""


class FeedReader:
    """Reads feeds of one account; remembers names of projects and people, which never change.

    It reads by the newest mapping; raises Unmapped for a kind that mapping does not cover.
    """

    def __init__(self, *, http: BearerClient, clock: Clock, overlap_s: int, mapping: VendorMapping) -> None:
        self._http = http
        self._mapping = mapping
        self._deletions = DeletionReader(clock=clock, overlap_s=overlap_s, get=self._get)
        self._clock = clock
        self._overlap_s = overlap_s
        self._given = {name: Given() for name in FEEDS}
        self._names: dict[tuple[str, str], str] = {}

    async def read(self, name: str, cursor: str | None, limit: int) -> Page:
        """The next page of a feed; raises BadInput for an unknown one, Unmapped, VendorUnknown."""
        if name == DELETIONS:
            return await self._deletions.read(cursor)
        feed = FEEDS.get(name)
        if feed is None:
            raise BadInput(f"Kantata has no feed {name!r}", mend="use one of " + ", ".join(NAMES))
        start = at = read_cursor(cursor)
        if not at.began:
            at = replace(at, began=stamp_of(self._clock.now()))
        memory = self._given[name]
        known = memory.before(cursor or "")
        events: dict[str, Observed] = {}
        ended = False
        for _ in range(PAGES_MAX):
            body = await self._get(f"/{feed.collection}.json", (*feed.query, *window(at, limit)))
            step = advance(at, rows_of(body, feed.collection), limit)
            rows = [row for row in step.rows if feed.wanted(row)]
            at, ended = step.cursor, step.ended
            for event in await self._observe(name, rows):
                if event.event_id not in known:
                    events[event.event_id] = event
            if events or ended:
                break
        since = self._horizon(at)
        if ended:
            at = at_the_end(at, self._overlap_s)
        after = replace(at, seen=digest(start.seen, events)).text()
        stamps = {event_id: event.occurred_at for event_id, event in events.items()}
        memory.remember(before=cursor or "", after=after, given=stamps, since=since)
        return Page(events=tuple(events.values()), cursor=after, more=not ended)

    async def approved(self, name: str, first: date, last: date) -> list[Observed]:
        """All approved work of a feed done in [first, last], as it is now; raises BadInput, Unmapped, VendorUnknown."""
        feed = FEEDS.get(name)
        if feed is None or feed.done is None:
            raise BadInput(f"Kantata can't be asked for {name!r} by day", mend="use time_entries or expenses")
        query = (*feed.query, (feed.done, f"{first.isoformat()}:{last.isoformat()}"))
        at, found = Cursor(), dict[str, Row]()
        for _ in range(PAGES_MAX * ((last - first).days + 1)):
            body = await self._get(f"/{feed.collection}.json", (*query, *window(at, PAGE_MAX)))
            step = advance(at, rows_of(body, feed.collection), PAGE_MAX)
            found |= {str(row["id"]): row for row in step.rows if feed.wanted(row)}
            at = step.cursor
            if step.ended:
                return await self._observe(name, list(found.values()))
        raise VendorUnknown(f"Kantata: too many {name} in one period")

    def _horizon(self, at: Cursor) -> str:
        """Nothing changed before this will be read again."""
        ended = at_the_end(replace(at, stamp=at.began), self._overlap_s).stamp
        return min(at.stamp, ended)

    async def _observe(self, name: str, rows: Sequence[Row]) -> list[Observed]:
        if not rows:
            return []
        fields = self._fields(FEEDS[name].kind)
        workspaces = (row.get(fields["project_id"]) for row in rows)
        await self._learn("Workspace", "workspaces", workspaces)
        if name == "milestones":
            priced = self._fields("milestone.billing")
            billing = await self._billing(rows, fields["project_id"], priced["milestone"])
            return [milestone(row, self._names, fields, billing.get(str(row["id"])), priced) for row in rows]
        await self._learn("User", "users", (row.get(fields["resource_id"]) for row in rows))
        act: Callable[[Row, Names, Fields], Observed] = time_entry if name == "time_entries" else expense
        return [act(row, self._names, fields) for row in rows]

    def _fields(self, group: str) -> Fields:
        """What the attributes of a kind, or of a part of one, are called; raises Unmapped."""
        named = self._mapping.fields.get(group, {})
        wanted = [*REQUIRED[group], *(name for name in OPTIONAL.get(group, ()) if name in named)]
        return {name: self._mapping.field(group, name) for name in wanted}

    async def _learn(self, subject: str, collection: str, ids: Iterable[object]) -> None:
        """Ask for the canonical ids not known yet; what has none is asked for again next time."""
        wanted = {str(record_id) for record_id in ids if record_id}
        unknown = sorted(record_id for record_id in wanted if (subject, record_id) not in self._names)
        for first in range(0, len(unknown), PAGE_MAX):
            query = (
                ("only", ",".join(unknown[first : first + PAGE_MAX])),
                ("include", "external_references"),
                ("include_archived", "true"),
                ("per_page", str(PAGE_MAX)),
            )
            body = await self._get(f"/{collection}.json", query)
            found = references_in(body, SERVICE)
            self._names.update({key: ref for key, ref in found.items() if key[0] == subject})

    async def _billing(self, rows: Sequence[Row], project: str, milestone: str) -> dict[str, Row]:
        """Story id → its billing milestone; by what a row calls its project, and its story."""
        wanted = {str(row["id"]) for row in rows}
        workspaces = ",".join(sorted({str(row.get(project)) for row in rows}))
        found: dict[str, Row] = {}
        for page in range(1, PAGES_MAX + 1):
            query = (("workspace_ids", workspaces), ("per_page", str(PAGE_MAX)), ("page", str(page)))
            body = await self._get("/billing_milestones.json", (*query, ("order", "created_at:asc")))
            listed = rows_of(body, "billing_milestones")
            for row in listed:
                story = str(row.get(milestone))
                if story in wanted:
                    found.setdefault(story, row)
            if len(listed) < PAGE_MAX:
                return found
        raise VendorUnknown("Kantata: too many billing milestones")

    async def _get(self, path: str, query: Query) -> dict[str, Any]:
        found: dict[str, Any] = readable(
            await self._http.call("GET", API + path, Trace(), query=query), "Kantata"
        )
        return found
