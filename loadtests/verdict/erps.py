"""What the simulated ERPs hold and what they went through, asked at their back doors.

The answers are another program's: their shape is checked, and documents are read a line at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import httpx
import orjson

from router.errors import Broken

KIND_OF = {"time": "time_entry", "expense": "expense_item", "employee": "resource"}
"""The books' own names of what the router calls otherwise."""
ANSWER_S = 120
"""A list of a million documents takes a simulator some seconds to begin."""
LINE_MAX = 100_000


class ErpDocument(NamedTuple):
    """A line of an ERP's list of documents."""

    kind: str
    external_id: str
    vendor_id: str
    status: str
    created_at: str

    @property
    def counts(self) -> bool:
        """Whether it stands; a cancelled one does not."""
        return self.status != "cancelled"


class Second(NamedTuple):
    """A second of an ERP's meter, `at` in seconds since 1970."""

    at: int
    calls: int
    refused: int
    peak: int
    held_us: int
    window: int


class Metered(NamedTuple):
    """What an ERP's meter says."""

    now: int
    """The second it was asked in, since 1970."""
    concurrency: int | None
    window: int | None
    """Calls its rate limit allows in its span."""
    seconds: tuple[Second, ...]


def metered(told: Mapping[str, Any]) -> Metered:
    """A meter's figures from what it tells; raises ValueError, KeyError, TypeError or AttributeError where it is none."""
    limits = told["limits"]
    return Metered(
        now=int(datetime.fromisoformat(told["now"]).timestamp()),
        concurrency=limits["concurrency"],
        window=(limits["rate"] or {}).get("count"),
        seconds=tuple(Second(*(int(row[name]) for name in Second._fields)) for row in told["seconds"]),
    )


class BackDoor:
    """A simulated system at its URL."""

    def __init__(self, system: str, url: str) -> None:
        self.system, self._url = system, url

    def documents(self) -> Iterator[ErpDocument]:
        """Every document it holds; raises Broken."""
        with (
            httpx.Client(trust_env=False, timeout=ANSWER_S) as http,
            http.stream("GET", f"{self._url}/_sim/documents") as answer,
        ):
            self._good(answer)
            for line in answer.iter_lines():
                yield self._document(line)

    def meter(self, since: int) -> Metered:
        """Its seconds from `since` (since 1970); raises Broken."""
        answer = httpx.get(
            f"{self._url}/_sim/meter", params={"since": since}, trust_env=False, timeout=ANSWER_S
        )
        self._good(answer)
        try:
            return metered(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"the meter of {self.system} is none: {error!r}"[:300]) from error

    def _good(self, answer: httpx.Response) -> None:
        if answer.status_code != httpx.codes.OK:
            raise Broken(f"{self.system} answered {answer.request.url.path} with {answer.status_code}")

    def _document(self, line: str) -> ErpDocument:
        try:
            row: list[Any] = list(orjson.loads(line[:LINE_MAX]))
            type_, external_id, vendor_id, _entity, _currency, _total, status, created_at = row
        except (ValueError, TypeError) as error:
            raise Broken(f"{self.system} lists no document: {line[:200]!r}") from error
        kind = str(type_)
        return ErpDocument(
            KIND_OF.get(kind, kind), str(external_id or ""), str(vendor_id), str(status), str(created_at)
        )


def back_doors(simulated: Mapping[str, Any], systems: Sequence[str]) -> list[BackDoor]:
    """The back doors of some systems, from a ready file's content; raises Broken for one that is not in it."""
    try:
        return [BackDoor(name, str(simulated[name]["url"])) for name in systems]
    except (KeyError, TypeError) as error:
        raise Broken(f"the ready file knows no system {error}") from error
