"""Many seeds of the tiny cutover under drawn faults and crashes: no invariant may break, all must come to rest.

`python -m tests.simulation.many_seeds --first 1 --count 1000 --jobs 2` says how it went; each failure is printed
with the line that does it again. Run again with the same `--out`, it goes on where it stopped.
A no-go is no failure: a fault may make a deadline pass or a gate fail.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutover.montecarlo.runs import jobs_of, kept_rows, run_seeds
from cutover.montecarlo.worker import rehearsed
from cutover.progress import Meter
from cutover.rehearsal.options import with_chaos
from tests.simulation.tiny import tiny_options

OUT = Path("out/many-seeds")


def chaotic(seed: int) -> dict[str, Any]:
    """The row of the tiny cutover with everything about it drawn from the seed."""
    command = f"python -m tests.simulation.many_seeds --first {seed} --count 1"
    return rehearsed(with_chaos(tiny_options(seed=seed, command=command)))


def failed(row: Mapping[str, Any]) -> str:
    """What is wrong with a run, whatever its verdict; empty when nothing is."""
    if row["verdict"] in ("broken", "died"):
        return str(row["because"][0])
    if row["violated"]:
        return "violated: " + ", ".join(row["violated"])
    return "" if row["settled"] else "did not come to rest without faults"


def run(first: int, count: int, *, jobs: int, out: Path | None = None) -> list[dict[str, Any]]:
    """The rows of the seeds; those `out` has already are not run again."""
    seeds = range(first, first + count)
    if out is None:
        return run_seeds(seeds, chaotic, jobs=jobs, on_row=lambda *_: None)
    out.mkdir(parents=True, exist_ok=True)
    header = {"plan": tiny_options().plan.digest(), "faults": "drawn"}
    with kept_rows(out / "runs.jsonl", header) as (known, keep), Meter() as meter:
        left = [seed for seed in seeds if seed not in known]
        done = [0]

        def on_row(row: Mapping[str, Any], seconds: float) -> None:
            keep(row, seconds)
            done[0] += 1
            meter.show("seeds", done[0], len(left))
            if why := failed(row):
                sys.stderr.write(f"seed {row['seed']}: {why}\n")

        fresh = {row["seed"]: row for row in run_seeds(left, chaotic, jobs=jobs, on_row=on_row)}
    return [fresh.get(seed) or known[seed] for seed in seeds]


def told(rows: Sequence[Mapping[str, Any]]) -> str:
    """The verdicts, why the no-goes, and each failure with its reproduction."""
    verdicts = Counter(row["verdict"] for row in rows)
    reasons = Counter(
        _shape(row["because"][0]) for row in rows if row["verdict"] == "no-go" and not failed(row)
    )
    lines = [
        f"{len(rows)} seeds: " + ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items()))
    ]
    lines += [f"  {count} x {reason}" for reason, count in reasons.most_common()]
    for row in rows:
        if why := failed(row):
            again = row.get(
                "reproduce", f"python -m tests.simulation.many_seeds --first {row['seed']} --count 1"
            )
            lines.append(f"FAILED seed {row['seed']}: {why}\n  again: {again}")
    return "\n".join(lines)


def _shape(reason: str) -> str:
    """A reason without its figures, so that alike ones count together."""
    return "".join("#" if letter.isdigit() else letter for letter in reason)[:160]


def main() -> None:
    """Run from the command line; exit code 3 when an invariant broke or a run did not end well."""
    parser = argparse.ArgumentParser(description="the tiny cutover under drawn faults, many seeds")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    out = None if given.count == 1 else given.out
    rows = run(given.first, given.count, jobs=jobs_of(given.jobs), out=out)
    sys.stdout.write(told(rows) + "\n")
    raise SystemExit(3 if any(failed(row) for row in rows) else 0)


if __name__ == "__main__":
    main()
