"""Every freeze of a run: how long it stood, what the router held meanwhile and for whom, who posted beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutover.checks.facts import Facts, StepRow
from cutover.plan.model import Plan
from router.clock import from_text


@dataclass(slots=True, kw_only=True)
class _Freeze:
    """A scope that stood frozen."""

    wave: str
    entities: tuple[str, ...]
    kinds: tuple[str, ...]
    since: str
    until: str | None = None
    ended_by: str = ""


def freezes(facts: Facts, plan: Plan, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """The report's key `freezes`, in the order in which they began."""
    rows = [row for row in facts.steps if row.run_id == (run_id or plan.name)]
    return [_row(freeze, facts, rows, plan) for freeze in _found(rows, plan)]


def _found(rows: Sequence[StepRow], plan: Plan) -> list[_Freeze]:
    found: list[_Freeze] = []
    for row in rows:
        if row.event != "stage" or row.data["frozen"] is None:
            continue
        wave = plan.wave(row.data["wave"])
        entities = tuple(row.data.get("entities") or wave.entities)
        kinds = tuple(row.data["kinds"]) or wave.kinds
        standing = [one for one in found if one.wave == wave.id and one.until is None]
        if row.data["frozen"]:
            if not any((one.entities, one.kinds) == (entities, kinds) for one in standing):
                found.append(_Freeze(wave=wave.id, entities=entities, kinds=kinds, since=row.at))
            continue
        for one in standing:
            whole = not kinds or (one.kinds and set(one.kinds) <= set(kinds))
            if whole and set(one.entities) <= set(entities):
                one.until, one.ended_by = row.at, row.step
    return found


def _row(freeze: _Freeze, facts: Facts, rows: Sequence[StepRow], plan: Plan) -> dict[str, Any]:
    last = freeze.until or max((row.at for row in rows), default=freeze.since)
    minutes = int((from_text(last) - from_text(freeze.since)).total_seconds()) // 60
    held = _held(freeze, facts)
    documents, asked = _beside(freeze, rows, plan)
    return {
        "wave": freeze.wave,
        "entities": list(freeze.entities),
        "kinds": list(freeze.kinds),
        "from": freeze.since,
        "until": freeze.until,
        "ended_by": freeze.ended_by,
        "minutes": minutes,
        "held": sum(row["count"] for row in held),
        "held_by": held,
        "beside_asked": asked,
        "beside": documents,
    }


def _held(freeze: _Freeze, facts: Facts) -> list[dict[str, Any]]:
    """What came in while it stood and was held: by who sent it, from where, and of which kind."""
    first = {row.seq: row for row in reversed(facts.decisions)}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in facts.transactions:
        decided = first.get(row.seq)
        ours = row.legal_entity in freeze.entities and (not freeze.kinds or row.kind in freeze.kinds)
        if decided is None or not decided.hold or not ours or decided.at < freeze.since:
            continue
        if freeze.until is None or decided.at < freeze.until:
            groups.setdefault((row.client, row.source, row.kind), []).append(row.accepted_at)
    return [
        {
            "client": client,
            "source": source,
            "kind": kind,
            "count": len(at),
            "first": min(at),
            "last": max(at),
        }
        for (client, source, kind), at in sorted(groups.items())
    ]


def _beside(freeze: _Freeze, rows: Sequence[StepRow], plan: Plan) -> tuple[list[dict[str, Any]], list[str]]:
    """What the ERPs told of it when they were asked: the last answer of the wave while it stood."""
    told: dict[str, Any] = {}
    for row in rows:
        if row.event not in ("done", "failed") or not row.at >= freeze.since:
            continue
        if freeze.until is not None and row.at > freeze.until:
            continue
        evidence = row.data["evidence"].get("beside")
        if evidence and any(step.id == row.step and step.wave == freeze.wave for step in plan.steps):
            told = evidence
    return list(told.get("documents", ())), list(told.get("asked", ()))
