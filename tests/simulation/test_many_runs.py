"""Many runs: kept as they come, resumed, none lost with its process; a few dozen seeds under drawn faults."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.montecarlo.runs import kept_rows, run_seeds
from router.errors import BadInput
from tests.simulation import many_seeds

CI_SEEDS = 12
"""In CI; `make soak` rehearses a thousand."""


def echo(seed: int) -> dict[str, Any]:
    """A run that says who it was."""
    return {"seed": seed, "verdict": "go", "violated": []}


def deadly(seed: int) -> dict[str, Any]:
    """A run whose third seed kills its process, as the kernel does when memory is short."""
    if seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return echo(seed)


def nobody(row: Mapping[str, Any], seconds: float) -> None:
    """Rows are not shown to anybody."""


def test_rows_come_in_the_order_of_their_seeds_whoever_made_them() -> None:
    """More processes than seeds, or fewer: the same rows."""
    for jobs in (1, 3):
        assert [row["seed"] for row in run_seeds(range(5), echo, jobs=jobs, on_row=nobody)] == [0, 1, 2, 3, 4]


def test_a_process_that_dies_takes_only_its_own_seed_with_it() -> None:
    """The seed is named with how it died; all others have their rows."""
    rows = run_seeds(range(6), deadly, jobs=2, on_row=nobody)
    assert [row["verdict"] for row in rows] == ["go", "go", "go", "died", "go", "go"]
    assert rows[3]["because"] == ["its process was killed by signal 9"]


def test_rows_are_kept_as_they_come_and_known_the_next_time(tmp_path: Path) -> None:
    """What was cut off in the middle of a line is run again; what died is not kept; other options are refused."""
    path = tmp_path / "runs.jsonl"
    with kept_rows(path, {"plan": "a"}) as (known, keep):
        assert known == {}
        keep(echo(1), 0.5)
        keep(echo(2) | {"verdict": "died"}, 0.5)
    with path.open("ab") as file:
        file.write(b'{"seed": 4, "ver')
    with kept_rows(path, {"plan": "a"}) as (known, keep):
        assert known == {1: echo(1)}
        keep(echo(4), 0.5)
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line.get("seed") for line in lines] == [None, 1, 4]
    with pytest.raises(BadInput, match="another plan"), kept_rows(path, {"plan": "b"}):
        pytest.fail("rows of another plan were taken")


@pytest.mark.parametrize(
    "line", ["hello", "[]", "7", '{"of": {"plan": "a"}}\n{"seed": 1', '{"of": {"plan": "a"}}\n{"seed": 1}']
)
def test_a_file_of_something_else_is_refused_by_its_line(tmp_path: Path, line: str) -> None:
    """Somebody else's file, or rows spoilt in the middle: said with the line, never a traceback, and left as it was."""
    path = tmp_path / "runs.jsonl"
    path.write_text(f"{line}\n")
    number = line.count("\n") + 1
    with pytest.raises(BadInput, match=f":{number}: is no row"), kept_rows(path, {"plan": "a"}):
        pass
    assert path.read_text() == f"{line}\n"


def test_rows_that_can_not_be_kept_are_refused_before_any_run(tmp_path: Path) -> None:
    """Where the rows can't be written, nothing is rehearsed for nothing."""
    with pytest.raises(BadInput, match="can't be written"), kept_rows(tmp_path, {"plan": "a"}):
        pass


def test_seeds_under_drawn_faults_break_no_invariant_and_come_to_rest() -> None:
    """A no-go is a verdict; a violated invariant, an unsettled end or an error is a bug, told with its line."""
    # 528: a failed step lets a payment go at the plan's end, which waits a day for an invoice that never comes.
    rows = [*many_seeds.run(1, CI_SEEDS, jobs=2), many_seeds.chaotic(528)]
    failures = [f"{row['reproduce']}: {many_seeds.failed(row)}" for row in rows if many_seeds.failed(row)]
    assert failures == []
    assert any(row["crashes"] for row in rows)
    assert any(count for row in rows for fired in row["faults"].values() for count in fired.values())


@pytest.mark.soak
def test_a_thousand_seeds_under_drawn_faults(tmp_path: Path) -> None:
    """The same over 1,000 seeds."""
    rows = many_seeds.run(1, 1000, jobs=2, out=tmp_path)
    assert [row["reproduce"] for row in rows if many_seeds.failed(row)] == []
