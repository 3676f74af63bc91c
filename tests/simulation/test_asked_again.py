"""An ERP that can't be read for a while does not end a cutover: it is asked again, and only then is it a no."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cutover.plan.model import Plan
from tests.simulation.test_rollback import is_home, with_way_back
from tests.simulation.tiny import rehearse_tiny, tiny_plan


def outage(kind: str, *, until: str, **params: Any) -> dict[str, Any]:
    """An ERP that can't be read from just before the freeze of the wave uk on."""
    return {
        "name": "outage", "kind": kind, "from": "2026-10-31T12:58:00Z", "until": f"2026-10-31T{until}Z",
        "probability": "1", "params": params,
    }  # fmt: skip


def with_deadline(minutes: int) -> Plan:
    """The tiny plan, and the deadline of its reconcile step in the wave uk."""
    plan = tiny_plan()
    steps = tuple(
        step.model_copy(update={"deadline_minutes": minutes}) if step.id == "uk-reconcile" else step
        for step in plan.steps
    )
    return plan.model_copy(update={"steps": steps})


def reconciled(report: Mapping[str, Any]) -> dict[str, Any]:
    """How the reconcile step of the wave uk went."""
    found: dict[str, Any] = next(row for row in report["steps"] if row["id"] == "uk-reconcile")
    return found


@pytest.mark.parametrize(
    ("system", "fault", "said"),
    [
        ("netsuite", outage("refuse", until="13:20:00", status=502), "UNEXPECTED_ERROR"),
        ("netsuite", outage("throttle", until="13:20:00", retry_after_s=20), "limit exceeded"),
    ],
)
def test_a_reconcile_outlasts_an_outage(
    system: str, fault: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """It tries every minute, is done once the ERP answers, and its evidence says how often it was in vain."""
    report = rehearse_tiny(tmp_path, faults={system: (fault,)}).report
    evidence = reconciled(report)["evidence"]
    assert report["verdict"] == "go", report["because"]
    # Twenty minutes from the freeze on, and what an attempt itself takes.
    assert 10 <= evidence["tries"] <= 20
    assert said in evidence["last_problem"]
    assert evidence["comparison"]["compared"] > 0


def test_it_gives_up_shortly_before_its_deadline_with_what_the_erp_said(tmp_path: Path) -> None:
    """Not merely late: who has to mend what is in the reason, and the wave is given back."""
    fault = outage("refuse", until="15:00:00", status=503)
    report = rehearse_tiny(tmp_path, plan=with_deadline(30), faults={"sap_ecc": (fault,)}).report
    row = reconciled(report)
    assert report["verdict"] == "no-go"
    assert row["outcome"] == "failed"
    assert row["why"].startswith("the ERPs could not be compared: ")
    assert "busy" in row["why"]
    assert 26 <= row["minutes"] < 30
    assert 10 <= row["evidence"]["tries"] <= 28
    assert "given_back" in row["evidence"]


def test_without_a_deadline_it_tries_for_an_hour(tmp_path: Path) -> None:
    """An outage of a whole afternoon is not waited out in silence."""
    fault = outage("refuse", until="17:00:00", status=502)
    row = reconciled(rehearse_tiny(tmp_path, faults={"netsuite": (fault,)}).report)
    assert row["outcome"] == "failed"
    assert 59 <= row["minutes"] <= 62
    assert "UNEXPECTED_ERROR" in row["why"]


def test_the_way_home_is_compared_once_the_erp_answers(tmp_path: Path) -> None:
    """A rollback that is done is not called doubtful because an ERP could not be read at its end."""
    fault = outage("refuse", until="11:50:00", status=503) | {"from": "2026-10-31T11:16:01Z"}
    done = rehearse_tiny(
        tmp_path, plan=with_way_back(), roll_back_after="us-verify", faults={"sap_ecc": (fault,)}
    )
    is_home(done)
    (back,) = done.report["rollback"]["done"]
    assert back["begun"] < "2026-10-31T11:16:01" < "2026-10-31T11:50" < back["ended"]
    assert 25 <= back["tries"] <= 35
