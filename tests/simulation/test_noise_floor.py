"""The noise floor in a live dual run and in rehearsals: two legacy ERPs of one personality agree in every amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal import control
from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import Rehearsal
from cutover.report.html import render
from cutover.runner.gates import reconciled
from router.canonical.money import Money
from router.connectors.port import Record
from router.dualrun.comparison import Comparison
from router.dualrun.noise import ControlRun, NoiseFloor, learned, measured
from router.dualrun.policy import as_dual_run_policy
from router.dualrun.service import DualRun
from router.errors import BadInput
from router.finance.calendar import Calendars
from router.landscape import default_file
from router.model import SystemId
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_live_dual_run import CLOUD, LEGACY, MASTERS, ROUTES, Twist, Twisted, compare
from tests.simulation.tiny import rehearse_tiny

HOURS = 4
KINDS = ("project", "time_entry")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """The tiny cutover after one control run."""
    return rehearse_tiny(tmp_path_factory.mktemp("tiny"), control_runs=1)


def test_two_legacy_erps_agree_in_everything_through_a_whole_cutover(done: Rehearsal) -> None:
    """Lost answers, a crash, other timing: nothing differs, so nothing in the cutover itself is called noise."""
    noise, compared = done.report["noise"], done.report["differences"]
    assert [run["pairs"] for run in noise["runs"]] == [sum(row["pairs"] for row in noise["pairs"])]
    assert {"invoice", "time_entry", "project"} <= {row["kind"] for row in noise["pairs"]}
    assert noise["runs"][0]["pairs"] > 20
    assert (noise["fields"], noise["rows_apart"]) == ([], 0)
    assert sum(row["breaks"] for row in compared) > 0
    assert all(one["cause"] != "noise" for row in compared for one in row["causes"])
    assert done.report["options"]["control_runs"] == 1
    assert "no field differed" in render(done.report)


def test_amounts_that_jitter_in_the_legacy_erp_are_told_and_change_no_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Rehearsal
) -> None:
    """A control run with another habit of rounding: its amounts are learned, and every difference stays what it was."""
    whole = control._two_of_one

    def jittery(options: Any) -> dict[str, Any]:
        data = whole(options)
        second = dict(data["systems"]["netsuite"], personality={"rounding": "line", "tax": "line"})
        return {**data, "systems": {**data["systems"], "netsuite": second}}

    plain = done.report
    monkeypatch.setattr(control, "_two_of_one", jittery)
    report = rehearse_tiny(tmp_path, control_runs=1).report
    assert any(row["currency"] and row["most_minor"] for row in report["noise"]["fields"])
    for before, after in zip(plain["differences"], report["differences"], strict=True):
        assert after["noise"]["explained"] == 0
        for name in ("breaks", "unexplained", "causes", "money", "fields"):
            assert after[name] == before[name]
    assert report["gates"] == plain["gates"]
    assert "Fields that differ in the legacy ERP itself" in render(report)


def test_control_runs_differ_in_time_and_not_in_what_is_rehearsed() -> None:
    """Plan, seed, firm and faults are the same; the second ERP is a client of its own, and latencies are drawn anew."""
    options = make_options(seed=7, size="small", command="test", control_runs=2)
    runs = [control.control_options(options, number) for number in (1, 2)]
    assert len({options.timing_seed, *(run.timing_seed for run in runs)}) == 3
    for run in runs:
        assert (run.plan, run.seed, run.size, run.faults) == (
            options.plan, options.seed, options.size, options.faults,
        )  # fmt: skip
        legacy, second = (run.landscape.systems[SystemId(name)] for name in ("sap_ecc", "netsuite"))
        assert (second.vendor, second.personality) == (legacy.vendor, legacy.personality)
        assert second.options["client"] == "200"
        assert second.options["logical_system"] == "P01CLNT200"
        assert second.options["idoc_drop"] != legacy.options["idoc_drop"]
        assert second.base_url == options.landscape.systems[SystemId("netsuite")].base_url


def dual_run(stand: Stand, cloud: SystemId, twists: Mapping[str, Twist], noise: NoiseFloor | None) -> DualRun:
    """A dual run of the legacy ERP with another that says some things otherwise."""
    router, policy = stand.router, as_dual_run_policy(default_file("policies/default.yaml"))
    kinds = {name: policy.kinds[name] for name in KINDS}

    def as_cloud(rows: Sequence[Record]) -> Sequence[Record]:
        return [replace(row, system=CLOUD) for row in rows]

    second = Twisted(
        router.connectors[cloud],
        {kind: both(twists[kind], as_cloud) if kind in twists else as_cloud for kind in KINDS},
    )
    connectors: dict[SystemId, Any] = {LEGACY: router.connectors[LEGACY], CLOUD: second}
    return DualRun(
        journal=router.journal,
        connectors=connectors,
        policy=policy.model_copy(update={"kinds": kinds, "grace_minutes": 0}),
        calendars=Calendars(router.landscape.legal_entities, router.landscape.calendars),
        tax_rates={code: row.basis_points for code, row in router.landscape.tax_codes.items()},
        clock=router.close._clock,
        noise=noise,
    )


def other_practice(rows: Sequence[Record]) -> Sequence[Record]:
    """Two of the hours in a practice that is drawn anew at each reading."""
    return [
        replace(row, dimensions={**row.dimensions, "practice": "DATA"}) if at < 2 else row
        for at, row in enumerate(rows)
    ]


def dearer(minor: int) -> Twist:
    """The first of the hours worth more."""
    return lambda rows: [
        replace(row, net_minor=(row.net_minor or 0) + minor) if at == 0 else row
        for at, row in enumerate(rows)
    ]


def both(*twists: Twist) -> Twist:
    """One twist after the other."""

    def one(rows: Sequence[Record]) -> Sequence[Record]:
        for twist in twists:
            rows = twist(rows)
        return rows

    return one


async def floor_of(stand: Stand, twist: Twist) -> NoiseFloor:
    """What a control run with a planted uncertainty teaches."""
    run = dual_run(stand, LEGACY, {"time_entry": twist}, None)
    found = await compare(run, "control")
    told = ControlRun(name="control", inputs={}, pairs=found.compared, differing=len(found.breaks))
    return learned(found.policy_hash, [(told, measured(found.pairs, found.breaks))])


async def at_work(stand: Stand) -> None:
    """Some hours of work in both ERPs."""
    await stand.posted(*MASTERS)
    for at in range(HOURS):
        name = f"TE-noise-{at}"
        answer = await stand.post(event("time_entry", name, document_id=name, minutes=60))
        assert answer.status_code == 202, answer.text
    await stand.settled()


def unexplained_gate(found: Comparison) -> str:
    """The verdict on differences without a cause, when none is allowed."""
    thresholds = make_options(seed=7, command="test").plan.order()[0].thresholds
    gates = reconciled(found, thresholds.model_copy(update={"unexplained": 0}))
    return next(gate.verdict for gate in gates if gate.name == "differences without a cause")


def test_a_planted_uncertainty_is_learned_and_explains_a_dimension(tmp_path: Path) -> None:
    """What the legacy ERP does not repeat has the cause noise in the cloud ERP; a silent field never has."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        floor = await floor_of(stand, other_practice)
        assert [(name.column, seen.differing) for name, seen in floor.seen.fields.items()] == [
            ("practice", 2)
        ]
        found = await compare(dual_run(stand, CLOUD, {"time_entry": other_practice}, floor))
        assert {(row.column, row.cause, row.code) for row in found.breaks} == {
            ("practice", "noise", "control-run-differs")
        }
        assert "practice differs in 2 of 4 pairs" in found.breaks[0].evidence
        assert found.noise is not None
        assert found.noise["explained"] == 2
        silent = await floor_of(stand, lambda rows: rows)
        found = await compare(dual_run(stand, CLOUD, {"time_entry": other_practice}, silent))
        assert {row.cause for row in found.breaks} == {"unexplained"}

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_planted_amount_is_explained_and_still_counts_as_without_a_cause(tmp_path: Path) -> None:
    """Noise in money has its evidence, its money and its place in the gate; beyond the control's size no more than a mention."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        floor = await floor_of(stand, dearer(7))
        assert [(name.column, seen.most_minor) for name, seen in floor.seen.fields.items()] == [("net", 7)]
        for minor, cause in ((5, "noise"), (7, "noise"), (8, "unexplained")):
            found = await compare(dual_run(stand, CLOUD, {"time_entry": dearer(minor)}, floor))
            (row,) = found.breaks
            assert (row.cause, row.delta_minor, found.unexplained) == (cause, minor, 1)
            assert f"by {Money(7, 'GBP')} GBP at most" in row.evidence
            assert unexplained_gate(found) == "fail"
        mixed = await compare(dual_run(stand, CLOUD, {"time_entry": both(dearer(5), other_practice)}, floor))
        assert sorted(row.cause for row in mixed.breaks) == ["noise", "unexplained", "unexplained"]

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_live_dual_run_takes_no_floor_of_another_policy(tmp_path: Path) -> None:
    """Counts made under another policy say nothing of this one."""

    async def test(stand: Stand) -> None:
        floor = learned("0" * 64, [])
        with pytest.raises(BadInput, match="another comparison policy"):
            dual_run(stand, CLOUD, {}, floor)

    on_stand(tmp_path, test, routes=ROUTES)
