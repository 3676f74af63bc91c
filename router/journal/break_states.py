"""What a run found, written in one transaction: its breaks, what became of each, and the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from router.dualrun.acceptances import Acceptance, Acceptances
from router.dualrun.breaks import Break
from router.dualrun.lifecycle import STATES, Found, Known, Scope, Standing, is_fixed, standing_of
from router.journal.engine import Row, Transaction
from router.journal.words import as_json, checked, cleaned, from_json

MOST_NOTE = 2_000
LOCK = "break-states"
"""Held by whoever changes what is known of breaks: two comparisons at once would both read what was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRun:
    """A comparison that was made, as the journal keeps it."""

    run_id: str
    scope: Scope | None = None
    """What it looked at; None: it does not say, so nothing can be called fixed by it."""
    series: bool = False
    """The run id names a check that is made again and again: each time is a run `<run_id>@<instant>`,
    and one that has nothing to say is not kept."""
    policy_hash: str = ""
    consistency: str = ""
    position: str = ""
    undecided: frozenset[str] = frozenset()
    """Identities of what differs in documents that are still on their way: neither found nor fixed."""
    pending: frozenset[tuple[str, str]] = frozenset()
    """(kind, our id) of documents that are on their way: nothing of them is fixed, whatever differed before."""
    columns: Mapping[tuple[str, str], frozenset[str]] | None = None
    """By kind and level, the columns it compared: what differed in another one is not fixed. None: all."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it counted, for whoever asks about the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of the breaks of a run."""

    run_id: str
    standings: Mapping[str, Standing]
    """By identity, of what was found."""
    fixed: tuple[dict[str, Any], ...]
    """What was not found again, as it was found last."""

    undecided: tuple[str, ...] = ()
    """Identities of what the run could not judge: it stays as it was."""

    @property
    def counts(self) -> dict[str, int]:
        """Breaks by state; of those found twice under one identity, one."""
        counted: dict[str, int] = dict.fromkeys(STATES, 0)
        for one in self.standings.values():
            counted[one.state] += 1
        return counted | {"fixed": len(self.fixed)}


_STATE = (
    "identity,state,first_seen,last_seen,opened_at,fixed_at,run_id,runs,place,subject,note,acceptance,accepted_until,"
    "kind,legal_entity,what,column_name,cause,code,currency,delta_minor,money_minor,data,before"
)
_NAMES = tuple(_STATE.split(","))
_KNOWN = (
    "identity,state,first_seen,last_seen,opened_at,fixed_at,run_id,runs,place,acceptance,accepted_until,note,"
    "delta_minor,before"
)
_KEPT = tuple(_KNOWN.split(","))
_SAME = ("identity", "before")
_UPDATE = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "identity")


def store_run(tx: Transaction, run: BreakRun, rows: Sequence[Break | Mapping[str, Any]]) -> RunOutcome:
    """Store a run with all it found (I7); made again, it replaces what it had said."""
    run_id = checked(f"{run.run_id}@{tx.now}" if run.series else run.run_id, "run_id")
    tx.dialect.lock(tx, [LOCK], shared=False)
    found = [row.to_json() if isinstance(row, Break) else dict(row) for row in rows]
    facts = [Found.of(row) for row in found]
    scope = run.scope
    before = _known(tx, run_id, scope, [one.identity for one in facts])
    if run.series and not found and not any(is_fixed(one, scope) for one in _each_known(before)):
        return RunOutcome(run_id=run_id, standings={}, fixed=())
    accepted = acceptances(tx)
    standings: dict[str, Standing] = {}
    kept: dict[str, tuple[Found, dict[str, Any]]] = {}
    for n, one in enumerate(facts):
        if one.identity not in standings:
            standings[one.identity] = _standing(tx, one, before.get(one.identity), accepted)
        found[n] |= _told(one, standings[one.identity], found[n])
        held = kept.get(one.identity)
        if held is None or abs(one.delta_minor or 0) > abs(held[0].delta_minor or 0):
            kept[one.identity] = (one, found[n])  # the largest stands for what was found twice
    _store_breaks(tx, run_id, facts, found)
    place = scope if scope is not None else Scope(subject=_subject(run.run_id), unstated=True)
    changed = [
        _found_row(tx, run_id, place, one, row, standings[one.identity], before.get(one.identity))
        for one, row in kept.values()
    ]
    tx.insert("break_states", _STATE, changed, f"ON CONFLICT (identity) DO UPDATE SET {_UPDATE}")
    fixed, undecided = _not_found(tx, run_id, run, before, standings)
    outcome = RunOutcome(run_id=run_id, standings=standings, fixed=fixed, undecided=undecided)
    _store_run(tx, run, run_id, outcome, facts, found)
    return outcome


