"""Who a master is and who changed it: versions, conflicts of ownership, lookalikes, aliases, past vendor ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.canonical import KINDS, Document
from router.canonical.kinds import Kind
from router.errors import NotFound, Refused
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.fence import note
from router.journal.naming import keep_past, put_names
from router.journal.words import MOST_WHY, as_json, checked, cleaned, document_of, from_json, id_text
from router.model import SystemId

RECORDED = "record"
LOOKALIKE = ("park", "suggest")
"""Rules of rows that say: this new document looks like that one."""
_NAMES = (
    "conflict_id", "at", "kind", "document_id", "legal_entity", "attribute", "sender", "owner", "rule", "kept",
    "offered", "event_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConflict:
    """Two systems say different things of one attribute, or two ids may be one firm."""

    kind: Kind
    document_id: str
    legal_entity: str
    attribute: str
    sender: str
    """The role of who offers it; of a lookalike the client."""
    owner: str
    rule: str
    """`record`, `ignore`: of ownership; `park`, `suggest`: a lookalike."""
    kept: Any
    offered: Any
    event_id: str
    """Source and id of the event that brought it; of a lookalike its idempotency key."""


class Identity(JournalCore):
    """Questions and decisions about masters' identities and attributes."""

    async def seen(self, client: str, idempotency_key: str) -> bool:
        """Whether a submission with this key was accepted before: it gets its first answer."""
        return await self._read(_seen, client, idempotency_key)

    async def versions(self, kind: Kind, document_id: str) -> list[tuple[dict[str, Any], Document]]:
        """Every accepted version of a master, oldest first, with who sent it, when, by which event."""
        return await self._read(_versions, kind, document_id)

    async def newer_masters(self, kinds: Sequence[Kind], beyond: int) -> tuple[list[Document], int]:
        """Masters of these kinds accepted after a transaction number, and the newest number now."""
        return await self._read(_newer, kinds, beyond)

    async def record_conflicts(self, rows: Sequence[NewConflict]) -> None:
        """Keep conflicts for people to decide; one that is known already is not kept twice."""
        if rows:
            await self._do(_record, rows)

    async def conflicts(self, *, rules: Sequence[str] = (RECORDED,)) -> list[dict[str, Any]]:
        """Conflicts with how they were decided (`state` open, accepted, kept, …), oldest first."""
        return await self._read(_conflicts, rules)

    async def told_apart(self, kind: Kind, document_id: str) -> frozenset[str]:
        """Documents that people said are not the same as this one, though they look alike."""
        return await self._read(_told_apart, kind, document_id)

    async def decide_conflicts(self, conflict_ids: Sequence[int], *, state: str, by: str, why: str) -> None:
        """Close conflicts that are one question; raises NotFound, Refused when one is closed already."""
        await self._do(_decide, list(conflict_ids), state, by, why)

    async def aliases(self) -> dict[tuple[Kind, str], str]:
        """(kind, id) to the id of the document that it means."""
        return await self._read(_aliases)

    async def put_alias(self, kind: Kind, alias: str, document_id: str, *, by: str, why: str) -> None:
        """Let an id mean another document from now on; raises Refused for a ring, NotFound."""
        await self._do(_put_alias, kind, alias, document_id, by, why)

    async def rename(
        self, system: SystemId, kind: Kind, document_id: str, vendor_id: str, *, by: str, why: str
    ) -> str:
        """Give a document another id in a system; the one it had, or nothing. Raises NotFound, Refused (taken)."""
        return await self._do(_rename, system, kind, document_id, vendor_id, by, why)

    async def named(self, system: SystemId, kind: Kind, vendor_ids: Sequence[str]) -> dict[str, str]:
        """Document ids by what a system calls them now or called them before."""
        return await self._read(_named, system, kind, vendor_ids)

    async def past_names(self, kind: Kind, document_id: str) -> list[dict[str, str]]:
        """Vendor ids a document had and has no more: system, vendor_id, until."""
        return await self._read(_past_names, kind, document_id)

    async def add_name(self, system: SystemId, kind: Kind, document_id: str, vendor_id: str) -> None:
        """Let a second id of a system mean a document that has one there already (two accounts, one firm)."""
        await self._do(_add_name, system, kind, document_id, vendor_id)


def _seen(tx: Transaction, client: str, key: str) -> bool:
    return bool(tx.rows("SELECT 1 FROM transactions WHERE client = ? AND idempotency_key = ?", (client, key)))


