"""Measures a run: ledger, journal and ERPs, read after it and put beside one another.

Every figure is taken from what was written while it happened; nothing is estimated. What could not be asked is
said in `notes` and in `journal_asked` and `erps_asked`, for the verdict to treat as unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from loadtests.ledger.reading import Read, read_whole
from loadtests.ledger.rows import DROPPED, NO_ANSWER, Sent
from loadtests.running.run import GENERATOR, PLAYED, SENT, STARTED, Run
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.schedule import Schedule
from loadtests.traffic.build import traffic_of
from loadtests.traffic.port import Traffic
from loadtests.verdict.books import Asking, Say
from loadtests.verdict.limits import bands_of, played
from loadtests.verdict.matching import NEVER, STATES, Matched, states
from loadtests.verdict.model import Generator, Measured, Percentiles
from loadtests.verdict.moments import SECOND_US, Beginning
from loadtests.verdict.percentiles import EVERY, percentiles
from loadtests.verdict.sent import NOTHING, Documents, Pair, documents_of, named, pairs
from loadtests.verdict.series import Series, backlog_peak

POSTED = STATES.index("posted")


def measure(
    run: Run,
    folder: Path,
    *,
    database: str | None,
    simulated: Mapping[str, Any] | None = None,
    plan: Schedule | None = None,
    traffic: Traffic | None = None,
    say: Say = lambda _: None,
) -> Measured:
    """Everything measured in a run that has ended.

    `database` is the gateway's journal; without one the gateway is asked for each transaction. `simulated` is the
    content of a ready file; without one the ERPs are not asked. `plan` and `traffic`: the run's own,
    unless given.

    Raises BadConfig for a database that is no journal, Broken for a back door that tells nonsense or nothing,
    ValueError for a ledger that is none.
    """
    plan = schedule(run) if plan is None else plan
    traffic = traffic_of(run) if traffic is None else traffic
    say("reading the ledger")
    ledger = read_whole(folder / SENT) if (folder / SENT).is_file() else Read([])
    told = _told(folder)
    requests = pairs(ledger.rows)
    say("making again what was sent")
    documents = documents_of(plan, traffic, requests)
    begin, missing = _beginning(told, folder)
    really = played(bands_of(run, plan.length_us), _played(folder))
    repeats = [pair for pair in requests.values() if pair.both_good]
    asking = Asking(run, begin=begin, database=database, simulated=simulated, say=say)
    books = asking.books(documents, [pair.replay for pair in repeats if pair.first.transactions], really)
    found = books.found
    firsts = [pair.first for pair in requests.values() if not pair.first.repeat]
    names = [stream.name for stream in run.scenario.streams]
    series = Series(max(plan.length_us, found.last_us + 1, *(row.ended_us + 1 for row in firsts), 1))
    series.sent(plan.starts_us, firsts)
    series.documents(found, POSTED)
    for system, meter in sorted(books.meters.items()):
        series.erp(system, meter.seconds, begin.epoch_us // SECOND_US)
    delivery, misses, owed = _delivery(run, plan, documents, found, requests)
    lost = named(plan, traffic, documents, found.lost)
    answered = frozenset(pair.first.number for pair in requests.values() if pair.good is not None)
    return Measured(
        generator=_generator(plan, ledger.rows, told),
        answers=_answers(firsts, len(plan)),
        latency=_by_stream(plan, firsts, names, lambda row: row.latency_us),
        service=_by_stream(plan, firsts, names, lambda row: row.service_us),
        documents=sum(number in answered for number in documents.request),
        accepted=sum(seq > 0 for seq in found.seq),
        unanswered_accepted=sum(
            seq > 0 and not promised for seq, promised in zip(found.seq, documents.promised, strict=True)
        ),
        states=states(found),
        lost=tuple(f"{lost[at].kind} {lost[at].document_id} {why}" for at, why in found.lost.items()),
        doubled=tuple(found.doubled),
        strangers=tuple(found.strangers),
        delivery=delivery,
        backlog_peak=backlog_peak(found),
        drained_s=_drained_s(found, plan),
        erps=books.erps,
        invariants=tuple(books.invariants),
        series=series.rows(),
        bucket_s=series.width_us / SECOND_US,
        bands=really,
        sla_misses=misses,
        owed=owed,
        notes=(*missing, *ledger.notes, *books.notes),
        planned_documents=len(documents),
        refused_documents=documents.refused,
        without_promise=documents.without_promise,
        repeat_answers=_answers([row for row in ledger.rows if row.repeat], 0),
        repeats_sent=sum(row.repeat for row in ledger.rows),
        repeats=len(repeats),
        repeats_differ=tuple(pair.told for pair in repeats if not pair.replay[1]),
        journal_asked=books.journal_asked,
        erps_asked=books.erps_asked,
        erp_documents=found.erp_documents,
        clocks_off_s=clocks_off_s(documents, found, requests),
    )


# The generator's side


def _told(folder: Path) -> Mapping[str, Any]:
    path = folder / GENERATOR
    told = orjson.loads(path.read_bytes()) if path.is_file() else {}
    return told if isinstance(told, dict) else {}


def _played(folder: Path) -> Sequence[Mapping[str, Any]]:
    """What was really made to go wrong, and when."""
    path = folder / PLAYED
    rows = orjson.loads(path.read_bytes()) if path.is_file() else []
    return rows if isinstance(rows, list) else []


def _beginning(told: Mapping[str, Any], folder: Path) -> tuple[Beginning, list[str]]:
    """Moment 0 as the generator told it at its end, or, when it was killed, at its beginning."""
    text = told.get("started_at")
    if isinstance(text, str) and text:
        return Beginning(text), []
    missing = [f"{GENERATOR} names no beginning: nobody lived to say when it was"]
    path = folder / STARTED
    begun = orjson.loads(path.read_bytes()) if path.is_file() else {}
    return Beginning(begun.get("started_at") or "1970-01-01T00:00:00Z"), missing


def _generator(schedule: Schedule, rows: Sequence[Sent], told: Mapping[str, Any]) -> Generator:
    firsts = [row for row in rows if not row.repeat]
    ours = [row for row in firsts if _is_planned(row, schedule)]
    started = [row for row in ours if row.status != DROPPED]
    late_us = [row.started_us - row.intended_us for row in started]
    return Generator(
        planned=len(schedule),
        started=len(started),
        dropped=len(schedule) - len(started),
        late=sum(row.late for row in started),
        worst_late_ms=round(max(late_us, default=0) / 1000, 3),
        workers=int(told.get("workers") or 0),
        processor_percent=float(told.get("processor_percent") or 0.0),
        lost_workers=int(told.get("lost_workers") or 0),
        ended=bool(told.get("started_at")),
        foreign=len(firsts) - len(ours) + sum(row.repeat and row.number >= len(schedule) for row in rows),
    )


def _is_planned(row: Sent, schedule: Schedule) -> bool:
    """Whether a first sending is of a start of the schedule, at its moment and not before it."""
    if row.number >= len(schedule) or row.intended_us != schedule.starts_us[row.number]:
        return False
    return row.started_us >= row.intended_us


def _answers(firsts: Sequence[Sent], planned: int) -> Mapping[str, int]:
    words = {NO_ANSWER: "none", DROPPED: "dropped"}
    counts = Counter(words.get(row.status, str(row.status)) for row in firsts)
    if planned > len(firsts):
        counts["dropped"] += planned - len(firsts)
    return dict(sorted(counts.items()))


def _by_stream(
    schedule: Schedule, firsts: Sequence[Sent], names: Sequence[str], value: Callable[[Sent], int]
) -> Mapping[str, Percentiles]:
    """By the name of the stream; requests that never started have no latency, those nobody answered have theirs."""
    values: list[list[int]] = [[] for _ in names]
    for row in firsts:
        if row.status != DROPPED and row.number < len(schedule):
            values[schedule.streams[row.number]].append(value(row))
    found = {EVERY: percentiles(one for of in values for one in of)}
    return found | {name: percentiles(of) for name, of in zip(names, values, strict=True)}


# Time


def _delivery(
    run: Run, schedule: Schedule, documents: Documents, found: Matched, requests: Mapping[int, Pair]
) -> tuple[Mapping[str, Percentiles], Mapping[str, int], Mapping[str, int]]:
    """By stream: delivery, documents later than their SLA (never delivered ones included), documents owed."""
    names = [stream.name for stream in run.scenario.streams]
    values: list[list[int]] = [[] for _ in names]
    slas = {sla.stream: int(sla.seconds * SECOND_US) for sla in run.scenario.limits.sla}
    misses = dict.fromkeys(slas, 0)
    owed = dict.fromkeys((EVERY, *names), 0)
    for at, number in enumerate(documents.request):
        if not found.seq[at] or not found.deliver[at]:
            continue
        stream = schedule.streams[number]
        settled = found.settled_us[at]
        took = None
        if settled != NEVER and found.state[at] == POSTED:
            took = settled - requests[number].first.intended_us
            values[stream].append(took)
        for name in (EVERY, names[stream]):
            owed[name] += 1
            if name in slas and (took is None or took > slas[name]):
                misses[name] += 1
    delivery = {EVERY: percentiles(one for of in values for one in of)}
    return delivery | {name: percentiles(of) for name, of in zip(names, values, strict=True)}, misses, owed


def clocks_off_s(documents: Documents, found: Matched, requests: Mapping[int, Pair]) -> float:
    """The most an acceptance is dated before its request (negative) or after its answer: on one clock, neither is.

    After it only of what the answer named: what a process makes of a request is accepted later.
    """
    before = after = 0
    for number, answered, taken in zip(documents.request, documents.answered, found.accepted_us, strict=True):
        if taken == NEVER:
            continue
        pair = requests[number]
        before = min(before, taken - pair.first.started_us)
        if pair.good is not None and answered != NOTHING:
            after = max(after, taken - pair.good.ended_us)
    return (after if after > -before else before) / SECOND_US


def _drained_s(found: Matched, schedule: Schedule) -> float | None:
    if found.open or not any(found.seq):
        return None
    last_start = schedule.starts_us[-1] if len(schedule) else 0
    return round(max(0, found.last_us - last_start) / SECOND_US, 3)
