"""Causes, pure: what a difference comes from, with its evidence, or `unexplained`.

An explanation must follow from the data. A time entry's value differs by rounding when the hours of
the legacy ERP, kept in hundredths, account for it to the minor unit; an invoice's does when the
differences of its project's time entries can make it up, give or take the rounding of its lines. A
paid state differs because of money when the payment meets an amount that differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from router.connectors.port import Record
from router.dualrun.compare import Difference
from router.finance.credits import credit_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the causes are judged by."""

    minutes: Mapping[str, int]
    """Minutes of each time entry in the cloud ERP, by key."""
    time_deltas: Mapping[str, int]
    """Sum of the absolute net differences of the time entries of each project, minor units."""
    time_rows: Mapping[str, int]
    """Time entries of each project."""
    invoice_lines: Mapping[str, int]
    """Lines of each invoice on both sides together, by key."""
    invoice_net: Mapping[str, int]
    """Net difference of each invoice, by key."""
    invoice_total: Mapping[str, int]
    """Total difference of each invoice, by key."""
    shadow: Mapping[tuple[str, str], tuple[str, str]]
    """State and reason of the shadow delivery of (kind, key)."""


def cause(row: Difference, evidence: Evidence) -> tuple[str, str]:
    """(cause, evidence in one sentence) of a difference."""
    if row.what.startswith("missing_in_cloud"):
        state, why = evidence.shadow.get((row.kind, row.key), ("", ""))
        if state in ("refused", "dead", "parked"):
            return "refused", f"the cloud ERP did not take it: {why}"
        return "unexplained", "no shadow delivery explains it"
    if row.kind == "time_entry" and row.what == "amount" and row.column == "net":
        return _hundredths(row, evidence)
    if row.kind == "invoice" and row.what == "amount":
        return _invoice(row, evidence)
    if row.kind == "invoice" and row.what == "status":
        return _paid_state(row, evidence)
    if row.kind == "credit_memo" and row.what == "amount":
        return _credit(row, evidence)
    if row.what == "dimension":
        return "mapping", f"{row.column} is {row.legacy!r} in the legacy and {row.cloud!r} in the cloud ERP"
    if row.what == "date":
        return "period", f"posted on {row.legacy} and on {row.cloud}"
    return "unexplained", ""


def _hundredths(row: Difference, evidence: Evidence) -> tuple[str, str]:
    minutes = evidence.minutes.get(row.key)
    if minutes is None or row.legacy is None or row.cloud is None or minutes == 0:
        return "unexplained", ""
    hundredths = _half_up(Fraction(abs(minutes) * 100, 60))
    # The value the cloud's minutes would have, had they been rounded to hundredths of an hour first.
    expected = Fraction(int(row.cloud) * hundredths * 60, abs(minutes) * 100)
    if abs(expected - int(row.legacy)) <= 1:
        return (
            "rounding",
            f"{minutes} minutes are {hundredths // 100}.{hundredths % 100:02d} hours in the legacy ERP",
        )
    return "unexplained", ""


def _invoice(row: Difference, evidence: Evidence) -> tuple[str, str]:
    delta, lines = row.delta or 0, evidence.invoice_lines.get(row.key, 0)
    net = evidence.invoice_net.get(row.key, 0)
    from_time = evidence.time_deltas.get(row.project_id, 0)
    slack = evidence.time_rows.get(row.project_id, 0) + lines
    # Whatever the column: first the net must be explained, then what tax adds to it.
    if abs(net) > from_time + slack:
        return "unexplained", ""
    tax = {"net": 0, "tax": delta, "total": delta - net}[row.column]
    if abs(tax) > abs(net) + lines:
        return "unexplained", ""
    if row.column == "tax":
        return "tax", f"tax follows a net difference of {net} over {lines} lines"
    return (
        "rounding",
        f"the project's time entries differ by up to {from_time}, lines and rows round by at most {slack}",
    )


def _credit(row: Difference, evidence: Evidence) -> tuple[str, str]:
    """The credit of a whole invoice differs by what the invoice differs, to the minor unit."""
    for invoice in evidence.invoice_total:
        if row.key in (credit_id(invoice), credit_id(f"INV-{invoice}")):
            net, total = evidence.invoice_net.get(invoice, 0), evidence.invoice_total[invoice]
            if row.delta == {"net": net, "tax": total - net, "total": total}[row.column]:
                return "rounding", f"it credits the whole of invoice {invoice}, which differs by {row.delta}"
    return "unexplained", ""


def _paid_state(row: Difference, evidence: Evidence) -> tuple[str, str]:
    differs = evidence.invoice_total.get(row.key, 0)
    if differs and {row.legacy, row.cloud} == {"paid", "posted"}:
        return "rounding", f"one payment meets totals that differ by {differs}, so one side keeps a rest open"
    return "unexplained", ""


def evidence_of(
    legacy: Sequence[Record],
    cloud: Sequence[Record],
    differences: Sequence[Difference],
    shadow: Mapping[tuple[str, str], tuple[str, str]],
) -> Evidence:
    """Gather what causes are judged by from both sides' records and the raw differences."""
    deltas: dict[str, int] = {}
    net: dict[str, int] = {}
    total: dict[str, int] = {}
    for row in differences:
        if row.kind == "time_entry" and row.column == "net":
            deltas[row.project_id] = deltas.get(row.project_id, 0) + abs(row.delta or 0)
        if row.kind == "invoice" and row.column == "net":
            net[row.key] = row.delta or 0
        if row.kind == "invoice" and row.column == "total":
            total[row.key] = row.delta or 0
    rows: dict[str, int] = {}
    lines: dict[str, int] = {}
    for record in cloud:
        if record.kind == "time_entry":
            rows[record.project_id] = rows.get(record.project_id, 0) + 1
    for record in (*legacy, *cloud):
        if record.kind == "invoice":
            lines[record.external_id] = lines.get(record.external_id, 0) + len(record.lines)
    return Evidence(
        minutes={row.external_id: row.minutes or 0 for row in cloud if row.kind == "time_entry"},
        time_deltas=deltas,
        time_rows=rows,
        invoice_lines=lines,
        invoice_net=net,
        invoice_total=total,
        shadow=shadow,
    )


def _half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
