"""The ledger and the summary of a run, in the one process that writes them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import locust

from loadtests.generator.bookkeeping import text_of
from loadtests.generator.playing import in_thread, schedule_of
from loadtests.generator.share import share_of
from loadtests.ledger.rows import DROPPED, NO_ANSWER, Sent
from loadtests.ledger.writing import Ledger, line_of
from loadtests.machine import processor
from loadtests.running.run import GENERATOR, SENT, STARTED, Run

FLUSH_S = 0.5
ROWS_AT_ONCE = 1_000


def tell_start(folder: Path, in_s: float) -> str:
    """Write down when moment 0 of a run is, so many seconds from now; says it as text, in UTC."""
    zero = datetime.fromtimestamp(datetime.now(UTC).timestamp() + in_s, UTC).isoformat(
        timespec="microseconds"
    )
    write_whole(folder / STARTED, text_of({"started_at": zero}))
    return zero


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that others wait for: it is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(data)
    unfinished.replace(path)


class Record:
    """Open from the run's start to its end."""

    def __init__(self, run: Run, folder: Path, *, name: str = SENT) -> None:
        self._run = run
        self._folder = folder
        self._ledger = Ledger(folder / name)
        self._started_at = ""
        self._flushing = gevent.spawn(self._flush)
        self._finishing: gevent.Greenlet | None = None

    def begin(self, in_s: float) -> None:
        """Moment 0 of the run is so many seconds from now."""
        self._started_at = tell_start(self._folder, in_s)

    def append(self, lines: Iterable[bytes]) -> None:
        """Add rows; raises Twice, ValueError and OSError."""
        self._ledger.append(lines)

    def finish(
        self,
        told: Sequence[Mapping[str, Any]],
        *,
        workers: int,
        unsure_until_us: Mapping[int, int],
        notes: Sequence[str],
    ) -> None:
        """Write a row for every start nobody told of, and the summary; once.

        Whoever calls it again waits for the same. `unsure_until_us`: lost worker → until when its starts may have been sent, though nobody knows of them.
        """
        if self._finishing is None:
            # In a greenlet of its own: Locust kills its own ones while it ends, and half a summary is none.
            self._finishing = gevent.spawn(self._finish, list(told), workers, unsure_until_us, list(notes))
        self._finishing.get()

    @property
    def finished(self) -> bool:
        """Whether nothing more is added."""
        return self._finishing is not None

    def _finish(
        self,
        told: Sequence[Mapping[str, Any]],
        workers: int,
        unsure_until_us: Mapping[int, int],
        notes: Sequence[str],
    ) -> None:
        unsent = self._missing(max(workers, 1), unsure_until_us)
        self._flushing.kill()
        self._ledger.close()
        summary = {
            "workers": workers,
            "lost_workers": len(unsure_until_us),
            "started_at": self._started_at,
            "locust": locust.__version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()}",
            "processor": processor(),
            "cores": os.cpu_count(),
            "processor_percent": max((one["processor_percent"] for one in told), default=0.0),
            "processor_peak_percent": max((one["processor_peak_percent"] for one in told), default=0.0),
            "unsent": unsent,
            "each": [dict(one) for one in told],
            "notes": list(notes),
        }
        write_whole(self._folder / GENERATOR, text_of(summary))

    def _missing(self, workers: int, unsure_until_us: Mapping[int, int]) -> int:
        """Every start of the schedule stands in the ledger; how many were not started, or may not have been."""
        lines: list[bytes] = []
        count = 0
        for start in share_of(self._run, in_thread(schedule_of, self._run), 0, 1):
            number, at_us = start.arrival.number, start.at_us
            if self._ledger.has(number, repeat=start.repeat):
                continue
            unsure = at_us <= unsure_until_us.get(number % workers, -1)
            status = NO_ANSWER if unsure else DROPPED
            why = "its worker was lost: it may have been sent" if unsure else "it was never started"
            lines.append(line_of(Sent(number, at_us, at_us, at_us, status, (), why, start.repeat)))
            count += 1
            if len(lines) >= ROWS_AT_ONCE:
                self._ledger.append(lines)
                lines.clear()
                gevent.sleep(0)
        self._ledger.append(lines)
        return count

    def _flush(self) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            self._ledger.flush()
