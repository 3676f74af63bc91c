"""Route tables of a plan, pure: where each wave stands gives the table, so that no one edits YAML at 3 a.m.

Stages per wave: legacy → dual_run → frozen → cloud. Every change of stage is a new table version and,
for the wave's entities, a new epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import yaml

from cutover.plan.model import Plan

Stage = Literal["legacy", "dual_run", "frozen", "cloud"]
NEXT: dict[Stage, tuple[Stage, ...]] = {
    "legacy": ("dual_run", "frozen"),
    "dual_run": ("frozen", "legacy"),
    "frozen": ("cloud", "dual_run", "legacy"),
    "cloud": (),
}


def table_text(plan: Plan, *, version: int, stages: Mapping[str, Stage], dual: frozenset[str]) -> str:
    """The YAML of the route table for these stages; `dual`: waves with a shadow before they froze."""
    rules: list[dict[str, object]] = []
    for wave in plan.waves:
        stage = stages[wave.id]
        entities = ", ".join(f'"{code}"' for code in wave.entities)
        when = f"legal_entity in [{entities}]"
        if stage == "frozen":
            rules.append({"id": f"{wave.id}-freeze", "when": when, "hold": True})
        if stage == "cloud":
            rules.append({"id": f"{wave.id}-cloud", "when": when, "authority": str(plan.target)})
        elif stage == "dual_run" or (stage == "frozen" and wave.id in dual):
            rules.append(
                {
                    "id": f"{wave.id}-dual-run",
                    "when": when,
                    "authority": str(plan.source),
                    "shadow": str(plan.target),
                }
            )
    table = {"version": version, "default": {"authority": str(plan.source)}, "rules": rules}
    return yaml.safe_dump(table, sort_keys=False, allow_unicode=True)
