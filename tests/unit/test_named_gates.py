"""Named gates, samples and tie-outs as rules: what passes, what fails, and that no data never passes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.cli.opened import opened
from cutover.gates import decisions
from cutover.gates.asking import ask
from cutover.gates.measuring import RouterMeasures
from cutover.gates.named import GATES, named
from cutover.gates.port import Asked, Compared, Open
from cutover.gates.samples import problem_of, sampled
from cutover.loading.decisions import Row, Staged, rejected, tie_out, unbilled
from cutover.plan.model import Plan
from cutover.plan.steps import Thresholds
from cutover.runner.gates import Gate, worst
from router.clock import WallClock, to_text
from router.connectors.port import BilledWork, Record
from router.errors import BadInput
from router.journal.gate_facts import Followed, Tally, Wait
from router.journal.port import Scope
from router.model import SystemId

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
USUAL = Thresholds()
ERP = SystemId("netsuite")


def ago(minutes: int) -> datetime:
    """Some minutes before now."""
    return NOW - timedelta(minutes=minutes)


def compared(**changes: Any) -> Compared:
    """A clean comparison ten minutes ago."""
    given_ = {"missing": 0, "unexplained": 0, "untied": 0, "expired": 0, "pending": 0, "held_back": 0}
    usual = Compared(
        run_id="run/1",
        at=ago(10),
        compared=40,
        invoices={"EUR": {"legacy_minor": 100_000, "cloud_minor": 100_000, "variance_minor": 0}},
        **given_,
    )
    return replace(usual, **changes)


def test_no_gate_passes_on_a_journal_without_anything_in_it(tmp_path: Path) -> None:
    """Every gate the journal alone can answer is inconclusive when there is nothing to measure."""

    async def main() -> dict[str, str]:
        url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
        async with opened(url, None) as router:
            asked = Asked(
                measures=RouterMeasures.of(router, database=url, clock=WallClock()),
                scope=Scope(entities=("UK01",)),
                source=SystemId("sap_ecc"),
                target=ERP,
                thresholds=USUAL,
                now=WallClock().now(),
            )
            names = [name for name, one in GATES.items() if not one.asks_systems]
            return {name: worst(await ask(name, asked)) for name in names}

    found = asyncio.run(main())
    assert set(found.values()) == {"inconclusive"}, found
    assert len(found) == 12


def test_a_measure_that_is_too_old_says_nothing_any_more() -> None:
    """What passed or failed hours ago is inconclusive, with its age; a fresh one keeps its verdict."""
    for verdict in ("pass", "fail"):
        gate = Gate(name="x", verdict=verdict, measured="1", threshold="2")
        assert decisions.aged(gate, timedelta(minutes=240), 240).verdict == verdict
        old = decisions.aged(gate, timedelta(minutes=241), 240)
        assert (old.verdict, old.age_s) == ("inconclusive", 241 * 60)
        assert verdict in old.why


def test_comparison_gates_read_the_newest_comparison() -> None:
    """A difference fails its own gate only; a comparison of nothing, or an old one, is inconclusive."""

    def verdict(found: Compared | None, minutes: int = 240) -> str:
        limits = Thresholds(evidence_age_minutes=minutes)
        gates = decisions.from_comparison(
            found, limits, NOW, lambda one: decisions.variances(one, limits), "variance"
        )
        return worst(gates)

    assert verdict(compared()) == "pass"
    off = {"EUR": {"legacy_minor": 100_000, "cloud_minor": 100_501, "variance_minor": 501}}
    assert verdict(compared(invoices=off)) == "fail"
    assert verdict(compared(), minutes=9) == "inconclusive"
    assert verdict(compared(compared=0)) == "inconclusive"
    assert verdict(compared(invoices={})) == "inconclusive"
    assert verdict(None) == "inconclusive"
    assert worst(tuple(decisions.control_totals(compared(untied=1)))) == "fail"
    assert worst(tuple(decisions.control_totals(compared(pending=1)))) == "inconclusive"


def test_queue_and_doubt_are_told_apart() -> None:
    """What waits fails the one gate, what is in doubt the other; what was posted fails none."""

    def tally(state: str) -> Tally:
        return Tally(target=ERP, role="authority", kind="invoice", state=state, count=3)

    assert decisions.drained([tally("posted")]).verdict == "pass"
    assert decisions.in_doubt([tally("posted")]).verdict == "pass"
    waiting = decisions.drained([tally("posted"), tally("queued")])
    assert (waiting.verdict, waiting.measured) == ("fail", "3")
    assert "invoice to netsuite: 3 queued" in waiting.why
    assert decisions.in_doubt([tally("queued")]).verdict == "pass"
    assert decisions.in_doubt([tally("in_doubt")]).verdict == "fail"
    assert decisions.drained([tally("in_doubt")]).verdict == "pass"


def test_masters_on_their_way_are_not_taken_yet() -> None:
    """Refused or dead masters fail, those on their way leave it open, documents do not count."""

    def tally(kind: str, state: str) -> Tally:
        return Tally(target=ERP, role="shadow", kind=kind, state=state, count=1)

    assert decisions.masters([tally("customer", "posted"), tally("invoice", "dead")]).verdict == "pass"
    assert decisions.masters([tally("customer", "queued")]).verdict == "inconclusive"
    assert decisions.masters([tally("customer", "queued"), tally("project", "refused")]).verdict == "fail"
    assert decisions.masters([tally("invoice", "posted")]).verdict == "inconclusive"


def test_exceptions_count_when_they_are_old_and_say_whose_they_are() -> None:
    """Only those beyond the age count, listed by the queue that owns them."""

    def raised(name: str, minutes: int, queue: str) -> Open:
        return Open(exception_id=name, queue=queue, since=ago(minutes), kind="invoice", legal_entity="UK01")

    found = [raised("a", 500, "finance"), raised("b", 300, "integration"), raised("c", 20, "finance")]
    gate = decisions.exceptions(found, 9, USUAL, NOW)
    assert (gate.verdict, gate.measured, gate.why) == ("fail", "2 of 3 open", "finance 1, integration 1")
    assert gate.evidence == ("a", "b")
    assert decisions.exceptions(found, 9, Thresholds(exceptions=2), NOW).verdict == "pass"
    assert decisions.exceptions([], 9, USUAL, NOW).verdict == "pass"


@settings(deadline=None, max_examples=200)
@given(
    begun=st.integers(0, 600),
    length=st.integers(0, 600),
    cuts=st.lists(st.integers(0, 1200), min_size=4, max_size=4, unique=True),
)
def test_held_time_is_no_waiting_time(begun: int, length: int, cuts: list[int]) -> None:
    """A delivery is late exactly when the minutes it waited outside every freeze are more than the limit."""
    start = NOW - timedelta(minutes=1300)
    first, second, third, fourth = sorted(cuts)
    frozen = [(first, second), (third, fourth)]
    windows = [(start + timedelta(minutes=a), start + timedelta(minutes=b)) for a, b in frozen]
    wait = Wait(
        kind="invoice",
        external_id="I1",
        begun=to_text(start + timedelta(minutes=begun)),
        ended=to_text(start + timedelta(minutes=begun + length)),
    )
    counted = sum(not any(a <= minute < b for a, b in frozen) for minute in range(begun, begun + length))
    gate = decisions.sla([wait], windows, USUAL, NOW)
    assert gate.verdict == ("fail" if counted > USUAL.sla_minutes else "pass")


def plan() -> Plan:
    """A wave that is frozen, switched and released, and another one."""
    steps = [
        {"id": "freeze", "kind": "freeze", "wave": "uk"},
        {"id": "arm", "kind": "arm", "wave": "uk"},
        {"id": "switch", "kind": "switch", "wave": "uk"},
        {"id": "release", "kind": "release", "wave": "uk"},
        {"id": "other", "kind": "freeze", "wave": "us"},
    ]
    return Plan.model_validate(
        {
            "name": "p", "start": ago(600), "end": NOW, "from": "sap_ecc", "to": "netsuite",
            "window": {"opens": ago(600), "closes": NOW}, "steps": steps,
            "waves": [{"id": "uk", "entities": ["UK01"]}, {"id": "us", "entities": ["US01"]}],
        }
    )  # fmt: skip


def said(step: str, event: str, minutes: int, **data: Any) -> Mapping[str, Any]:
    """A line of a run's log."""
    return {"step": step, "event": event, "at": to_text(ago(minutes)), "data": data}


