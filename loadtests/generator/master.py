"""The master's side of a distributed run: hands out shares once all are there, and writes what comes back.

It sends nothing itself. Whatever a worker never told of stands in the ledger all the same: as dropped, or, when the
worker was lost and may have sent it, as unanswered.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, monotonic_ns
from typing import Any

import gevent
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner

from loadtests.generator import messages
from loadtests.generator.clock import RunClock
from loadtests.generator.playing import in_thread, schedule_of
from loadtests.generator.record import Record
from loadtests.ledger.writing import Twice
from loadtests.running.run import Run

LEAD_S = 1.5
"""From the last worker's word that it is ready to moment 0: the message has to reach them all."""
SILENT_S = 6.0
"""A worker nobody heard of for so long is lost, unless it speaks again before the run is over."""
BUILT_WITHIN_S = 300.0
UNSURE_S = 2.0
"""A lost worker may have gone on sending for so long after its last word."""
OVERDUE_S = 60.0
STOPPED_WITHIN_S = 4.0
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Known:
    """A worker as the master knows it."""

    index: int
    heard: float
    """The master's monotonic clock, in seconds."""
    built: bool = False
    told: dict[str, Any] | None = None
    """Its summary, once its share is over."""
    batches: set[int] = field(default_factory=set)


class Master:
    """Gathers workers, orders, rows."""

    def __init__(
        self, environment: Environment, runner: MasterRunner, run: Run, folder: Path, *, host: str
    ) -> None:
        self._runner = runner
        self._run = run
        self._host = host
        self._record = Record(run, folder)
        self._workers: dict[str, Known] = {}
        self._ordered = False
        self._clock: RunClock | None = None
        self._began = 0.0
        # Beside everything else: whoever listens to the workers must not wait for it.
        self._schedule = gevent.spawn(in_thread, schedule_of, run)
        self._stopping: gevent.Greenlet | None = None
        self._notes: list[str] = []
        options = environment.parsed_options
        self._expected = int(options.expect_workers) if options is not None else 1
        self.over = False
        for kind, hear in (
            (messages.JOIN, self._hear_join),
            (messages.TIME, self._hear_time),
            (messages.BUILT, self._hear_built),
            (messages.ROWS, self._hear_rows),
            (messages.DONE, self._hear_done),
        ):
            runner.register_message(kind, hear)

    def begin(self) -> None:
        """A master has no user."""

    def users(self) -> int:
        """One a worker: Locust's way of starting something on each."""
        return self._expected

    def look(self) -> None:
        """Once a second: is everybody there, is somebody lost, is it over?"""
        now = monotonic()
        if self.over:
            return
        if not self._ordered:
            self._began = self._began or now
            if now - self._began > BUILT_WITHIN_S:
                came, wanted = len(self._workers), self._expected
                self._notes.append(f"{came} of {wanted} workers came within {BUILT_WITHIN_S:g} s")
                self._finish()
            return
        silent = [one for one in self._workers.values() if one.told is None and now - one.heard > SILENT_S]
        if self._clock is None:
            if all(one.built or one in silent for one in self._workers.values()):
                self._go()
            elif now - self._began > BUILT_WITHIN_S:
                self._notes.append(f"not all workers were ready within {BUILT_WITHIN_S:g} s")
                self._go()
            return
        past_us = self._clock.now_us() - self._schedule.get().length_us
        waiting = [one for one in self._workers.values() if one.told is None]
        patience_us = (self._run.answer_within_s + OVERDUE_S) * 1_000_000
        if not waiting or (past_us > 0 and all(one in silent for one in waiting)) or past_us > patience_us:
            self._finish()

    def stop(self) -> None:
        """End now, with what the workers still tell."""
        if self._stopping is None:
            # In a greenlet of its own: Locust kills its own ones while it ends.
            self._stopping = gevent.spawn(self._break_off)
        self._stopping.join()

    def _break_off(self) -> None:
        if not self._record.finished:
            self._notes.append("it was stopped before its end")
            self._runner.send_message(messages.STOP, {})
            for _ in range(int(STOPPED_WITHIN_S / 0.05)):
                if all(one.told is not None for one in self._workers.values()):
                    break
                gevent.sleep(0.05)
        self._finish()

    def _go(self) -> None:
        zero = monotonic_ns() + int(LEAD_S * 1e9)  # with the note of it, not after it was written
        self._record.begin(LEAD_S)
        self._clock = RunClock(zero)
        self._runner.send_message(messages.GO, {"zero": zero})

    def _finish(self) -> None:
        lost = {one.index: one for one in self._workers.values() if one.told is None}
        zero_s = self._clock.zero_ns / 1e9 if self._clock else float("inf")
        unsure = {
            index: int((one.heard + UNSURE_S - zero_s) * 1e6) if self._clock else -1
            for index, one in lost.items()
        }
        told = [one.told for one in self._workers.values() if one.told is not None]
        self._notes += [f"worker {index} was lost" for index in sorted(lost)]
        workers = len(self._workers) if self._ordered else self._expected
        self._record.finish(told, workers=workers, unsure_until_us=unsure, notes=self._notes)
        self.over = True

    def _heard(self, msg: Message) -> Known | None:
        known = self._workers.get(msg.node_id)
        if known is not None:
            known.heard = monotonic()
        return known

    def _hear_join(self, msg: Message, **_: object) -> None:
        if self._ordered or self.over:
            logger.warning("a worker that came after the shares were given out gets none")
            return
        self._workers[msg.node_id] = Known(len(self._workers), monotonic())
        if len(self._workers) < self._expected:
            return
        self._ordered, self._began = True, monotonic()
        text = self._run.as_bytes()
        for node, known in self._workers.items():
            known.heard = monotonic()
            orders = {"run": text, "index": known.index, "workers": len(self._workers), "host": self._host}
            self._runner.send_message(messages.ORDERS, orders, node)

    def _hear_time(self, msg: Message, **_: object) -> None:
        self._heard(msg)
        self._runner.send_message(messages.TIME, {"told": monotonic_ns()}, msg.node_id)

    def _hear_built(self, msg: Message, **_: object) -> None:
        known = self._heard(msg)
        if known is None:
            return
        if why := str(msg.data.get("why", "")):
            self._notes.append(f"worker {known.index}: {why[:500]}")
        known.built = True
        if self._clock is None and all(one.built for one in self._workers.values()):
            self._go()

    def _hear_rows(self, msg: Message, **_: object) -> None:
        known, batch = self._heard(msg), int(msg.data["batch"])
        if known is None or self._record.finished or batch == 0:
            return
        if batch not in known.batches:
            try:
                self._record.append(msg.data["lines"].splitlines(keepends=True))
            except Twice as error:
                self._notes.append(f"worker {known.index}: {error}")
            known.batches.add(batch)
        self._runner.send_message(messages.KEPT, {"batch": batch}, msg.node_id)

    def _hear_done(self, msg: Message, **_: object) -> None:
        known = self._heard(msg)
        if known is not None and known.told is None:
            known.told = dict(msg.data)
