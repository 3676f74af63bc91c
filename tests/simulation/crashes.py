"""Kills the router at a commit of the tiny cutover and compares the outcome with the undisturbed one.

`python -m tests.simulation.crashes --folder DIR` tries every commit, before and after, two at a time; it
keeps what it has done in DIR and goes on from there, says which ones differ, and ends 1 if any did.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.rehearsal.world import World
from router.journal.engine import Transaction
from tests.simulation.outcome import differences, outcome
from tests.simulation.tiny import rehearse_tiny

SHOWN = 5
Point = tuple[str, int]
WRITES = {
    "accept": "INSERT INTO transactions",
    "cursor": "INSERT INTO cursors",
    "claim": "INSERT INTO attempts",
    "settle": "UPDATE attempts SET settled_at",
    "publish": "INSERT INTO route_tables",
    "switch": "INSERT INTO epochs",
    "open lanes": "DELETE FROM gates",
    "release": "UPDATE transactions SET state",
    "step": "INSERT INTO steps",
    "breaks": "INSERT INTO breaks",
}
"""What a commit is about, by a statement only that kind of commit has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """The run without a crash."""

    outcome: dict[str, Any]
    commits: int
    kinds: dict[str, list[int]]
    """Numbers of the commits of each kind."""


@cache
def undisturbed() -> Undisturbed:
    """Rehearse the tiny cutover once, noting what each commit is about."""
    kinds: dict[str, list[int]] = {name: [] for name in WRITES}
    said: list[str] = []
    run, many, told = Transaction.run, Transaction.many, World._on_commit

    def spy_run(self: Transaction, text: str, values: Sequence[Any] = ()) -> int:
        touched = run(self, text, values)
        if touched:
            said.append(text)
        return touched

    def spy_many(self: Transaction, text: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            said.append(text)
        many(self, text, rows)

    def spy_commit(self: World, when: str, number: int) -> None:
        told(self, when, number)
        if when == "before":
            for name, statement in WRITES.items():
                if any(text.startswith(statement) for text in said):
                    kinds[name].append(self.commits)
            said.clear()

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "run", spy_run)
        patch.setattr(Transaction, "many", spy_many)
        patch.setattr(World, "_on_commit", spy_commit)
        done = rehearse_tiny(Path(folder))
    return Undisturbed(outcome=outcome(done), commits=done.world.commits, kinds=kinds)


def differs(point: Point) -> list[str]:
    """What is different when the router dies at that commit; nothing is right."""
    with tempfile.TemporaryDirectory() as folder:
        done = rehearse_tiny(Path(folder), crash_commit=point)
    found = differences(undisturbed().outcome, outcome(done))
    if done.world.lives != 2:
        found.append(f"the router lived {done.world.lives} times: it did not die as planted")
    return found


def _tried(point: Point) -> list[str]:
    try:
        return differs(point)
    except Exception:  # noqa: BLE001 one point that breaks must not hide the others
        return traceback.format_exc().splitlines()[-SHOWN:]


def main() -> int:
    """Try every point that is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("out/soak"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="only each n-th commit")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    commits = undisturbed().commits
    log = given.folder / "crashes.jsonl"
    done = {tuple(row["point"]): row["differs"] for row in map(orjson.loads, _lines(log))}
    points = [(when, n) for n in range(1, commits + 1, given.every) for when in ("before", "after")]
    left = [point for point in points if point not in done]
    say = sys.stdout.write
    say(f"{commits} commits, {len(points)} points, {len(left)} to go; kept in {log}\n")
    with ProcessPoolExecutor(given.jobs) as pool, log.open("ab") as out:
        jobs = {pool.submit(_tried, point): point for point in left}
        for at, job in enumerate(as_completed(jobs), start=1):
            point, found = jobs[job], job.result()
            done[point] = found
            out.write(orjson.dumps({"point": point, "differs": found}) + b"\n")
            out.flush()
            if found:
                say(f"{point[0]} commit {point[1]}:\n" + "".join(f"    {row}\n" for row in found[:SHOWN]))
            elif at % 25 == 0:
                say(f"{at} of {len(left)}\n")
            sys.stdout.flush()
    bad = [point for point in points if done[point]]
    say(f"{len(points) - len(bad)} of {len(points)} as undisturbed; others: {bad or 'none'}\n")
    return 1 if bad else 0


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


if __name__ == "__main__":
    raise SystemExit(main())
