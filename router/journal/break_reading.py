"""Questions about breaks: lists with totals, the history of one, runs, and what two runs say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.dualrun.lifecycle import OPEN, STATES, Scope, moved
from router.errors import BadInput, NotFound
from router.journal.engine import Transaction
from router.journal.words import from_json

STATE_CHOICES = (*STATES, "open", "all")
HALF = 1_000_000_000
"""Sums go in two halves: a hundred thousand large amounts are more than 64 bits hold."""
RUNS_MOST = 1_000
"""Runs whose silence about a break is told in its history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFilter:
    """Which breaks are meant; a field that is None fits all."""

    run: str | None = None
    """What this run found, as it found it; None: what is known of every break now."""
    state: str | None = None
    """One of the states, `open` or `all`; None: all but what is fixed."""
    cause: str | None = None
    code: str | None = None
    what: str | None = None
    entity: str | None = None
    kind: str | None = None
    currency: str | None = None
    column: str | None = None
    min_minor: int | None = None
    """In minor units of `currency`, without a sign."""


_COLUMNS = {
    "cause": "cause", "code": "code", "what": "what", "entity": "legal_entity", "kind": "kind",
    "currency": "currency", "column": "column_name",
}  # fmt: skip
_EXTRA = (
    "s.identity", "s.first_seen", "s.run_id", "s.last_seen", "s.opened_at", "s.fixed_at", "s.runs", "s.note", "s.acceptance",
    "s.accepted_until", "s.subject",
)  # fmt: skip
_STATE_NOW = "CASE WHEN s.state = 'accepted' AND s.accepted_until < ? THEN 'recurring' ELSE s.state END"
"""An acceptance ends by itself, also when no run looks; it takes the day of today."""


def page(
    tx: Transaction, wanted: BreakFilter, limit: int, after: tuple[str, int, str] | None
) -> dict[str, Any]:
    """The next breaks behind a place, the largest money of each currency first, with totals of all meant."""
    table, state, values = _source(tx, wanted)
    where, more = _conditions(wanted, state)
    # The day of `state` is bound wherever its text stands.
    days = values * where.count(state) if values else []
    totals = tx.rows(
        f"SELECT {state}, s.cause, s.currency, count(*), {_halves('s.money_minor')}, {_halves('abs(s.money_minor)')}"
        f" FROM {table} AS s WHERE {where}"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        [*values, *days, *more],
    )
    last = "s.identity" if wanted.run is None else "s.break_id"
    coin = "CASE WHEN s.currency = '' THEN '~' ELSE s.currency END"
    size = "-abs(coalesce(s.delta_minor, 0))"
    behind: list[Any] = []
    if after is not None:
        where += f" AND ({coin}, {size}, {last}) > (?, ?, ?)"
        behind = [after[0], after[1], after[2] if wanted.run is None else _whole(str(after[2]))]
    shown = ", ".join(_EXTRA) if wanted.run is None else "s.identity, s.run_id"
    rows = tx.rows(
        f"SELECT {coin}, {size}, {last}, {state}, s.data, {shown} FROM {table} AS s WHERE {where}"
        f" ORDER BY 1, 2, 3 LIMIT ?",
        [*values, *days, *more, *behind, limit + 1],
    )
    names = [name.removeprefix("s.") for name in shown.split(", ")]
    found = [
        {**from_json(row[4]), **dict(zip(names, row[5:], strict=True)), "state": row[3]}
        for row in rows[:limit]
    ]
    place = rows[limit - 1][:3] if len(rows) > limit else None
    return {"breaks": found, "next": place, "totals": [_total(row) for row in totals]}


def _source(tx: Transaction, wanted: BreakFilter) -> tuple[str, str, list[Any]]:
    """The table, the expression of the state, and what is bound where it stands."""
    if wanted.run is None:
        return "break_states", _STATE_NOW, [tx.now[:10]]
    if not tx.rows("SELECT run_id FROM break_runs WHERE run_id = ?", (wanted.run,)):
        raise NotFound(f"there is no run {wanted.run[:80]!r}", mend="see /v1/break-runs")
    return "breaks", "s.state", []


def _conditions(wanted: BreakFilter, state: str) -> tuple[str, list[Any]]:
    conditions, values = ["1 = 1"], []
    if wanted.state == "open":
        conditions.append(f"{state} IN ({', '.join(repr(one) for one in OPEN)})")
    elif wanted.state is None:
        conditions.append("s.state <> 'fixed'")
    elif wanted.state != "all":
        conditions.append(f"{state} = '{STATES[STATES.index(wanted.state)]}'")
    for name, column in _COLUMNS.items():
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(f"s.{column} = ?")
            values.append(value)
    if wanted.run is not None:
        conditions.append("s.run_id = ?")
        values.append(wanted.run)
    if wanted.min_minor is not None:
        conditions.append("abs(coalesce(s.delta_minor, 0)) >= ?")
        values.append(wanted.min_minor)
    return " AND ".join(conditions), values


def _halves(minor: str) -> str:
    return f"sum({minor} / {HALF}), sum({minor} - {minor} / {HALF} * {HALF})"


def _total(row: Sequence[Any]) -> dict[str, Any]:
    state, cause, currency, count, high, low, wide, narrow = row
    return {
        "state": state,
        "cause": cause,
        "currency": currency,
        "breaks": int(count),
        "delta_minor": int(high) * HALF + int(low),
        "absolute_minor": int(wide) * HALF + int(narrow),
    }


