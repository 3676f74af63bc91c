"""`coexist load`: a load scenario against a gateway, and a verdict a release can be judged by."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.folders import ready
from cutover.cli.serving import Places, Simulated
from cutover.collecting import collect_rarely
from cutover.progress import Meter
from cutover.served.connecting import landscape_file
from loadtests.report.earlier import read_earlier
from loadtests.running.probing import capacity_of
from loadtests.running.run import JUNIT, PAGE, REPORT, RUN, Run, run_of
from loadtests.running.stand import JOURNAL, Stand, fresh_tag, given_stand, own_stand, settled
from loadtests.running.web import web_port
from loadtests.running.whole import Asked, Done, run_load
from loadtests.scenario.model import Form, Scenario
from loadtests.scenario.reading import built_in, read_scenario
from router.errors import BadInput, Broken

DEFAULT = "month-end"
INVALID = 4
"""Exit code of what is no measurement."""
PROBE_MINUTES = Decimal(1)
"""How long a probe of --capacity lasts when nobody says."""
MINUTES_MAX, RATE_MAX = Decimal(10_080), Decimal(1_024)


def load_command(
    scenario: Annotated[
        str, typer.Argument(help="A scenario (YAML), or the name of a built-in one (--list shows them).")
    ] = DEFAULT,
    list_: Annotated[bool, typer.Option("--list", help="Show the scenarios and what each asks.")] = False,
    minutes: Annotated[
        str, typer.Option(help="How long it sends, like 2 or 0.5; the scenario's long form when not given.")
    ] = "",
    rate: Annotated[str, typer.Option(help="Times the scenario's rate, like 2 or 0.5.")] = "1",
    short: Annotated[
        bool, typer.Option("--short", help="The scenario's short form: seconds, for CI.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, same requests at the same moments; the scenario's.")
    ] = None,
    url: Annotated[
        str, typer.Option(help="The gateway to test; without it one is started, with simulators.")
    ] = "",
    simulated: Simulated = None,
    database: Annotated[
        str, typer.Option(help="With --url: the gateway's journal, to reconcile against.")
    ] = "",
    landscape: Places = None,
    gateway_pid: Annotated[
        int | None,
        typer.Option(min=1, help="With --url: the gateway's process here, where a scenario freezes it."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that send, with a master; 0: one process is all.")
    ] = 0,
    web: Annotated[bool, typer.Option("--web", help="Serve Locust's own pages meanwhile.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of the run; out/load/SCENARIO.")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="The folder of an earlier run to compare with.")
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="Rehearse it in virtual time first, and show both.")
    ] = False,
    capacity: Annotated[
        bool, typer.Option("--capacity", help="Find the highest rate that still passes, by bisection.")
    ] = False,
    contrast: Annotated[
        bool, typer.Option("--contrast", help="Send it through Locust's closed model too, and show both.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report's JSON.")] = False,
) -> None:
    """Send a scenario's requests at moments fixed before, then account for every document in journal and ERPs.

    Starts `coexist simulate` and `coexist serve` on free ports unless --url names a gateway. Exits 0 for pass, 1 for
    fail, 3 when something was lost or doubled, 4 when the run is no measurement (its generator was late).

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
    order = _Order(
        scenario=wanted, form=form, form_name=form_name, seed=wanted.seed if seed is None else seed,
        rate=_decimal("rate", rate, RATE_MAX), landscape=landscape, place=place, quiet=as_json,
    )  # fmt: skip
    given = None
    if url:
        given = given_stand(
            url, simulated=simulated, database=database or None, landscape=landscape, pid=gateway_pid
        )
    earlier = read_earlier(compare) if compare is not None else None
    ready(place, (RUN, REPORT, PAGE, JUNIT))
    options = {
        "url": url, "simulated": simulated, "database": database, "landscape": landscape, "gateway_pid": gateway_pid,
        "workers": workers, "compare": compare, "out": out, "predict": predict, "contrast": contrast,
        "capacity": capacity,
    }  # fmt: skip
    command = _command(scenario, order, minutes=minutes, short=short, rate=rate, options=options)
    asked = Asked(
        workers=workers, web_port=web_port() if web else None, predict=predict, contrast=contrast, earlier=earlier,
        command=command,
    )  # fmt: skip
    collect_rarely()
    try:
        with _ended_like_ctrl_c():
            code = _capacity(order, given, asked) if capacity else _one(order, given, asked)
    except Broken as error:
        # No measurement came about; 3 is for what was measured to be lost or doubled.
        typer.echo(f"coexist: {error.one_line()}", err=True)
        code = INVALID
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A run as it was asked for; its gateway is known later."""

    scenario: Scenario
    form: Form
    form_name: str
    seed: int
    rate: Decimal
    landscape: Path | None
    place: Path
    quiet: bool

    def run(self, stand: Stand, *, rate: Decimal = Decimal(1), tag: str | None = None) -> Run:
        """The run against a stand, `rate` times what was asked for."""
        made = run_of(
            self.scenario, self.form, form_name=self.form_name, seed=self.seed, gateway=stand.gateway,
            rate=str(self.rate * rate), tag=("" if stand.own else fresh_tag()) if tag is None else tag,
        )  # fmt: skip
        file = settled(self.scenario, self.landscape) if stand.own else landscape_file(self.landscape)
        return replace(made, landscape=file.data)

    def say(self, what: str) -> None:
        """Tell a person what happens now."""
        if not self.quiet:
            typer.echo(f"  {what}", err=True)

    @contextmanager
    def stand(self, given: Stand | None, place: Path) -> Iterator[Stand]:
        """The gateway the user has, or one started for this run."""
        if given is not None:
            yield given
            return
        self.say("starting coexist simulate and coexist serve")
        with own_stand(self.scenario, place, seed=self.seed, landscape=self.landscape) as stand:
            yield stand


def _one(order: _Order, given: Stand | None, asked: Asked) -> int:
    """One run with everything it leaves; its exit code."""
    with ExitStack() as stack:
        stand = stack.enter_context(order.stand(given, order.place))
        run = order.run(stand)
        if not order.quiet:
            typer.echo(_announce(run, stand))
        meter = stack.enter_context(Meter(enabled=not order.quiet))
        done = run_load(run, order.place, stand, asked, say=order.say, show=meter.show)
    if order.quiet:
        typer.echo((order.place / REPORT).read_text(encoding="utf-8"))
    else:
        typer.echo(summary(done, order.place, own=given is None, command=asked.command))
    return done.verdict.exit_code


def _capacity(order: _Order, given: Stand | None, asked: Asked) -> int:
    """Many short runs, each on a fresh gateway, or on the one there is."""
    found = capacity_of(order, given, asked, folder=order.place)
    typer.echo(
        orjson.dumps(dict(found.told), option=orjson.OPT_INDENT_2)
        if order.quiet
        else f"Capacity: {found.sentence}\nReport:  {found.page}"
    )
    return found.exit_code


def summary(done: Done, place: Path, *, own: bool, command: str) -> str:
    """The verdict and where the rest is, for a terminal."""
    measured, verdict = done.measured, done.verdict
    every, service = measured.latency.get(""), measured.service.get("")
    counts: dict[str, int] = {}
    for check in verdict.checks:
        counts[check.outcome] = counts.get(check.outcome, 0) + 1
    lines = [f"Verdict: {verdict.outcome.upper()}", *(f"  - {reason}" for reason in verdict.because)]
    if every is not None and service is not None:
        lines.append(
            f"  {every.count:,} answers: p50 {every.p50_ms:,.1f} ms, p99 {every.p99_ms:,.1f} ms, slowest"
            f" {every.max_ms:,.1f} ms, from the moment each was due"
        )
    drained = "never" if measured.drained_s is None else f"{measured.drained_s:,.1f} s after the last start"
    lines.append(
        f"  {measured.accepted:,} documents accepted ({_states(measured.states)}); backlog at most"
        f" {measured.backlog_peak:,}, empty {drained}"
    )
    lines += [
        "  checks: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()),
        f"Report:  {done.page}  (data: {place / REPORT}{f', journal: {place / JOURNAL}' if own else ''})",
        f"Again:   {command}",
    ]
    return "\n".join(lines)


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in states.items() if count) or "none"


def _announce(run: Run, stand: Stand) -> str:
    scenario = run.scenario
    troubles = [fault.name for fault in scenario.faults]
    troubles += [f"wave {scenario.switch.wave} is switched"] if scenario.switch else []
    where = "a gateway of its own" if stand.own else run.gateway
    lines = [
        f"{scenario.title}, seed {run.seed}: {run.minutes} min, at most {run.peak_per_s} requests/s, against {where}",
        f"  {scenario.question}",
        f"  meanwhile: {'; '.join(troubles) or 'nothing goes wrong'}",
    ]
    if scenario.settings and not stand.own:
        lines.append(f"  meant for a landscape with {', '.join(scenario.settings)}")
    return "\n".join(lines)


def _list(*, as_json: bool) -> None:
    scenarios = [read_scenario(name) for name in built_in()]
    if as_json:
        rows = [
            {"name": one.name, "title": one.title, "question": one.question, "minutes": str(one.long.minutes)}
            for one in scenarios
        ]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    for one in scenarios:
        typer.echo(
            f"{one.name:<20} {one.title} ({one.long.minutes} min; --short {one.short.minutes * 60:.0f} s)"
        )
        typer.echo(f"{'':<20} {one.question}")


def _form(scenario: Scenario, minutes: str, *, short: bool, capacity: bool) -> tuple[str, Form]:
    form = scenario.short if short else scenario.long
    if minutes:
        return "custom", form.model_copy(update={"minutes": _decimal("minutes", minutes, MINUTES_MAX)})
    if capacity and not short:
        return "custom", form.model_copy(update={"minutes": min(form.minutes, PROBE_MINUTES)})
    return "short" if short else "long", form


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
    scenario: str, order: _Order, *, minutes: str, short: bool, rate: str, options: Mapping[str, Any]
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
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: what was started is ended, and what there is is judged."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