def test_a_freeze_lasts_until_the_release_is_through() -> None:
    """The switch does not end it, another wave's freeze is none, one that was given back is over."""
    log = [
        said("freeze", "stage", 100, frozen=True),
        said("other", "stage", 90, frozen=True),
        said("switch", "stage", 60, frozen=False),
    ]
    assert decisions.freezes_of(log, plan(), "uk", NOW) == [(ago(100), NOW)]
    released = [*log, said("release", "done", 50)]
    assert decisions.freezes_of(released, plan(), "uk", NOW) == [(ago(100), ago(50))]
    back = [log[0], said("freeze", "stage", 70, frozen=False)]
    assert decisions.freezes_of(back, plan(), "uk", NOW) == [(ago(100), ago(70))]


def test_a_rollback_counts_as_armed_only_for_its_wave_and_for_a_while() -> None:
    """Another wave's arming is none, an old one says nothing, one that failed or is gone fails."""

    def verdict(log: list[Mapping[str, Any]], wave: str = "uk", minutes: int = 240) -> str:
        return decisions.armed(log, plan(), wave, Thresholds(evidence_age_minutes=minutes), NOW).verdict

    done = said("arm", "done", 10)
    assert verdict([done]) == "pass"
    assert verdict([done], wave="us") == "inconclusive"
    assert verdict([done], minutes=5) == "inconclusive"
    assert verdict([said("switch", "done", 10)]) == "inconclusive"
    assert verdict([said("arm", "failed", 10, why="a period is closed")]) == "fail"
    assert verdict([done, said("release", "final", 5)]) == "fail"
    assert verdict([done, said("switch", "rolled_back", 5)]) == "fail"
    assert verdict([done, said("other", "final", 5)]) == "pass"


