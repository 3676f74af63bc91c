"""Matches what was sent with what the journal has and the ERPs hold: each document against each book.

Three readings in turn: transactions, deliveries, ERPs, and deliveries once more for what an ERP confirmed and
does not have. Of a million documents only numbers are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from loadtests.verdict.erps import ErpDocument
from loadtests.verdict.journal import JobRow, JournalRows, TransactionRow
from loadtests.verdict.moments import Beginning
from loadtests.verdict.sent import NOTHING, TRANSACTION, Documents, digest
from loadtests.verdict.waiting import Waiting

NEVER = -(1 << 62)
"""A moment that has not come."""
STATES = (
    "not accepted", "posted", "parked", "refused", "dead", "held", "queued", "in_flight", "in_doubt", "lost",
)  # fmt: skip
_CODE = {state: code for code, state in enumerate(STATES)}
RESTING = ("held", "parked")
OPEN = frozenset({"held", "queued", "in_flight", "in_doubt"})
TOLD_MAX = 100_000
"""Findings told by name; nobody reads more, and the run has failed at the first."""
_SENT, _POSTED, _AUTHORITY, _PRESENT, _STANDS = 1, 2, 4, 8, 16


@dataclass(slots=True)
class Matched:
    """What became of the documents, by their place among those sent."""

    seq: array[int]
    """The transaction's number; 0: the journal has none."""
    accepted_us: array[int]
    settled_us: array[int]
    """When the ERP that owns it had it, or said no, for good."""
    state: bytearray
    """Code of `STATES`."""
    deliver: bytearray
    lost: dict[int, str] = field(default_factory=dict)
    """Which document → why."""
    doubled: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    open: int = 0
    """Deliveries of theirs and of what follows from them, to whichever system, that still wait."""
    last_us: int = NEVER
    """When the last of them was settled."""
    erp_documents: int = 0
    per_erp: dict[str, int] = field(default_factory=dict)
    """ERP → documents of the run it has."""
    first_seq: int = 0
    """The first transaction of the run; 0: none."""


