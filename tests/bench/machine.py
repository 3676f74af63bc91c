"""Where the figures come from: without it nobody can compare them."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from typing import Any

from loadtests.machine import processor
from tests.bench.scratch import scratch


def machine() -> dict[str, Any]:
    """Date, processor, versions, and what waiting for the disk costs."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "fsync_ms": round(fsync_ms(), 3),
        "load_before": load(),
    }


def load() -> float:
    """Programs that wanted a processor in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def fsync_ms(times: int = 50) -> float:
    """Milliseconds for 4 kB to reach the disk, median."""
    taken = []
    with scratch() as folder, tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3
