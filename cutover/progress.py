"""Shows a person how far it is: a bar on a terminal, a line now and then elsewhere.

Reads the machine's clock for that, and nothing it knows reaches a report.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINES = 10
"""Progress lines where there is no terminal."""


class Meter:
    """A progress bar on standard error; `with` it around the work."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._console = Console(stderr=True)
        self._enabled = enabled
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._told = 0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall seconds since the meter was made."""
        return time.monotonic() - self._started

    def __enter__(self) -> Self:
        if self._enabled and self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
                console=self._console, transient=True,
            )  # fmt: skip
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, phase: str, done: int, whole: int) -> None:
        """Say how much of `whole` is done."""
        if not self._enabled:
            return
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(phase, total=whole)
            self._bar.update(self._task, completed=done, description=phase)
            return
        tenth = min(LINES, done * LINES // max(1, whole))
        if tenth > self._told:
            self._told = tenth
            sys.stderr.write(f"  {phase}: {tenth * 100 // LINES}% ({self.seconds:.0f} s)\n")
            sys.stderr.flush()
