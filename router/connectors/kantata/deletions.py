"""Reads what was deleted: subscribed events, the only place where a deleted row leaves a trace.

Events have no order, may come twice, and are kept nine days (vendor documentation). So they are read
by windows of time small enough for one page, and up to a moment ago only: an approval read just before
the row was deleted is accepted by then, and the deletion finds what it takes back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from router.clock import Clock
from router.connectors.bearer import Query
from router.connectors.kantata.decisions import PAGE_MAX, stamp_of, to_stamp
from router.connectors.kantata.observations import DELETED, withdrawal
from router.connectors.port import Observed, Page
from router.errors import BadInput, VendorUnknown

DELETIONS = "deletions"
RETENTION = timedelta(days=9)
ONE = timedelta(seconds=1)
PAGES_MAX = 50
"""Pages read of one second: more deletions than that in a second is no account of people."""
MOVES_AFTER = timedelta(hours=12)
"""An empty window is read again from its start until it is this long, so that a quiet account costs no commits."""
Get = Callable[[str, Query], Awaitable[dict[str, Any]]]


class DeletionReader:
    """Reads one account's deletions."""

    def __init__(self, *, clock: Clock, overlap_s: int, get: Get) -> None:
        self._clock = clock
        self._behind = timedelta(seconds=overlap_s)
        self._get = get

    async def read(self, cursor: str | None) -> Page:
        """The next window; raises BadInput for a cursor that is none, VendorUnknown."""
        now = self._clock.now()
        start = _instant(cursor) if cursor else None
        start = max(start, now - RETENTION) if start else now - RETENTION
        start, end = start.replace(microsecond=0), (now - self._behind).replace(microsecond=0)
        if end <= start:
            return Page(events=(), cursor=cursor or _text(start), more=False)
        last = end
        rows, total = await self._window(start, end, 1)
        while total > len(rows) and end - start > ONE:
            end = start + max(ONE, timedelta(seconds=(end - start) // ONE // 2))
            rows, total = await self._window(start, end, 1)
        page = 2
        while total > len(rows) and page <= PAGES_MAX:
            more, total = await self._window(start, end, page)
            rows |= more
            page += 1
        if total > len(rows):
            raise VendorUnknown("Kantata: deletions of one second can't be read in full")
        events = [event for _, event in sorted(rows.items()) if event is not None]
        if cursor and not events and end == last and end - start < MOVES_AFTER:
            return Page(events=(), cursor=cursor, more=False)
        return Page(events=tuple(events), cursor=_text(end), more=end < last)

    async def _window(
        self, start: datetime, end: datetime, page: int
    ) -> tuple[dict[str, Observed | None], int]:
        """Events by id with `start` <= created < `end`, and how many the account has around it.

        A second more is asked for on both sides: whether the bounds are inclusive is not documented.
        """
        query = (
            ("event_types", ",".join(DELETED)),
            ("created_after", stamp_of(start - ONE)),
            ("created_before", stamp_of(end)),
            ("per_page", str(PAGE_MAX)),
            ("page", str(page)),
        )
        body = await self._get("/subscribed_events.json", query)
        listed = body.get("subscribed_events")
        total = body.get("count")
        if not isinstance(listed, Mapping) or not isinstance(total, int):
            raise VendorUnknown("Kantata: the answer has no subscribed_events")
        results = body.get("results")
        shown = len(results) if isinstance(results, list) else 0
        found: dict[str, Observed | None] = {}
        for key, row in listed.items():
            seen = withdrawal(row) if isinstance(row, Mapping) else None
            within = seen is not None and stamp_of(start) <= seen.occurred_at < stamp_of(end)
            found[str(key)] = seen if within else None
        # An event that is listed twice counts twice in the account's total.
        return found, total - (shown - len(found))


def _text(at: datetime) -> str:
    return orjson.dumps({"from": stamp_of(at)}).decode()


def _instant(cursor: str) -> datetime:
    try:
        return datetime.fromisoformat(to_stamp(orjson.loads(cursor)["from"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, VendorUnknown) as error:
        raise BadInput("the stored cursor of the Kantata deletions can't be read") from error
