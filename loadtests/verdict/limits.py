"""How an ERP's contract limit was kept and used, and when the run was meant to suffer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from loadtests.running.run import Run
from loadtests.verdict.erps import Metered
from loadtests.verdict.model import Erp
from loadtests.verdict.moments import SECOND_US, Beginning
from loadtests.verdict.waiting import Waiting, without

STANDS_STILL = ("refuse", "throttle", "hang", "drop_answer", "freeze")
"""Faults in which a limit can't be used, however much waits."""
LEAST_S = 3
"""Seconds in which enough work waited, for a share to say anything."""


def bands_of(run: Run, length_us: int) -> tuple[Mapping[str, Any], ...]:
    """What was made to go wrong, in seconds of the run, and the switch at its moment."""
    length = Fraction(length_us, SECOND_US)

    def at(share: Decimal) -> float:
        return float(round(length * Fraction(share) / 100, 3))

    bands: list[Mapping[str, Any]] = [
        {"name": fault.name, "from_s": at(fault.at), "until_s": at(fault.until), "system": fault.system, "kind": fault.kind}
        for fault in run.scenario.faults
    ]  # fmt: skip
    if (switch := run.scenario.switch) is not None:
        moment = at(switch.at)
        bands.append(
            {
                "name": f"switch of wave {switch.wave}",
                "from_s": moment,
                "until_s": moment,
                "system": "",
                "kind": "switch",
            }
        )
    return tuple(bands)


def played(
    planned: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """The bands as they were really played, by name; `rows`: name, from_s, until_s (None: it never ended)."""
    really = {str(row["name"]): row for row in rows}
    times = ("from_s", "until_s")
    return tuple(
        {
            **band,
            **{
                name: float(really[band["name"]][name])
                for name in times
                if really[band["name"]][name] is not None
            },
        }
        if band["name"] in really
        else band
        for band in planned
    )


def allowed(run: Run, system: str, meter: Metered) -> int | None:
    """Calls the router may have under way at an ERP: the ERP's own limit, or the smaller budget it was given."""
    systems = (run.landscape or {}).get("systems", {})
    budget = (systems.get(system, {}).get("budget") or {}).get("concurrency")
    known = [int(one) for one in (meter.concurrency, budget) if one is not None]
    return min(known, default=None)


def erp_use(
    system: str, meter: Metered, places: int | None, waiting: Waiting, *, bands: Sequence[Mapping[str, Any]],
    begin: Beginning, documents: int,
) -> Erp:  # fmt: skip
    """What an ERP went through; its use is the place-time of the seconds in which enough work waited."""
    seconds = {row.at: row for row in meter.seconds}
    used: float | None = None
    if places is not None:
        # Seconds without a call count as well: work waited, and nobody fetched it.
        busy = waiting.seconds(system, places, first=begin.epoch_us // SECOND_US + 1, last=meter.now - 1)
        busy = without(busy, _spans(system, bands, begin))
        if len(busy) >= LEAST_S:
            held = sum(seconds[at].held_us for at in busy if at in seconds)
            used = float(round(Fraction(100 * held, places * SECOND_US * len(busy)), 2))
    return Erp(
        system=system,
        calls=sum(row.calls for row in meter.seconds),
        refused=sum(row.refused for row in meter.seconds),
        limit=_limit(meter, places),
        peak=max((row.peak for row in meter.seconds), default=0),
        used_percent=used,
        documents=documents,
    )


def _spans(system: str, bands: Sequence[Mapping[str, Any]], begin: Beginning) -> list[tuple[int, int]]:
    zero = begin.epoch_us // SECOND_US
    return [
        (zero + int(band["from_s"]), zero + int(band["until_s"]) + 1)
        for band in bands
        if band["kind"] in STANDS_STILL and band["system"] in ("", system)
    ]


def _limit(meter: Metered, places: int | None) -> str:
    words = [] if meter.concurrency is None else [f"concurrency {meter.concurrency}"]
    if places is not None and places != meter.concurrency:
        words.append(f"of which the router may use {places}" if words else f"budget {places}")
    if meter.window is not None:
        words.append(f"{meter.window} calls a window")
    return ", ".join(words) or "none"
