"""One control run: the tiny cutover rehearsed with a bug planted, and whether the right one caught it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutover.proving.mutants import MUTANTS, SECOND_LOOK, Mutant
from cutover.proving.scenarios import SCENARIOS, UNSOUND
from cutover.proving.seams import planted
from cutover.proving.tiny import rehearse_tiny

SOUND = "sound: "
"""Before the name of a scenario: the same rehearsal without a bug, in which nobody may catch anything."""
SAID_MOST = 300


def names() -> tuple[str, ...]:
    """Every control run: the mutants, and the sound run of each scenario."""
    sound = [f"{SOUND}{name}" for name in SCENARIOS if name not in UNSOUND]
    return (*sound, *(mutant.name for mutant in MUTANTS))


def prove(name: str) -> dict[str, Any]:
    """Make one control run; the row the report shows. Raises KeyError for a name there is not."""
    if name.startswith(SOUND):
        return _sound(name)
    mutant = {one.name: one for one in MUTANTS}[name]
    with planted(mutant.plant):
        said = _said(mutant)
    caught = bool(said) and not said.startswith("not caught")
    return _row(name, mutant.broken, mutant.caught_by, caught=caught, said=said)


def as_report(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The control runs as the report's key `control_runs`; the same rows, the same text."""
    missed = [str(row["name"]) for row in rows if not row["caught"]]
    return {
        "total": len(rows),
        "caught": len(rows) - len(missed),
        "missed": missed,
        "rows": [{key: value for key, value in row.items() if key != "seconds"} for row in rows],
    }


def _sound(name: str) -> dict[str, Any]:
    report = _rehearsed(name.removeprefix(SOUND))
    found = [said for by in _catchers(report) for said in _complaints(report, by)]
    return _row(
        name,
        "Nothing: the same rehearsal without a bug.",
        "nobody",
        caught=not found and report["verdict"] == "go",
        said="nobody complained" if not found else found[0],
    )


def _said(mutant: Mutant) -> str:
    """What the catcher said of the bug; begins with "not caught" when it did not."""
    try:
        report = _rehearsed(mutant.scenario)
    except Exception as error:  # noqa: BLE001 - a router with a bug may end in any way; that is the row's text
        return f"not caught: the rehearsal ended with {type(error).__name__}: {error}"
    for said in _complaints(report, mutant.caught_by):
        if mutant.says in said:
            return said
    others = [by for by in _catchers(report) if _complaints(report, by)]
    return f"not caught: {', '.join(others)} complained" if others else "not caught: nobody complained"


def _rehearsed(scenario: str) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return rehearse_tiny(Path(folder), **SCENARIOS[scenario]).report


def _catchers(report: Mapping[str, Any]) -> list[str]:
    """Everybody who could complain: invariants, gates by name, the second look."""
    invariants = [str(row["name"]) for row in report["invariants"]]
    return [*invariants, *dict.fromkeys(str(row["name"]) for row in report["gates"]), SECOND_LOOK]


def _complaints(report: Mapping[str, Any], by: str) -> list[str]:
    if by == SECOND_LOOK:
        return [str(said) for said in report["gate_audit"]["violations"]]
    found = [str(said) for row in report["invariants"] if row["name"] == by for said in row["examples"]]
    return found + [
        f"{row['step']}: {row['name']}: {row['verdict']}, measured {row['measured']}, {row['threshold']}"
        for row in report["gates"]
        if row["name"] == by and row["verdict"] != "pass"
    ]


def _row(name: str, broken: str, must_catch: str, *, caught: bool, said: str) -> dict[str, Any]:
    return {
        "name": name,
        "broken": broken,
        "must_catch": must_catch,
        "caught": caught,
        "said": said[:SAID_MOST],
    }
