"""The run book as data: every step with when, who, what, what proves it and what happens if not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cutover.plan.durations import Spread
from cutover.plan.model import Plan, Wave
from cutover.plan.steps import Step, StepKind
from cutover.report import wording
from cutover.report.schedule import Planned, schedule
from cutover.runner.results import StepResult
from router.clock import to_text

WHAT: Mapping[StepKind, str] = {
    "manual": "People do what the title says; report it done.",
    "approval": "People other than who proposed the run approve this very plan.",
    "load": "Extract from the old ERP, stage under control totals, load into the new one, tie out.",
    "dual_run": "Give the new ERP the masters; from now on it is fed beside the old one.",
    "arm": "Probe that the way back works: the old ERP can be reached and written to, and the reverse table routes.",
    "rollback_rehearsal": "Price a rollback and probe it, without doing it.",
    "freeze": "Hold everything that is accepted for the wave from now on. Tell the people who enter it.",
    "drain": "Wait until nothing of the wave is on its way to either ERP.",
    "reconcile": "Compare both ERPs; finance reviews the differences and signs.",
    "gate": "Measure the named gates.",
    "switch": "The new ERP becomes the authority of the wave; its lanes stay closed until the release.",
    "release": "Open the new ERP's lanes and let go what the freeze held.",
    "smoke": "Follow real transactions of each kind to the new ERP and look at them there.",
    "verify": "Nothing is held any more, nothing was left behind or given up.",
    "hypercare": "Watch: the gates are measured every 15 minutes.",
    "retire": "End the reverse shadow: the old ERP is no longer fed. From here on there is only forward.",
}
"""What each kind of step means, for who does it."""
PROOF: Mapping[StepKind, str] = {
    "approval": "enough approvals of this plan's digest",
    "load": "counts and control totals of every object tie to the minor unit",
    "dual_run": "the new ERP took every master",
    "arm": "every probe passes",
    "drain": "nothing waits, nothing is in doubt",
    "reconcile": "variance and differences within the thresholds, control totals tie",
    "switch": "no delivery to the old ERP waits or is in doubt",
    "smoke": "every sample stands in the new ERP with its amount",
    "verify": "nothing held, nothing in doubt, nothing given up",
    "hypercare": "no deciding gate fails twice in a row",
}
UNWOUND: Mapping[str, str] = {
    "give_back": "the wave is given back to the old ERP and what was held goes there",
    "roll_back": "the wave is rolled back to the old ERP, then both ERPs are compared",
    "stop": "the plan stops here and people decide",
}
AFTER_SWITCH: tuple[StepKind, ...] = ("release", "smoke", "verify", "hypercare")


def run_book(
    plan: Plan,
    *,
    zone: ZoneInfo,
    report: Mapping[str, Any] | None = None,
    many: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The run book of a plan; `report` is a rehearsal's, `many` what a Monte Carlo run of it found.

    Times are the plan's own, moved to a time zone; `report` adds what each step took. JSON-able.
    """
    rehearsed = {row["id"]: row for row in (report or {}).get("steps", ())}
    spread = {row["id"]: row for row in (many or {}).get("steps", ()) if "id" in row}
    rows = [StepResult(step=step).as_row() for step in plan.order()]
    planned = schedule(rows, plan.start)
    steps = [
        _row(plan, at, one, zone, rehearsed.get(one.id), spread.get(one.id))
        for at, one in enumerate(sorted(planned, key=lambda one: (one.start, one.end)), start=1)
    ]
    return {
        "plan": {
            "name": plan.name, "title": plan.title, "version": plan.version, "digest": plan.digest(),
            "from": plan.source, "to": plan.target,
        },
        "time_zone": str(zone),
        "window": {
            "opens": _local(plan.window.opens, zone), "closes": _local(plan.window.closes, zone),
            "planned_end": _local(max(one.end for one in planned), zone),
        },
        "waves": [_wave(wave) for wave in plan.waves],
        "steps": steps,
        "owners": _owners(steps),
        "decisions": _decisions(steps),
        "calendar": [
            {
                "name": busy.name, "kind": busy.kind, "opens": _local(busy.opens, zone),
                "closes": _local(busy.closes, zone), "entities": list(busy.entities),
            }
            for busy in plan.calendar.busy
        ],
        "rehearsal": _rehearsal(plan, report),
        "commands": commands(plan),
    }  # fmt: skip


