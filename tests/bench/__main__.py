"""`python -m tests.bench [--size SIZE] [--long] [PART ...]`: runs the parts, prints a table, writes out/bench.*."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.bench.machine import load, machine
from tests.bench.parts import PARTS, measure
from tests.bench.rounds import Row
from tests.bench.scratch import OUT

MOST_S = 900
"""Seconds all parts may take together; what is not done by then is stopped and said to be missing."""


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
    parser.add_argument("--long", action="store_true", help="let the journal grow to 1,000,000")
    given = parser.parse_args()
    start, where = time.perf_counter(), machine()
    options = {"rehearsal": [given.size], "flat": ["--long"] if given.long else []}
    rows: list[Row] = []
    missing: list[str] = []
    for part in given.parts or PARTS:
        sys.stderr.write(f"measuring {part}\n")
        left = max(1.0, start + MOST_S * (4 if given.long else 1) - time.perf_counter())
        try:
            rows += measure(part, *options.get(part, []), seconds=left)
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
