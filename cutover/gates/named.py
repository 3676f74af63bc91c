"""The registry of named gates: what each measures, and the question that measures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cutover.gates import decisions
from cutover.gates.port import Asked, Compared
from cutover.runner.gates import Gate, counted
from router.errors import BadInput

Measure = Callable[[Asked], Awaitable[tuple[Gate, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A gate that can be asked for by name."""

    name: str
    what: str
    """What it measures, in a sentence."""
    measure: Measure
    asks_systems: bool = False
    """True: it reads ERPs, PSA or CRM, not the journal alone."""
    compares: bool = False
    """True: it rests on the newest comparison on record."""


async def _drained(asked: Asked) -> tuple[Gate, ...]:
    tallies = await asked.measures.deliveries(asked.scope, (asked.source, asked.target))
    return (decisions.drained(tallies),)


async def _in_doubt(asked: Asked) -> tuple[Gate, ...]:
    tallies = await asked.measures.deliveries(asked.scope, (asked.source, asked.target))
    return (decisions.in_doubt(tallies),)


async def _masters(asked: Asked) -> tuple[Gate, ...]:
    return (decisions.masters(await asked.measures.deliveries(asked.scope, (asked.target,))),)


def _compared(name: str, build: Callable[[Compared, Asked], list[Gate]]) -> Measure:
    async def measure(asked: Asked) -> tuple[Gate, ...]:
        found = await asked.measures.compared(asked.scope, asked.source, asked.target)
        return decisions.from_comparison(
            found, asked.thresholds, asked.now, lambda one: build(one, asked), name
        )

    return measure


async def _exceptions(asked: Asked) -> tuple[Gate, ...]:
    found = await asked.measures.exceptions(asked.scope)
    tallies = await asked.measures.deliveries(asked.scope, (asked.source, asked.target))
    seen = sum(one.count for one in tallies)
    return (decisions.exceptions(found, seen, asked.thresholds, asked.now),)


async def _sla(asked: Asked) -> tuple[Gate, ...]:
    since = decisions.back(asked.now, asked.thresholds.evidence_age_minutes)
    waits = await asked.measures.waits(asked.scope, (asked.source, asked.target), since)
    freezes = decisions.freezes_of(asked.log, asked.plan, asked.wave, asked.now)
    return (decisions.sla(waits, freezes, asked.thresholds, asked.now),)


async def _fresh(asked: Asked) -> tuple[Gate, ...]:
    found = await asked.measures.compared(asked.scope, asked.source, asked.target)
    return decisions.evidence_fresh(found, asked.log, asked.thresholds, asked.now)


async def _invariants(asked: Asked) -> tuple[Gate, ...]:
    return decisions.checked("invariants", await asked.measures.invariants(), each=False)


async def _cross_checks(asked: Asked) -> tuple[Gate, ...]:
    return decisions.checked("cross-check", await asked.measures.cross_checks(), each=True)


async def _armed(asked: Asked) -> tuple[Gate, ...]:
    return (decisions.armed(asked.log, asked.plan, asked.wave, asked.thresholds, asked.now),)


_ALL: tuple[Named, ...] = (
    Named(
        name="queue-drained",
        what="deliveries of the scope that wait for either ERP",
        measure=_drained,
    ),
    Named(
        name="nothing-in-doubt",
        what="deliveries of the scope of which nobody knows whether the ERP has them",
        measure=_in_doubt,
    ),
    Named(
        name="variance",
        what="invoice money of both ERPs by currency, in basis points of the legacy total",
        measure=_compared("variance", lambda one, asked: list(decisions.variances(one, asked.thresholds))),
        compares=True,
    ),
    Named(
        name="count-differences",
        what="documents that stand in one ERP only",
        measure=_compared(
            "count-differences",
            lambda one, asked: [
                counted("count-differences", one.missing, asked.thresholds.count_differences)
            ],
        ),
        compares=True,
    ),
    Named(
        name="control-totals",
        what="control totals that can't be walked from one ERP to the other",
        measure=_compared("control-totals", lambda one, _: list(decisions.control_totals(one))),
        compares=True,
    ),
    Named(
        name="unexplained",
        what="differences between the ERPs without a cause",
        measure=_compared(
            "unexplained",
            lambda one, asked: [counted("unexplained", one.unexplained, asked.thresholds.unexplained)],
        ),
        compares=True,
    ),
    Named(
        name="exceptions",
        what="open exceptions of the scope beyond their age, by the queue that owns them",
        measure=_exceptions,
    ),
    Named(
        name="sla",
        what="deliveries of the scope that waited too long outside a freeze",
        measure=_sla,
    ),
    Named(
        name="evidence-fresh",
        what="the age of the newest comparison and of the run's newest cross-check",
        measure=_fresh,
    ),
    Named(
        name="invariants",
        what="the invariants a live journal can answer (`coexist verify`)",
        measure=_invariants,
    ),
    Named(
        name="cross-checks",
        what="hours, invoices, intercompany and revenue of one system against another, now",
        measure=_cross_checks,
        asks_systems=True,
    ),
    Named(
        name="rollback-armed",
        what="the way back of the wave, armed and probed lately",
        measure=_armed,
    ),
    Named(
        name="masters",
        what="masters of the scope that the new ERP did not take",
        measure=_masters,
    ),
)
GATES: Mapping[str, Named] = {one.name: one for one in _ALL}
"""By name, in the order they are listed."""


def named(name: str) -> Named:
    """A gate by its name; raises BadInput with the known ones."""
    found = GATES.get(name)
    if found is None:
        raise BadInput(f"there is no gate {name[:48]!r}", mend="use one of " + ", ".join(GATES))
    return found
