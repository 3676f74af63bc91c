"""A run as a whole: masters, prediction, sending while the director plays, draining, measuring, judging, reporting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from loadtests.ledger.reading import Unreadable
from loadtests.predict.predict import predict
from loadtests.report.writing import write_report
from loadtests.running.contrast import closed_figures
from loadtests.running.director import Director
from loadtests.running.drained import Heard, until_drained
from loadtests.running.masters import put_masters
from loadtests.running.run import (
    GENERATOR,
    JUNIT,
    MEASURED,
    PAGE,
    PLAYED,
    PREDICTED,
    REPORT,
    SENT,
    STARTED,
    Run,
)  # fmt: skip
from loadtests.running.sending import Generator, Manner, sending
from loadtests.running.stand import Stand
from loadtests.running.timeline import length_s
from loadtests.traffic.build import traffic_of
from loadtests.verdict.decisions import because, judge, outcome_of
from loadtests.verdict.measuring import measure
from loadtests.verdict.model import Check, Measured, Verdict
from router.errors import Broken

READY_S = 360
"""The longest a generator may take to make its schedule and gather its workers."""
OVERTIME_S = 120
"""What a generator may need beyond the run's length and the longest wait for an answer."""
SHOW_S = 0.5
OF_A_RUN = (SENT, STARTED, GENERATOR, PLAYED, MEASURED, PREDICTED, REPORT, PAGE, JUNIT)
"""Files an earlier run may have left in the folder, whose facts, or verdict, would pass for this one's."""
Say = Callable[[str], None]
Show = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user wants besides the run itself."""

    workers: int = 0
    web_port: int | None = None
    predict: bool = False
    contrast: bool = False
    """Send the same through Locust's closed model too, with the same freezes."""
    earlier: Mapping[str, Any] | None = None
    """The report of an earlier run (`loadtests.report.earlier`)."""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A run that was judged."""

    verdict: Verdict
    measured: Measured
    page: Path
    interrupted: bool = False
    """Somebody stopped it."""


@dataclass(slots=True)
class _Course:
    """How sending went."""

    interrupted: bool = False
    problems: tuple[str, ...] = ()


def run_load(
    run: Run,
    folder: Path,
    stand: Stand,
    asked: Asked = Asked(),
    *,
    say: Say = lambda _: None,
    show: Show = lambda _phase, _done, _whole: None,
) -> Done:
    """Play the run of `run.gateway` against its stand and judge it; everything stands in `folder` afterwards.

    `say` is told each phase, `show` how far it is. Ctrl-C while it sends or drains ends in an invalid verdict over
    what there is. Raises BadInput, BadConfig, Broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    emptied(folder)
    run.written(folder)
    predicted = None
    if asked.predict:
        say("predicting in virtual time")
        predicted = predict(run, say=lambda what: say(f"predicting: {what}"))
        (folder / PREDICTED).write_bytes(orjson.dumps(predicted, option=orjson.OPT_INDENT_2) + b"\n")
    course = _Course()
    manner = Manner(workers=asked.workers, web_port=asked.web_port)
    try:
        asyncio.run(_send(run, folder, stand, manner, course, say=say, show=show))
    except KeyboardInterrupt:
        course.interrupted = True
        say("stopped; judging what there is")
    say("measuring")
    try:
        measured = measure(run, folder, database=stand.database, simulated=stand.simulators(), say=say)
    except Unreadable as error:
        raise Broken(f"the run can't be judged: {error}") from error
    (folder / MEASURED).write_bytes(orjson.dumps(asdict(measured), option=orjson.OPT_INDENT_2) + b"\n")
    verdict = qualified(
        judge(run.scenario, run, measured), problems=course.problems, interrupted=course.interrupted
    )

    def report(contrast: Mapping[str, Any] | None) -> Path:
        return write_report(
            folder, run, measured, verdict,
            predicted=predicted, earlier=asked.earlier, contrast=contrast, command=asked.command,
        )  # fmt: skip

    # Before the contrast, which takes as long as the run and may be given up: the verdict stands.
    page = report(None)
    if asked.contrast and not course.interrupted:
        try:
            page = report(asyncio.run(closed_figures(run, folder, stand, say=say)))
        except (KeyboardInterrupt, Broken) as error:
            say(f"no contrast is shown: {error if isinstance(error, Broken) else 'it was stopped'}")
    return Done(verdict=verdict, measured=measured, page=page, interrupted=course.interrupted)


def emptied(folder: Path) -> None:
    """Take away what an earlier run left there."""
    for old in OF_A_RUN:
        (folder / old).unlink(missing_ok=True)


async def _send(
    run: Run, folder: Path, stand: Stand, manner: Manner, course: _Course, *, say: Say, show: Show
) -> None:
    traffic = traffic_of(run)
    director = Director(run, stand, folder, say=say)
    try:
        async with director:
            await director.before_masters()
            await put_masters(stand, traffic, say=say)
            say(f"sending for {length_s(run):,.0f} s")
            if manner.web_port is not None:
                say(f"Locust's pages: http://127.0.0.1:{manner.web_port}")
            async with sending(folder, manner) as generator:
                started = await generator.started(within_s=READY_S)
                playing = asyncio.create_task(director.play(started))
                try:
                    await _watch(run, generator, started, show)
                    await playing
                finally:
                    playing.cancel()
                    await asyncio.gather(playing, return_exceptions=True)
            await _drain(run, stand, started, say=say)
    finally:
        course.problems = director.problems


async def _watch(run: Run, generator: Generator, started: datetime, show: Show) -> None:
    """Wait for the generator's end, showing how far the run is; raises Broken when it never ends."""
    whole, most_s = length_s(run), length_s(run) + run.answer_within_s + OVERTIME_S
    while not await generator.ended(within_s=SHOW_S):
        past = (datetime.now(UTC) - started).total_seconds()
        show("sending", int(min(max(past, 0), whole) * 10), int(whole * 10))
        if past > most_s:
            raise Broken(f"the load generator did not end: {generator.said()}")


async def _drain(run: Run, stand: Stand, started: datetime, *, say: Say) -> None:
    past = (datetime.now(UTC) - started).total_seconds()
    left_s = length_s(run) + float(run.drained_within_s) - past
    say("waiting until the backlog is empty")
    try:
        if not await until_drained(stand, max(left_s, 0), meanwhile=Heard(stand.gateway)):
            say(f"it is not empty {float(run.drained_within_s):,.0f} s after the last start")
    except Broken as error:  # one that died under the load is judged all the same
        say(error.one_line())


def qualified(verdict: Verdict, *, problems: Sequence[str], interrupted: bool) -> Verdict:
    """The verdict with how the run itself went: stopped, it is no measurement; a switch that failed has failed."""
    more = [
        Check(
            name="played to its end", outcome="invalid", measured="stopped", limit="the whole scenario",
            why="The run was stopped before its end.",
        )
    ] if interrupted else []  # fmt: skip
    if problems:
        why = f"Not all went as the scenario says: {'; '.join(problems)}."
        more.append(
            Check(name="switched", outcome="fail", measured="failed", limit="as planned", why=why),
        )
    if not more:
        return verdict
    checks = (*more, *verdict.checks)
    outcome = outcome_of(checks)
    return Verdict(outcome=outcome, because=because(outcome, checks), checks=checks)
