"""The circuit: opens after failures in a row, probes with one call, recovers, doubles its patience."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from router.delivery.breaker import Breaker
from router.delivery.decisions import Circuit
from router.delivery.policy import DeliveryPolicy

START = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
POLICY = DeliveryPolicy(breaker_threshold=3, breaker_first_s=30, breaker_max_s=100)


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def state(breaker: Breaker) -> Circuit:
    return breaker.state


def fail(breaker: Breaker) -> None:
    ticket = breaker.ask()
    assert ticket is not None
    breaker.record(ticket, alive=False)


def tripped() -> tuple[Breaker, HandClock]:
    clock = HandClock()
    breaker = Breaker(clock=clock, policy=POLICY)
    for _ in range(3):
        fail(breaker)
    return breaker, clock


def test_opens_after_failures_in_a_row_only() -> None:
    """A success in between starts the count again."""
    breaker = Breaker(clock=HandClock(), policy=POLICY)
    for alive in (False, False, True, False, False):
        ticket = breaker.ask()
        assert ticket is not None
        breaker.record(ticket, alive=alive)
    assert state(breaker) is Circuit.CLOSED
    fail(breaker)
    assert state(breaker) is Circuit.OPEN
    assert breaker.ask() is None
    assert breaker.until == START + timedelta(seconds=30)


def test_one_probe_and_no_more() -> None:
    """After the wait exactly one call goes out; others wait for what it finds."""
    breaker, clock = tripped()
    clock.pass_s(29)
    assert breaker.ask() is None
    clock.pass_s(1)
    probe = breaker.ask()
    assert probe is not None
    assert breaker.ask() is None
    assert state(breaker) is Circuit.HALF_OPEN
    breaker.record(probe, alive=True)
    assert state(breaker) is Circuit.CLOSED
    assert breaker.ask() is not None


def test_patience_doubles_to_a_bound_and_is_reset() -> None:
    """Each failed probe doubles the wait up to the maximum; a recovery forgets it."""
    breaker, clock = tripped()
    waits = []
    for _ in range(4):
        assert breaker.until is not None
        waits.append((breaker.until - clock.now()).total_seconds())
        clock.at = breaker.until
        fail(breaker)
    assert waits == [30, 60, 100, 100]
    assert breaker.until is not None
    clock.at = breaker.until
    probe = breaker.ask()
    assert probe is not None
    breaker.record(probe, alive=True)
    for _ in range(3):
        fail(breaker)
    assert breaker.until == clock.now() + timedelta(seconds=30)


def test_late_answers_of_an_earlier_period_say_nothing() -> None:
    """A call sent before the circuit opened neither closes it nor fails the probe."""
    clock = HandClock()
    breaker = Breaker(clock=clock, policy=POLICY)
    early = breaker.ask()
    assert early is not None
    for _ in range(3):
        fail(breaker)
    breaker.record(early, alive=True)
    assert state(breaker) is Circuit.OPEN
    clock.pass_s(30)
    probe = breaker.ask()
    assert probe is not None
    breaker.record(early, alive=False)
    assert state(breaker) is Circuit.HALF_OPEN
    breaker.record(probe, alive=True)
    breaker.record(early, alive=False)
    assert state(breaker) is Circuit.CLOSED
