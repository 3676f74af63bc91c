"""How long a step asks an ERP again that can't be read: an answer that is late proves as much as any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from cutover.plan.steps import Step
from router.dualrun.books import Patience

WITHOUT_DEADLINE = timedelta(minutes=60)
"""How long a step without a deadline asks again: then people want to be told."""
SPARE = timedelta(minutes=2)
"""What a last try needs before the deadline, so that a step says what the ERP said and not only that it is late."""


@contextmanager
def patient(
    step: Step, evidence: dict[str, Any], *, now: datetime, started: datetime | None
) -> Iterator[Patience]:
    """The patience of a step; failed tries are counted in its evidence, however it ends.

    `started`: since when its deadline runs; None: it has none here, and asks again for an hour.
    """
    until = now + WITHOUT_DEADLINE
    if step.deadline_minutes is not None and started is not None:
        until = started + timedelta(minutes=step.deadline_minutes) - SPARE
    patience = Patience(until=until)
    try:
        yield patience
    finally:
        if patience.tries:
            evidence |= {"tries": patience.tries, "last_problem": patience.last_problem}