def acceptances(tx: Transaction) -> Acceptances:
    """All acceptances, in the order given."""
    names = (
        "identity", "cause", "code", "legal_entity", "kind", "owner", "reason", "approved_by", "expires",
        "max_amount", "currency",
    )  # fmt: skip
    rows = tx.rows(
        f"SELECT acceptance_id, withdrawn_at, {', '.join(names)} FROM acceptances ORDER BY acceptance_id"
    )
    return Acceptances(
        Acceptance(
            acceptance_id=str(number), withdrawn=gone is not None, **dict(zip(names, rest, strict=True))
        )
        for number, gone, *rest in rows
    )


def _known(
    tx: Transaction, run_id: str, scope: Scope | None, identities: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What runs before this one said: of what it found, of what was open, of what it had said itself.

    `mine` tells what this very run had said before; the row is then as it was before that.
    """
    rows: list[Row] = tx.among(
        f"SELECT {_KNOWN} FROM break_states WHERE {{any}}", "identity", list(dict.fromkeys(identities))
    )
    rows += tx.rows(f"SELECT {_KNOWN} FROM break_states WHERE run_id = ?", (run_id,))
    if scope is not None:
        where, about = _about(scope.subject)
        rows += tx.rows(
            f"SELECT {_KNOWN} FROM break_states WHERE state <> 'fixed' AND ({where}) ORDER BY identity",
            about,
        )
    found: dict[str, dict[str, Any]] = {}
    for values in rows:
        row = dict(zip(_KEPT, values, strict=True))
        identity = row["identity"]
        if identity in found:
            continue
        if row["run_id"] != run_id:
            found[identity] = row | {"mine": False}
        elif row["before"] is not None:
            found[identity] = from_json(row["before"]) | {"identity": identity, "mine": True, "before": None}
        else:
            # Nobody else ever found it; only when it was first seen is worth keeping.
            found[identity] = row | {"mine": True, "state": "", "runs": 0}
    return found


def _about(subject: str) -> tuple[str, list[str]]:
    """The subjects of which a run over one can say something: its own and its parts, and those it is a part of.

    A hundred thousand breaks between two ERPs are nothing that a match of intercompany has to read.
    """
    if not subject:
        return "1 = 1", []
    words = subject.split(":")
    general = ["", *(":".join(words[:many]) for many in range(1, len(words) + 1))]
    marks = ", ".join("?" for _ in general)
    # `;` follows `:` in ASCII, by which texts are compared.
    return f"subject IN ({marks}) OR (subject >= ? AND subject < ?)", [*general, f"{subject}:", f"{subject};"]


def _standing(tx: Transaction, one: Found, base: Mapping[str, Any] | None, accepted: Acceptances) -> Standing:
    standing = standing_of(one, _as_known(base), accepted, at=tx.now)
    if base is not None and not base["state"]:
        # First seen by this very run, made earlier: it was there then.
        return replace(standing, first_seen=base["first_seen"], opened_at=base["opened_at"])
    return standing


def _each_known(before: Mapping[str, Mapping[str, Any]]) -> list[Known]:
    return [known for row in before.values() if (known := _as_known(row)) is not None]


@lru_cache(maxsize=4_096)
def _place(text: str) -> Scope:
    return Scope.from_json(from_json(text))


def _as_known(row: Mapping[str, Any] | None) -> Known | None:
    if row is None or not row["state"]:
        return None
    return Known(
        state=row["state"],
        first_seen=row["first_seen"],
        opened_at=row["opened_at"],
        place=_place(row["place"]),
        delta_minor=row["delta_minor"],
        acceptance=row["acceptance"],
        fixed_at=row["fixed_at"] or "",
    )


def _told(one: Found, standing: Standing, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the record of a break says of its life."""
    said: dict[str, str] = {"note": standing.note} if standing.note else {}
    if standing.acceptance is not None:
        given = standing.acceptance
        said |= {
            "acceptance": given.acceptance_id, "accepted_by": given.owner, "accepted_until": given.expires,
        }  # fmt: skip
    told: dict[str, Any] = {
        "identity": one.identity, "state": standing.state, "first_seen": standing.first_seen,
    }  # fmt: skip
    return told | ({"facts": {**(row.get("facts") or {}), **said}} if said else {})


def _store_breaks(
    tx: Transaction, run_id: str, facts: Sequence[Found], rows: Sequence[Mapping[str, Any]]
) -> None:
    tx.run("DELETE FROM breaks WHERE run_id = ?", (run_id,))
    columns = "run_id,at,data,identity,state,kind,legal_entity,what,column_name,cause,code,currency,delta_minor,money_minor"
    tx.insert(
        "breaks",
        columns,
        [
            (
                run_id, tx.now, as_json(row), one.identity, row["state"], one.kind, one.legal_entity,
                str(row.get("class") or ""), str(row.get("column") or ""), one.cause, one.code, one.currency,
                one.delta_minor, _money(one, row),
            )
            for one, row in zip(facts, rows, strict=True)
        ],
    )  # fmt: skip


def _found_row(
    tx: Transaction,
    run_id: str,
    scope: Scope,
    one: Found,
    row: Mapping[str, Any],
    standing: Standing,
    base: Mapping[str, Any] | None,
) -> Row:
    place = scope.place_of(one, _place(base["place"]) if base is not None and base["state"] else None)
    given = standing.acceptance
    return (
        one.identity, standing.state, standing.first_seen, tx.now, standing.opened_at, None, run_id,
        (base["runs"] if base is not None else 0) + 1, as_json(place.to_json()), place.subject,
        cleaned(standing.note, MOST_NOTE), given.acceptance_id if given else "", given.expires if given else "",
        one.kind, one.legal_entity, str(row.get("class") or ""), str(row.get("column") or ""), one.cause, one.code,
        one.currency, one.delta_minor, _money(one, row), as_json(dict(row)), _before(base),
    )  # fmt: skip


def _money(one: Found, row: Mapping[str, Any]) -> int:
    """What sums count of a break: of the columns of one pair only one does."""
    return (one.delta_minor or 0) if one.currency and row.get("counted", True) else 0


def _before(base: Mapping[str, Any] | None) -> str | None:
    if base is None or not base["state"]:
        return None
    return as_json({name: base[name] for name in _KEPT if name not in _SAME})


def _not_found(
    tx: Transaction,
    run_id: str,
    run: BreakRun,
    before: Mapping[str, Mapping[str, Any]],
    standings: Mapping[str, Standing],
) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """Write what is fixed, and what this run had said before and says no more; what is fixed, as found last,
    and the identities of what it could not judge."""
    taken_back: list[str] = []
    restored: list[Row] = []
    gone: list[str] = []
    for identity, base in before.items():
        if identity in standings:
            continue
        known = _as_known(base)
        if known is None:
            taken_back.append(identity)
            continue
        if base["mine"]:
            restored.append(_with_data(tx, base))
        if is_fixed(known, run.scope):
            gone.append(identity)
    tx.many("DELETE FROM break_states WHERE identity = ?", [(one,) for one in taken_back])
    tx.insert("break_states", _STATE, restored, f"ON CONFLICT (identity) DO UPDATE SET {_UPDATE}")
    rows: list[Row] = tx.among("SELECT identity, data FROM break_states WHERE {any}", "identity", gone)
    data: dict[str, dict[str, Any]] = {one: from_json(text) for one, text in rows}
    fixed = [one for one in gone if _judged(run, one, data[one])]
    tx.many(
        "UPDATE break_states SET state = 'fixed', fixed_at = ?, run_id = ?, acceptance = '', accepted_until = '',"
        " note = '', before = ? WHERE identity = ?",
        [(tx.now, run_id, _before(before[one]), one) for one in fixed],
    )
    settled = frozenset(fixed)
    return tuple(data[one] for one in fixed), tuple(one for one in gone if one not in settled)


def _judged(run: BreakRun, identity: str, found: Mapping[str, Any]) -> bool:
    """Whether a run could tell that a break it did not find is gone."""
    kind, column = str(found.get("kind") or ""), str(found.get("column") or "")
    document = str((found.get("key") or {}).get("document_id") or "")
    if identity in run.undecided or (kind, document) in run.pending:
        return False
    if run.columns is None:
        return True
    compared = run.columns.get((kind, str(found.get("level") or "document")))
    return compared is not None and (not column or column in compared)


def _with_data(tx: Transaction, row: Mapping[str, Any]) -> Row:
    """A whole row, with what was found of the break last."""
    found = tx.rows(
        "SELECT data FROM breaks WHERE identity = ? ORDER BY break_id DESC LIMIT 1", (row["identity"],)
    )
    data = found[0][0] if found else as_json({"identity": row["identity"]})
    said = from_json(data)
    one = Found.of(said)
    whole = dict(row) | {
        "subject": from_json(row["place"])["subject"], "kind": one.kind, "legal_entity": one.legal_entity,
        "what": str(said.get("class") or ""), "column_name": str(said.get("column") or ""), "cause": one.cause,
        "code": one.code, "currency": one.currency, "delta_minor": one.delta_minor, "money_minor": _money(one, said), "data": data,
    }  # fmt: skip
    return tuple(whole[name] for name in _NAMES)


def _store_run(
    tx: Transaction,
    run: BreakRun,
    run_id: str,
    outcome: RunOutcome,
    facts: Sequence[Found],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    money: dict[str, dict[str, int]] = {}
    for one, row in zip(facts, rows, strict=True):
        if minor := _money(one, row):
            by_currency = money.setdefault(outcome.standings[one.identity].state, {})
            by_currency[one.currency] = by_currency.get(one.currency, 0) + minor
    counts = {
        **run.facts, "found": len(facts), "states": outcome.counts, "money_minor": money,
        "undecided": sorted(outcome.undecided),
    }  # fmt: skip
    scope = run.scope
    tx.insert(
        "break_runs",
        "run_id,at,subject,scope,policy_hash,consistency,position,counts",
        [
            (
                run_id, tx.now, scope.subject if scope is not None else _subject(run.run_id),
                None if scope is None else as_json(scope.to_json()), cleaned(run.policy_hash, MOST_NOTE),
                cleaned(run.consistency, MOST_NOTE), cleaned(run.position, MOST_NOTE), as_json(counts),
            )
        ],
        "ON CONFLICT (run_id) DO UPDATE SET at = excluded.at, subject = excluded.subject, scope = excluded.scope,"
        " policy_hash = excluded.policy_hash, consistency = excluded.consistency, position = excluded.position,"
        " counts = excluded.counts",
    )  # fmt: skip


def _subject(run_id: str) -> str:
    """Of a run that does not say what it looked at."""
    return run_id if run_id.startswith("intercompany:") else "dual-run"
