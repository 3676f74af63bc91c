"""The router may die at any commit: what the ERPs, CRM and PSA hold in the end is the same.

CI tries a commit of each kind and some in between, before and after; `make soak` tries every one.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.crashes import WRITES, differs, undisturbed

ROOT = Path(__file__).parents[2]
SPREAD = 2
"""Points besides those of each kind, spread over the run."""


@pytest.mark.parametrize("kind", WRITES)
def test_a_crash_at_a_commit_of_each_kind_changes_no_outcome(kind: str) -> None:
    """Kinds take turns to die before and after their commit, in the middle of their commits."""
    numbers = undisturbed().kinds[kind]
    assert numbers, f"no commit of the tiny cutover is about {kind}"
    when = "before" if list(WRITES).index(kind) % 2 else "after"
    assert differs((when, numbers[len(numbers) // 2])) == []


@pytest.mark.parametrize("at", range(SPREAD))
def test_a_crash_anywhere_changes_no_outcome(at: int) -> None:
    """Points spread over the run, of whatever kind."""
    number = undisturbed().commits * (2 * at + 1) // (2 * SPREAD)
    assert differs(("after" if at % 2 else "before", number)) == []


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_crash_at_every_commit_changes_no_outcome() -> None:
    """Every commit, before and after; what is done is kept in out/soak, so that a stopped run goes on."""
    command = [sys.executable, "-m", "tests.simulation.crashes", "--folder", "out/soak"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "see out/soak/crashes.jsonl"
