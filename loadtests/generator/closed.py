"""The same traffic through a closed model, as Locust's pages teach it: its figures are shown for contrast only.

A user sends, waits for the answer, and starts its next request a pacing after the last one; there are as many users
as the rate needs. While the server stands still its users wait with it, so the requests that would have met the
standstill are never sent, and nobody's waiting is counted ("coordinated omission", Gil Tene, 2013).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from time import monotonic_ns
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_pacing, task
from locust.env import Environment
from locust.runners import LocalRunner

from loadtests.generator.answers import bounded, read_answer
from loadtests.generator.bookkeeping import text_of
from loadtests.generator.clock import RunClock
from loadtests.generator.parts import part_of
from loadtests.generator.playing import schedule_of, traffic_of
from loadtests.generator.record import tell_start
from loadtests.ledger.rows import NO_ANSWER, Sent
from loadtests.ledger.writing import Ledger, line_of
from loadtests.running.run import CLOSED, CLOSED_STATS, Run
from loadtests.scenario.schedule import Arrival

PACING_S = Fraction(1, 10)
"""As in Locust's own example of an open workload: a tenth as many users as requests a second."""
WINDOW_S = 5
"""Users follow the mean rate of so many seconds."""
PERCENTILES = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)


class Closed:
    """The traffic, handed out to whoever asks next, and what became of it."""

    def __init__(self, environment: Environment, run: Run, folder: Path, *, token: str) -> None:
        if not isinstance(environment.runner, LocalRunner):
            raise TypeError(
                "the closed model is for contrast and runs in one process: leave --master and --worker"
            )
        self._environment = environment
        self._run = run
        self._folder = folder
        self._badge = {"Authorization": f"Bearer {token}"} if token else {}
        self._schedule = schedule_of(run)
        self._traffic = traffic_of(run)
        self._arrivals: Iterator[Arrival] = iter(self._schedule)
        self._ledger = Ledger(folder / CLOSED)
        self._clock: RunClock | None = None
        self._most_users = 0
        self.over = False
        self.names = [stream.name for stream in run.scenario.streams]
        environment.stop_timeout = run.answer_within_s

    def begin(self) -> None:
        """Moment 0 is when the first user comes."""
        if self._clock is None:
            self._clock = RunClock(monotonic_ns())
            tell_start(self._folder, 0)

    def look(self) -> None:
        """Nothing happens beside the users."""

    @property
    def ended(self) -> bool:
        """Whether the schedule's length has passed."""
        return self._clock is not None and self._clock.now_us() >= self._schedule.length_us

    def users(self) -> int:
        """As many as the rate of the next seconds times the pacing; at least one."""
        now = self._clock.now_us() if self._clock else 0
        until = min(now + WINDOW_S * 1_000_000, self._schedule.length_us)
        starts = self._schedule.starts_us
        count = bisect_left(starts, until) - bisect_left(starts, now)
        users = max(1, ceil(PACING_S * count * 1_000_000 / max(until - now, 1)))
        self._most_users = max(self._most_users, users)
        return users

    def next(self) -> Arrival | None:
        """What is sent next; None when everything was."""
        return next(self._arrivals, None)

    def send(self, client: Any, arrival: Arrival) -> None:
        """Send it as any Locust user would, and write it down."""
        assert self._clock is not None
        request = self._traffic.request(arrival)
        started = self._clock.now_us()
        headers = {"Content-Type": request.content_type, "X-Coexist-Client": request.client} | self._badge
        name = self.names[arrival.stream]
        answer = client.post(request.path, data=request.body, headers=headers, name=name)
        ended = self._clock.now_us()
        status = answer.status_code or NO_ANSWER
        told = read_answer(status, answer.content or b"") if status else ((), bounded(str(answer.error)))
        self._ledger.append([line_of(Sent(arrival.number, started, started, ended, status, *told))])

    def stop(self) -> None:
        """Write down what Locust says of it, rounded as it prints it."""
        if self.over:
            return
        self.over = True
        self._ledger.close()
        total = self._environment.stats.total
        row = {
            "requests": total.num_requests,
            "failures": total.num_failures,
            "requests_per_s": round(total.total_rps, 1),
            "users": self._most_users,
            "pacing_s": float(PACING_S),
            "percentiles_ms": {
                f"p{share * 100:g}": total.get_response_time_percentile(share) for share in PERCENTILES
            },
            "max_ms": round(total.max_response_time or 0),
        }
        (self._folder / CLOSED_STATS).write_bytes(text_of(row))


class WaitsForAnswers(FastHttpUser):
    """A user of the closed model."""

    host = "http://127.0.0.1"
    insecure = False
    wait_time = constant_pacing(float(PACING_S))

    @task
    def send(self) -> None:
        """One request, and its answer."""
        part = part_of(self.environment)
        assert isinstance(part, Closed)
        part.begin()
        if (arrival := part.next()) is not None:
            part.send(self.client, arrival)


class AsManyAsNeeded(LoadTestShape):
    """Users by the rate of the schedule."""

    def tick(self) -> tuple[int, float] | None:
        """Users and how many of them a second; None ends the test."""
        assert self.runner is not None
        part = part_of(self.runner.environment)
        assert isinstance(part, Closed)
        return None if part.ended else (part.users(), float(part.users()))
