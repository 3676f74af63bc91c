"""Everything a rehearsal is determined by: printed first, repeated in the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from cutover.plan.model import Plan
from router.clock import to_text
from router.landscape import Landscape


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One rehearsal. Same options, same report, byte for byte."""

    plan: Plan
    landscape: Landscape
    landscape_data: Mapping[str, Any]
    """The landscape's YAML as plain data: what the simulators read."""
    routes: str
    seed: int
    size: str
    faults: Mapping[str, tuple[Mapping[str, Any], ...]]
    extracts: Path | None = None
    crash_commit: tuple[str, int] | None = None
    """(`before` or `after`, n): the router dies at its n-th commit, besides the plan's crashes."""
    command: str = "coexist rehearse"

    def crashes(self) -> tuple[datetime, ...]:
        """When the router dies: the plan's instants, moved by up to ten minutes drawn from the seed."""
        rng = Random(f"{self.seed}/crashes")  # noqa: S311 - reproducible on purpose
        return tuple(crash.at + timedelta(seconds=rng.randrange(600)) for crash in self.plan.crashes)

    def as_row(self) -> dict[str, Any]:
        """The options as the report shows them, drawn values included."""
        return {
            "size": self.size,
            "extracts": self.extracts.name if self.extracts else None,
            "faults": {
                name: [dict(fault) for fault in faults] for name, faults in sorted(self.faults.items())
            },
            "crashes": [to_text(at) for at in self.crashes()],
            "budgets": {
                name: system.budget.model_dump(mode="json") for name, system in self.landscape.systems.items()
            },
            "personalities": {
                name: system.personality.model_dump(mode="json")
                for name, system in self.landscape.systems.items()
                if system.role == "erp"
            },
        }
