"""The figures of a run in virtual time, under the names and by the definitions of what is measured of a real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from loadtests.predict.rehearsed import Played
from loadtests.running.run import Run
from loadtests.scenario.schedule import Schedule
from loadtests.traffic.port import Traffic
from loadtests.verdict.erps import metered
from loadtests.verdict.journal import sql_journal
from loadtests.verdict.limits import allowed, bands_of, erp_use
from loadtests.verdict.matching import NEVER, STATES, Matched, Matching, states
from loadtests.verdict.moments import SECOND_US, Beginning
from loadtests.verdict.percentiles import EVERY, percentiles
from loadtests.verdict.sent import Documents, documents_of, pairs
from loadtests.verdict.series import Series, backlog_peak
from loadtests.verdict.waiting import Waiting

POSTED = STATES.index("posted")
NOT_PREDICTED = (
    "latency of answers: processor time does not pass in virtual time",
    "late and dropped starts: nothing delays a start in virtual time",
    "documents lost or doubled: those are what the run itself is asked for",
)
REPEATS = "repeats: a second sending of a request meets the first's answer and changes no figure here"


def figures(
    run: Run, schedule: Schedule, traffic: Traffic, played: Played, *, database: str
) -> dict[str, Any]:
    """predicted.json: what `Measured` has of waiting, limits and order, and `not_predicted`, in words."""
    begin, requests = Beginning(played.started_at), pairs(played.rows)
    documents = documents_of(schedule, traffic, requests)
    waiting = Waiting(begin)
    with sql_journal(database) as rows:
        matching = Matching(documents, rows, begin, waiting)
        matching.journal()
    found = matching.found
    ended = max((row.ended_us for row in played.rows), default=0)
    series = Series(max(schedule.length_us, ended + 1, found.last_us + 1))
    series.sent(schedule.starts_us, played.rows)
    series.documents(found, POSTED)
    # The limits are those of the landscape that was rehearsed, with the scenario's settings.
    settled, bands = replace(run, landscape=played.landscape), bands_of(run, schedule.length_us)
    wanted = {*matching.targets, *(use.system for use in run.scenario.limits.erps)}
    erps = []
    for system in sorted(wanted & played.meters.keys()):
        meter = metered(played.meters[system])
        series.erp(system, meter.seconds, begin.epoch_us // SECOND_US)
        use = erp_use(
            system, meter, allowed(settled, system, meter), waiting, bands=bands, begin=begin, documents=0
        )
        erps.append({name: value for name, value in asdict(use).items() if name != "documents"})
    return {
        "documents": len(documents),
        "accepted": sum(1 for seq in found.seq if seq),
        "states": states(found),
        "delivery": {name: asdict(one) for name, one in _delivery(run, schedule, documents, found).items()},
        "backlog_peak": backlog_peak(found),
        "drained_s": _drained_s(found, schedule),
        "erps": erps,
        "series": [_shown(row) for row in series.rows()],
        "bucket_s": series.width_us / SECOND_US,
        "bands": list(bands),
        "problems": list(played.problems),
        "not_predicted": list(_not_predicted(run)),
    }


def _not_predicted(run: Run) -> tuple[str, ...]:
    """In words, what this run has and a prediction leaves out."""
    more = (REPEATS,) if any(stream.repeats for stream in run.scenario.streams) else ()
    return (*NOT_PREDICTED, *more)


def _delivery(run: Run, schedule: Schedule, documents: Documents, found: Matched) -> dict[str, Any]:
    """Stream → from the intended start to the confirmation of the ERP that owns the document."""
    names = [stream.name for stream in run.scenario.streams]
    values: list[list[int]] = [[] for _ in names]
    for at, number in enumerate(documents.request):
        settled = found.settled_us[at]
        if found.deliver[at] and settled != NEVER and found.state[at] == POSTED:
            values[schedule.streams[number]].append(settled - schedule.starts_us[number])
    every = {EVERY: percentiles(one for of in values for one in of)}
    return every | {name: percentiles(of) for name, of in zip(names, values, strict=True)}


def _drained_s(found: Matched, schedule: Schedule) -> float | None:
    """From the last start until nothing waited; None: something still did when the time was up."""
    if found.open or not any(found.seq):
        return None
    return round(max(0, found.last_us - schedule.starts_us[-1]) / SECOND_US, 3)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the series without what virtual time says nothing about."""
    return {name: value for name, value in row.items() if name not in ("late", "p50_ms", "p99_ms")}