class Matching:
    """One matching, step by step."""

    def __init__(self, documents: Documents, rows: JournalRows, begin: Beginning, waiting: Waiting) -> None:
        count = len(documents)
        self._sent, self._rows, self._begin, self._waiting = documents, rows, begin, waiting
        self._owner = array("q", bytes(8 * count))
        self._posted = bytearray(count)
        self._has_owner = bytearray(count)
        self._of_seq: dict[int, int] = {}
        self._follow: set[int] = set()
        """Transactions the gateway made of the run's own: an invoice of its billing event, to be told to CRM and PSA."""
        self._keys: dict[str, dict[int, int]] = {}
        self._unsent: dict[tuple[str, int], str] = {}
        """(ERP, key) of what it holds and the journal did not send there when it was read → told."""
        self.found = Matched(
            seq=array("q", bytes(8 * count)),
            accepted_us=array("q", [NEVER]) * count,
            settled_us=array("q", [NEVER]) * count,
            state=bytearray(count),
            deliver=bytearray(count),
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """ERPs that something was sent to, by name."""
        return tuple(sorted(self._keys))

    def journal(self) -> None:
        """Read transactions and deliveries."""
        for row in self._rows.transactions():
            self._transaction(row)
        for job in self._rows.jobs():
            self._job(job)
        self._conclude()

    # The journal

    def _transaction(self, row: TransactionRow) -> None:
        found, sent = self.found, self._sent
        at = sent.by_event.get(digest(row.source, row.event_id))
        if at is None:
            self._unknown(row)
            return
        name = f"{row.kind} {row.document_id}"
        if found.seq[at]:
            self._double(f"{name} stands in the journal as T{found.seq[at]:012d} and as T{row.seq:012d}")
            return
        found.seq[at], found.state[at], found.deliver[at] = row.seq, _CODE.get(row.state, 0), row.deliver
        found.accepted_us[at] = self._begin.us(row.accepted_at)
        found.first_seq = found.first_seq or row.seq
        self._of_seq[row.seq] = at
        self._owner[at] = row.job_id or 0
        answered = sent.answered[at]
        if answered not in (NOTHING, row.seq):
            self._lose(at, f"was answered as T{answered:012d}, but the journal has it as T{row.seq:012d}")

    def _unknown(self, row: TransactionRow) -> None:
        """What the run did not send: of no interest, a second copy, or something under its name."""
        name = f"{row.kind} {row.document_id}"
        origin = TRANSACTION.match(row.correlation_id)
        if origin and int(origin[1]) in self._of_seq:
            self._follow.add(row.seq)
        if row.transactional and digest(row.kind, row.document_id) in self._sent.by_id:
            self._double(f"{name} stands in the journal once more, as T{row.seq:012d} of {row.source}")
            return
        ours = row.source in self._sent.sources and row.document_id.startswith(self._sent.prefixes)
        if ours and len(self.found.strangers) < TOLD_MAX:
            self.found.strangers.append(f"{name} (T{row.seq:012d})")

    def _job(self, job: JobRow) -> None:
        erp = job.role in ("authority", "shadow")
        if erp:
            self._waiting.took(job)
            if job.operation == "create":
                self._key(job)
        at = self._of_seq.get(job.seq)
        if at is None and job.seq not in self._follow:
            return
        found = self.found
        settled = NEVER if job.settled_at is None else self._begin.us(job.settled_at)
        if job.state in OPEN:
            found.open += 1
        found.last_us = max(found.last_us, settled)
        if at is None:
            return
        if job.role == "authority" and job.state == "posted":
            self._posted[at] = min(self._posted[at] + 1, 2)
        if job.job_id == self._owner[at]:
            self._has_owner[at] = 1
            found.state[at] = _CODE.get(job.state, 0)
            found.settled_us[at] = NEVER if job.state in OPEN else settled

    def _key(self, job: JobRow) -> None:
        keys = self._keys.setdefault(job.target, {})
        key = key_of(job.kind, job.external_id)
        flags = _SENT | _POSTED * (job.state == "posted") | _AUTHORITY * (job.role == "authority")
        keys[key] = keys.get(key, 0) | flags

    def _conclude(self) -> None:
        """What the journal alone shows to be missing or twofold."""
        found = self.found
        for at, seq in enumerate(found.seq):
            if not seq:
                if self._sent.promised[at]:
                    self._lose(at, "was answered with success, but the journal has not got it")
                continue
            state = STATES[found.state[at]]
            if self._owner[at] and not self._has_owner[at]:
                found.state[at] = _CODE["lost"]
                self._lose(at, f"is accepted as T{seq:012d}, but no delivery carries it")
            elif found.deliver[at] and not self._owner[at] and state not in RESTING:
                self._lose(at, f"is {state} as T{seq:012d}, but no delivery carries it")
            found.open += state == "held" and not self._owner[at]
            if self._posted[at] > 1:
                self._double(f"T{seq:012d} was posted by two deliveries to the ERP that owns it")

    # The ERPs

    def erp(self, system: str, documents: Iterable[ErpDocument]) -> None:
        """Read what an ERP holds; after `journal`."""
        keys, found = self._keys.get(system, {}), self.found
        for document in documents:
            found.erp_documents += 1
            key = digest(document.kind, document.external_id)
            flags = keys.get(key)
            name = f"{document.kind} {document.external_id or '(without our id)'}"
            if flags is None:
                if document.counts and document.created_at >= self._begin.text:
                    self._unknown_there(system, key, document, name)
                continue
            if document.counts and flags & _STANDS:
                self._double(f"{name} stands more than once in {system}, again as {document.vendor_id}")
            keys[key] = flags | _PRESENT | _STANDS * document.counts

    def _unknown_there(self, system: str, key: int, document: ErpDocument, name: str) -> None:
        """A gateway that is not drained may have sent it since the journal was read: the second reading tells."""
        told = f"{name} stands in {system} as {document.vendor_id}, but was never sent there"
        if not document.external_id or len(self._unsent) >= TOLD_MAX:
            self._double(told)
        elif (system, key) in self._unsent:
            self._double(f"{name} stands more than once in {system}, again as {document.vendor_id}")
        else:
            self._unsent[system, key] = told

    def confirmed(self, asked: Iterable[str]) -> None:
        """Whether the ERPs that were asked have what they confirmed; after `erp` of each.

        They confirmed it before they were asked, or it is not held against them: what the first reading of the
        journal called posted.
        """
        systems = tuple(asked)
        found = self.found
        told: set[int] = set()
        for job in self._rows.jobs():
            if job.role not in ("authority", "shadow") or job.operation != "create":
                continue
            key = key_of(job.kind, job.external_id)
            self._unsent.pop((job.target, key), None)
            at = self._of_seq.get(job.seq)
            flags = self._keys.get(job.target, {}).get(key, 0)
            if at is None or job.target not in systems or job.state != "posted" or not flags & _POSTED:
                continue
            if not flags & _PRESENT:
                self._lose(at, f"is posted by T{job.seq:012d}, but {job.target} has not got it")
                continue
            found.per_erp[job.target] = found.per_erp.get(job.target, 0) + 1
            if job.role == "authority" and key not in told and len(homes := self._homes(key)) > 1:
                told.add(key)
                self._double(f"{job.kind} {job.external_id} is authoritative in {' and in '.join(homes)}")
        for unsent in self._unsent.values():
            self._double(unsent)

    def _homes(self, key: int) -> list[str]:
        """ERPs in which a document stands as their own."""
        wanted = _AUTHORITY | _STANDS
        return [system for system, keys in sorted(self._keys.items()) if keys.get(key, 0) & wanted == wanted]

    # Findings

    def _lose(self, at: int, why: str) -> None:
        if len(self.found.lost) < TOLD_MAX:
            self.found.lost.setdefault(at, why)

    def _double(self, what: str) -> None:
        if len(self.found.doubled) < TOLD_MAX:
            self.found.doubled.append(what)


def key_of(kind: str, external_id: str) -> int:
    """The key of a delivery among an ERP's documents: of a billing event the ERP holds the invoice, under its id."""
    return digest("invoice" if kind == "billing_event" else kind, external_id)


def states(found: Matched) -> Mapping[str, int]:
    """State → documents the journal has, in the order of `STATES`."""
    counts = [0] * len(STATES)
    for seq, code in zip(found.seq, found.state, strict=True):
        counts[code] += bool(seq)
    return {state: count for state, count in zip(STATES, counts, strict=True) if count}
