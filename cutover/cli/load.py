"""`coexist load`: a load scenario against a gateway, and a verdict a release can be judged by."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.folders import ready
from cutover.cli.serving import Places, Simulated
from cutover.collecting import collect_rarely
from cutover.progress import Meter
from loadtests.capacity.finding import CAPACITY, CAPACITY_PAGE
from loadtests.report.earlier import read_earlier
from loadtests.running.order import Order
from loadtests.running.probing import capacity_of
from loadtests.running.run import JUNIT, PAGE, REPORT, RUN
from loadtests.running.stand import Stand, given_stand
from loadtests.running.telling import announced, listed, summary
from loadtests.running.web import web_port
from loadtests.running.whole import Asked, emptied, run_load
from loadtests.scenario.model import Form, Scenario
from loadtests.scenario.reading import built_in, read_scenario
from router.errors import BadInput, Broken

DEFAULT = "month-end"
INVALID = 4
"""Exit code of what is no measurement."""
PROBE_MINUTES = Decimal(1)
"""How long a probe of --capacity lasts when nobody says."""
PROBE_DRAINS_S = Decimal(15)
"""The least a probe may take to empty its backlog: what the last second brought waits for its turn as well."""
MINUTES_MAX, RATE_MAX = Decimal(10_080), Decimal(1_024)


Name = Annotated[
    str, typer.Argument(help="A scenario (YAML), or the name of a built-in one (--list shows them).")
]
Listed = Annotated[bool, typer.Option("--list", help="Show the scenarios and what each asks.")]
Minutes = Annotated[
    str, typer.Option(help="How long it sends, like 2 or 0.5; the scenario's long form when not given.")
]
Rate = Annotated[str, typer.Option(help="Times the scenario's rate, like 2 or 0.5.")]
Short = Annotated[bool, typer.Option("--short", help="The scenario's short form: seconds, for CI.")]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Same seed, same requests at the same moments; the scenario's.")
]
Url = Annotated[str, typer.Option(help="The gateway to test; without it one is started, with simulators.")]
Journal = Annotated[str, typer.Option(help="With --url: the gateway's journal, to reconcile against.")]
Pid = Annotated[
    int | None,
    typer.Option(min=1, help="With --url: the gateway's process here, where a scenario freezes it."),
]
Workers = Annotated[
    int, typer.Option(min=0, max=64, help="Processes that send, with a master; 0: one process is all.")
]
Web = Annotated[bool, typer.Option("--web", help="Serve Locust's own pages meanwhile.")]
Out = Annotated[Path | None, typer.Option(help="The folder of the run; out/load/SCENARIO.")]
Compare = Annotated[Path | None, typer.Option(help="The folder of an earlier run to compare with.")]
Predict = Annotated[bool, typer.Option("--predict", help="Rehearse it in virtual time first, and show both.")]
Capacity = Annotated[
    bool, typer.Option("--capacity", help="Find the highest rate that still passes, by bisection.")
]
Contrast = Annotated[
    bool, typer.Option("--contrast", help="Send it through Locust's closed model too, and show both.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report's JSON.")]


def load_command(
    scenario: Name = DEFAULT,
    list_: Listed = False,
    minutes: Minutes = "",
    rate: Rate = "1",
    short: Short = False,
    seed: Seed = None,
    url: Url = "",
    simulated: Simulated = None,
    database: Journal = "",
    landscape: Places = None,
    gateway_pid: Pid = None,
    workers: Workers = 0,
    web: Web = False,
    out: Out = None,
    compare: Compare = None,
    predict: Predict = False,
    capacity: Capacity = False,
    contrast: Contrast = False,
    as_json: AsJson = False,
) -> None:
    """Send a scenario's requests at moments fixed before, then account for every document in journal and ERPs.

    Starts `coexist simulate` and `coexist serve` on free ports unless --url names a gateway.

    Exits 0 for pass, 1 for fail, 3 when something was lost or doubled, 4 when the run measured nothing.

    Examples: coexist load month-end --minutes 2;  coexist load timesheet-deadline --short --predict;
    coexist load soak --url http://127.0.0.1:8460 --simulated out/ready.json --database sqlite:///coexist.sqlite;
    coexist load month-end --minutes 1 --capacity
    """
    if list_:
        _list(as_json=as_json)
        return
    if not url and (simulated or database or gateway_pid):
        raise BadInput(
            "--simulated, --database and --gateway-pid belong to a gateway that runs",
            mend="name it with --url",
        )
    if capacity and (predict or contrast or compare or web):
        raise BadInput(
            "--capacity makes many runs",
            mend="leave --predict, --contrast, --compare and --web to a single one",
        )
    wanted = read_scenario(scenario)
    form_name, form = _form(wanted, minutes, short=short, capacity=capacity)
    place = out or Path("out/load") / wanted.name
    order = Order(
        scenario=wanted, form=form, form_name=form_name, seed=wanted.seed if seed is None else seed,
        rate=_decimal("rate", rate, RATE_MAX), landscape=landscape, place=place, say=quietly if as_json else say,
    )  # fmt: skip
    given = None
    if url:
        given = given_stand(
            url, simulated=simulated, database=database or None, landscape=landscape, pid=gateway_pid
        )
    earlier = read_earlier(compare) if compare is not None else None
    ready(place, (CAPACITY, CAPACITY_PAGE) if capacity else (RUN, REPORT, PAGE, JUNIT))
    emptied(place)
    options = {
        "url": url, "simulated": simulated, "database": database, "landscape": landscape, "gateway_pid": gateway_pid,
        "workers": workers, "compare": compare, "out": out, "predict": predict, "contrast": contrast,
        "capacity": capacity,
    }  # fmt: skip
    command = _command(scenario, order, minutes=minutes, short=short, rate=rate, options=options)
    asked = Asked(
        workers=workers, predict=predict, contrast=contrast, earlier=earlier, command=command,
    )  # fmt: skip
    collect_rarely()
    try:
        with ended_like_ctrl_c():
            code = (
                _capacity(order, given, asked, as_json=as_json)
                if capacity
                else _one(order, given, asked, web=web, as_json=as_json)
            )
    except Broken as error:
        # No measurement came about; 3 is for what was measured to be lost or doubled.
        typer.echo(f"coexist: {error.one_line()}", err=True)
        code = INVALID
    except OSError as error:
        typer.echo(f"coexist: the run can't be written down: {error}", err=True)
        code = INVALID
    raise typer.Exit(code)


def _one(order: Order, given: Stand | None, asked: Asked, *, web: bool, as_json: bool) -> int:
    """One run with everything it leaves; its exit code."""
    with ExitStack() as stack:
        stand = stack.enter_context(order.stand(given, order.place))
        run = order.run(stand)
        if web:  # only now, or the gateway just started could have the port
            asked = replace(asked, web_port=web_port())
        if not as_json:
            typer.echo(announced(run, stand))
        meter = stack.enter_context(Meter(enabled=not as_json))
        done = run_load(run, order.place, stand, asked, say=order.say, show=meter.show)
    if as_json:
        typer.echo((order.place / REPORT).read_text(encoding="utf-8"))
    else:
        typer.echo(summary(done, order.place, own=given is None, command=asked.command))
    return done.verdict.exit_code


def _capacity(order: Order, given: Stand | None, asked: Asked, *, as_json: bool) -> int:
    """Many short runs, each on a fresh gateway, or on the one there is."""
    found = capacity_of(order, given, asked, folder=order.place)
    typer.echo(
        orjson.dumps(dict(found.told), option=orjson.OPT_INDENT_2)
        if as_json
        else f"Capacity: {found.sentence}\nReport:  {found.page}"
    )
    return found.exit_code


def _list(*, as_json: bool) -> None:
    scenarios = [read_scenario(name) for name in built_in()]
    rows = [{"name": one.name, "title": one.title, "question": one.question} for one in scenarios]
    typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2) if as_json else listed(scenarios))


def say(what: str) -> None:
    """Tell a person what happens now."""
    typer.echo(f"  {what}", err=True)


def quietly(_: str) -> None:
    """Tell nobody."""


def _form(scenario: Scenario, minutes: str, *, short: bool, capacity: bool) -> tuple[str, Form]:
    form = scenario.short if short else scenario.long
    if minutes:
        form = form.model_copy(update={"minutes": _decimal("minutes", minutes, MINUTES_MAX)})
    elif capacity and not short:
        form = form.model_copy(update={"minutes": min(form.minutes, PROBE_MINUTES)})
    if capacity:
        form = form.model_copy(update={"drained_within_s": _probe_drains_s(scenario, form)})
    return "custom" if minutes or capacity else "short" if short else "long", form


def _probe_drains_s(scenario: Scenario, form: Form) -> Decimal:
    """A probe's cut-off: as much shorter than the scenario's as the probe itself is.

    With the scenario's own a rate would pass that comes ten times as fast as the ERPs take it, and has ten times the
    probe's length to drain.
    """
    within = scenario.long.drained_within_s or scenario.limits.drained_within_s
    share = min(form.minutes / scenario.long.minutes, Decimal(1))
    return max(round(within * share, 3), PROBE_DRAINS_S)


def _decimal(name: str, text: str, most: Decimal) -> Decimal:
    """A positive number as it was typed; raises BadInput."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and 0 < value <= most):
        raise BadInput(
            f"--{name} {text!r} is no number above 0 and up to {most}", mend="write it like 2 or 0.5"
        )
    return value


def _command(
    scenario: str, order: Order, *, minutes: str, short: bool, rate: str, options: Mapping[str, Any]
) -> str:
    words = [
        "coexist",
        "load",
        scenario,
        *(["--minutes", minutes] if minutes else []),
        *(["--short"] * short),
    ]
    words += ["--rate", rate] if rate != "1" else []
    words += ["--seed", str(order.seed)]
    for name, value in options.items():
        if value is True:
            words.append(f"--{name.replace('_', '-')}")
        elif value not in (None, "", 0, False):
            words += [f"--{name.replace('_', '-')}", without_password(str(value))]
    return shlex.join(words)


def without_password(url: str) -> str:
    """A URL as a report may show it."""
    scheme, found, rest = url.partition("://")
    userinfo, at, place = rest.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}{found}{user}:***{at}{place}" if found and colon else url


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: what was started is ended, and what there is is judged.

    A shell starts what it puts into the background deaf to Ctrl-C; then SIGTERM would do nothing either.
    """
    # The handler asyncio replaces by its own while a loop runs; it leaves any other alone.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGINT, before)
