"""What the page shows, put together from report.json. Pure: the templates only lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from cutover.report.wording import NOTHING, clean
from loadtests.report.figures import QUANTILES, percentiles
from loadtests.report.quantiles import quantile_chart
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
