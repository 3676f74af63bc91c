"""Carries the life of breaks over from one comparison of extracts to the next, in bounded memory.

The run before is a `breaks.jsonl`, with an `earlier.jsonl` beside it: what runs before it had found and
it had not. Of each break some forty bytes are kept (a hundred while they are sorted); what is fixed now is read from the files again.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import orjson

from router.clock import to_text
from router.dualrun.acceptances import AMOUNT, NONE, Acceptances, Usage, limit_minor
from router.dualrun.breaks import Break, LifeState
from router.dualrun.lifecycle import EVERYTHING, STATES, Found, Known, Scope, is_fixed, standing_of
from router.errors import BadInput

BREAKS, EARLIER = "breaks.jsonl", "earlier.jsonl"
LINE_MOST = 1_000_000
"""Bytes of one line; a break is a few hundred."""
_HUGE = 2**62


class Lifecycle:
    """What became of each break of one comparison, told as they come by; make it with `lifecycle_of`."""

    def __init__(self, past: Past, acceptances: Acceptances, *, as_of: date, scope: Scope) -> None:
        self._past = past
        self._acceptances = acceptances
        self._at = to_text(datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC))
        self._scope = scope
        self._usage = Usage(acceptances)
        self.counts: dict[str, int] = dict.fromkeys(STATES, 0)
        """Breaks by state; those fixed are counted by `earlier()`."""

    def __call__(self, found: Break) -> Break:
        """The break with its state and when it was first seen; who accepted it, or why nobody does, in `facts`."""
        facts = Found.of(found)
        known = self._past.known(facts.identity, self._scope)
        standing = standing_of(facts, known, self._acceptances, at=self._at)
        self.counts[standing.state] += 1
        said: dict[str, str] = {"note": standing.note} if standing.note else {}
        if standing.acceptance is not None:
            one = standing.acceptance
            self._usage.add(one, found.currency, found.delta_minor)
            said |= {
                "accepted_by": one.owner, "approved_by": one.approved_by, "accepted_until": one.expires,
                "reason": one.reason, "acceptance": one.acceptance_id,
            }  # fmt: skip
        return replace(
            found,
            state=standing.state,
            first_seen=standing.first_seen,
            facts={**found.facts, **said} if said else found.facts,
        )

    def earlier(self) -> Iterator[dict[str, Any]]:
        """What the runs before knew and this one did not find, as JSON, in their order; ask when all came by.

        `state` is `fixed` and `fixed_at` the run that first missed it; what lies outside the scope keeps
        its state, and `not_looked_at` says so. Write it to `earlier.jsonl`: the next run reads it, so that
        a break that comes back is `reopened`.
        """
        self.counts["fixed"] = 0
        for row in self._past.not_found():
            place = self._scope.place_of(Found.of(row))
            known = Known(state=row["state"], first_seen="", opened_at="", place=place)
            if row["state"] == "fixed" or is_fixed(known, self._scope if self._looked_at(row) else None):
                if row["state"] != "fixed":
                    row |= {"state": "fixed", "fixed_at": self._at}
                    self.counts["fixed"] += 1
                row.pop("not_looked_at", None)
                yield row
            else:
                yield row | {"not_looked_at": True}

    def acceptances(self) -> list[dict[str, Any]]:
        """Each acceptance with what it covered; `expired` and `unused` ones say so."""
        return cast("list[dict[str, Any]]", self._usage.rows(self._at[:10]))

    def _looked_at(self, row: Mapping[str, Any]) -> bool:
        entities, kinds = self._scope.legal_entities, self._scope.kinds
        return (not entities or row.get("legal_entity") in ("", *entities)) and (
            not kinds or row.get("kind") in ("", *kinds)
        )


class Past:
    """The breaks of the run before, by identity, in arrays."""

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._lines = array("L")
        """Per file, how many breaks it holds."""
        self._ids = array("Q")
        self._order = array("L")
        """Places in file order, sorted by identity."""
        self._sorted = array("Q")
        self._states = bytearray()
        self._deltas = array("q")
        self._huge: dict[int, int] = {}
        self._times: list[tuple[str, str]] = []
        self._time_of: dict[tuple[str, str], int] = {}
        self._seen = array("L")
        self._found = bytearray()

    def read(self, path: Path) -> None:
        """Take in a file; raises BadInput naming file and line."""
        count = 0
        for row in _rows(path):
            self._ids.append(int(row["identity"], 16))
            self._states.append(STATES.index(row["state"]))
            delta = row.get("delta_minor") or 0
            if abs(delta) >= _HUGE:
                self._huge[len(self._deltas)] = delta
                delta = 0
            self._deltas.append(delta)
            times = (row.get("first_seen") or "", row.get("fixed_at") or "")
            self._seen.append(self._time_of.setdefault(times, len(self._time_of)))
            count += 1
        self._files.append(path)
        self._lines.append(count)

    def ready(self) -> None:
        """Sort what was read."""
        self._times = list(self._time_of)
        self._order = array("L", sorted(range(len(self._ids)), key=self._ids.__getitem__))
        self._sorted = array("Q", (self._ids[place] for place in self._order))
        self._found = bytearray(len(self._ids))

    def known(self, identity: str, scope: Scope) -> Known | None:
        """What is known of a break, which counts as found from now on."""
        number = int(identity, 16)
        at = bisect_left(self._sorted, number)
        newest: Known | None = None
        while at < len(self._sorted) and self._sorted[at] == number:
            place = self._order[at]
            self._found[place] = 1
            first_seen, fixed_at = self._times[self._seen[place]]
            state: LifeState = STATES[self._states[place]]
            # A break stands in both files only if somebody put them together; what was found last counts.
            if newest is None or newest.state == "fixed":
                newest = Known(
                    state=state,
                    first_seen=first_seen,
                    opened_at=first_seen,
                    place=scope,
                    delta_minor=self._huge.get(place, self._deltas[place]),
                    fixed_at=fixed_at,
                )
            at += 1
        return newest

    def not_found(self) -> Iterator[dict[str, Any]]:
        """The breaks nobody asked for, read again from their files."""
        place = 0
        for path in self._files:
            for row in _rows(path):
                if place < len(self._found) and not self._found[place]:
                    yield row
                place += 1


def lifecycle_of(
    previous: Path | None,
    acceptances: Acceptances = NONE,
    *,
    as_of: date,
    scope: Scope = EVERYTHING,
) -> Lifecycle:
    """The life-cycle of one comparison's breaks: call it with each break, then ask it for `earlier()`.

    `previous`: the output folder of the run before, or its `breaks.jsonl`; None: there was none.
    `scope`: what both extracts hold now; a break of another entity or kind can't be called fixed.
    Raises BadInput naming file and line for a file that holds no breaks.
    """
    past = Past()
    if previous is not None:
        path = previous / BREAKS if previous.is_dir() else previous
        past.read(path)
        if path.name == BREAKS and (path.parent / EARLIER).is_file():
            past.read(path.parent / EARLIER)
    past.ready()
    return Lifecycle(past, acceptances, as_of=as_of, scope=scope)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_MOST + 1):
                number += 1
                if len(line) > LINE_MOST:
                    raise _wrong(path, number, f"is longer than {LINE_MOST} bytes")
                yield _row(path, number, line)
    except OSError as error:
        raise BadInput(
            f"{path}: can't be read: {error.strerror}", mend="give the output folder of an earlier diff"
        ) from error


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _wrong(path, number, f"is no JSON: {error}") from error
    identity = row.get("identity") if isinstance(row, dict) else None
    if not isinstance(identity, str) or len(identity) != 16 or not _hexadecimal(identity):
        raise _wrong(path, number, "has no identity of sixteen hexadecimal digits")
    if row.get("state") not in STATES:
        raise _wrong(path, number, f"state: should be one of {', '.join(STATES)}")
    try:
        if row.get("delta_minor") is not None:
            row["delta_minor"] = _minor(row)
    except ValueError as error:
        raise _wrong(path, number, "delta: should be a decimal text beside its currency, or null") from error
    if not all(isinstance(row.get(name) or "", str) for name in ("first_seen", "fixed_at")):
        raise _wrong(path, number, "first_seen: should be a text")
    return cast("dict[str, Any]", row)


def _minor(row: Mapping[str, Any]) -> int:
    delta = row.get("delta_minor") or 0
    if isinstance(delta, int):
        return delta
    # Beyond 64 bits orjson reads a float; the text beside it is exact.
    text = str(row.get("delta"))
    if re.fullmatch("-?" + AMOUNT.strip("^$"), text, re.ASCII) is None:
        msg = f"{text[:40]!r} is no decimal text"
        raise ValueError(msg)
    exact = int(limit_minor(text.lstrip("-"), str(row.get("currency") or "")))
    return -exact if text.startswith("-") else exact


def _hexadecimal(text: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in text)


def _wrong(path: Path, number: int, what: str) -> BadInput:
    return BadInput(f"{path}:{number}: {what}", mend="give the breaks.jsonl that coexist diff wrote")
