"""What a run is determined by: written into its folder before anything starts, read by every process of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from loadtests.scenario.model import Form, Scenario

RUN = "run.json"
SENT = "sent.ndjson"
"""The ledger: a line a request (`loadtests.ledger.rows`), in no particular order."""
GENERATOR = "generator.json"
"""What the generator says of itself: workers, processor_percent, started_at (UTC text of the run's microsecond 0),
locust (version), lost_workers."""
STARTED = "started.json"
"""Written by the generator as soon as the run's moment 0 is fixed, which may be a second ahead: started_at."""
CLOSED = "closed.ndjson"
"""The ledger of the closed model, shown for contrast: each request's intended start is its real one."""
CLOSED_STATS = "closed.json"
"""What Locust itself says of the closed model, rounded as it prints it."""
PLAYED = "played.json"
"""What was really made to go wrong, a row each: name, from_s, until_s (None: it never ended), problem (empty: none)."""
MEASURED = "measured.json"
PREDICTED = "predicted.json"
REPORT = "report.json"
PAGE = "report.html"
JUNIT = "junit.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a scenario."""

    scenario: Scenario
    seed: int
    minutes: str
    """As a decimal."""
    peak_per_s: str
    """As a decimal: the form's, times the rate a user asked for."""
    form: str
    """`long`, `short` or `custom`."""
    gateway: str
    """Where requests go: http://host:port."""
    drained_within_s: str
    tag: str = ""
    """Makes the documents of this run its own: two runs against one gateway don't share ids."""
    most_under_way: int = 20_000
    """Requests a worker may have under way; a start beyond it is dropped."""
    answer_within_s: int = 30
    """A request without an answer by then has none."""
    landscape: Mapping[str, Any] | None = None
    """The landscape whose firm it is, as plain data; None: the default one."""

    def as_bytes(self) -> bytes:
        """It as JSON: what `run_from` reads."""
        row = asdict(self) | {"scenario": self.scenario.model_dump(mode="json")}
        return orjson.dumps(row, option=orjson.OPT_INDENT_2) + b"\n"

    def written(self, folder: Path) -> None:
        """Write it into the run's folder."""
        (folder / RUN).write_bytes(self.as_bytes())


def read_run(folder: Path) -> Run:
    """The run of a folder; raises OSError, ValueError when there is none."""
    return run_from((folder / RUN).read_bytes())


def run_from(data: bytes) -> Run:
    """A run from its JSON; raises ValueError."""
    row: dict[str, Any] = orjson.loads(data)
    return Run(**(row | {"scenario": Scenario.model_validate(row["scenario"])}))


def run_of(
    scenario: Scenario, form: Form, *, form_name: str, seed: int, gateway: str, rate: str = "1", tag: str = ""
) -> Run:
    """The run of a scenario's form at `rate` times its peak."""
    return Run(
        scenario=scenario,
        seed=seed,
        minutes=str(form.minutes),
        peak_per_s=str(form.peak_per_s * Decimal(rate)),
        form=form_name,
        gateway=gateway,
        drained_within_s=str(form.drained_within_s or scenario.limits.drained_within_s),
        tag=tag,
    )
