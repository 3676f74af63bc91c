"""`python -m tests.bench [--size SIZE] [PART ...]`: runs the parts, prints a table, writes out/bench.*."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from tests.bench.machine import load, machine
from tests.bench.rounds import Row
from tests.bench.scratch import OUT

PARTS = ("routing", "single", "batch", "rehearsal", "comparison")
MOST_S = 420
"""Seconds all parts may take together; what is not done by then is stopped and said to be missing."""
STOPS_S = 15
"""Seconds a stopped part has to take down its servers and remove its files."""


def measure(part: str, *arguments: str, seconds: float) -> list[Row]:
    """The rows of a part, run alone in a process group of its own; raises TimeoutExpired."""
    command = [sys.executable, "-m", f"tests.bench.{part}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            told, _ = process.communicate(timeout=seconds)
        except BaseException:
            stop(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    rows: list[Row] = orjson.loads(told)
    return rows


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a part and what it started: first as Ctrl-C would, so that it cleans up."""
    for how in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_S)


def figure(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(row: Row) -> str:
    """Whether the target was met."""
    return "" if row["target"] is None else "yes" if row["ratio"] >= row["target"] else "NO"


def markdown(rows: Sequence[Row], where: Mapping[str, Any]) -> str:
    """The table, with where and when it was measured."""
    lines = ["| What | Ratio | At least | Met | How |", "|---|---:|---:|---|---|"]
    for row in rows:
        target = "" if row["target"] is None else figure(row["target"])
        cells = (row["name"], figure(row["ratio"]), target, verdict(row), row["detail"])
        lines.append("| " + " | ".join(cells) + " |")
    told = (
        f"Measured {where['date']} on {where['cores']} cores of {where['processor']}, {where['system']},"
        f" {where['python']}, SQLite {where['sqlite']}; an fsync takes {where['fsync_ms']} ms; load average"
        f" {where['load_before']} before and {where['load_after']} after, in {where['seconds']} s."
    )
    return "\n".join([*lines, "", told]) + "\n"


def main() -> int:
    """Measure, print, write; 1 when a part is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all of them when none is named")
    parser.add_argument("--size", default="default", help="of the rehearsal: small, default or large")
    given = parser.parse_args()
    start, where = time.perf_counter(), machine()
    rows: list[Row] = []
    missing: list[str] = []
    for part in given.parts or PARTS:
        sys.stderr.write(f"measuring {part}\n")
        left = max(1.0, start + MOST_S - time.perf_counter())
        try:
            rows += measure(part, *([given.size] if part == "rehearsal" else []), seconds=left)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            missing.append(part)
            sys.stderr.write(f"{part} is missing: {error}\n")
    where |= {"load_after": load(), "seconds": round(time.perf_counter() - start)}
    OUT.mkdir(exist_ok=True)
    told = {"machine": where, "rows": rows, "missing": missing}
    (OUT / "bench.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    table = markdown(rows, where)
    (OUT / "bench.md").write_text(table, encoding="utf-8")
    sys.stdout.write(table)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
