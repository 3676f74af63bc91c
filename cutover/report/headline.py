"""Puts together the top of the report: the verdict with its reasons, and the key figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutover.report.wording import NOTHING, VERDICTS, duration, number, plural, when


def part(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the report, or nothing where a run has not got that far."""
    found = report.get(name)
    return found if isinstance(found, Mapping) else {}


def head(report: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict, its reasons and what it is a verdict on."""
    plan, window = part(report, "plan"), part(report, "window")
    verdict = str(report.get("verdict", "inconclusive"))
    word, tone, meaning = VERDICTS.get(verdict, (verdict.upper(), "open", ""))
    options = part(report, "options")
    source = f"extracts “{options['extracts']}”" if options.get("extracts") else "the fictional firm"
    if options.get("size") and not options.get("extracts"):
        source += f", size {options['size']}"
    return {
        "word": word,
        "tone": tone,
        "meaning": meaning,
        "because": [str(reason) for reason in report.get("because") or ()],
        "mends": [str(one) for one in report.get("mends") or ()],
        "seed": report.get("seed"),
        "plan": plan,
        "title": plan.get("title") or plan.get("name") or "Cutover plan",
        "window": window,
        "load": source,
    }


def tiles(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures a reader wants first, each with where it is explained."""
    counts = part(report, "transactions")
    posted = (counts.get("by_state") or {}).get("posted", 0)
    rest = int(counts.get("total") or 0) - posted
    return [
        _spare(report),
        _tile(
            "Transactions", number(counts.get("total")),
            f"{number(posted)} posted, {number(rest)} not" if counts else "not counted", "money",
        ),
        _tile("Deliveries", number(counts.get("deliveries")), "authority, shadow and feedback", "load"),
        *_compared(report.get("differences") or []),
        _waiting(part(report, "exceptions").get("total")),
        _held(report.get("invariants") or []),
        _lives(part(report, "resilience")),
    ]  # fmt: skip


def _tile(label: str, value: str, note: str, href: str, tone: str = "plain") -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "href": href, "tone": tone}


def _spare(report: Mapping[str, Any]) -> dict[str, str]:
    """Spare time counts only when the plan came to its end."""
    label, window = "Spare before the window closes", part(report, "window")
    spare, steps = window.get("spare_minutes"), report.get("steps") or ()
    undone = sum(step.get("outcome") != "done" for step in steps)
    if spare is None:
        note = (
            f"{plural(undone, 'step')} of {len(steps)} not done"
            if undone < len(steps)
            else "no step was done"
        )
        return _tile(label, NOTHING, note, "timeline", "open")
    if undone:
        note = f"{plural(undone, 'step')} of {len(steps)} not done; {duration(spare)} were left at the last one done"
        return _tile(label, "not reached", note, "timeline", "bad")
    tone = "bad" if spare < 0 else "good"
    return _tile(label, duration(spare), f"closes {when(window.get('closes'))}", "timeline", tone)


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    names = ("Differences", "Without a cause")
    if not rows:
        return [_tile(name, NOTHING, "nothing was compared", "differences", "open") for name in names]
    breaks, pairs, open_ = (
        sum(row.get(key) or 0 for row in rows) for key in ("breaks", "compared", "unexplained")
    )
    note = "differences nobody could explain" if open_ else "every difference has a cause"
    return [
        _tile(names[0], number(breaks), f"in {number(pairs)} pairs compared", "differences"),
        _tile(names[1], number(open_), note, "differences", "bad" if open_ else "good"),
    ]


def _waiting(total_: int | None) -> dict[str, str]:
    if total_ is None:
        return _tile("Exceptions", NOTHING, "not counted", "exceptions", "open")
    if total_:
        return _tile("Exceptions", number(total_), "wait for a person", "exceptions", "open")
    return _tile("Exceptions", "0", "nobody has to act", "exceptions", "good")


def _held(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not rows:
        return _tile("Invariants held", NOTHING, "none was checked", "invariants", "open")
    held = sum(bool(row.get("held")) for row in rows)
    note = "checked on every row of the journal"
    return _tile(
        "Invariants held", f"{held} of {len(rows)}", note, "invariants", "bad" if held < len(rows) else "good"
    )


def _lives(row: Mapping[str, Any]) -> dict[str, str]:
    lives = row.get("router_lives")
    fired = sum(sum(counts.values()) for counts in (row.get("faults_fired") or {}).values())
    value = f"{number(lives - 1)} / {number(fired)}" if lives else NOTHING
    note = f"the router lived {plural(lives, 'life', 'lives')}" if lives else "not recorded"
    return _tile("Restarts / faults fired", value, note, "resilience", "plain" if lives else "open")
