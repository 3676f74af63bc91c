"""Rehearses one seed after another in a process of its own; the pool (`runs`) starts and feeds it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from cutover.collecting import collect_rarely
from cutover.montecarlo.rows import broken_row, row_of
from cutover.progress import Meter
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.rehearse import rehearse

Task = Callable[[int], dict[str, Any]]
"""Gives a seed's row; must be picklable, and the same for the same seed in every process."""


@dataclass(frozen=True, kw_only=True)
class Rehearsing:
    """The task of `coexist rehearse --runs`: the plan under one seed."""

    given: dict[str, Any]
    """What `make_options` takes, without seed and command."""
    command: str
    """The line that rehearses one seed again, `{seed}` in it."""

    def options(self, seed: int) -> Options:
        """The options of a seed; raises BadConfig and BadInput."""
        return make_options(seed=seed, command=self.command.replace("{seed}", str(seed)), **self.given)

    def __call__(self, seed: int) -> dict[str, Any]:
        """Rehearse it; what is raised becomes a row that says so."""
        options = self.options(seed)
        return rehearsed(options)


def rehearsed(options: Options, **more: Any) -> dict[str, Any]:
    """The row of a rehearsal whose journal nobody keeps; `more` as `rehearse` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = rehearse(options, journal=Path(folder) / "journal.sqlite", **more)
        except Exception as error:  # noqa: BLE001 - one seed's bug must not end the other 199
            return broken_row(options.seed, told(error), options.command)
        return row_of(done, options)


def told(error: BaseException) -> str:
    """The innermost error of groups of them, in a line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def work(connection: Connection, task: Task) -> None:
    """Take seeds and give rows until the pool closes its end."""
    collect_rarely()
    # What a feed complains of under faults is in the journal; two hundred rehearsals of it drown the answer.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        while True:
            seed: int = connection.recv()
            meter = Meter(enabled=False)
            row = task(seed)
            connection.send((row, meter.seconds))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        # Nobody waits for rows any more.
        return
