"""What the page shows, put together from report.json. Pure: the templates only lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from cutover.report.wording import NOTHING, clean
from loadtests.report.charts import (
    ERPS_MAX,
    Moments,
    Panel,
    bands_of,
    erp_line,
    line_of,
    quantile_chart,
    run_chart,
)
from loadtests.report.figures import QUANTILES, percentiles
from loadtests.report.series import Series, series_of
from loadtests.report.wording import (
    OUTCOMES,
    figure,
    finite,
    milliseconds,
    plain,
    seconds,
    share,
    stream_name,
)

TABLE_ROWS = 24
IDS_SHOWN = 50
STREAMS_SHOWN = 30
_VALUES_OF_P99 = 100
"""Of fewer values, the nearest rank of the 99th per cent is the last one."""
Report = Mapping[str, Any]


def head(report: Report) -> dict[str, Any]:
    """The verdict in a word and a sentence."""
    word, tone, meaning = OUTCOMES.get(
        report["verdict"], ("UNKNOWN", "open", "The verdict has no known word.")
    )
    if report["exit_code"] == 3:
        word = f"{word}: DOCUMENTS LOST OR DOUBLED"
        meaning = "This is no matter of speed: the books would be wrong."
        lists = report["measured"]
        if not lists["lost"]["count"] and not lists["doubled"]["count"]:
            word = "FAIL: AN INVARIANT BROKE"
    return {"word": word, "tone": tone, "meaning": meaning, "because": report["because"]}


def tiles(report: Report) -> list[dict[str, str]]:
    """Key figures."""
    told = report["measured"]
    generator, whole = told["generator"], sum(told["answers"].values())
    wrong = sum(count for status, count in told["answers"].items() if not status.startswith("2"))
    all_ = percentiles(told["latency"].get(""))
    delivered = percentiles(told["delivery"].get(""))
    broken = told["lost"]["count"] + told["doubled"]["count"]
    refused = sum(erp["refused"] for erp in told["erps"])
    drained = told["drained_s"]
    return [
        _tile("Requests", plain(whole), f"of {plain(generator['planned'])} planned", "sent", "open" if whole < generator["planned"] else ""),
        _tile("Latency p99", milliseconds(all_["p99_ms"]), f"from the intended start; median {milliseconds(all_['p50_ms'])}", "latency", ""),
        _tile("Errors", plain(wrong), f"{share(wrong, whole)} of all answers", "sent", "bad" if wrong and _failed(report, "errors") else ""),
        _tile(
            "Late or dropped starts", plain(generator["late"] + generator["dropped"]),
            f"latest {milliseconds(generator['worst_late_ms'])}", "generator", "open" if report["verdict"] == "invalid" else "",
        ),
        _tile("Documents accepted", plain(told["accepted"]), f"{plain(told['states'].get('posted', 0))} posted in their ERP", "documents", ""),
        _tile("Lost or doubled", plain(broken) if told["journal_asked"] else "not asked", f"{plain(told['lost']['count'])} lost, {plain(told['doubled']['count'])} doubled", "documents", "bad" if broken else ""),
        _tile("Delivered p99", milliseconds(delivered["p99_ms"]), "from the intended start to the ERP’s yes", "latency", ""),
        _tile(
            "Drained after", "never" if drained is None else seconds(drained),
            f"backlog at most {plain(told['backlog_peak'])}" + (f"; {plain(refused)} calls refused with 429" if refused else ""),
            "curves", "bad" if drained is None else "",
        ),
    ]  # fmt: skip


def checks(report: Report) -> list[Mapping[str, Any]]:
    """Every check, those that broke first, else in their own order."""
    order = {"invalid": 0, "fail": 1}
    return sorted(report["checks"], key=lambda check: order.get(check["outcome"], 2))


def sent(report: Report) -> dict[str, Any]:
    """What the run sent: its streams, and the answers."""
    run, told = report["run"], report["measured"]
    scenario = run["definition"]
    whole = sum(told["answers"].values())
    curve = scenario["curve"]
    return {
        "streams": [
            stream
            | {
                "from": ", ".join(stream["entities"]) or "all entities",
                "curve_words": curve_words(stream["curve"]) if stream["curve"] else "",
                "count": (told["latency"].get(stream["name"]) or {}).get("count"),
            }
            for stream in scenario["streams"]
        ],
        "curve": curve_words(curve),
        "arrivals": {"poisson": "at random (Poisson)", "even": "evenly spaced"}.get(scenario["arrivals"], scenario["arrivals"]),
        "answers": [
            {"status": status, "words": answer_words(status), "count": count, "share": share(count, whole)}
            for status, count in sorted(told["answers"].items())
        ],
        "minutes": seconds(float(Decimal(run["minutes"]) * 60)),
        "settings": scenario["settings"],
        "switch": scenario["switch"],
    }  # fmt: skip


def curve_words(curve: Mapping[str, Any]) -> str:
    """A curve in a sentence."""
    if curve.get("month_end"):
        return f"the firm’s month-end ({clean(curve['month_end'])}), each entity by its own clock"
    points = curve.get("points") or ()
    told = ", ".join(
        f"{_share(point['level'])} of the peak at {plain(float(point['at']))}%" for point in points[:12]
    )
    return told + (f" and {len(points) - 12} more points" if len(points) > 12 else "") or "flat"


def answer_words(status: str) -> str:
    """What an answer's status means."""
    known = {
        "none": "no answer in time", "dropped": "never sent: the generator had no room", "200": "done", "202": "accepted",
        "207": "some lines refused", "429": "told to come back later", "409": "conflict", "422": "not valid",
        "503": "not available", "500": "internal error", "502": "bad gateway", "504": "gateway time-out",
    }  # fmt: skip
    return known.get(status, "")


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


