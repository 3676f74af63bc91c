"""What might be done otherwise, one change at a time: plan and landscape in, plan and landscape out. Pure.

Each change is one a firm can really buy. What it buys is measured by rehearsing the same seeds again with it
(`sensitivity`), and nothing else changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from router.configfile import ConfigFile
from router.errors import BadInput
from router.landscape import Budget

MORE_PERCENT = 150
"""Half as many calls again: what an added licence or a raised governance limit usually gives."""
FASTER_PERCENT = 80
EARLIER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change by its name; `make` changes plan and landscape data in place, or raises BadInput: it can't be made."""

    name: str
    says: str
    make: Callable[[Any, Any], None]


def changes_of(plan: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes worth trying for a plan."""
    erps = [str(plan["from"]), str(plan["to"])]
    return (
        *(
            Change(
                name=f"{erp}-concurrency",
                says=f"half as many calls at once again to {erp}",
                make=_more_calls(erp),
            )
            for erp in erps
        ),
        Change(name="freeze-earlier", says="every freeze an hour earlier", make=_freeze_earlier),
        Change(name="smaller-waves", says="each wave split in two that go side by side", make=_split_waves),
        Change(name="faster-people", says="people 20% faster", make=_faster_people),
        Change(name="no-faults", says="no faults and no crashes", make=_no_faults),
    )


def changed(name: str, *, plan: ConfigFile, landscape: ConfigFile) -> tuple[ConfigFile, ConfigFile]:
    """Plan and landscape with a change made; raises BadInput when there is no such change or it can't be made."""
    known = {change.name: change for change in changes_of(plan.data)}
    if name not in known:
        raise BadInput(f"there is no change {name!r}", mend="use one of " + ", ".join(known))
    plan_data, landscape_data = deepcopy(plan.data), deepcopy(landscape.data)
    known[name].make(plan_data, landscape_data)
    return (
        ConfigFile(f"{plan.name} with {name}", plan_data, plan.places, plan.text),
        ConfigFile(f"{landscape.name} with {name}", landscape_data, landscape.places, landscape.text),
    )


def _more_calls(erp: str) -> Callable[[Any, Any], None]:
    def make(plan: Any, landscape: Any) -> None:
        del plan
        budget = landscape["systems"][erp].setdefault("budget", {})
        for field in ("concurrency", "per_minute"):
            now = budget.get(field, Budget.model_fields[field].default)
            if now is not None:
                budget[field] = -(-now * MORE_PERCENT // 100)

    return make


def _freeze_earlier(plan: Any, landscape: Any) -> None:
    del landscape
    moved = False
    for step in plan["steps"]:
        if step["kind"] == "freeze" and step.get("at") is not None:
            at = max(_instant(step["at"]) - EARLIER, _instant(plan["start"]))
            moved = moved or at != _instant(step["at"])
            step["at"] = at
    if not moved:
        raise BadInput("no freeze has a time that could be earlier")


def _split_waves(plan: Any, landscape: Any) -> None:
    """Each wave of several entities becomes two; with one entity, its business units are split."""
    split: dict[str, list[dict[str, Any]]] = {}
    for wave in plan["waves"]:
        halves = _halves(wave, landscape)
        if halves:
            split[wave["id"]] = halves
    if not split:
        raise BadInput("no wave has two entities or two business units")
    plan["waves"] = [half for wave in plan["waves"] for half in split.get(wave["id"], [wave])]
    of_step = {step["id"]: step["wave"] for step in plan["steps"]}
    steps: list[dict[str, Any]] = []
    for step in plan["steps"]:
        for mark in "ab" if step["wave"] in split else ("",):
            after = [
                name
                for before in step.get("after") or ()
                for name in _followed(before, of_step.get(before, ""), step["wave"], mark, split)
            ]
            one = {**step, "after": after}
            if mark:
                one |= {"id": _id(step["id"], mark), "wave": _id(step["wave"], mark)}
            steps.append(one)
    plan["steps"] = steps


def _followed(before: str, its_wave: str, wave: str, mark: str, split: Mapping[str, Any]) -> tuple[str, ...]:
    if its_wave not in split:
        return (before,)
    return (_id(before, mark),) if its_wave == wave else (_id(before, "a"), _id(before, "b"))


def _halves(wave: Mapping[str, Any], landscape: Any) -> list[dict[str, Any]]:
    entities = list(wave.get("entities") or ())
    for code, entity in landscape["legal_entities"].items():
        if entity.get("region") in (wave.get("regions") or ()) and code not in entities:
            entities.append(code)
    base = {name: value for name, value in wave.items() if name not in ("regions", "entities")}
    for field, names in (
        ("entities", entities),
        ("business_units", list(wave.get("business_units") or landscape["business_units"])),
    ):
        if len(names) > 1:
            half = -(-len(names) // 2)
            return [
                {**base, "entities": entities, field: part, "id": _id(wave["id"], mark)}
                for mark, part in (("a", names[:half]), ("b", names[half:]))
            ]
    return []


def _id(name: str, mark: str) -> str:
    return f"{name[:46]}-{mark}"


def _faster_people(plan: Any, landscape: Any) -> None:
    del landscape
    faster = False
    for step in plan["steps"]:
        minutes = step.get("people_minutes")
        if isinstance(minutes, Mapping):
            step["people_minutes"] = {name: value * FASTER_PERCENT // 100 for name, value in minutes.items()}
        elif minutes:
            step["people_minutes"] = minutes * FASTER_PERCENT // 100
        faster = faster or bool(minutes)
    if not faster:
        raise BadInput("no step waits for people")


def _no_faults(plan: Any, landscape: Any) -> None:
    del landscape
    if not plan.get("faults") and not plan.get("crashes"):
        raise BadInput("the plan has neither faults nor crashes")
    plan["faults"], plan["crashes"] = {}, []


def _instant(value: Any) -> datetime:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