def commands(plan: Plan) -> list[dict[str, str]]:
    """What is typed on the weekend, in order."""
    name = plan.name
    return [
        {"when": "before", "what": "rehearse it once more", "command": f"coexist rehearse {name}.yaml"},
        {
            "when": "before", "what": "see every action the runner will do",
            "command": f"coexist cutover plan {name}.yaml --database DATABASE",
        },
        {
            "when": "before", "what": "approve this plan (somebody other than who runs it)",
            "command": f"coexist cutover approve {name}.yaml --database DATABASE --by NAME",
        },
        {
            "when": "start", "what": "run it; start it again after a crash: it goes on where it was",
            "command": f"coexist cutover run {name}.yaml --live --database DATABASE --by NAME",
        },
        {"when": "during", "what": "where it stands", "command": f"coexist cutover status {name}.yaml --database DATABASE"},
        {
            "when": "during", "what": "report a step of people done",
            "command": f"coexist cutover done {name}.yaml STEP --database DATABASE --by NAME",
        },
        {"when": "during", "what": "hold before the next step", "command": f"coexist cutover hold {name}.yaml --database DATABASE --by NAME"},
        {
            "when": "trouble", "what": "what a rollback would cost now (changes nothing)",
            "command": f"coexist cutover rollback {name}.yaml --wave WAVE --database DATABASE",
        },
    ]  # fmt: skip


def _row(
    plan: Plan,
    number: int,
    planned: Planned,
    zone: ZoneInfo,
    rehearsed: Mapping[str, Any] | None,
    spread: Mapping[str, Any] | None,
) -> dict[str, Any]:
    step = plan.step(planned.id)
    deadline = (
        None if step.deadline_minutes is None else planned.start + timedelta(minutes=step.deadline_minutes)
    )
    return {
        "number": number,
        "id": step.id,
        "kind": step.kind,
        "title": step.title,
        "what": WHAT[step.kind],
        "wave": step.wave,
        "kinds": list(step.kinds),
        "owner": step.owner,
        "after": list(step.after),
        "start": _local(planned.start, zone),
        "end": _local(planned.end, zone),
        "planned_minutes": step.planned_minutes,
        "people": _people(step),
        "rehearsed_minutes": None if rehearsed is None else rehearsed.get("minutes"),
        "p90_minutes": None if spread is None or not spread["minutes"] else spread["minutes"]["p90"],
        "deadline": None if deadline is None else _local(deadline, zone),
        "proof": PROOF.get(step.kind, ""),
        "gates": [gate.name for gate in step.gates],
        "hooks": [hook.url or " ".join(hook.run) for hook in (*plan.hooks, *step.hooks)],
        "if_it_fails": UNWOUND[_unwind(plan, step)],
        "point_of_no_return": step.point_of_no_return or step.kind == "retire",
        "reverse": step.reverse,
    }


def _people(step: Step) -> str:
    duration = step.people_minutes
    if isinstance(duration, Spread):
        return f"{duration.low} to {duration.high} min, likely {duration.likely}"
    return f"about {duration} min" if duration else ""


def _unwind(plan: Plan, step: Step) -> str:
    """What the plan says, else what `cutover.runner.unwind` will decide by where the wave stands by then."""
    if step.unwind is not None:
        return step.unwind
    if step.kind in AFTER_SWITCH:
        switches = [one for one in plan.steps if one.kind == "switch" and one.wave == step.wave]
        return "roll_back" if switches and all(one.reverse for one in switches) else "stop"
    return "give_back" if step.kind in ("freeze", "drain", "reconcile", "switch") else "stop"


def _owners(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in steps:
        found.setdefault(row["owner"], []).append(row)
    return [
        {
            "owner": owner,
            "steps": [row["id"] for row in rows],
            "from": rows[0]["start"],
            "until": max((row["end"] for row in rows), key=lambda local: local["utc"]),
        }
        for owner, rows in found.items()
    ]


def _decisions(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where somebody must decide: approvals, the switches, and where there is no way back."""
    rows = []
    for row in steps:
        if row["kind"] == "approval":
            rows.append({"step": row["id"], "at": row["start"], "owner": row["owner"], "what": "go or no-go"})
        if row["kind"] == "switch":
            way = (
                "a rollback finds everything in the old ERP until it is retired"
                if row["reverse"]
                else "a rollback must re-enter what is posted from here on"
            )
            rows.append(
                {
                    "step": row["id"],
                    "at": row["start"],
                    "owner": row["owner"],
                    "what": f"last moment to give the wave back at no cost; after it {way}",
                }
            )
        if row["point_of_no_return"]:
            rows.append(
                {
                    "step": row["id"],
                    "at": row["end"],
                    "owner": row["owner"],
                    "what": "point of no return: after it only forward",
                }
            )
    return rows  # fmt: skip


def _wave(wave: Wave) -> dict[str, Any]:
    return {
        "id": wave.id,
        "entities": list(wave.entities),
        "business_units": list(wave.business_units),
        "kinds": list(wave.kinds),
    }


def _rehearsal(plan: Plan, report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "verdict": report["verdict"],
        "because": list(report["because"]),
        "seed": report["seed"],
        "same_plan": report["plan"]["digest"] == plan.digest(),
        "spare_minutes": report["window"]["spare_minutes"],
        "reproduce": report["reproduce"],
    }


def _local(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """An instant as people on the weekend read it, beside UTC."""
    here = at.astimezone(zone)
    return {"utc": to_text(at), "day": wording.day(here), "clock": wording.clock(here)}
