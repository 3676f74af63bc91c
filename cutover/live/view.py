"""Shows a live run: a table that follows it on a terminal, a line for each thing that happens elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cutover.live.standing import standing
from cutover.plan.model import Plan
from router.clock import Clock
from router.journal.run_words import Row

QUIET = ("entering", "proposed", "based")
"""Rows of the log that say nothing to people."""


class View:
    """Told the log each time it was read; `with` it around the run."""

    def __init__(self, plan: Plan, run_id: str, *, clock: Clock, quiet: bool = False) -> None:
        self._plan = plan
        self._run_id = run_id
        self._clock = clock
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._told = 0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, rows: Sequence[Row]) -> None:
        """Say what is new."""
        if self._live is not None:
            found = standing(self._plan, self._run_id, rows, now=self._clock.now())
            self._live.update(table_of(found), refresh=True)
        elif not self._quiet:
            for row in rows[self._told :]:
                if (said := line_of(row)) is not None:
                    sys.stderr.write(said + "\n")
            sys.stderr.flush()
        self._told = len(rows)


def line_of(row: Row) -> str | None:
    """A row of the log as a line; None: nothing to tell."""
    if row["event"] in QUIET:
        return None
    data: Mapping[str, Any] = row["data"]
    said = [f"{row['at'][:19]}Z", row["step"] or "the run", row["event"]]
    if data.get("by"):
        said.append(f"by {data['by']}")
    if row["event"] == "stage":
        said.append(f"{data['what']}: table {data['evidence']['table_version']}")
    if data.get("why") and row["event"] != "stage":
        said.append(f"({in_a_line(data['why'])})")
    gates = [f"{gate['name']} {gate['verdict']} ({gate['measured']})" for gate in data.get("gates", ())]
    return "  ".join([*said, "; ".join(gates)]).rstrip()


def table_of(found: Mapping[str, Any]) -> Table:
    """How a run stands, for a terminal."""
    spare = found["spare_minutes"]
    title = f"{found['run_id']}: {found['state']}, ends about {found['ends'][:16]}Z, {spare} min to spare"
    held = "; ".join(f"HELD by {row['by']}" for row in found["holds"])
    # As text: what people write is no markup, which could end the run with a bracket too many.
    table = Table(title=Text(title), caption=Text(held) if held else None)
    for name in ("step", "state", "minutes", "planned", "deadline", "gates", "waits for / why"):
        table.add_column(name)
    for row in found["steps"]:
        bad = [gate["name"] for gate in row["gates"] if gate["verdict"] != "pass"]
        gates = f"{len(row['gates']) - len(bad)} of {len(row['gates'])} pass" if row["gates"] else ""
        minutes = "" if row["minutes"] is None else str(row["minutes"])
        cells = (
            row["id"], row["state"], minutes, str(row["planned_minutes"]), (row["deadline_at"] or "")[:16], gates,
            in_a_line(row["waits_for"] or row["why"] or ", ".join(bad)),
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells))
    return table


def in_a_line(text: str) -> str:
    """What people wrote, on one line: it must not look like lines of ours."""
    return " ".join(text.split())
