"""A run played by one process, which is generator and ledger in one."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from locust.env import Environment

from loadtests.generator.clock import RunClock
from loadtests.generator.playing import Share
from loadtests.generator.record import Record
from loadtests.generator.wire import Target
from loadtests.running.run import Run

LEAD_S = 0.5
"""From having everything made to moment 0."""
STOPPED_WITHIN_S = 20.0
logger = logging.getLogger(__name__)


class Alone:
    """Plays the whole run in this process."""

    def __init__(self, environment: Environment, run: Run, folder: Path, target: Target) -> None:
        self._environment = environment
        self._run = run
        self._target = target
        self._record = Record(run, folder)
        self._share: Share | None = None
        self._playing: gevent.Greenlet[[], None] | None = None
        self._told: list[dict[str, Any]] = []
        self._notes: list[str] = []
        self._stopped = False
        self.over = False

    def users(self) -> int:
        """One: it stands for the whole run."""
        return 1

    def begin(self) -> None:
        """Start playing; a second call does nothing."""
        if self._playing is None:
            self._playing = gevent.spawn(self._play)

    def look(self) -> None:
        """Whether the run broke: without its record there is nothing to wait for."""
        if self._playing is not None and self._playing.dead:
            self.over = True

    def stop(self) -> None:
        """Break off what is still going on, and finish the record."""
        if self._playing is not None and not self._stopped and not self._record.finished:
            self._stopped = True
            self._notes.append("it was stopped before its end")
            if self._share is not None:
                self._share.stop()
            self._playing.join(STOPPED_WITHIN_S)
        self._finish()

    def _play(self) -> None:
        try:
            self._share = Share(self._run, index=0, workers=1, target=self._target)
            zero_ns = monotonic_ns() + int(LEAD_S * 1e9)  # with the note of it, not after it was written
            self._record.begin(LEAD_S)
            clock = RunClock(zero_ns)
            told = self._share.play(
                clock, fire=self._environment.events.request.fire, lines=self._record.append
            )
            self._told.append(told)
        except Exception as error:
            # Whatever it is, the record must say why nothing was sent.
            logger.exception("the share could not be played")
            self._notes.append(f"{type(error).__name__}: {error}")
        self._finish()

    def _finish(self) -> None:
        self._record.finish(self._told, workers=1, unsure_until_us={}, notes=self._notes)
        self.over = True
