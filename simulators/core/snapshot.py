"""Snapshots of books: JSON checked field by field, compressed. Never pickle: a snapshot may come over HTTP."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from simulators.core.ledger import Entry, Ledger, Periods, Unbalanced
from simulators.core.numbering import Numbering
from simulators.core.rows import (
    ChangeOrder,
    ChargeRow,
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    JournalEntry,
    MasterRow,
    MilestoneRow,
    Payment,
    Project,
    RateCard,
    RevenueSchedule,
    TimeRow,
    WriteOff,
)
from simulators.core.store import RowStore

MAX_BYTES = 512 * 1024 * 1024
"""Unpacked size a snapshot may have: a million rows; a bomb is refused."""


@dataclass(slots=True, kw_only=True)
class State:
    """Everything books remember."""

    customer: list[Customer]
    rate_card: list[RateCard]
    contract: list[Contract]
    project: list[Project]
    master: list[MasterRow]
    time: list[TimeRow]
    expense: list[ExpenseRow]
    milestone: list[MilestoneRow]
    charge: list[ChargeRow]
    change_order: list[ChangeOrder]
    revenue_schedule: list[RevenueSchedule]
    invoice: list[Invoice]
    credit_memo: list[CreditMemo]
    payment: list[Payment]
    write_off: list[WriteOff]
    journal_entry: list[JournalEntry]
    entries: list[Entry]
    periods: dict[str, Periods]
    counters: dict[str, int]


_STATE: TypeAdapter[State] = TypeAdapter(State)
_TYPES = tuple(name for name in State.__dataclass_fields__ if name not in ("entries", "periods", "counters"))


def books_to_bytes(store: RowStore, ledger: Ledger, numbering: Numbering) -> bytes:
    """The books as compressed JSON."""
    rows = {name: store.rows(name) for name in _TYPES}
    state = State(
        **rows,  # type: ignore[arg-type]  # the store keeps each type under its own name
        entries=ledger.entries,
        periods=ledger.periods,
        counters=numbering.counters,
    )
    return zlib.compress(_STATE.dump_json(state), level=1)


def books_from_bytes(data: bytes, like: Ledger) -> tuple[RowStore, Ledger, dict[str, int]]:
    """Store, ledger and counters of a snapshot; raises ValueError when it is none. `like` gives home currencies."""
    try:
        state = _STATE.validate_json(unpacked(data))
        store = RowStore()
        for name in _TYPES:
            for row in getattr(state, name):
                store.insert(row)
        ledger = like.empty()
        ledger.restore(state.entries, state.periods)
    except (ValidationError, Unbalanced, AssertionError) as error:
        msg = f"not a snapshot of books: {str(error)[:300]}"
        raise ValueError(msg) from error
    return store, ledger, state.counters


def unpacked(data: bytes) -> bytes:
    """What `zlib.compress` packed, at most MAX_BYTES of it; raises ValueError."""
    unzip = zlib.decompressobj()
    try:
        body = unzip.decompress(data, MAX_BYTES)
    except zlib.error as error:
        msg = f"not a snapshot: {error}"
        raise ValueError(msg) from error
    if unzip.unconsumed_tail or not unzip.eof:
        msg = f"the snapshot is cut short or larger than {MAX_BYTES} bytes"
        raise ValueError(msg)
    return body
