"""The journal's small tables: route tables, pins, cursors, crosswalk, processes, steps, breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from router.canonical.kinds import Kind
from router.errors import NotFound, Refused
from router.journal.engine import Row, Transaction
from router.journal.fence import note
from router.journal.naming import put_names
from router.journal.port import Pin
from router.journal.words import as_json, checked, cleaned, from_json
from router.model import SystemId


def publish_table(tx: Transaction, text: str, *, version: int, by: str) -> None:
    """Store a route table under its version; raises Refused when that version has another text."""
    known = tx.rows("SELECT body FROM route_tables WHERE version = ?", (version,))
    if known and known[0][0] != text:
        raise Refused(
            f"route table version {version} is published with another text", mend="raise the version"
        )
    if not known:
        tx.insert("route_tables", "version,body,actor,at", [(version, text, checked(by, "by"), tx.now)])
        note(tx, None, "published", {"version": version, "by": by})


def table_text(tx: Transaction, version: int) -> str:
    """The text of a published route table; raises NotFound."""
    found = tx.rows("SELECT body FROM route_tables WHERE version = ?", (version,))
    if not found:
        raise NotFound(f"route table version {version} is not published")
    return str(found[0][0])


def tables(tx: Transaction) -> list[dict[str, Any]]:
    """Version, by and at of every published route table, lowest first."""
    rows = tx.rows("SELECT version, actor, at FROM route_tables ORDER BY version")
    return [{"version": version, "by": actor, "at": at} for version, actor, at in rows]


def pin(tx: Transaction, wanted: Pin) -> None:
    """Set a manual pin; raises Refused for a scope nothing can have."""
    kind, _, rest = checked(wanted.scope, "scope").partition(":")
    if kind not in {"document", "project", "customer", "entity"} or not rest:
        raise Refused(
            f"{wanted.scope!r} is no scope of a pin",
            mend="use document:<kind>:<id>, project:<id>, customer:<id> or entity:<code>",
        )
    tx.insert(
        "pins",
        "scope,authority,actor,why,at",
        [(wanted.scope, wanted.authority, wanted.by, wanted.why, tx.now)],
        "ON CONFLICT (scope) DO UPDATE SET authority = excluded.authority, actor = excluded.actor,"
        " why = excluded.why, at = excluded.at",
    )
    detail = {"scope": wanted.scope, "authority": wanted.authority, "by": wanted.by, "why": wanted.why}
    note(tx, None, "pinned", dict(detail))


def unpin(tx: Transaction, scope: str, *, by: str, why: str) -> None:
    """Remove a manual pin; raises NotFound."""
    if not tx.run("DELETE FROM pins WHERE scope = ?", (scope,)):
        raise NotFound(f"there is no pin for {scope}")
    note(tx, None, "unpinned", {"scope": scope, "by": by, "why": why})


def crosswalk(
    tx: Transaction, system: SystemId, keys: Sequence[tuple[Kind, str]]
) -> dict[tuple[Kind, str], str]:
    """Vendor ids in a system of the documents it has."""
    wanted: dict[str, dict[str, None]] = {}
    for kind, document_id in keys:
        wanted.setdefault(kind, {})[document_id] = None
    found = {}
    for kind, ids in wanted.items():
        for document_id, vendor_id in tx.among(
            "SELECT document_id, vendor_id FROM crosswalk WHERE system = ? AND kind = ? AND {any}",
            "document_id",
            list(ids),
            system,
            kind,
        ):
            found[(kind, document_id)] = vendor_id
    return found


CrosswalkRows = Mapping[tuple[Kind, str], str] | Iterable[tuple[Kind, str, str]]


def put_crosswalk(tx: Transaction, system: SystemId, rows: CrosswalkRows) -> None:
    """Store vendor ids of documents in a system: {(kind, document id): vendor id}, or rows of the three."""
    if isinstance(rows, Mapping):
        rows = [(kind, document_id, vendor_id) for (kind, document_id), vendor_id in rows.items()]
    put_names(
        tx,
        [
            (system, kind, document_id, checked(vendor_id, "vendor_id"), tx.now)
            for kind, document_id, vendor_id in sorted(rows)
        ],
    )


def put_cursor(tx: Transaction, system: SystemId, feed: str, position: str) -> None:
    """Store how far a change feed was read."""
    tx.insert(
        "cursors",
        "system,feed,position,at",
        [(system, feed, cleaned(position, 10_000), tx.now)],
        "ON CONFLICT (system, feed) DO UPDATE SET position = excluded.position, at = excluded.at",
    )


def cursor(tx: Transaction, system: SystemId, feed: str) -> str | None:
    """How far a change feed was read."""
    found = tx.rows("SELECT position FROM cursors WHERE system = ? AND feed = ?", (system, feed))
    return found[0][0] if found else None


def process(tx: Transaction, correlation_id: str) -> dict[str, Any] | None:
    """The state of a business process."""
    found = tx.rows("SELECT state FROM processes WHERE correlation_id = ?", (correlation_id,))
    return from_json(found[0][0]) if found else None


def record_step(tx: Transaction, run_id: str, step: str, event: str, data: Mapping[str, Any]) -> None:
    """Append to the log of a plan's run."""
    row: Row = (checked(run_id, "run_id"), step, event, tx.now, as_json(dict(data)))
    tx.insert("steps", "run_id,step,event,at,data", [row])


def steps(tx: Transaction, run_id: str) -> list[dict[str, Any]]:
    """The log of a plan's run, oldest first."""
    rows = tx.rows("SELECT step, event, at, data FROM steps WHERE run_id = ? ORDER BY step_id", (run_id,))
    return [
        {"step": step, "event": event, "at": at, "data": from_json(data)} for step, event, at, data in rows
    ]


def breaks(tx: Transaction, run_id: str | None) -> list[dict[str, Any]]:
    """Stored breaks with their run, in the order they were stored."""
    if run_id is None:
        rows = tx.rows("SELECT run_id, data FROM breaks ORDER BY break_id")
    else:
        rows = tx.rows("SELECT run_id, data FROM breaks WHERE run_id = ? ORDER BY break_id", (run_id,))
    return [{"run_id": run, **from_json(data)} for run, data in rows]
