"""Waves by business unit and by kind of document, rehearsed: what moves with what, and what stays out of the way."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.plan.footing import BILLED
from cutover.plan.model import Plan
from cutover.rehearsal.rehearse import Rehearsal
from router.canonical.kinds import KINDS, Kind
from simulators.firm.model import Size
from tests.simulation.tiny import END, START, rehearse_tiny

ENTITIES = ("UK01", "US01")
UNITS = {"advisory": ("CONSULTING",), "operations": ("MANAGED", "DIGITAL")}
"""The same two entities in two waves, told apart by business unit."""
SEED = 15
"""A firm in which units of both waves have work before and after both switches."""
FIRM = Size(name="tiny", consultants=4, projects=8, customers=6, wins=2)
LEDGER: tuple[Kind, ...] = ("revenue_schedule", "journal_entry")
FREEZES = ("2026-10-31T09:00:00Z", "2026-10-31T15:00:00Z")


def plan_of(waves: list[dict[str, Any]]) -> Plan:
    """One wave after the other from the legacy to the cloud ERP, six hours apart; all dual-run from the start."""
    steps: list[dict[str, Any]] = []
    for wave, at in zip(waves, FREEZES, strict=True):
        before = f"{wave['id']}-dual-run"
        steps.append({"id": before, "kind": "dual_run", "wave": wave["id"]})
        for kind in ("freeze", "drain", "reconcile", "switch", "release", "verify"):
            step: dict[str, Any] = {"id": f"{wave['id']}-{kind}", "kind": kind, "wave": wave["id"]}
            step |= {"after": [before]} | ({"at": at} if kind == "freeze" else {})
            # Long enough for documents of both waves to come in meanwhile.
            step |= {"people_minutes": 100} if kind == "reconcile" else {}
            steps.append(step)
            before = str(step["id"])
    return Plan.model_validate(
        {
            "name": "scoped", "start": START, "end": END, "from": "sap_ecc", "to": "netsuite", "size": "small",
            "window": {"opens": START, "closes": END}, "waves": waves, "steps": steps,
        }
    )  # fmt: skip


def by_unit() -> Plan:
    return plan_of(
        [
            {"id": name, "entities": list(ENTITIES), "business_units": list(units)}
            for name, units in UNITS.items()
        ]
    )


def by_kind(first: tuple[Kind, ...]) -> Plan:
    """Some kinds of all entities, then the others."""
    return plan_of(
        [
            {"id": "first", "entities": list(ENTITIES), "kinds": list(first)},
            {
                "id": "then",
                "entities": list(ENTITIES),
                "kinds": [kind for kind in KINDS if kind not in first],
            },
        ]
    )


def failures(done: Rehearsal) -> list[str]:
    """What speaks against a rehearsal."""
    violated = [row["name"] for row in done.report["invariants"] if not row["held"]]
    return violated if done.report["verdict"] == "go" else [*violated, *done.report["because"]]


def placed(done: Rehearsal, *kinds: Kind) -> Counter[tuple[str, str]]:
    """(business unit, authority) of the delivered documents of some kinds."""
    with closing(sqlite3.connect(done.journal)) as journal:
        marks = ", ".join("?" for _ in kinds)
        rows = journal.execute(
            "SELECT t.business_unit, j.target FROM transactions AS t JOIN jobs AS j ON j.job_id = t.job_id"
            f" WHERE t.kind IN ({marks})",
            kinds,
        )
        return Counter((str(unit), str(target)) for unit, target in rows)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """The rehearsal of two waves of business units."""
    return rehearse_tiny(tmp_path_factory.mktemp("units"), plan=by_unit(), seed=SEED, firm=FIRM)


def test_two_units_of_the_same_entities_move_in_two_waves(units: Rehearsal) -> None:
    """Both had work before and after they moved: go, and all seven invariants held."""
    assert failures(units) == []
    assert len(units.report["invariants"]) == 7
    work = placed(units, "time_entry", "expense_item", "billing_event")
    for names in UNITS.values():
        assert all(sum(work[(unit, erp)] for unit in names) for erp in ("sap_ecc", "netsuite")), work


def test_a_wave_stops_no_unit_but_its_own(units: Rehearsal) -> None:
    """While the second wave stood frozen the unit that lives in the new ERP already went on posting there."""
    with closing(sqlite3.connect(units.journal)) as journal:
        rows = journal.execute(
            "SELECT t.business_unit, d.rule, d.hold, d.epoch FROM decisions AS d JOIN transactions AS t"
            " ON t.seq = d.seq WHERE d.n = 1 AND t.kind IN ('time_entry', 'milestone', 'billing_event')"
        ).fetchall()
    held = {(unit, rule) for unit, rule, hold, _ in rows if hold}
    assert held
    assert all(rule == f"{_wave_of(unit)}-freeze" for unit, rule in held)
    frozen = {epoch for unit, _, hold, epoch in rows if hold and _wave_of(unit) == "operations"}
    assert [row for row in rows if row[0] == "CONSULTING" and row[3] in frozen and not row[2]]


def test_each_wave_is_compared_without_the_other(units: Rehearsal) -> None:
    """The second reconcile judges nothing of the unit that is in the new ERP alone by then."""
    with closing(sqlite3.connect(units.journal)) as journal:
        breaks = [
            orjson.loads(data)["key"]["document_id"]
            for (data,) in journal.execute(
                "SELECT data FROM breaks WHERE run_id LIKE '%operations-reconcile'"
            )
        ]
        moved = {
            name
            for (name,) in journal.execute(
                "SELECT document_id FROM transactions WHERE business_unit = 'CONSULTING' AND kind = 'billing_event'"
            )
        }
        seen = {
            scope
            for (scope,) in journal.execute(
                "SELECT scope FROM break_runs WHERE run_id LIKE '%operations-reconcile'"
            )
        }
    assert breaks, "rounding differs, or nothing was judged"
    assert moved
    assert not moved.intersection(breaks)
    assert [orjson.loads(scope)["business_units"] for scope in seen] == [["MANAGED", "DIGITAL"]]


def _wave_of(unit: str) -> str:
    return next(name for name, units in UNITS.items() if unit in units)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(tuple(kind for kind in KINDS if kind not in (*BILLED, *LEDGER)), id="masters first"),
        pytest.param((*BILLED, *LEDGER), id="masters last"),
    ],
)
def test_kinds_that_make_sense_alone_move_alone(tmp_path: Path, first: tuple[Kind, ...]) -> None:
    """Masters and what stands on them move a wave apart; meanwhile both ERPs are given the masters."""
    done = rehearse_tiny(tmp_path, plan=by_kind(first))
    assert failures(done) == []
    with closing(sqlite3.connect(done.journal)) as journal:
        fed = journal.execute(
            "SELECT count(*) FROM route_tables WHERE body LIKE '%id: masters-1%'"
        ).fetchone()
        (last,) = journal.execute("SELECT body FROM route_tables ORDER BY version DESC LIMIT 1").fetchone()
    assert fed[0]
    assert "masters-1" not in last, "once all is in one ERP, nothing is fed to the other"
    assert placed(done, *BILLED).keys() >= {("DIGITAL", "netsuite"), ("DIGITAL", "sap_ecc")}
