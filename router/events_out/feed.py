"""Pages of business events as CloudEvents 1.0, in the order of the journal."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from router.errors import BadInput
from router.events_out.catalogue import CATALOGUE, VERSION
from router.events_out.decisions import BusinessEvent, derive
from router.journal.journal import Journal

SOURCE = "/coexist/journal"
LINES = 1_000
"""Lines of the history read at once."""
LINES_MAX = 20_000
"""Lines one page looks through: one that finds nothing of a rare type comes back empty, its cursor moved on."""
START = "0.0"
_CURSOR = re.compile(r"(\d{1,15})\.(\d{1,9})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events; `next` is where to go on, also when there were none."""

    events: tuple[Mapping[str, Any], ...]
    next: str
    more: bool
    """There are further lines already."""


class EventFeed:
    """Business events of one journal."""

    def __init__(self, *, journal: Journal) -> None:
        self._journal = journal
        self._through: int | None = None

    async def page(
        self, *, after: str = START, limit: int, types: Collection[str] = (), lines_max: int = LINES_MAX
    ) -> Page:
        """The next events behind a cursor; raises BadInput for one that is none, or an unknown type."""
        line, n = cursor_of(after)
        check_types(types)
        found: list[BusinessEvent] = []
        looked = 0
        behind = line - 1 if n >= 0 else line
        while looked < lines_max:
            facts, self._through = await self._journal.event_facts(behind, most=LINES, through=self._through)
            for fact in facts:
                looked += 1
                for event in derive(fact):
                    if (event.history_id, event.n) <= (line, n) or (types and event.type.name not in types):
                        continue
                    if len(found) == limit:
                        return _page(found, f"{found[-1].history_id}.{found[-1].n + 1}", more=True)
                    found.append(event)
                behind = fact.history_id
            if not facts:
                return _page(found, f"{behind}.0", more=False)
        return _page(found, f"{behind}.0", more=True)

    async def every(self, *, types: Collection[str] = ()) -> AsyncIterator[Mapping[str, Any]]:
        """All events there are now, oldest first."""
        after, more = START, True
        while more:
            page = await self.page(after=after, limit=LINES, types=types)
            for event in page.events:
                yield event
            after, more = page.next, page.more


def cursor_of(text: str) -> tuple[int, int]:
    """(line, last event of it that was seen); -1: none of the line's events is left to see."""
    found = _CURSOR.match(text)
    if found is None:
        raise BadInput(
            "after: is no cursor of this feed", mend="take `next` of the page before, or leave it out"
        )
    return int(found[1]), int(found[2]) - 1


def check_types(types: Collection[str]) -> None:
    """Raises BadInput for a name the catalogue does not have."""
    for name in types:
        if name not in CATALOGUE:
            raise BadInput(f"type: there is no {name[:40]!r}", mend="use one of " + ", ".join(CATALOGUE))


def to_cloud_event(event: BusinessEvent) -> dict[str, Any]:
    """The CloudEvent of a business event (CloudEvents 1.0.2, structured JSON)."""
    made: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": SOURCE,
        "type": event.type.type,
        "time": event.at,
        "subject": event.subject,
        "datacontenttype": "application/json",
        "dataschema": f"urn:coexist:event:{event.type.name}:v{VERSION}",
    }
    if event.correlation_id:
        made["correlationid"] = event.correlation_id
    return made | {"data": dict(event.data)}


def _page(found: list[BusinessEvent], following: str, *, more: bool) -> Page:
    return Page(events=tuple(to_cloud_event(event) for event in found), next=following, more=more)
