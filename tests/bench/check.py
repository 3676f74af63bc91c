"""`python -m tests.bench.check [--write-baseline] [PART ...]`: has a ratio of the bench become worse?

Measures, and holds every ratio against fixtures/bench/baseline.json: one that fell by more than a fifth
fails. What fails is measured once more, and its better reading counts: another program on the machine
can only make a reading worse. A row the baseline does not have, or that was not measured, is said.
Rows whose other side is a clock or a fixed figure are left out: they are the machine's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from tests.bench.machine import machine
from tests.bench.parts import PARTS, measure
from tests.bench.rounds import Row

BASELINE = Path(__file__).parents[2] / "fixtures/bench/baseline.json"
WORSE = 0.8
"""A ratio below this part of its baseline is a regression."""
MOST_S = 600
"""Seconds a part may take; what is not done by then is missing."""
Ratios = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """A row whose ratio became worse, or that is only on one side."""

    name: str
    what: Literal["worse", "missing", "new"]
    was: float | None
    is_now: float | None

    def __str__(self) -> str:
        if self.was is not None and self.is_now is not None:
            fell = round(100 * (1 - self.is_now / self.was))
            return f"{self.name}: was {self.was:.3g}, is {self.is_now:.3g} ({fell}% worse)"
        if self.was is not None:
            return f"{self.name}: was {self.was:.3g}, was not measured"
        return f"{self.name}: is {self.is_now:.3g}, is not in the baseline (--write-baseline adds it)"


def compare(baseline: Ratios, measured: Ratios, *, worse: float = WORSE) -> list[Finding]:
    """What differs for the worse, in the order of the baseline; then what it does not have."""
    found: list[Finding] = []
    for name, was in baseline.items():
        is_now = measured.get(name)
        if is_now is None:
            found.append(Finding(name, "missing", was, None))
        elif not is_now >= worse * was:  # so that a NaN is no pass
            found.append(Finding(name, "worse", was, is_now))
    found += [Finding(name, "new", None, one) for name, one in measured.items() if name not in baseline]
    return found


def better_of(first: Ratios, second: Ratios) -> dict[str, float]:
    """Of two readings the better of each row."""
    return {
        name: max(one[name] for one in (first, second) if name in one)
        for name in dict.fromkeys([*first, *second])
    }


def judged(
    baseline: Ratios, parts: Sequence[str], measured: Callable[[str], Ratios]
) -> tuple[list[Finding], dict[str, float]]:
    """Findings and ratios of these parts; a part with a row that fell is measured once more."""
    every: dict[str, float] = {}
    for part in parts:
        ratios = dict(measured(part))
        if any(one.what == "worse" for one in compare(baseline, ratios)):
            ratios = better_of(ratios, measured(part))
        every |= ratios
    return compare(baseline, every), every


def ratios_of(part: str) -> dict[str, float]:
    """The ratios of a part, measured now; none when it failed or took too long."""
    sys.stderr.write(f"measuring {part}\n")
    try:
        rows: list[Row] = measure(part, seconds=MOST_S)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{part} is missing: {error}\n")
        return {}
    return comparable(rows)


def comparable(rows: Sequence[Row]) -> dict[str, float]:
    """The ratios two machines may be compared by: both sides of each were measured in the same run."""
    return {row["name"]: row["ratio"] for row in rows if not row.get("machine")}


def write(file: Path, by_part: Mapping[str, Ratios]) -> None:
    """Keep ratios, part by part, as what later runs are held against."""
    told = {"machine": machine(), "parts": {part: dict(ratios) for part, ratios in by_part.items()}}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


def main() -> int:
    """0: no ratio fell; 1: one did, or a row is missing; 2: there is no baseline."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.check")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all of them when none is named")
    parser.add_argument("--write-baseline", action="store_true", help="keep what is measured as the baseline")
    given = parser.parse_args()
    parts = tuple(given.parts or PARTS)
    known: dict[str, Ratios] = orjson.loads(BASELINE.read_bytes())["parts"] if BASELINE.exists() else {}
    if given.write_baseline:
        fresh = {part: ratios for part in parts if (ratios := ratios_of(part))}
        write(BASELINE, {part: (known | fresh)[part] for part in PARTS if part in known | fresh})
        return 0 if len(fresh) == len(parts) else 1
    if not known:
        sys.stderr.write(f"{BASELINE}: there is no baseline; write one with --write-baseline\n")
        return 2
    start = time.perf_counter()
    baseline = {name: ratio for part in parts for name, ratio in known.get(part, {}).items()}
    findings, measured = judged(baseline, parts, ratios_of)
    for one in findings:
        sys.stdout.write(f"{one.what}: {one}\n")
    failed = [one for one in findings if one.what != "new"]
    verdict = f"{len(failed)} of" if failed else "none of"
    sys.stdout.write(
        f"{verdict} {len(baseline)} ratios fell by more than {round(100 * (1 - WORSE))}% or is missing;"
        f" {len(measured)} measured in {time.perf_counter() - start:.0f} s\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
