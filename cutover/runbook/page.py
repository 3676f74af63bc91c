"""The run book for paper: one HTML file without scripts, a sheet for each owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutover.report.html import environment


def render(book: Mapping[str, Any]) -> str:
    """The run book as HTML; same book, same text."""
    return environment("cutover.runbook", "cutover.report").get_template("runbook.html.j2").render(book=book)
