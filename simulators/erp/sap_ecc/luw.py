"""Sessions and logical units of work: nothing a BAPI did persists before BAPI_TRANSACTION_COMMIT.

A BAPI checks everything, draws its number, and registers a step. Commit checks all steps again and then
runs them; rollback, a time-out or the end of the session drops them. A session is opened by the first
call that leaves work uncommitted and is known by its cookie.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from simulators.core.bookkeeping import BooksError
from simulators.core.clock import Clock
from simulators.erp.sap_ecc.errors import Refusal, SessionGone

COOKIE = "sap-contextid"
MAX_SESSIONS = 1_000
MAX_STEPS = 500
"""Updates of one unit of work; ABAP has no such limit, memory has."""


@dataclass(slots=True)
class Step:
    """An update that is to happen at commit. Both raise Refusal or BooksError; `check` changes nothing."""

    check: Callable[[], object]
    run: Callable[[], object]


@dataclass(slots=True)
class Session:
    """A caller's session and its unit of work."""

    key: str
    touched_at: datetime
    steps: list[Step] = field(default_factory=list)
    project_buffer: Literal["", "open", "checked"] = ""
    """Project BAPIs of the new family: opened by BAPI_PS_INITIALIZATION, checked by BAPI_PS_PRECOMMIT."""


class Sessions:
    """The sessions of one system, oldest touched first."""

    def __init__(self, clock: Clock, rng: random.Random, timeout_s: int) -> None:
        self._clock, self._rng = clock, rng
        self._timeout = timedelta(seconds=timeout_s)
        self._open: dict[str, Session] = {}

    def find(self, key: str) -> Session:
        """The session a cookie names; raises SessionGone when it is over or never was."""
        self._sweep()
        session = self._open.pop(key, None)
        if session is None:
            raise SessionGone
        session.touched_at = self._clock.now()
        self._open[key] = session
        return session

    def new(self) -> Session:
        """A session nobody knows of yet; `keep` makes it last."""
        return Session(f"{self._rng.getrandbits(128):032x}", self._clock.now())

    def keep(self, session: Session) -> None:
        """Let it be found by its key; the oldest makes room when there are too many."""
        self._sweep()
        if len(self._open) >= MAX_SESSIONS:
            self._open.pop(next(iter(self._open)))
        self._open[session.key] = session

    def end(self, session: Session) -> None:
        """Forget it with whatever it did not commit."""
        self._open.pop(session.key, None)

    def clear(self) -> None:
        """End all."""
        self._open.clear()

    @property
    def uncommitted(self) -> int:
        """Steps that wait for a commit, in all sessions."""
        self._sweep()
        return sum(len(session.steps) for session in self._open.values())

    def _sweep(self) -> None:
        floor = self._clock.now() - self._timeout
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.touched_at >= floor:
                return
            del self._open[oldest.key]


def register(session: Session, step: Step) -> None:
    """Check a step now and keep it for the commit; raises Refusal or BooksError, and then it is not kept."""
    if len(session.steps) >= MAX_STEPS:
        raise Refusal("00300", "too many updates in one unit of work")
    step.check()
    session.steps.append(step)


def commit(session: Session) -> None:
    """Run the steps; raises Refusal when an update ends abnormally, and then the unit of work is gone."""
    steps, session.steps = session.steps, []
    buffer, session.project_buffer = session.project_buffer, ""
    if buffer == "open" and steps:
        raise Refusal("00300", "BAPI_PS_PRECOMMIT is missing")
    try:
        for step in steps:
            step.check()
        for step in steps:
            step.run()
    except (Refusal, BooksError) as problem:
        raise Refusal("00300", str(problem)) from problem