def _versions(tx: Transaction, kind: Kind, document_id: str) -> list[tuple[dict[str, Any], Document]]:
    rows = tx.rows(
        "SELECT seq, client, source, event_id, verb, accepted_at, canonical, schema_version FROM transactions"
        f" WHERE kind = ? AND transactional = {int(KINDS[kind].transactional)} AND document_id = ?"
        " AND canonical IS NOT NULL ORDER BY seq",
        (kind, document_id),
    )
    names = ("transaction_id", "client", "source", "event_id", "verb", "at")
    return [
        (dict(zip(names, (id_text(seq), *said), strict=True)), document_of(canonical, version))
        for seq, *said, canonical, version in rows
    ]


def _newer(tx: Transaction, kinds: Sequence[Kind], beyond: int) -> tuple[list[Document], int]:
    newest = int(tx.rows("SELECT coalesce(max(seq), 0) FROM transactions")[0][0])
    if newest <= beyond:
        return [], newest
    # The sum keeps a planner from walking all documents of the kind: the range of numbers is short.
    rows = tx.among(
        "SELECT canonical, schema_version FROM transactions WHERE seq > ? AND seq <= ? AND transactional + 0 = 0"
        " AND canonical IS NOT NULL AND {any} ORDER BY seq",
        "kind || ''",
        list(kinds),
        beyond,
        newest,
    )
    return [document_of(canonical, version) for canonical, version in rows], newest


def _record(tx: Transaction, rows: Sequence[NewConflict]) -> None:
    known = {
        tuple(row)
        for row in tx.among(
            "SELECT kind, document_id, attribute, rule, kept, offered, event_id FROM conflicts WHERE {any}",
            "document_id",
            list(dict.fromkeys(row.document_id for row in rows)),
        )
    }
    new = []
    for row in rows:
        kept, offered = as_json(row.kept), as_json(row.offered)
        event = cleaned(row.event_id, MOST_WHY)
        if (row.kind, row.document_id, row.attribute, row.rule, kept, offered, event) in known:
            continue
        new.append(
            (
                tx.now, row.kind, row.document_id, row.legal_entity, row.attribute, row.sender, row.owner,
                row.rule, kept, offered, event,
            )
        )  # fmt: skip
    tx.insert("conflicts", ",".join(_NAMES[1:]), new)


def case_of(conflict_id: int) -> str:
    """The id a conflict has among the cases people work on."""
    return f"conflict-{conflict_id}"


def _conflicts(tx: Transaction, rules: Sequence[str]) -> list[dict[str, Any]]:
    columns = ", ".join(f"c.{name}" for name in _NAMES)
    rows = tx.among(
        f"SELECT {columns}, t.seq, k.state, k.actor, k.note, k.at FROM conflicts AS c"
        " LEFT JOIN transactions AS t ON t.client = c.sender AND t.idempotency_key = c.event_id"
        " LEFT JOIN cases AS k ON k.case_id = 'conflict-' || c.conflict_id WHERE {any} ORDER BY c.conflict_id",
        "c.rule",
        list(rules),
    )
    found = []
    for *values, seq, state, actor, why, at in rows:
        row = dict(zip(_NAMES, values, strict=True))
        if seq is not None:
            row["transaction_id"] = id_text(seq)
        row |= {"kept": from_json(row["kept"]), "offered": from_json(row["offered"])}
        row["state"] = "open"
        if state == "resolved":
            told, _, reason = str(why).partition(": ")
            row |= {"state": told, "decided_by": actor, "why": reason, "decided_at": at}
        found.append(row)
    return found


def _told_apart(tx: Transaction, kind: Kind, document_id: str) -> frozenset[str]:
    rows = tx.rows(
        "SELECT c.kept FROM conflicts AS c JOIN cases AS k ON k.case_id = 'conflict-' || c.conflict_id"
        " WHERE c.kind = ? AND c.document_id = ? AND k.state = 'resolved' AND substr(k.note, 1, 9) = 'distinct:'",
        (kind, document_id),
    )
    return frozenset(str(from_json(kept)) for (kept,) in rows)


def _decide(tx: Transaction, conflict_ids: Sequence[int], state: str, by: str, why: str) -> None:
    for conflict_id in conflict_ids:
        known = tx.rows("SELECT kind, document_id FROM conflicts WHERE conflict_id = ?", (conflict_id,))
        if not known:
            raise NotFound(f"there is no conflict {conflict_id}")
        case = case_of(conflict_id)
        if tx.rows("SELECT 1 FROM cases WHERE case_id = ? AND state = 'resolved'", (case,)):
            raise Refused(f"conflict {conflict_id} is decided already", mend="see GET /v1/conflicts")
        tx.insert(
            "cases",
            "case_id,state,owner,note,actor,at",
            [
                (
                    case,
                    "resolved",
                    "",
                    cleaned(f"{state}: {why}", MOST_WHY),
                    checked(by, "by"),
                    tx.now,
                )
            ],
            "ON CONFLICT (case_id) DO UPDATE SET state = excluded.state, note = excluded.note,"
            " actor = excluded.actor, at = excluded.at",
        )
        said = {"conflict": conflict_id, "kind": known[0][0], "document_id": known[0][1]}
        note(tx, None, "conflict decided", said | {"state": state, "by": by, "why": why})


