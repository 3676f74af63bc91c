"""Renders the report for people: one offline HTML file without scripts, for screen, dark screen and paper.

`render` is a pure function of the report. What is shown is put together in `headline`, `views` and `evidence_views`;
the templates only lay it out. Everything is escaped; a content security policy forbids loading or
running anything, so that a hostile name in the data stays a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cutover.report import (
    control_runs_view,
    cross_checks_view,
    dual_run_view,
    evidence_views,
    finance_view,
    freezes_view,
    headline,
    rollback_view,
    straddling_view,
    views,
    wording,
)


def render(report: Mapping[str, Any]) -> str:
    """The report as HTML; parts the report lacks are said to be missing. Same report, same text."""
    page = {
        "head": headline.head(report),
        "tiles": headline.tiles(report),
        "timeline": views.timeline(report),
        "gates": views.gates(report),
        "load": views.load(report),
        "differences": dual_run_view.differences(report),
        "cross_checks": cross_checks_view.cross_checks(report),
        "freezes": freezes_view.freezes(report),
        "rollback": rollback_view.rollback(report),
        "straddlers": straddling_view.straddlers(report),
        "money": views.money(report),
        "finance": finance_view.finance(report),
        "exceptions": evidence_views.exceptions(report),
        "invariants": evidence_views.invariants(report),
        "control_runs": control_runs_view.control_runs(report),
        "resilience": evidence_views.resilience(report),
        "given": evidence_views.given(report),
        "options": evidence_views.options(report),
        "digest": data_digest(report),
    }
    return _environment().get_template("report.html.j2").render(page)


def data_digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of `report.json` as the rehearsal writes it, so that page and data can be matched."""
    data = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    return hashlib.sha256(data).hexdigest()


@cache
def _environment() -> Environment:
    return environment("cutover.report")


def environment(*packages: str) -> Environment:
    """Where pages in this look are made from the templates of these packages: escaping, filters, strictness."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Only plain text is cleaned: markup made here has been through `clean` already.
        finalize=lambda value: wording.clean(value) if type(value) is str else value,
    )
    made.filters.update(
        when=wording.when,
        number=wording.number,
        grouped=wording.grouped,
        amount=wording.amount,
        delta=wording.delta,
        duration=wording.duration,
        words=wording.words,
        badge=wording.badge,
        flat=wording.flat,
    )
    made.globals["plural"] = wording.plural
    return made
