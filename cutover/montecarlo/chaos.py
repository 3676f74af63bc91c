"""Draws a schedule of faults and crashes from a seed: every kind, over all systems, over the whole plan.

What is drawn is bounded, so that everything can settle once the systems are well again: each fault has a
window of at most `LONGEST` and those that lose an answer hit a handful of requests. A document may still be
given up as a dead letter and a step may miss its deadline: that is what faults do. No invariant may break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cutover.plan.model import Crash, Plan
from router.clock import to_text
from router.landscape import Landscape
from simulators.core.faults import REQUEST_KINDS

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=2)
"""A blip, and an outage somebody is called for."""
MOST_PER_SYSTEM = 4
MOST_CRASHES = 3
MOST_HITS = 5
"""Answers one fault loses: each is looked up, and some a person must decide."""
GARBLED = ("", "null", "[]", "{}", "<html>Bad gateway</html>", '{"unexpected": end of', "\x00\x01")
"""Bodies a proxy or a dying server has been seen to send with status 200."""
Drawn = dict[str, tuple[Mapping[str, Any], ...]]


def draw_faults(seed: int, plan: Plan, landscape: Landscape) -> Drawn:
    """System → faults as `simulators.core.faults` reads them; the same for the same seed, plan and landscape."""
    drawn: Drawn = {}
    for name, system in landscape.systems.items():
        rng = Random(f"{seed}/chaos/{name}")  # noqa: S311 - reproducible on purpose
        kinds = (*REQUEST_KINDS, "period_lock") if system.role == "erp" else REQUEST_KINDS
        picked = [rng.choice(kinds) for _ in range(rng.randint(0, MOST_PER_SYSTEM))]
        rows = tuple(
            _fault(rng, kind, at, plan, tuple(landscape.legal_entities))
            for at, kind in enumerate(picked, start=1)
        )
        if rows:
            drawn[str(name)] = rows
    return drawn


def draw_crashes(seed: int, plan: Plan) -> tuple[Crash, ...]:
    """Up to three deaths of the router, seconds to ten minutes long."""
    rng = Random(f"{seed}/chaos/crashes")  # noqa: S311 - reproducible on purpose
    seconds = int((plan.end - plan.start - SHORTEST).total_seconds())
    at = sorted(rng.randrange(seconds) for _ in range(rng.randint(0, MOST_CRASHES)))
    return tuple(
        Crash(at=plan.start + timedelta(seconds=one), down_s=rng.choice((5, 30, 90, 600))) for one in at
    )


def _fault(rng: Random, kind: str, number: int, plan: Plan, entities: Sequence[str]) -> Mapping[str, Any]:
    since, until = _window(rng, plan)
    fault: dict[str, Any] = {
        "name": f"{kind.replace('_', ' ')} {number}", "kind": kind, "from": to_text(since), "until": to_text(until),
    }  # fmt: skip
    match kind:
        case "refuse":
            fault |= {"probability": _chance(rng), "params": {"status": rng.choice((500, 502, 503, 504))}}
            if rng.random() < 0.5:
                fault["params"]["retry_after_s"] = rng.choice((1, 10, 60))
        case "throttle":
            fault |= {"probability": _chance(rng), "params": {"retry_after_s": rng.choice((1, 20, 60))}}
        case "delay":
            when = rng.choice(("before", "after"))
            fault |= {
                "probability": _chance(rng),
                "params": {"seconds": rng.choice((2, 15, 45)), "when": when},
            }
        case "period_lock":
            fault |= {"first": rng.randint(1, 20)}
            if rng.random() < 0.5:
                fault["params"] = {"entity": rng.choice(entities)}
        case _:
            fault |= {"first": rng.randint(1, MOST_HITS), "skip": rng.choice((0, 0, 1, 3, 10))}
            if rng.random() < 0.5:
                fault["method"] = rng.choice(("GET", "POST"))
            params: dict[str, Any] = {}
            if kind in ("hang", "drop_answer"):
                params = {"seconds": rng.choice((30, 120, 300))}
            elif kind == "answer_twice":
                params = {"answer": rng.choice(("first", "second"))}
            elif kind == "malformed":
                params = {"body": rng.choice(GARBLED)}
            fault |= {"params": params} if params else {}
    return fault


def _window(rng: Random, plan: Plan) -> tuple[datetime, datetime]:
    length = timedelta(minutes=rng.randint(SHORTEST // timedelta(minutes=1), LONGEST // timedelta(minutes=1)))
    room = max(1, int((plan.end - plan.start - length).total_seconds()) // 60)
    since = plan.start + timedelta(minutes=rng.randrange(room))
    return since, min(since + length, plan.end)


def _chance(rng: Random) -> str:
    return rng.choice(("0.1", "0.3", "0.7", "1"))
