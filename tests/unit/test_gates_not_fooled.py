"""What must not make a gate pass: evidence of another clock, a way back that was gone."""

from __future__ import annotations

from datetime import timedelta

from cutover.gates import decisions
from cutover.runner.gates import counted, worst
from tests.unit.test_named_gates import NOW, USUAL, ago, compared, plan, said


def test_what_is_measured_in_the_future_says_nothing() -> None:
    """A rehearsal's log or a clock that is wrong is no fresh evidence; a little skew between hosts is borne."""
    gate = counted("drained", 0)
    assert decisions.aged(gate, timedelta(seconds=-60), 10).verdict == "pass"
    assert decisions.aged(gate, timedelta(days=-30), 10).verdict == "inconclusive"
    assert worst(decisions.evidence_fresh(compared(at=ago(-1)), [], USUAL, NOW)) == "pass"
    assert worst(decisions.evidence_fresh(compared(at=ago(-600)), [], USUAL, NOW)) == "inconclusive"


def test_a_rollback_that_was_gone_is_no_more_armed() -> None:
    """As the runner writes it: under a step of its own, which the plan does not have."""
    done = said("arm", "done", 10)
    gone = said("uk-roll-back-1", "rolled_back", 5, wave="uk", ok=True)
    other = said("us-roll-back-2", "rolled_back", 5, wave="us", ok=True)
    for log, verdict in (
        ([done, gone], "fail"),
        ([done, other], "pass"),
        ([gone, said("arm", "done", 1)], "pass"),
    ):
        assert decisions.armed(log, plan(), "uk", USUAL, NOW).verdict == verdict
