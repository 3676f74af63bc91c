"""Upcasters: a document of an older version of its kind as the next one has it. Pure, one step each.

Senders change later than we do, and a journal keeps what it accepted for years: every version ever
published stays readable. An upcaster gives the meaning the field had, never a guess; it takes data as
it came and leaves what is wrong with it for the newest model to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.errors import BadInput

Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]


def upcast(kind: str, version: int, data: Mapping[str, Any], *, newest: int) -> dict[str, Any]:
    """Data of a version as the newest has it; raises BadInput for a version that never was."""
    if not 1 <= version <= newest:
        raise BadInput(
            f"type: version v{version} of {kind} is not known", mend=f"use v{newest}, or one before it"
        )
    found = dict(data)
    for step in range(version, newest):
        found = UPCASTERS[(kind, step)](found)
    return found


def _contract_lines(data: Mapping[str, Any]) -> dict[str, Any]:
    """v1 had one `amount` a line: the fee of milestones, the cap of everything else."""
    lines = data.get("lines")
    if not isinstance(lines, list | tuple):
        return dict(data)
    return {**data, "lines": [_contract_line(line) for line in lines]}


def _contract_line(line: Any) -> Any:
    if not isinstance(line, Mapping) or "amount" not in line:
        return line
    meant = "fee" if line.get("bills") == "milestones" else "cap"
    if meant in line:
        return line  # both: no version had that, so the newest model refuses `amount`
    rest = {name: value for name, value in line.items() if name != "amount"}
    return rest | {meant: line["amount"]}


def _cost_rates(data: Mapping[str, Any]) -> dict[str, Any]:
    """v1 had one `cost_rate`, in force from the accounting date on."""
    if "cost_rate" not in data or "cost_rates" in data:
        return dict(data)
    rest = {name: value for name, value in data.items() if name != "cost_rate"}
    return rest | {"cost_rates": [{"hourly": data["cost_rate"], "starts": data.get("accounting_date")}]}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("contract", 1): _contract_lines,
    ("change_order", 1): _contract_lines,
    ("resource", 1): _cost_rates,
}
"""(kind, version) to the step that makes the next version of it."""
