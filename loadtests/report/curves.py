"""What the page shows of a run over time: panels over one axis, and the table beside them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from loadtests.report.charts import ERPS_MAX, Moments, Panel, bands_of, erp_line, line_of, run_chart
from loadtests.report.series import Series, series_of
from loadtests.report.wording import finite, milliseconds, plain, seconds

TABLE_ROWS = 24
Report = Mapping[str, Any]


def curves(report: Report) -> dict[str, Any]:
    """The panels over one time axis and the table beside them."""
    told = report["measured"]
    series = series_of(told["series"], told["bucket_s"])
    foreseen = report["predicted"]
    guess = None
    if foreseen:
        guess = series_of(foreseen["series"], foreseen["bucket_s"], end_s=series.end_s * 1.5, width_s=None)
    if not series.buckets:
        return {"chart": "", "rows": [], "width": "1 s", "systems": [], "widened": False}
    length = float(Decimal(report["run"]["minutes"]) * 60)
    drained = finite(told["drained_s"])
    moments = Moments(
        end_s=max(series.end_s, guess.end_s if guess else 0.0),
        last_start_s=length if length < series.end_s else None,
        drained_s=None if drained is None else _last_start(series, length) + drained,
        bands=bands_of(told["bands"]),
    )
    narrow = series_of(told["series"], told["bucket_s"], most=TABLE_ROWS)
    systems = [erp["system"] for erp in told["erps"]][:ERPS_MAX]
    return {
        "chart": run_chart(_panels(report, series, guess, systems), moments),
        "rows": _table(narrow, systems),
        "table_width": seconds(narrow.width_s),
        "width": seconds(series.width_s),
        "systems": systems,
        "widened": series.width_s > (finite(told["bucket_s"]) or 1.0),
        "bands": [{"name": name, "from": seconds(since), "until": seconds(until)} for name, since, until in bands_of(told["bands"])],
        "predicted": guess is not None,
    }  # fmt: skip


def _last_start(series: Series, length: float) -> float:
    """When the schedule's last start was: `drained_s` counts from there."""
    starts = [bucket.t + series.width_s for bucket in series.buckets if bucket.sums.get("arrivals")]
    return min(length, max(starts, default=length))


def _panels(report: Report, series: Series, guess: Series | None, systems: Sequence[str]) -> list[Panel]:
    wide = series.width_s
    requests = [line_of("planned", "line", series, "arrivals", per_second=True)]
    if series.has("answered"):
        requests.insert(0, line_of("answered", "area", series, "answered", per_second=True))
    documents = [
        line_of("delivered", "area", series, "delivered", per_second=True),
        line_of("accepted", "line", series, "accepted", per_second=True),
    ]
    backlog = [line_of("measured", "area", series, "backlog")]
    if guess is not None:
        documents.append(line_of("delivered, predicted", "dash", guess, "delivered", per_second=True))
        backlog.append(line_of("predicted", "dash", guess, "backlog"))
    p50, p99 = line_of("p50", "line", series, "p50_ms"), line_of("p99", "strong", series, "p99_ms")
    panels = [
        Panel(title="Requests a second", told=f"at most {_most(series, 'answered', wide)}/s answered", lines=requests),
        Panel(title="Documents a second", told=f"at most {_most(series, 'delivered', wide)}/s delivered", lines=documents),
        Panel(title="Backlog, documents", told=f"at most {plain(report['measured']['backlog_peak'])}", lines=backlog),
        Panel(
            title="Latency, ms", told="from the intended start", lines=[p50, p99], free_scale=True, limits=_limits(report),
        ),
    ]  # fmt: skip
    by_name = {erp["system"]: erp for erp in report["measured"]["erps"]}
    for system in systems:
        lines = []
        if any("calls" in bucket.erps for bucket in series.buckets):
            lines.append(erp_line("calls", "columns", series, "calls", system))
        lines.append(erp_line("refused (429)", "column-bad", series, "refused", system))
        erp = by_name[system]
        told = f"{plain(erp['calls'])} calls, {plain(erp['refused'])} refused; limit {erp['limit'] or 'none'}"
        panels.append(Panel(title=f"{system}, calls a second", told=told, lines=lines))
    return panels


def _limits(report: Report) -> list[tuple[str, float]]:
    """The limits of the latency of all streams together, to be drawn."""
    found = []
    for limit in report["run"]["definition"]["limits"]["latency"]:
        if not limit["stream"]:
            for name, field in (("p50", "p50_ms"), ("p99", "p99_ms")):
                if limit[field] is not None:
                    value = float(Decimal(str(limit[field])))
                    found.append((f"limit of {name}: {milliseconds(value)}", value))
    return found


def _table(series: Series, systems: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for bucket in series.buckets:
        row: dict[str, Any] = {"from": seconds(bucket.t)}
        for name in ("arrivals", "answered", "accepted", "delivered", "backlog", "late"):
            row[name] = plain(series.value(bucket, name))
        for name in ("p50_ms", "p99_ms"):
            row[name] = milliseconds(series.value(bucket, name))
        row["refused"] = [plain(bucket.erps.get("refused", {}).get(system)) for system in systems]
        row["calls"] = [plain(bucket.erps.get("calls", {}).get(system)) for system in systems]
        rows.append(row)
    return rows


def _most(series: Series, name: str, width_s: float) -> str:
    return plain(round(series.highest(name) / width_s, 1))