def test_evidence_is_fresh_by_its_newest_comparison_and_cross_check() -> None:
    """Either one that is too old fails; none at all is inconclusive."""
    check = {"name": "cross-check hours", "measured": "0 of 5"}
    log = [said("g", "done", 300, gates=[check])]
    assert worst(decisions.evidence_fresh(compared(), [], USUAL, NOW)) == "pass"
    assert worst(decisions.evidence_fresh(compared(), log, USUAL, NOW)) == "fail"
    assert worst(decisions.evidence_fresh(compared(at=ago(241)), [], USUAL, NOW)) == "fail"
    assert worst(decisions.evidence_fresh(None, [], USUAL, NOW)) == "inconclusive"


def test_a_gate_there_is_not_is_refused_with_the_ones_there_are() -> None:
    """A slip of the pen is told with the names that would do."""
    with pytest.raises(BadInput, match="there is no gate 'qeue-drained'") as told:
        named("qeue-drained")
    assert "queue-drained" in (told.value.mend or "")


def test_a_gate_comes_back_from_the_log_as_it_was() -> None:
    """A runner that starts again reads the gates of finished steps, with their evidence."""
    gate = Gate(name="x", verdict="pass", measured="1", threshold="1", evidence=("a", "b"), age_s=4)
    assert Gate.of_row(gate.as_row()) == gate


def record(**changes: Any) -> Record:
    """An invoice in the new ERP."""
    usual = Record(
        system=ERP, kind="invoice", external_id="I1", vendor_id="7", number="7", status="posted",
        legal_entity="UK01", accounting_date="2026-10-31", currency="GBP", net_minor=1000, total_minor=1200,
    )  # fmt: skip
    return replace(usual, **changes)