def history(tx: Transaction, identity: str) -> dict[str, Any]:
    """A break as it stands, every sighting, and the runs that looked and did not find it; raises NotFound."""
    rows = tx.rows(
        f"SELECT {_STATE_NOW}, s.data, s.first_seen, s.place, {', '.join(_EXTRA)} FROM break_states AS s"
        " WHERE s.identity = ?",
        (tx.now[:10], identity),
    )
    if not rows:
        raise NotFound(f"there is no break {identity[:40]!r}", mend="see /v1/breaks?state=all")
    state, data, first_seen, place, *extra = rows[0]
    names = [name.removeprefix("s.") for name in _EXTRA]
    sightings = [
        {**from_json(found), "run_id": run_id, "at": at, "found": True}
        for run_id, at, found in tx.rows(
            "SELECT run_id, at, data FROM breaks WHERE identity = ? ORDER BY break_id", (identity,)
        )
    ]
    found_by = {one["run_id"] for one in sightings}
    for run_id, at, scope, counts in tx.rows(
        "SELECT run_id, at, scope, counts FROM break_runs WHERE at >= ? AND scope IS NOT NULL ORDER BY at, run_id LIMIT ?",
        (first_seen, RUNS_MOST),
    ):
        looked = Scope.from_json(from_json(scope)).covers(Scope.from_json(from_json(place)))
        if looked and run_id not in found_by and identity not in from_json(counts).get("undecided", ()):
            sightings.append({"run_id": run_id, "at": at, "found": False})
    told = {**from_json(data), **dict(zip(names, extra, strict=True)), "state": state}
    return {"break": told, "history": sorted(sightings, key=lambda one: (one["at"], one["run_id"]))}


_RUN = ("run_id", "at", "subject", "scope", "policy_hash", "consistency", "position", "counts")


def runs(tx: Transaction, limit: int, after: tuple[str, str] | None) -> list[dict[str, Any]]:
    """Runs, newest first, behind a place."""
    where, values = ("WHERE (at, run_id) < (?, ?)", [*after]) if after is not None else ("", [])
    return [
        _run(row)
        for row in tx.rows(
            f"SELECT {', '.join(_RUN)} FROM break_runs {where} ORDER BY at DESC, run_id DESC LIMIT ?",
            [*values, limit],
        )
    ]


def _one_run(tx: Transaction, run_id: str) -> dict[str, Any]:
    found = tx.rows(f"SELECT {', '.join(_RUN)} FROM break_runs WHERE run_id = ?", (run_id,))
    if not found:
        raise NotFound(f"there is no run {run_id[:80]!r}", mend="see /v1/break-runs")
    return _run(found[0])


def _run(row: Sequence[Any]) -> dict[str, Any]:
    told = dict(zip(_RUN, row, strict=True))
    return told | {"scope": from_json(told["scope"]), "counts": from_json(told["counts"])}


def compare(tx: Transaction, first: str, second: str) -> dict[str, list[dict[str, Any]]]:
    """What became of the breaks of one run in another: new, fixed, recurring, grown, shrunk, not_looked_at.

    Each row holds `identity`, `currency`, `before_minor`, `after_minor`, `money_minor` (after less before)
    and the break as found last; largest change first within a currency.
    """
    both = {name: _one_run(tx, name) for name in (first, second)}
    old, new = _of_run(tx, first), _of_run(tx, second)
    scope = None if both[second]["scope"] is None else Scope.from_json(both[second]["scope"])
    undecided = frozenset(both[second]["counts"].get("undecided", ()))
    places: dict[str, str] = dict(tx.rows("SELECT identity, place FROM break_states"))
    answer: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("new", "fixed", "recurring", "grown", "shrunk", "not_looked_at")
    }
    for identity, row in new.items():
        before = old.get(identity)
        name = "new" if before is None else moved(before["delta_minor"], row["delta_minor"])
        answer[name].append(_change(identity, before, row))
    for identity, row in old.items():
        if identity not in new:
            place = Scope.from_json(from_json(places[identity])) if identity in places else None
            gone = (
                scope is not None and place is not None and scope.covers(place) and identity not in undecided
            )
            answer["fixed" if gone else "not_looked_at"].append(_change(identity, row, None))
    for changes in answer.values():
        changes.sort(key=lambda one: (one["currency"], -abs(one["money_minor"]), one["identity"]))
    return answer


def _of_run(tx: Transaction, run_id: str) -> dict[str, dict[str, Any]]:
    names = ("currency", "delta_minor", "money_minor", "data")
    found: dict[str, dict[str, Any]] = {}
    for identity, *values in tx.rows(
        f"SELECT identity, {', '.join(names)} FROM breaks WHERE run_id = ? ORDER BY break_id", (run_id,)
    ):
        found.setdefault(identity, dict(zip(names, values, strict=True)))
    return found


def _change(
    identity: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any]:
    last = after if after is not None else before
    assert last is not None
    return {
        "identity": identity,
        "currency": last["currency"],
        "before_minor": None if before is None else before["delta_minor"],
        "after_minor": None if after is None else after["delta_minor"],
        "money_minor": (after["money_minor"] if after else 0) - (before["money_minor"] if before else 0),
        "data": last["data"],
    }


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise BadInput("after: is no place in this list", mend="take `next` of the page before")
    return int(text)
