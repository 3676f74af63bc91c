"""Puts `report.json` together: verdict, figures and everything the page shows. A pure function of its arguments.

What was measured in full stays in measured.json; here the series is kept in as many buckets as a reader or
a later comparison needs, and lists of documents are cut with their count, so that a day's run stays small.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import orjson

from loadtests.report.comparing import compared
from loadtests.report.figures import figures_of
from loadtests.report.foreseen import beside
from loadtests.report.series import STORED, Series, series_of
from loadtests.running.run import Run
from loadtests.verdict.model import Measured, Verdict

SCHEMA = "coexist.load-report/1"
LISTED_MAX = 1_000
"""Documents of a list the JSON keeps; its count is that of all."""
NOTES_MAX = 20
_LISTS = ("lost", "doubled", "strangers", "repeats_differ")


def report_of(
    run: Run,
    measured: Measured,
    verdict: Verdict,
    *,
    generator: Mapping[str, Any] | None = None,
    predicted: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
    contrast: Mapping[str, Any] | None = None,
    command: str = "",
) -> dict[str, Any]:
    """The report as JSON has it; `generator` is generator.json, `command` what the user typed, if known."""
    told = dict(generator or {})
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": verdict.outcome,
        "exit_code": verdict.exit_code,
        "because": list(verdict.because),
        "checks": [asdict(check) for check in verdict.checks],
        "at": told.get("started_at"),
        "run": _run(run),
        "circumstances": _circumstances(measured, told),
        "generator_notes": [str(note)[:500] for note in _listed(told.get("notes"))[:NOTES_MAX]],
        "figures": [figure.as_row() for figure in figures_of(measured)],
        "measured": _measured(measured),
        "predicted": None if predicted is None else _predicted(predicted, measured),
        "contrast": None if contrast is None else dict(contrast),
        "reproduce": {"command": command or command_of(run), "seed": run.seed},
    }
    report["digest"] = digest(report)
    report["compared"] = None if earlier is None else compared(report, earlier)
    return report


def digest(report: Mapping[str, Any]) -> str:
    """SHA-256 over all but the comparison, so that a page, its data and a later comparison can be matched."""
    kept = {name: value for name, value in report.items() if name not in ("digest", "compared")}
    return hashlib.sha256(dumped(kept)).hexdigest()


def dumped(told: Any) -> bytes:
    """JSON as it is written: keys sorted, one way only."""
    return (
        orjson.dumps(
            told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str
        )
        + b"\n"
    )


def command_of(run: Run) -> str:
    """The command that does the same work again."""
    base = run.scenario.short if run.form == "short" else run.scenario.long
    words = ["coexist", "load", run.scenario.name]
    if run.form == "short":
        words.append("--short")
    if Decimal(run.minutes) != base.minutes:
        words += ["--minutes", _decimal(Decimal(run.minutes))]
    rate = Decimal(run.peak_per_s) / base.peak_per_s
    if rate != 1:
        words += ["--rate", _decimal(rate)]
    return " ".join(map(shlex.quote, [*words, "--seed", str(run.seed)]))


def series_rows(series: Series) -> list[dict[str, Any]]:
    """The buckets as rows."""
    return [bucket.as_row() for bucket in series.buckets]


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _run(run: Run) -> dict[str, Any]:
    scenario = run.scenario.model_dump(mode="json")
    return {
        "scenario": run.scenario.name,
        "title": run.scenario.title,
        "question": run.scenario.question,
        "scenario_digest": hashlib.sha256(dumped(scenario)).hexdigest(),
        "seed": run.seed,
        "form": run.form,
        "minutes": _decimal(Decimal(run.minutes)),
        "peak_per_s": _decimal(Decimal(run.peak_per_s)),
        "drained_within_s": _decimal(Decimal(run.drained_within_s)),
        "gateway": run.gateway,
        "tag": run.tag,
        "definition": scenario,
    }


def _circumstances(measured: Measured, generator: Mapping[str, Any]) -> dict[str, Any]:
    """Where and with what it was measured, as the generator told; what it did not tell is not guessed."""
    kept = ("unsent", "processor_percent", "processor_peak_percent")  # of the run, not of where it ran
    known = {
        str(name): value
        for name, value in generator.items()
        if name not in kept and (isinstance(value, str | int | float | bool) or value is None)
    }
    return known | {"workers": measured.generator.workers}


def _listed(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []


def _measured(measured: Measured) -> dict[str, Any]:
    told = asdict(measured)
    series = series_of(measured.series, measured.bucket_s, most=STORED)
    told["series"] = series_rows(series)
    told["bucket_s"] = series.width_s
    for name in _LISTS:
        whole = told[name]
        told[name] = {"count": len(whole), "first": list(whole[:LISTED_MAX])}
    return told


def _predicted(predicted: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    rows = predicted.get("series")
    series = series_of(
        rows if isinstance(rows, list | tuple) else (), predicted.get("bucket_s", 1), most=STORED
    )
    kept = {name: value for name, value in predicted.items() if name != "series"}
    return kept | {
        "series": series_rows(series),
        "bucket_s": series.width_s,
        "beside": beside(measured, predicted),
    }
