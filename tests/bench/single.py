"""Durable single POSTs against a bare FastAPI endpoint that validates the same body and keeps nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.bench.rounds import Row, ratio_of, spread, tell
from tests.bench.scratch import scratch

CONNECTIONS = 64
SECONDS = 2.5
ROUNDS = 5
TARGET = 0.6


@contextmanager
def serving(which: str, folder: Path) -> Iterator[int]:
    """One of the two servers in a process of its own; gives its port."""
    command = [sys.executable, "-m", "tests.bench.served", which, f"sqlite:///{folder}/{which}.sqlite"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def send(port: int, seconds: float, connections: int, first: int) -> dict[str, Any]:
    """Load a server from another process; anything but 202 ends the bench."""
    command = [sys.executable, "-m", "tests.bench.load", *map(str, (port, seconds, connections, first))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    told: dict[str, Any] = orjson.loads(done.stdout)
    if set(told["statuses"]) != {"202"}:
        raise AssertionError(f"answers were {told['statuses']}")
    return told


def run(*, seconds: float = SECONDS, rounds: int = ROUNDS, connections: int = CONNECTIONS) -> list[Row]:
    """The gateway's requests a second over the bare endpoint's."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        ports = {name: stack.enter_context(serving(name, folder)) for name in ("gateway", "bare")}
        told: dict[str, list[dict[str, Any]]] = {name: [] for name in ports}
        for number in range(rounds + 1):
            for name, port in ports.items():
                answer = send(port, seconds if number else min(1.0, seconds), connections, number * 1_000_000)
                if number:  # the first round warms both up
                    told[name].append(answer)
    ours, theirs = ([row["per_second"] for row in told[name]] for name in ("gateway", "bare"))
    p50, p99 = (statistics.median(row[name] for row in told["gateway"]) for name in ("p50_ms", "p99_ms"))
    return [
        {
            "name": "durable POST /v1/transactions against a bare validating FastAPI endpoint",
            "ratio": ratio_of(ours, theirs),
            "target": TARGET,
            "detail": f"{spread(ours)} to {spread(theirs)} requests/s; answered in {p50:.0f} ms, 99% in {p99:.0f};"
            f" {connections} connections, SQLite WAL synchronous=FULL, group commit; median of {rounds} rounds",
        }
    ]


if __name__ == "__main__":
    tell(run())