SENT = Followed(
    kind="invoice", document_id="I1", external_id="I1", legal_entity="UK01", accounting_date="2026-10-31",
    currency="GBP", amount_minor=1200, state="posted", begun="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (record(), ""),
        (record(net_minor=1200), ""),
        (record(total_minor=1201), "minor units"),
        (record(legal_entity="US01"), "US01"),
        (record(status="cancelled"), "cancelled"),
        (record(currency="USD"), "USD"),
        (record(external_id="I2"), "does not have it"),
    ],
)
def test_a_sample_must_stand_as_it_was_sent(held: Record, problem: str) -> None:
    """Right amount, entity, currency and status, or the difference is named."""
    assert problem in problem_of(SENT, {held.external_id: held})
    assert bool(problem) == bool(problem_of(SENT, {held.external_id: held}))


def test_a_sample_that_was_refused_is_not_found() -> None:
    """Its delivery says so, whatever the ERP holds under its id."""
    assert "refused" in problem_of(replace(SENT, state="refused"), {"I1": record()})


def test_samples_are_the_first_of_each_kind() -> None:
    """At most so many of a kind, in the order they came, kinds in the order of the path."""
    came = [replace(SENT, external_id=f"I{n}") for n in range(4)] + [replace(SENT, kind="time_entry")]
    found = sampled(came, 2)
    assert list(found) == ["time_entry", "invoice"]
    assert [one.external_id for one in found["invoice"]] == ["I0", "I1"]


ROWS = st.lists(
    st.builds(
        Row,
        kind=st.sampled_from(["invoice", "payment"]),
        external_id=st.integers(0, 99).map(lambda n: f"X{n}"),
        legal_entity=st.sampled_from(["UK01", "US01"]),
        currency=st.sampled_from(["GBP", "USD"]),
        minor=st.integers(-(10**12), 10**12),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row.kind, row.external_id),
)


@settings(deadline=None, max_examples=150)
@given(rows=ROWS, at=st.integers(0, 11), change=st.sampled_from(["lost", "minor", "entity", "none", "more"]))
def test_a_tie_out_has_no_tolerance(rows: list[Row], at: int, change: str) -> None:
    """One row lost, one minor unit off or one row in another entity fails; what was there before does not count."""
    staged = Staged(object="open_items", rows=tuple(rows), documents={})
    arrived = list(rows)
    hit = at % len(rows)
    if change == "lost":
        del arrived[hit]
    elif change == "minor":
        arrived[hit] = replace(arrived[hit], minor=arrived[hit].minor + 1)
    elif change == "entity":
        other = "US01" if arrived[hit].legal_entity == "UK01" else "UK01"
        arrived[hit] = replace(arrived[hit], legal_entity=other)
    elif change == "more":
        arrived.append(replace(arrived[hit], external_id="of before"))
    gate, table = tie_out(staged, arrived)
    assert gate.verdict == ("pass" if change in ("none", "more") else "fail")
    assert all(row["ties"] for row in table) == (gate.verdict == "pass")
    assert len(rejected(staged, arrived, {})) == (1 if change == "lost" else 0)


def test_work_that_stands_on_an_invoice_is_no_work_in_progress() -> None:
    """Billed, cancelled and later work stays out; work of a cancelled invoice is unbilled again."""
    part = BilledWork(kind="time_entry", external_id="T1", line=1, amount_minor=10)
    work = [
        record(kind="time_entry", external_id="T1"),
        record(kind="time_entry", external_id="T2"),
        record(kind="time_entry", external_id="T3", status="cancelled"),
        record(kind="time_entry", external_id="T4", accounting_date="2026-11-01"),
    ]
    left = unbilled(work, [record(billed=(part,))], "2026-10-31")
    assert [one.external_id for one in left] == ["T2"]
    again = unbilled(work, [record(billed=(part,), status="cancelled")], "2026-10-31")
    assert [one.external_id for one in again] == ["T1", "T2"]
