"""What a run sent, made again from its schedule and traffic and matched with its ledger: no document is kept.

Of each document only its keys' digests and some numbers stay in memory, so that a million of them need some
hundred megabytes; what a person must read (ids) is made again for the few that matter.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from loadtests.ledger.rows import DROPPED, Sent
from loadtests.scenario.schedule import Arrival, Schedule
from loadtests.traffic.model import Document
from loadtests.traffic.port import Traffic

TRANSACTION = re.compile(r"T(\d{1,18})\Z", re.ASCII)
"""An id as the gateway gives it: T and the number of the transaction."""
PREFIX = re.compile(r"LT-[A-Za-z0-9]+-", re.ASCII)
NOTHING = -1
ALL = "all"
"""Stands for an id where one answer promised several documents."""


def digest(*parts: str) -> int:
    """Eight bytes that stand for some words: two of a million pairs agree by chance once in thirty million runs."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest())


@dataclass(slots=True)
class Documents:
    """The documents of every request that was sent, in the order of requests."""

    request: array[int] = field(default_factory=lambda: array("q"))
    """The number of its request."""
    line: array[int] = field(default_factory=lambda: array("l"))
    """Its place in it."""
    answered: array[int] = field(default_factory=lambda: array("q"))
    """The number of the transaction it was answered with; NOTHING: none."""
    promised: bytearray = field(default_factory=bytearray)
    """1: an answer said it was accepted."""
    by_event: dict[int, int] = field(default_factory=dict)
    """Digest of source and event id → which document."""
    by_id: dict[int, int] = field(default_factory=dict)
    """Digest of kind and document id → which document, the last of its versions."""
    sources: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    """How the ids of this run begin; no other run's do."""
    refused: int = 0
    """Lines that were refused in an answer of success."""
    without_promise: int = 0
    """Answers of success that named nothing."""

    def __len__(self) -> int:
        return len(self.request)


@dataclass(frozen=True, slots=True)
class Pair:
    """A request as the ledger has it: its first sending and, if there was one, its second."""

    first: Sent
    second: Sent | None = None

    @property
    def good(self) -> Sent | None:
        """The sending that was answered with success, the first of them."""
        return next((row for row in (self.first, self.second) if row is not None and is_success(row)), None)

    @property
    def both_good(self) -> bool:
        """Whether it was sent twice and answered twice with success."""
        return self.second is not None and is_success(self.first) and is_success(self.second)

    @property
    def replay(self) -> tuple[str, bool]:
        """Its first transaction, and whether both answers were the same."""
        same = self.second is not None and self.first.transactions == self.second.transactions
        return next(iter(self.first.transactions), ""), same

    @property
    def told(self) -> str:
        """Both answers in words."""
        second = () if self.second is None else self.second.transactions
        return f"request {self.first.number}: {_ids(self.first.transactions)}, then {_ids(second)}"


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) or "no transaction"


def is_success(row: Sent) -> bool:
    """Whether the gateway said yes."""
    return 200 <= row.status < 300


def pairs(rows: Sequence[Sent]) -> dict[int, Pair]:
    """Requests by number; a repeat of what was never sent first stands for itself."""
    found: dict[int, Pair] = {}
    for row in rows:
        known = found.get(row.number)
        if known is None:
            found[row.number] = Pair(row)
        else:
            first, second = (row, known.first) if known.first.repeat else (known.first, row)
            found[row.number] = Pair(first, second)
    return found


def documents_of(schedule: Schedule, traffic: Traffic, requests: dict[int, Pair]) -> Documents:
    """What was sent, with what was promised; a start of which the ledger knows nothing was not sent."""
    made = Documents()
    sources: set[str] = set()
    prefixes: set[str] = set()
    for arrival in schedule:
        pair = requests.get(arrival.number)
        if pair is None or pair.first.status == DROPPED:
            continue
        documents = traffic.request(arrival).documents
        told = _told(pair.good, len(documents))
        made.without_promise += pair.good is not None and not pair.good.transactions
        made.refused += told.count("")
        for line, document in enumerate(documents):
            _add(made, document, arrival.number, line, told[line])
            sources.add(document.source)
            if found := PREFIX.match(document.document_id):
                prefixes.add(found[0])
    made.sources, made.prefixes = frozenset(sources), tuple(sorted(prefixes))
    return made


def _told(good: Sent | None, documents: int) -> Sequence[str | None]:
    """What each document was promised: an id, "" where its line was refused, ALL without an id of its own, or None."""
    if good is None:
        return [None] * documents
    ids = good.transactions[:documents]
    if not ids:
        # A single document is accepted by the status itself; a batch's status says nothing of its lines.
        return [ALL if documents == 1 else None] * documents
    # Beyond the ids come documents a process makes of those it was sent, in the same commit.
    return [*ids, *[ALL if all(ids) else None] * (documents - len(ids))]


def _add(made: Documents, document: Document, number: int, line: int, told: str | None) -> None:
    at = len(made.request)
    made.request.append(number)
    made.line.append(line)
    match = TRANSACTION.match(told or "")
    made.answered.append(int(match[1]) if match else NOTHING)
    made.promised.append(bool(told))
    made.by_event[digest(document.source, document.event_id)] = at
    made.by_id[digest(document.kind, document.document_id)] = at


def named(
    schedule: Schedule, traffic: Traffic, documents: Documents, wanted: Iterable[int]
) -> dict[int, Document]:
    """The documents at some places, made again."""
    by_request: dict[int, list[int]] = {}
    for at in wanted:
        by_request.setdefault(documents.request[at], []).append(at)
    found: dict[int, Document] = {}
    for arrival in _arrivals(schedule, by_request):
        lines = traffic.request(arrival).documents
        for at in by_request[arrival.number]:
            found[at] = lines[documents.line[at]]
    return found


def _arrivals(schedule: Schedule, wanted: dict[int, list[int]]) -> Iterator[Arrival]:
    return (arrival for arrival in schedule if arrival.number in wanted)