def latency(report: Report) -> dict[str, Any]:
    """Percentiles per stream from the intended start beside those from the real one, and delivery."""
    told = report["measured"]
    names = sorted({*told["latency"], *told["service"]})[:STREAMS_SHOWN]
    rows = [
        {"name": stream_name(name), "count": plain((told["latency"].get(name) or {}).get("count")),
         "intended": _written(told["latency"].get(name)), "service": _written(told["service"].get(name))}
        for name in names
    ]  # fmt: skip
    pairs = [
        (stream_name(name), percentiles(told["latency"].get(name)), percentiles(told["service"].get(name)))
        for name in names
    ]
    delivery = [
        {"name": stream_name(name), "count": plain(told["delivery"][name].get("count")), "values": _written(told["delivery"][name]),
         "misses": told["sla_misses"].get(name)}
        for name in sorted(told["delivery"])[:STREAMS_SHOWN]
    ]  # fmt: skip
    one, other = percentiles(told["latency"].get("")), percentiles(told["service"].get(""))
    return {
        "quantiles": [name for _, name in QUANTILES],
        "rows": rows,
        "chart": quantile_chart(pairs) or Markup(""),
        "delivery": delivery,
        "few": _few({name: (told["latency"].get(name) or {}).get("count") or 0 for name in names}),
        "hidden": _hidden(one["p99_ms"], other["p99_ms"]),
    }


def _few(counts: Mapping[str, int]) -> str:
    """The streams with too few values for their p99, by name."""
    few = [stream_name(name) for name, count in counts.items() if 0 < count < _VALUES_OF_P99]
    return ", ".join(few[:10]) + (f" and {len(few) - 10} more" if len(few) > 10 else "")


def _hidden(intended: float | None, service: float | None) -> str:
    """A sentence when timing from the real start would have told another story."""
    if intended is None or service is None or intended < 2 * max(service, 0.1) or intended - service < 20:
        return ""
    return (
        f"Timed from the real start, the p99 would read {milliseconds(service)}; whoever waited from the intended start"
        f" waited {milliseconds(intended)}."
    )


def _written(row: Mapping[str, Any] | None) -> list[str]:
    values = percentiles(row)
    return [milliseconds(values[field]) for field, _ in QUANTILES]


def lists(report: Report) -> list[dict[str, Any]]:
    """Lost, doubled and unknown documents: the first of them, and the count of all."""
    told = report["measured"]
    journal = "" if told["journal_asked"] else "the journal could not be read"
    everywhere = journal or (
        "" if told["erps_asked"] else "none in the journal; the ERPs were not asked what they hold"
    )
    words = (
        (
            "lost",
            "Lost",
            "Promised to a sender, and not in the journal, or not in the ERP that confirmed them",
            everywhere,
        ),
        ("doubled", "Doubled", "Standing twice in the journal or in the ERPs", everywhere),
        (
            "strangers",
            "Nobody sent them",
            "Documents of the run’s clients that are not among those sent",
            journal,
        ),
        (
            "repeats_differ",
            "Sent twice, answered differently",
            "Requests sent a second time whose second answer was not the first’s",
            "",
        ),
    )
    return [
        {
            "name": name, "title": title, "words": meaning, "count": told[name]["count"], "unsure": unsure,
            "first": told[name]["first"][:IDS_SHOWN],
        }
        for name, title, meaning, unsure in words
    ]  # fmt: skip


def circumstances(report: Report) -> list[tuple[str, str]]:
    """Where and with what it was measured."""
    names = {
        "processor_percent": "processor of the busiest worker, %",
        "lost_workers": "workers lost",
        "started_at": "started",
    }
    return [
        (names.get(name, name.replace("_", " ")), NOTHING if value is None else plain(value) if finite(value) is not None else clean(value)[:200])
        for name, value in sorted(report["circumstances"].items())
    ]  # fmt: skip


def figure_rows(rows: Sequence[Mapping[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Rows with their figures written out with units."""
    return [dict(row) | {name: figure(row[name], row["unit"]) for name in names} for row in rows]


def _tile(label: str, value: str, note: str, href: str, tone: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "href": href, "tone": tone}


def _failed(report: Report, name: str) -> bool:
    return any(check["outcome"] == "fail" and check["name"].startswith(name) for check in report["checks"])


def _share(level: Any) -> str:
    return f"{plain(float(Decimal(str(level)) * 100))}%"


def _most(series: Series, name: str, width_s: float) -> str:
    return plain(round(series.highest(name) / width_s, 1))
