"""When what goes wrong in a run begins and ends, in time instead of per cent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from loadtests.running.run import Run

FIELDS = ("method", "path", "probability", "skip", "first")
"""Params of a scenario's fault that say which requests it hits; the others say what it does to them."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """The gateway stands still from and until these seconds of the run."""

    name: str
    from_s: float
    until_s: float


def length_s(run: Run) -> float:
    """Seconds from the first possible start to the last."""
    return float(Decimal(run.minutes) * 60)


def at_s(run: Run, percent: Decimal) -> float:
    """The second of the run that is so many per cent of its length."""
    return float(Decimal(run.minutes) * 60 * percent / 100)


def freezes(run: Run) -> list[Freeze]:
    """When the gateway itself stands still, in order of time."""
    found = [
        Freeze(fault.name, at_s(run, fault.at), at_s(run, fault.until))
        for fault in run.scenario.faults
        if fault.kind == "freeze"
    ]
    return sorted(found, key=lambda one: one.from_s)


def system_faults(run: Run, started: datetime) -> dict[str, list[dict[str, Any]]]:
    """System → its faults as `PUT /_sim/faults` takes them, with windows of time counted from `started`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for fault in run.scenario.faults:
        if fault.kind != "freeze":
            window = {
                "from": _instant(started, at_s(run, fault.at)),
                "until": _instant(started, at_s(run, fault.until)),
            }
            found.setdefault(fault.system, []).append(
                {"name": fault.name, "kind": fault.kind, **_split(fault.params), **window}
            )
    return found


def _split(params: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in params.items() if name in FIELDS}
    rest = {name: value for name, value in params.items() if name not in FIELDS}
    return {**fields, **({"params": rest} if rest else {})}


def _instant(started: datetime, seconds: float) -> str:
    return (started + timedelta(seconds=seconds)).isoformat()
