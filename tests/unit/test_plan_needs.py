"""What a step needs must come before it by `after`, not by its place in the file, and be of its kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cutover.plan.reading import built_in_plans, read_plan
from router.errors import BadConfig
from router.landscape import default_file, read_landscape

LANDSCAPE = read_landscape()
WORK = ["time_entry", "expense_item", "milestone", "charge", "billing_event", "invoice", "credit_memo", "payment", "write_off"]  # fmt: skip


def pilot(path: Path, change: Any) -> Path:
    """The pilot with a step of a kind changed."""
    data = default_file("plans/pilot.yaml").data
    steps = {step["kind"]: dict(step) for step in data["steps"]}
    change(steps)
    written = path / "plan.yaml"
    written.write_text(yaml.safe_dump({**data, "steps": list(steps.values())}, sort_keys=False))
    return written


def test_every_plan_that_comes_with_the_program_keeps_it() -> None:
    """They read."""
    assert [read_plan(name, LANDSCAPE).name for name in built_in_plans()]


def test_a_drain_beside_the_switch_is_none_before_it(tmp_path: Path) -> None:
    """It stands earlier in the file and runs at the same time: the switch would not wait for it."""

    def beside(steps: dict[str, Any]) -> None:
        steps["switch"]["after"] = [steps["freeze"]["id"], steps["dual_run"]["id"]]

    with pytest.raises(BadConfig, match=r"a switch of wave .* needs a drain before it"):
        read_plan(pilot(tmp_path, beside), LANDSCAPE)


def test_a_freeze_of_some_kinds_is_none_of_the_others(tmp_path: Path) -> None:
    """A switch of all kinds after a freeze of some is refused when it is read, not at three in the morning."""

    def part(steps: dict[str, Any]) -> None:
        steps["freeze"]["kinds"] = WORK

    with pytest.raises(BadConfig, match=r"step drain: the freeze before it leaves out customer"):
        read_plan(pilot(tmp_path, part), LANDSCAPE)


def test_a_switch_that_nothing_releases_is_refused(tmp_path: Path) -> None:
    """Its lanes in the new ERP would stay closed, and everything accepted would wait there."""

    def unreleased(steps: dict[str, Any]) -> None:
        for kind in ("release", "smoke", "verify", "hypercare", "retire"):
            steps.pop(kind, None)

    with pytest.raises(BadConfig, match=r"step switch: no release of wave uk comes after it"):
        read_plan(pilot(tmp_path, unreleased), LANDSCAPE)