def _aliases(tx: Transaction) -> dict[tuple[Kind, str], str]:
    rows = tx.rows("SELECT kind, alias, document_id FROM aliases ORDER BY kind, alias")
    return {(kind, alias): document_id for kind, alias, document_id in rows}


def _put_alias(tx: Transaction, kind: Kind, alias: str, document_id: str, by: str, why: str) -> None:
    known = _aliases(tx)
    meant = known.get((kind, document_id), document_id)
    if meant == alias:
        raise Refused(f"{kind} {document_id} means {alias} already", mend="name the one that stays")
    if not _stands(tx, kind, meant):
        raise NotFound(f"there is no {kind} {meant!r}")
    tx.insert(
        "aliases",
        "kind,alias,document_id,actor,why,at",
        [
            (
                kind,
                checked(alias, "alias"),
                meant,
                checked(by, "by"),
                cleaned(why, MOST_WHY),
                tx.now,
            )
        ],
        "ON CONFLICT (kind, alias) DO UPDATE SET document_id = excluded.document_id, actor = excluded.actor,"
        " why = excluded.why, at = excluded.at",
    )
    # What meant the alias means what the alias means now: one step is always enough.
    tx.run(
        "UPDATE aliases SET document_id = ? WHERE kind = ? AND document_id = ?",
        (meant, kind, alias),
    )
    said: dict[str, object] = {"kind": kind, "alias": alias, "document_id": meant, "by": by, "why": why}
    note(tx, None, "alias", said)


def _stands(tx: Transaction, kind: Kind, document_id: str) -> bool:
    return bool(
        tx.rows(
            f"SELECT 1 FROM transactions WHERE kind = ? AND transactional = {int(KINDS[kind].transactional)}"
            " AND document_id = ? AND canonical IS NOT NULL LIMIT 1",
            (kind, document_id),
        )
    )


def _rename(
    tx: Transaction, system: SystemId, kind: Kind, document_id: str, vendor_id: str, by: str, why: str
) -> str:
    found = tx.rows(
        "SELECT vendor_id FROM crosswalk WHERE system = ? AND kind = ? AND document_id = ?",
        (system, kind, document_id),
    )
    if not found and not _stands(tx, kind, document_id):
        raise NotFound(f"there is no {kind} {document_id!r}", mend="name the document by its own id")
    taken = tx.rows(
        "SELECT document_id FROM crosswalk WHERE system = ? AND kind = ? AND vendor_id = ? AND document_id <> ?",
        (system, kind, checked(vendor_id, "vendor_id"), document_id),
    )
    if taken:
        raise Refused(
            f"{vendor_id} is {kind} {taken[0][0]} in {system}",
            mend="say first that the two are the same (POST /v1/duplicates/…:same-as)",
        )
    put_names(tx, [(system, kind, document_id, vendor_id, tx.now)])
    # An id that comes back (a merge undone) is no past one any more.
    tx.run(
        "DELETE FROM crosswalk_past WHERE system = ? AND kind = ? AND vendor_id = ?",
        (system, kind, vendor_id),
    )
    old = str(found[0][0]) if found else ""
    said: dict[str, object] = {"system": system, "kind": kind, "document_id": document_id, "by": by}
    note(tx, None, "renamed", said | {"from": old, "to": vendor_id, "why": why})
    return old


def _named(tx: Transaction, system: SystemId, kind: Kind, vendor_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in ("crosswalk_past", "crosswalk"):
        found |= dict(
            tx.among(
                f"SELECT vendor_id, document_id FROM {table} WHERE system = ? AND kind = ? AND {{any}}"
                " ORDER BY vendor_id, document_id",
                "vendor_id",
                list(dict.fromkeys(vendor_ids)),
                system,
                kind,
            )
        )
    return found


def _past_names(tx: Transaction, kind: Kind, document_id: str) -> list[dict[str, str]]:
    rows = tx.rows(
        "SELECT system, vendor_id, until FROM crosswalk_past WHERE kind = ? AND document_id = ?"
        " ORDER BY until, system, vendor_id",
        (kind, document_id),
    )
    return [dict(zip(("system", "vendor_id", "until"), row, strict=True)) for row in rows]


def _add_name(tx: Transaction, system: SystemId, kind: Kind, document_id: str, vendor_id: str) -> None:
    keep_past(tx, [(system, kind, checked(vendor_id, "vendor_id"), document_id)])
