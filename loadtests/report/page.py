"""Renders `report.html`: one offline file in the look of the rehearsal's report, a function of `report.json`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from cutover.report.html import environment
from cutover.report.wording import clean
from loadtests.report import contrasting, views, wording
from loadtests.report.curves import curves


def render(report: Mapping[str, Any]) -> str:
    """The report of a run as HTML; the same data give the same text."""
    compared = report["compared"]
    foreseen = report["predicted"]
    return (
        pages()
        .get_template("load.html.j2")
        .render(
            r=report,
            run=report["run"],
            m=report["measured"],
            head=views.head(report),
            tiles=views.tiles(report),
            checks=views.checks(report),
            sent=views.sent(report),
            curves=curves(report),
            latency=views.latency(report),
            contrast=contrasting.rows(report["contrast"], report["measured"]),
            foreseen=foreseen and views.figure_rows(foreseen["beside"]["rows"], "predicted", "measured"),
            not_predicted=foreseen["beside"]["not_predicted"] if foreseen else [],
            compared=compared,
            compared_rows=compared and views.figure_rows(compared["rows"], "then", "now"),
            lists=views.lists(report),
            circumstances=views.circumstances(report),
        )
    )


@cache
def pages(*packages: str) -> Environment:
    """Where the pages of load runs are made: the look of all reports, the words of a load run, templates of `packages`."""
    made = environment(*packages, "loadtests.report", "cutover.report")
    made.filters.update(
        plain=wording.plain,
        ms=wording.milliseconds,
        secs=wording.seconds,
        change=wording.change,
        mark=mark,
    )
    made.globals["figure"] = wording.figure
    return made


def mark(state: Any) -> Markup:
    """An outcome as sign and word in its tone."""
    name = clean(state)
    sign, tone = wording.MARKS.get(name, ("", "plain"))
    shown = Markup('<span aria-hidden="true">{}</span> ').format(sign) if sign else Markup("")
    return Markup('<span class="badge {}">{}{}</span>').format(tone, shown, name)
