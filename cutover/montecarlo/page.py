"""Renders `montecarlo.html`: one offline file in the look of the rehearsal's report, a function of `montecarlo.json`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment

from cutover.montecarlo.charts import ends_chart, steps_chart, tornado
from cutover.report.html import data_digest, environment
from cutover.report.wording import instant, when

LIKELY, TOSS = 95.0, 50.0
"""Percent from which on a plan is called likely to fit, and under which unlikely."""


def render_many(told: Mapping[str, Any]) -> str:
    """The report of many runs as HTML; the same data give the same text."""
    on_path = {row["id"]: row["on_path"]["percent"] for row in told["critical"]["steps"]}
    return (
        _environment()
        .get_template("montecarlo.html.j2")
        .render(
            m=told,
            head=head(told),
            tiles=tiles(told),
            ends=ends_chart(told["ends"]),
            gantt=steps_chart(told["steps"], on_path),
            on_path=on_path,
            tornado=tornado(told["sensitivity"]["changes"]),
            digest=data_digest(told),
        )
    )


@cache
def _environment() -> Environment:
    return environment("cutover.montecarlo", "cutover.report")


def head(told: Mapping[str, Any]) -> dict[str, Any]:
    """The answer in a word and a sentence."""
    fits, goes, broken = told["fits"], told["goes"], told["runs_with_a_violated_invariant"]
    lost = sum(told["verdicts"].get(name, 0) for name in ("broken", "died"))
    if broken or lost:
        tone, word = "bad", "AN INVARIANT OR A RUN BROKE"
    elif fits["percent"] >= LIKELY:
        tone, word = "good", f"FITS IN {fits['percent']:g}% OF RUNS"
        if goes["percent"] < LIKELY:
            tone, word = "open", f"{word}, BUT A GO IN ONLY {goes['percent']:g}%"
    else:
        tone = "open" if fits["percent"] >= TOSS else "bad"
        word = f"FITS IN ONLY {fits['percent']:g}% OF RUNS"
    sentence = (
        f"In {fits['count']} of {fits['of']} rehearsals every step was done before the window closed:"
        f" with 95% confidence the probability lies between {fits['low']:g}% and {fits['high']:g}%."
        f" {goes['count']} of {goes['of']} were a go in all respects."
    )
    because = [f"Bottleneck: {told['bottleneck']['says']}."]
    because += [
        f"Step {one['id']} failed in {one['chance']['percent']:g}% of runs: {one['why']}"
        for one in told["failing_steps"][:3]
    ]
    helps = [one for one in told["sensitivity"]["changes"] if one["verdict"] == "helps"]
    because += [f"What buys most is {helps[0]['sentence']}."] if helps else []
    if broken:
        because.insert(0, f"An invariant was violated in {broken} runs: a bug, not a verdict on the plan.")
    if lost:
        because.insert(0, f"{lost} runs did not come to their end: a bug, not a verdict on the plan.")
    return {"tone": tone, "word": word, "sentence": sentence, "because": because}


def tiles(told: Mapping[str, Any]) -> list[dict[str, str]]:
    """Key figures."""
    ends, unwound = told["ends"], told["unwound"]
    limit = told["bottleneck"]["limit"]
    return [
        _end("Ends, half of the runs", ends, 50),
        _end("Ends, nine of ten", ends, 90),
        {
            "label": "A wave went back", "value": f"{unwound['percent']:g}%",
            "note": f"{unwound['low']:g}% to {unwound['high']:g}%", "href": "failing", "tone": "open" if unwound["count"] else "",
        },
        {
            "label": "Bottleneck", "value": told["bottleneck"]["step"] or "–",
            "note": "no limit of a system in the way" if limit is None else f"{limit['system']}: {limit['limit'].replace('_', ' ')}",
            "href": "bottleneck", "tone": "",
        },
    ]  # fmt: skip


def _end(label: str, ends: Mapping[str, Any], percent: int) -> dict[str, str]:
    """By when so many of all runs were through; one that stopped never was, and counts."""
    through, stopped = ends["through"], ends["stopped"]
    if through * 100 < percent * (through + stopped):
        note = f"{through} of {through + stopped} got through"
        return {"label": label, "value": "never", "note": note, "href": "ends", "tone": "bad"}
    at, closes = instant(ends[f"p{percent}"]), instant(ends["closes"])
    late = at is not None and closes is not None and at > closes
    note = when(ends[f"p{percent}"]) + (f", of the {through} that got through" if stopped else "")
    return {
        "label": label, "value": _clock(ends[f"p{percent}"]), "note": note, "href": "ends",
        "tone": "bad" if late else "",
    }  # fmt: skip


def _clock(text: str | None) -> str:
    at = instant(text)
    return f"{at:%a %H:%M}Z" if at else "–"
