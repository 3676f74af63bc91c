"""A tiny cutover that is rehearsed hundreds of times: two entities, a handful of people, 30 hours.

Its people keep to a rhythm of two hours: they approve in the first ten minutes, the plan freezes an entity
at the full odd hour, bills and payments come a quarter past it. So no restart of the router, which costs
minutes, can carry a document over a freeze or a bill: what differs between two runs differs by a bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cutover.plan.model import Plan
from cutover.rehearsal.memory import in_memory
from cutover.rehearsal.options import Options
from cutover.rehearsal.rehearse import Rehearsal, rehearse
from router.configfile import ConfigFile
from router.landscape import as_landscape, default_file
from simulators.firm.actions import GATEWAY, Action, PayInvoice, Step
from simulators.firm.firm import Firm
from simulators.firm.model import Size
from simulators.firm.workload import workload

START = datetime(2026, 10, 30, 12, tzinfo=UTC)
END = datetime(2026, 10, 31, 20, tzinfo=UTC)
SEED = 41
"""A firm with everything in it: late time, a milestone, expenses, credit memo and payments after the switch."""
SLOT = timedelta(hours=2)
BILLS_AT = timedelta(minutes=75)
PAID_LATER = timedelta(hours=10)
"""Customers wait long enough for some of them to pay after the switch what was billed before it."""
TINY = Size(name="tiny", consultants=2, projects=5, customers=3, wins=1)
WAVES = {"uk": ("UK01", "2026-10-31T13:00:00Z"), "us": ("US01", "2026-10-31T09:00:00Z")}
STORM = {
    "name": "429 storm", "kind": "throttle", "from": "2026-10-30T16:00:00Z", "until": "2026-10-30T16:20:00Z",
    "probability": "0.7", "params": {"retry_after_s": 20},
}  # fmt: skip
LOST_INVOICE = {
    "name": "lost answer", "kind": "drop_answer", "method": "POST", "path": "^.*!transform/invoice", "first": 1,
}  # fmt: skip
LOST_COMMIT = {
    "name": "lost answer", "kind": "drop_answer", "method": "POST", "first": 2, "skip": 2,
    "from": "2026-10-30T19:15:00Z", "until": "2026-10-30T19:40:00Z",
}  # fmt: skip
FAULTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "sap_ecc": (LOST_COMMIT,),
    "netsuite": (STORM, LOST_INVOICE),
}


def tiny_plan() -> Plan:
    """One wave an entity, from the legacy to the cloud ERP, four hours apart."""
    steps: list[dict[str, Any]] = [
        {"id": f"{wave}-dual-run", "kind": "dual_run", "wave": wave} for wave in WAVES
    ]
    for wave, (_, at) in WAVES.items():
        before = f"{wave}-dual-run"
        for kind in ("freeze", "drain", "reconcile", "switch", "release", "verify"):
            step = {"id": f"{wave}-{kind}", "kind": kind, "wave": wave, "after": [before]}
            steps.append(step | ({"at": at} if kind == "freeze" else {}) | _hands(kind))
            before = f"{wave}-{kind}"
    return Plan.model_validate(
        {
            "name": "tiny", "start": START, "end": END, "from": "sap_ecc", "to": "netsuite", "size": "small",
            "window": {"opens": START, "closes": END},
            "waves": [{"id": wave, "entities": [entity]} for wave, (entity, _) in WAVES.items()],
            "steps": steps,
        }
    )  # fmt: skip


def _hands(kind: str) -> dict[str, int]:
    # Reviewed for more than an hour: bills and approvals come in while the entity is frozen.
    return {"people_minutes": 100} if kind == "reconcile" else {}


def tiny_options(**changes: Any) -> Options:
    """The tiny cutover as options; `changes` are fields of theirs."""
    file = default_file("landscapes/default.yaml")
    entities = {code: file.data["legal_entities"][code] for code, _ in WAVES.values()}
    data = in_memory({**file.data, "legal_entities": entities})
    options = Options(
        plan=tiny_plan(),
        landscape=as_landscape(ConfigFile(file.name, data, file.places)),
        landscape_data=data,
        routes=default_file("routes/default.yaml").text,
        seed=SEED,
        size="small",
        firm=TINY,
        faults=FAULTS,
    )
    return replace(options, **changes)


def paced(firm: Firm, *, start: datetime, end: datetime, seed: int) -> Iterator[Step]:
    """The firm's workload in the rhythm of two hours; every order in time is kept within its kind."""
    steps: list[Step] = []
    for step in workload(firm, start=start, end=end, seed=seed):
        wait = PAID_LATER if isinstance(step, PayInvoice) else timedelta(0)
        slot = start + (step.at + wait - start) // SLOT * SLOT
        at_desk = not isinstance(step, Action) or step.system == GATEWAY
        at = slot + (step.at + wait - slot) / 12 + (BILLS_AT if at_desk else timedelta(0))
        steps.append(replace(step, at=at.replace(microsecond=0)))
    return iter(sorted(steps, key=lambda step: step.at))


def rehearse_tiny(folder: Path, **changes: Any) -> Rehearsal:
    """Rehearse the tiny cutover; its journal is in `folder`."""
    return rehearse(tiny_options(**changes), journal=folder / "journal.sqlite", work=paced)
