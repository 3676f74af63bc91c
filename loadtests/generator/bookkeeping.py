"""What was answered becomes rows of the ledger and requests in Locust's statistics, a few at a time."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, process_time
from typing import Any

import gevent
import orjson

from loadtests.generator.answers import read_answer
from loadtests.generator.dispatch import Answered, Dispatcher
from loadtests.ledger.rows import DROPPED, LATE_US, NO_ANSWER, Sent
from loadtests.ledger.writing import line_of

BATCH_S = 1.0
"""How often rows are handed on."""
BATCH_ROWS = 5_000
FULL_EVERY = 20
"""Batches from one full collection of garbage to the next."""
AT_ONCE = 25
"""Answers looked into before the loop gets its turn."""

Fire = Callable[..., None]
"""`environment.events.request.fire`."""
Lines = Callable[[Sequence[bytes]], None]


def row_of(answered: Answered) -> Sent:
    """An answered start as a row of the ledger."""
    start, started_us, ended_us, raw = answered
    told = ((), raw.error) if raw.error else read_answer(raw.status, raw.body)
    return Sent(
        start.arrival.number, start.at_us, started_us, ended_us, raw.status, *told, repeat=start.repeat
    )


class Unanswered(Exception):
    """What Locust counts as a failure; its text is one of few, for Locust keeps each that differs."""


def failure_of(row: Sent) -> Unanswered | None:
    """Why Locust should call a request failed."""
    if row.status == NO_ANSWER:
        return Unanswered("no answer")
    if row.status == DROPPED:
        return Unanswered("dropped by the generator")
    return None if 200 <= row.status < 300 else Unanswered(f"HTTP {row.status}")


class Bookkeeping:
    """Empties a dispatcher's `over`."""

    def __init__(self, dispatcher: Dispatcher, names: Sequence[str], *, fire: Fire, lines: Lines) -> None:
        self._dispatcher = dispatcher
        self._names = names
        self._fire = fire
        self._lines = lines
        self._waiting: list[bytes] = []
        self.counts: Counter[str] = Counter()

    def go_on(self) -> None:
        """Until the share is over and every row of it handed on."""
        handed, batches = monotonic(), 0
        while not self._dispatcher.finished or self._dispatcher.over:
            for _ in range(min(AT_ONCE, len(self._dispatcher.over))):
                self._enter(self._dispatcher.over.popleft())
            if monotonic() - handed > BATCH_S or len(self._waiting) >= BATCH_ROWS:
                self.hand_on()
                batches += 1
                # What stood before the run is frozen, so even a full collection has little to look at.
                gc.collect(2 if batches % FULL_EVERY == 0 else 1)
                handed = monotonic()
            gevent.sleep(0 if self._dispatcher.over else 0.02)
        self.hand_on()

    def hand_on(self) -> None:
        """Give away the rows that are ready."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._lines(lines)

    def _enter(self, answered: Answered) -> None:
        row = row_of(answered)
        self._waiting.append(line_of(row))
        self.counts["planned" if not row.repeat else "repeats"] += 1
        self.counts["dropped"] += row.status == DROPPED
        self.counts["late"] += row.started_us - row.intended_us > LATE_US and row.status != DROPPED
        stream = answered.start.arrival.stream
        self._fire(
            request_type="POST",
            name=self._names[stream],
            response_time=row.latency_us / 1000,
            response_length=len(answered.raw.body),
            response=None,
            context={},
            exception=failure_of(row),
            start_time=0,
            url="",
        )


class Processor:
    """How much of one processor this process used, on the average and in its busiest seconds."""

    EVERY_S = 2.0

    def __init__(self) -> None:
        self._began = self._last = (monotonic(), process_time())
        self._peak = 0.0

    def go_on(self) -> None:
        """Look every other second."""
        while True:
            gevent.sleep(self.EVERY_S)
            now = (monotonic(), process_time())
            self._peak = max(self._peak, _percent(self._last, now))
            self._last = now

    def told(self) -> dict[str, Any]:
        """In percent of one processor since this was made."""
        average = _percent(self._began, (monotonic(), process_time()))
        return {
            "processor_percent": round(average, 1),
            "processor_peak_percent": round(max(self._peak, average), 1),
            "pid": os.getpid(),
        }


def _percent(before: tuple[float, float], after: tuple[float, float]) -> float:
    return 100 * (after[1] - before[1]) / max(after[0] - before[0], 1e-3)


def text_of(row: dict[str, Any]) -> bytes:
    """A summary as it is written down."""
    return orjson.dumps(row, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
