"""Writes the report of a run into its folder: JSON, JUnit and one page. The same facts give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from loadtests.report.data import dumped, report_of
from loadtests.report.junit import junit
from loadtests.report.page import render
from loadtests.running.run import GENERATOR, JUNIT, PAGE, REPORT, Run
from loadtests.verdict.model import Measured, Verdict


def write_report(
    folder: Path,
    run: Run,
    measured: Measured,
    verdict: Verdict,
    predicted: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
    contrast: Mapping[str, Any] | None = None,
    command: str = "",
) -> Path:
    """Write report.json, junit.xml and report.html; returns the page's path. Raises OSError.

    `predicted` is predicted.json, `earlier` what `read_earlier` read, `contrast` the closed model's figures
    (`loadtests.report.contrasting`), `command` what the user typed.
    """
    report = report_of(
        run, measured, verdict, generator=_generator(folder), predicted=predicted, earlier=earlier,
        contrast=contrast, command=command,
    )  # fmt: skip
    (folder / REPORT).write_bytes(dumped(report))
    (folder / JUNIT).write_bytes(junit(run.scenario.name, verdict))
    page = folder / PAGE
    page.write_text(render(report), encoding="utf-8")
    return page


def _generator(folder: Path) -> Mapping[str, Any]:
    """What the generator says of itself; nothing, if it died before it could."""
    file = folder / GENERATOR
    if not file.exists():
        return {}
    try:
        told = orjson.loads(file.read_bytes())
    except ValueError:
        return {"note": f"{GENERATOR} is no JSON: the generator was stopped while it wrote it"}
    return told if isinstance(told, dict) else {}
