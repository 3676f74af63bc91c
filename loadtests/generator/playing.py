"""One worker's share from its schedule to its last row."""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib import import_module
from typing import Any

import gevent

from loadtests.generator.bookkeeping import Bookkeeping, Fire, Lines, Processor
from loadtests.generator.clock import RunClock
from loadtests.generator.dispatch import Dispatcher
from loadtests.generator.preparing import AHEAD_US, Preparation
from loadtests.generator.share import share_of
from loadtests.generator.wire import Connections, Target
from loadtests.running.run import Run
from loadtests.scenario.schedule import Schedule
from loadtests.traffic.port import Traffic

MADE_BEFORE_START = 20_000
"""Bodies made before moment 0, at most: a few seconds' worth."""


def in_thread(work: Callable[..., Any], *args: Any) -> Any:
    """Compute in a thread, so that heartbeats go on meanwhile; raises what it raises."""
    return gevent.get_hub().threadpool.apply(work, args)


def schedule_of(run: Run) -> Schedule:
    """The run's schedule."""
    found: Schedule = import_module("loadtests.scenario.arrivals").schedule(run)
    return found


def traffic_of(run: Run) -> Traffic:
    """The run's traffic."""
    found: Traffic = import_module("loadtests.traffic.build").traffic_of(run)
    return found


class Share:
    """The part of a run one process plays."""

    def __init__(self, run: Run, *, index: int, workers: int, target: Target) -> None:
        self._run = run
        schedule = in_thread(schedule_of, run)
        traffic = in_thread(traffic_of, run)
        self._preparation = Preparation(run, traffic, target, share_of(run, schedule, index, workers))
        self._connections = Connections(target, answer_within_s=run.answer_within_s)
        self._connections.resolve()
        self._dispatcher: Dispatcher | None = None
        for made in range(MADE_BEFORE_START):
            if self._preparation.ahead(AHEAD_US):
                break
            self._preparation.make()
            if made % 100 == 0:
                gevent.sleep(0)

    def play(self, clock: RunClock, *, fire: Fire, lines: Lines) -> dict[str, Any]:
        """Play it; says what `generator.json` should say of this worker."""
        dispatcher = self._dispatcher = Dispatcher(
            self._preparation, self._connections, clock, most_under_way=self._run.most_under_way
        )
        names = [stream.name for stream in self._run.scenario.streams]
        bookkeeping = Bookkeeping(dispatcher, names, fire=fire, lines=lines)
        with _RareCollections():
            processor = Processor()
            beside = [
                gevent.spawn(work) for work in (lambda: self._preparation.go_on(clock), processor.go_on)
            ]
            books = gevent.spawn(bookkeeping.go_on)
            try:
                dispatcher.play()
                books.get()
            finally:
                gevent.killall([*beside, books])
        return {
            **processor.told(),
            **{name: bookkeeping.counts[name] for name in ("planned", "repeats", "dropped", "late")},
            "connections": self._connections.opened,
            "unprepared": self._preparation.unprepared,
        }

    def stop(self) -> None:
        """Break it off, and let `play` return: what is under way has no answer, what was not started has no row."""
        if self._dispatcher is not None:
            self._dispatcher.stop()


class _RareCollections:
    """No collection of garbage of its own accord: a full one stops a process for longer than a start may wait."""

    def __enter__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()
        gc.unfreeze()
