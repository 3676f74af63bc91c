"""A scenario as it is written in YAML (`loadtests/scenarios`). Pure.

Times inside a scenario are shares of its length in per cent (`at: 40`), so that its short form is the same
scenario, only shorter. Rates are starts of requests a second; a request may carry many documents.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,47}$")]
Percent = Annotated[Decimal, Field(ge=0, le=100)]
What = Literal[
    "time_entry", "expense_item", "milestone", "charge", "billing_event", "customer", "contract", "project",
    "assignment", "change_order", "journal_entry", "client_account", "project_start", "time_approval", "historical_time",
]  # fmt: skip
"""What a stream sends: a kind of document, or a process (`client_account`, `project_start`, `time_approval`)."""


class Part(BaseModel):
    """A part of a scenario: unknown names are refused, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(Part):
    """A point of the arrival curve; between two points it is a straight line."""

    at: Percent
    level: Decimal = Field(ge=0, le=1)
    """Share of the peak rate."""


class Curve(Part):
    """How arrivals spread over the run: points, or a firm's month-end by its entities' local clocks."""

    points: tuple[Point, ...] = ()
    month_end: Literal["", "friday", "three-days", "last-day"] = ""
    """Hours taken from the firm's curves (`simulators.firm.curve`), each entity by its own clock."""


class Stream(Part):
    """Requests of one sort."""

    name: Name
    sends: What
    share: Decimal = Field(gt=0, le=100)
    """Per cent of the peak rate where its curve is at 1, hence of the scenario's requests where all streams have the
    scenario's curve; those of all streams make 100."""
    client: Name = "psa"
    """The system they come from, as the gateway hears it (`x-coexist-client`)."""
    entities: tuple[str, ...] = ()
    """Legal entities they belong to; none: all of the firm."""
    lines: int = Field(1, ge=1, le=10_000)
    """Documents a request carries; more than one go through the batch endpoint."""
    curve: Curve | None = None
    """Their own curve, if it is not the scenario's."""
    repeats: Percent = Decimal(0)
    """Per cent of its requests that are sent a second time, as an impatient client does: the answer must be the first's."""


class Fault(Part):
    """Something that goes wrong for a while; shown as a band in the report."""

    name: str
    at: Percent
    until: Percent
    system: str = ""
    """The simulated system it befalls; empty: the gateway itself (`freeze`)."""
    kind: Literal["refuse", "throttle", "delay", "hang", "drop_answer", "freeze"] = "refuse"
    params: dict[str, Any] = Field(default_factory=dict)
    """As the simulators' faults take them (`simulators.core.faults`)."""


class Switch(Part):
    """A cutover of some entities in the middle of the run: frozen, drained, switched, released."""

    at: Percent
    wave: str
    plan: str = "pilot"
    """A built-in plan; its wave is switched from the old to the new ERP."""


class Latency(Part):
    """Limits of the time from a request's intended start to its whole answer, in milliseconds."""

    stream: str = ""
    """Empty: all streams together."""
    p50_ms: Decimal | None = None
    p95_ms: Decimal | None = None
    p99_ms: Decimal | None = None
    p999_ms: Decimal | None = None
    max_ms: Decimal | None = None


class ErpUse(Part):
    """How an ERP's contract limit must be kept and used while work waits for it."""

    system: str
    used_percent: Percent = Decimal(95)
    """At least so much of what the limit allows, over the time its backlog lasted."""


class Sla(Part):
    """How soon what was accepted must stand in its ERP, in seconds from the intended start."""

    seconds: Decimal = Field(gt=0)
    stream: str = ""
    share_percent: Percent = Decimal(100)
    """At least so many per cent of the documents."""


class Limits(Part):
    """What must hold for the run to pass. Nothing lost and nothing doubled always must."""

    latency: tuple[Latency, ...] = ()
    errors_percent: Percent = Decimal(0)
    """Answers that are neither 2xx nor asked for (429 with Retry-After counts as an error as well)."""
    sla: tuple[Sla, ...] = ()
    drained_within_s: Decimal = Decimal(600)
    """The backlog is empty so soon after the last start: the cut-off."""
    refused_documents: int = 0
    """Documents an ERP may refuse, or that may be parked or dead, at the end."""
    erp_refusals: int = 0
    """Calls the ERPs may refuse because a limit of theirs was exceeded (429)."""
    erps: tuple[ErpUse, ...] = ()


class Form(Part):
    """How big a run is."""

    minutes: Decimal = Field(gt=0, le=10_080)
    peak_per_s: Decimal = Field(gt=0, le=100_000)
    """Starts of requests a second where the curve is at 1."""
    drained_within_s: Decimal | None = None
    """Instead of the limits' own."""


class Scenario(Part):
    """A load scenario."""

    name: Name
    title: str
    question: str
    """What its verdict answers, in a sentence."""
    seed: int = Field(7, ge=0)
    size: Literal["small", "default", "large"] = "small"
    """Of the firm whose work it is."""
    arrivals: Literal["poisson", "even"] = "poisson"
    curve: Curve
    streams: tuple[Stream, ...] = Field(min_length=1)
    long: Form
    short: Form
    """For CI: seconds rather than hours."""
    authority: str = ""
    """The ERP that has everything when the run starts; empty: as the default route table says (the legacy one)."""
    settings: tuple[str, ...] = ()
    """Changes of the landscape, as `rehearse --set` takes them: `netsuite.concurrency=2`."""
    faults: tuple[Fault, ...] = ()
    switch: Switch | None = None
    limits: Limits = Limits()
