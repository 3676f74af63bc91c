"""The report of a load run: what it says, that it says it to everybody the same, and that nothing hostile gets through."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.report.charts import Line, Moments, Panel, run_chart
from loadtests.report.comparing import compared
from loadtests.report.data import LISTED_MAX, command_of, dumped, report_of
from loadtests.report.earlier import read_earlier
from loadtests.report.foreseen import beside
from loadtests.report.junit import junit
from loadtests.report.page import render
from loadtests.report.series import series_of
from loadtests.report.wording import change, milliseconds, plain, seconds, share
from loadtests.report.writing import write_report
from loadtests.running.run import GENERATOR, JUNIT, PAGE, REPORT
from loadtests.verdict.model import Check, Verdict
from router.errors import BadInput
from tests.unit import load_report_samples as sample

HOSTILE = "<script>alert('x')</script> & \"Söhne\" \u202egnp.exe\x00"
VOID = {"meta", "br", "path", "rect", "circle", "line"}


class Tags(HTMLParser):
    """Which tags a page opens, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def full(**changes: Any) -> dict[str, Any]:
    """A report with everything in it."""
    then = report_of(sample.run(), sample.measured(), sample.verdict("pass"))
    return report_of(
        sample.run(), sample.measured(**changes), sample.verdict(), generator={"started_at": "2026-11-21T02:50:00Z", "locust": "2.47.0"},
        predicted=sample.predicted(), earlier=then, contrast=sample.contrast(),
    )  # fmt: skip


def tags(page: str) -> Tags:
    """The page's tags; fails when one is left open or closed twice."""
    found = Tags()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def text_of(page: str) -> str:
    """What a reader reads."""
    body = page.split("</style>", 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_folder_holds_json_junit_and_page(tmp_path: Path) -> None:
    """A run's report is three files, and the same facts give the same bytes."""
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / GENERATOR).write_bytes(b'{"locust": "2.47.0", "started_at": "2026-11-21T02:50:00Z"}')
        page = write_report(
            folder,
            sample.run(),
            sample.measured(),
            sample.verdict(),
            sample.predicted(),
            None,
            sample.contrast(),
        )
        assert page == folder / PAGE
    for name in (REPORT, JUNIT, PAGE):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    report = orjson.loads((first / REPORT).read_bytes())
    assert report["verdict"] == "fail"
    assert report["exit_code"] == 1
    assert report["circumstances"]["locust"] == "2.47.0"
    assert report["digest"][:16] in (first / PAGE).read_text()
    assert dumped(report) == (first / REPORT).read_bytes()


def test_a_half_written_generator_file_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    """A generator that died while writing leaves a report that says so."""
    (tmp_path / GENERATOR).write_bytes(b'{"locust": ')
    write_report(tmp_path, sample.run(), sample.measured(), sample.verdict("invalid"))
    assert "is no JSON" in (tmp_path / PAGE).read_text()


def test_the_page_says_what_a_release_is_judged_by() -> None:
    """Verdict, reasons, checks, both latencies, prediction, contrast and comparison stand on the page, with units."""
    page = render(full())
    told = text_of(page)
    for words in (
        "FAIL", "p99 was 2,861 ms from the intended start", "latency all p99", "gateway frozen", "netsuite throttled",
        "limit of p99: 500 ms", "Timed from the real start, the p99 would read 31 ms", "closed model, as stock Locust prints it",
        "20 users, 3,360 requests", "concurrency 5", "96.4%", "no work waited", "Compared like with like", "last start 2:00 min",
        "coexist load month-end --short --seed 7", "Not predicted: the latency of answers",
    ):  # fmt: skip
        assert words in told, words


def test_the_page_is_whole_and_loads_nothing() -> None:
    """Every tag is closed, every id stands once, every link points somewhere, and no script or address is in it."""
    page = render(full())
    found = tags(page)
    assert len(found.ids) == len(set(found.ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(found.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(found.ids)
    assert not {"script", "img", "link", "iframe"} & set(found.seen)
    assert re.findall(r'(?:src|href)="(?!#)', page) == []
    assert page.count("<svg") == page.count('aria-label="Chart:')
    assert found.seen.count("table") >= page.count("<svg") + 5


def test_hostile_text_stays_text() -> None:
    """Ids, errors, names of faults and ERPs from elsewhere can neither run nor reorder anything."""
    erp = dataclasses.replace(sample.measured().erps[0], system=HOSTILE, limit=HOSTILE)
    rows = [{**row, "refused": {HOSTILE: 1}} for row in sample.rows()]
    measured = sample.measured(
        lost=(HOSTILE,), doubled=(HOSTILE,), strangers=(HOSTILE,), erps=(erp,), notes=(HOSTILE,), states={HOSTILE: 3},
        answers={HOSTILE: 3}, bands=({"name": HOSTILE, "from_s": 1, "until_s": 2},), series=tuple(rows),
        invariants=({"name": HOSTILE, "claim": HOSTILE, "held": False, "checked": 1, "violations": 1, "examples": [HOSTILE], "not_checked": HOSTILE},),
    )  # fmt: skip
    verdict = Verdict(
        outcome="fail", because=(HOSTILE,), checks=(Check(name=HOSTILE, outcome="fail", measured=HOSTILE, limit=HOSTILE, why=HOSTILE),),
    )  # fmt: skip
    report = report_of(
        sample.run(gateway=HOSTILE), measured, verdict, generator={"machine": HOSTILE, "notes": [HOSTILE]},
        predicted=sample.predicted() | {"not_predicted": [HOSTILE]}, contrast=sample.contrast() | {"says": HOSTILE}, command=HOSTILE,
    )  # fmt: skip
    page = render(report)
    assert "script" not in tags(page).seen
    assert not re.search("[\x00\u202e]", page)
    ET.fromstring(junit(HOSTILE, verdict))


def test_a_prediction_of_any_shape_breaks_nothing() -> None:
    """What another program wrote is read without trust."""
    for odd in (
        {},
        {"series": 3, "erps": [1, "x"], "delivery": 4, "not_predicted": 5},
        {"series": [{"t": "x"}, 7, {"t": 1e300}, {"t": float("nan")}]},
    ):
        report = report_of(
            sample.run(),
            sample.measured(),
            sample.verdict(),
            predicted=odd,
            contrast={"latency": 3, "stock": []},
        )
        tags(render(report))


def test_a_run_without_any_data_has_a_page() -> None:
    """Nothing measured reads as nothing measured: no zero in disguise, no green word."""
    empty = sample.measured(
        series=(), latency={}, service={}, delivery={}, erps=(), invariants=(), answers={}, states={}, bands=(), drained_s=None,
        documents=0, accepted=0, backlog_peak=0, journal_asked=False, erps_asked=False,
    )  # fmt: skip
    page = render(report_of(sample.run(), empty, sample.verdict("invalid")))
    told = text_of(page)
    assert "INVALID" in told
    assert "Nothing was measured over time" in told
    assert "Lost: the journal could not be read" in told
    assert "Doubled: none." not in told
    assert "Invariants were not checked" in told


def test_nothing_measured_is_no_zero() -> None:
    """A distribution of nothing has zeros for figures; the page and a comparison show none of them."""
    nothing = sample.spread(0, 0.0, 0.0, 0.0)
    report = report_of(
        sample.run(),
        sample.measured(latency={"": nothing}, service={}, delivery={"": nothing}),
        sample.verdict(),
    )
    assert {row["value"] for row in report["figures"] if row["unit"] == "ms" and row["key"][0] != "g"} == {
        None
    }


def test_what_was_not_asked_is_not_called_none() -> None:
    """Without the ERPs, nobody may read that nothing was doubled."""
    told = text_of(render(report_of(sample.run(), sample.measured(erps_asked=False), sample.verdict("pass"))))
    assert "Doubled: none in the journal; the ERPs were not asked" in told


def test_long_lists_are_cut_with_their_count() -> None:
    """The first fifty of a list stand on the page, the count is of all."""
    lost = tuple(f"LT-{number}" for number in range(5_000))
    report = full(lost=lost)
    assert report["measured"]["lost"]["count"] == 5_000
    assert len(report["measured"]["lost"]["first"]) == LISTED_MAX
    page = render(report)
    assert "Lost: 5,000" in page
    assert "<li>LT-49</li>" in page
    assert "<li>LT-50</li>" not in page


def test_a_soak_of_a_day_stays_small() -> None:
    """86,400 rows make a page under 2 MB, and no peak is smoothed away."""
    row = {
        "arrivals": 12,
        "answered": 12,
        "accepted": 12,
        "delivered": 12,
        "backlog": 3,
        "p50_ms": 10.0,
        "p99_ms": 30.0,
        "late": 0,
        "refused": {"netsuite": 0},
    }
    rows = [
        {"t": t, **row, **({"backlog": 98_765, "p99_ms": 4_321.0} if t == 40_000 else {})}
        for t in range(86_400)
    ]
    report = report_of(
        sample.run(minutes="1440"),
        sample.measured(series=tuple(rows), answers={"202": 1_036_800}),
        sample.verdict(),
    )
    page = render(report)
    assert len(page) < 2_000_000
    assert len(dumped(report)) < 2_000_000
    kept = report["measured"]["series"]
    assert sum(one["arrivals"] for one in kept) == 86_400 * 12
    assert max(one["backlog"] for one in kept) == 98_765
    assert max(one["p99_ms"] for one in kept) == 4_321
    assert "1,036,800" in page


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 50), st.integers(0, 900)), max_size=80),
    most=st.integers(1, 60),
)
def test_widening_keeps_sums_and_peaks(rows: list[tuple[int, int, int]], most: int) -> None:
    """However wide the buckets: counts add up to the same, and the highest backlog is the highest."""
    told = [
        {"t": t, "arrivals": count, "backlog": backlog, "refused": {"x": count}} for t, count, backlog in rows
    ]
    series = series_of(told, 1, most=most)
    assert len(series.buckets) <= most
    assert sum(bucket.sums.get("arrivals", 0) for bucket in series.buckets) == sum(
        count for _, count, _ in rows
    )
    assert sum(bucket.erps.get("refused", {}).get("x", 0) for bucket in series.buckets) == sum(
        count for _, count, _ in rows
    )
    assert series.highest("backlog") == max((backlog for *_, backlog in rows), default=0)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=60),
    log=st.booleans(),
    band=st.floats(-10, 100),
)
def test_every_curve_stays_in_its_picture(values: list[float | None], log: bool, band: float) -> None:
    """No coordinate leaves the view box, whatever was measured."""
    series = series_of([{"t": t} for t in range(len(values))], 1, most=10_000)
    lines = [
        Line(name="x", kind=kind, series=series, values=values)
        for kind in ("area", "line", "strong", "dash", "columns", "column-bad")
    ]
    chart = str(run_chart([Panel(title="x", told="y", lines=lines, free_scale=log, limits=[("l", 5.0)])], Moments(end_s=series.end_s, last_start_s=band, drained_s=band + 1, bands=[("b", band, band + 3)])))  # fmt: skip
    ET.fromstring(chart)
    height = float(re.findall(r'viewBox="0 0 960 ([\d.]+)"', chart)[0])
    for d in re.findall(r'<path d="([^"]+)" class="(?!hatch)', chart):
        numbers = [float(one) for one in re.findall(r"-?[\d.]+(?:e-?\d+)?", d)]
        assert all(0 <= x <= 960 for x in numbers[::2]), d
        assert all(0 <= y <= height for y in numbers[1::2]), d


def test_a_limit_far_above_is_told_and_not_drawn() -> None:
    """A limit of 500 ms over answers of 4 ms would press the curve flat: it stands in words."""
    rows = [row | {"p50_ms": 2.0, "p99_ms": 4.0} for row in sample.rows()]
    told = text_of(
        render(report_of(sample.run(), sample.measured(series=tuple(rows)), sample.verdict("pass")))
    )
    assert "limit of p99: 500 ms lies above" in told
    assert "limit of p50: 50 ms" in told
    assert "limit of p50: 50 ms lies above" not in told


def test_junit_tells_failures_from_errors() -> None:
    """A broken limit is a failure, a run that is no measurement an error, what was not asked is skipped."""
    root = ET.fromstring(junit("month-end", sample.verdict("invalid")))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "0",
        "errors": "1",
        "skipped": "1",
    }
    assert [node.find("error") is not None for node in root.iter("testcase")].count(True) == 1
    root = ET.fromstring(junit("month-end", sample.verdict("fail")))
    assert (root.get("failures"), root.get("errors")) == ("1", "0")


def test_a_verdict_no_check_accounts_for_is_not_green() -> None:
    """A failed verdict with passing checks only still fails the pipeline."""
    verdict = Verdict(outcome="fail", because=("It failed.",), checks=(sample.check("nothing lost"),))
    assert ET.fromstring(junit("x", verdict)).get("failures") == "1"


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "coexist load month-end --short --seed 7"),
        ({"peak_per_s": "90"}, "coexist load month-end --short --rate 1.5 --seed 7"),
        ({"form": "long", "minutes": "120", "peak_per_s": "200"}, "coexist load month-end --seed 7"),
        (
            {"form": "custom", "minutes": "2", "peak_per_s": "200"},
            "coexist load month-end --minutes 2 --seed 7",
        ),
    ],
)
def test_the_command_does_the_same_work_again(changes: dict[str, str], command: str) -> None:
    """Scenario, form, length, rate and seed are in the command, and nothing that is as the scenario says."""
    assert command_of(sample.run(**changes)) == command


def test_broken_books_are_no_matter_of_speed() -> None:
    """Lost documents are said in the banner, beyond a plain failure."""
    verdict = Verdict(outcome="fail", because=("Lost.",), checks=(sample.check("nothing lost", "fail"),))
    assert verdict.exit_code == 3
    told = text_of(render(report_of(sample.run(), sample.measured(lost=("LT-1",)), verdict)))
    assert "FAIL: DOCUMENTS LOST OR DOUBLED" in told


def then_and_now(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two reports of the same work, the later with changes."""
    return (
        report_of(sample.run(), sample.measured(**changes), sample.verdict("pass")),
        report_of(sample.run(), sample.measured(), sample.verdict("pass")),
    )


def says(told: dict[str, Any], key: str) -> str:
    """What a comparison says of a figure."""
    return str(next(row["says"] for row in told["rows"] if row["key"] == key))


def test_a_run_compared_with_itself_is_no_worse() -> None:
    """The same figures give no change, and no figure is worse or better."""
    now, then = then_and_now()
    told = compared(now, then)
    assert told["same"]
    assert (told["worse"], told["better"]) == ([], [])
    assert {row["change_percent"] for row in told["rows"]} <= {0.0, None}


def test_worse_and_better_are_told_from_noise() -> None:
    """Beyond a tenth and beyond the unit's floor a figure is worse; within either it is noise."""
    base = sample.measured()
    slower = {
        **base.latency,
        "": dataclasses.replace(base.latency[""], p99_ms=4_000.0, p50_ms=base.latency[""].p50_ms + 4),
    }
    told = compared(
        *then_and_now(latency=slower, backlog_peak=base.backlog_peak // 3, drained_s=None, lost=("LT-1",))
    )
    assert says(told, "latency.all.p99_ms") == "worse"
    assert says(told, "latency.all.p50_ms") == "within noise"  # 38% more, but 4 ms
    assert says(told, "backlog_peak") == "better"
    assert says(told, "drained_s") == "worse"
    assert says(told, "lost") == "worse"
    assert "all streams p99 4,000 ms after 2,861 ms (+39.8%)" in told["summary"]


def test_unused_limits_are_worse_when_lower() -> None:
    """An ERP's limit that is used less while work waits is the worse result."""
    erps = (dataclasses.replace(sample.measured().erps[0], used_percent=60.0),)
    told = compared(*then_and_now(erps=erps))
    assert says(told, "erp.netsuite.used_percent") == "worse"
    assert says(told, "erp.sap_ecc.calls") == "not measured now"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 8}, "seed: 7 then, 8 now"),
        ({"peak_per_s": "90"}, "peak rate a second: 60 then, 90 now"),
        ({"minutes": "3"}, "length in minutes: 2 then, 3 now"),
        (
            {"scenario": sample.scenario().model_copy(update={"arrivals": "even"})},
            "the scenario itself was changed since",
        ),
    ],
)
def test_other_work_is_said_and_not_judged(changes: dict[str, Any], words: str) -> None:
    """Another seed, rate, length or scenario: the figures stand side by side, but none is called worse."""
    slow = sample.measured(backlog_peak=9_999)
    now = report_of(sample.run(**changes), slow, sample.verdict("pass"))
    told = compared(now, report_of(sample.run(), sample.measured(), sample.verdict("pass")))
    assert not told["same"]
    assert words in told["summary"]
    assert told["worse"] == []


def test_an_invalid_run_is_compared_with_nothing() -> None:
    """No figure of a run that is no measurement is worse or better."""
    now = report_of(sample.run(), sample.measured(backlog_peak=9_999), sample.verdict("invalid"))
    assert compared(now, report_of(sample.run(), sample.measured(), sample.verdict("pass")))["worse"] == []


def test_an_earlier_report_is_read_from_its_folder(tmp_path: Path) -> None:
    """What one run wrote, the next compares itself with."""
    write_report(tmp_path, sample.run(), sample.measured(), sample.verdict("pass"))
    earlier = read_earlier(tmp_path)
    now = report_of(sample.run(), sample.measured(), sample.verdict("pass"), earlier=earlier)
    assert now["compared"]["summary"].startswith("Compared like with like")
    assert read_earlier(tmp_path / REPORT) == earlier


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"{", "it is no JSON"),
        (b"[]", "it is no report of a load run"),
        (b'{"schema": "x", "verdict": "pass", "run": {}, "figures": []}', "its schema is 'x'"),
        (
            b'{"schema": "coexist.load-report/1", "verdict": "pass", "run": {}, "figures": [{"key": "a"}]}',
            "figures.0.name",
        ),
        (b'{"schema": "coexist.load-report/1", "verdict": "pass", "run": 3, "figures": []}', "run"),
    ],
)
def test_a_bad_earlier_report_is_refused_by_name(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The message names the file, what is wrong with it and what to give instead."""
    if content is not None:
        (tmp_path / REPORT).write_bytes(content)
    with pytest.raises(BadInput) as refused:
        read_earlier(tmp_path)
    assert str(tmp_path / REPORT) in refused.value.message
    assert words in refused.value.message
    assert "coexist load --out" in refused.value.mend


def test_predicted_stands_beside_measured() -> None:
    """Backlog, draining, delivery and calls side by side, with the difference in per cent of the prediction."""
    rows = {row["name"]: row for row in beside(sample.measured(drained_s=8.4), sample.predicted())["rows"]}
    assert rows["drained after the last start"]["difference_percent"] == 20.0
    assert rows["delivery p99, all streams"] == {
        "name": "delivery p99, all streams",
        "unit": "ms",
        "predicted": 9000.0,
        "measured": 9400.0,
        "difference_percent": 4.44,
    }
    assert rows["netsuite: calls"]["predicted"] == 2300.0
    assert rows["sap_ecc: calls"]["predicted"] is None
    as_list = sample.predicted() | {"erps": [{"system": "sap_ecc", "calls": 7}]}
    assert {row["name"]: row["predicted"] for row in beside(sample.measured(), as_list)["rows"]}[
        "sap_ecc: calls"
    ] == 7.0


def test_figures_read_with_units_and_separators() -> None:
    """Numbers carry thousands separators and their unit, and nothing that is something reads as nothing."""
    assert [plain(one) for one in (0, 1_234_567, 8.4, 12.25, 1234.5, None, float("nan"))] == [
        "0",
        "1,234,567",
        "8.4",
        "12.2",
        "1,234",
        "–",
        "nan",
    ]
    assert [milliseconds(one) for one in (0.4, 31, 31.25, 2861.4, None)] == [
        "0.4 ms",
        "31 ms",
        "31.2 ms",
        "2,861 ms",
        "–",
    ]
    assert [seconds(one) for one in (8.4, 185, 7_800, None)] == ["8.4 s", "3 min 05 s", "2 h 10 min", "–"]
    assert [share(one, 1_000_000) for one in (0, 1, 500_000, 999_999, 1_000_000)] == [
        "0%",
        "< 0.01%",
        "50%",
        "> 99.99%",
        "100%",
    ]
    assert [change(one) for one in (0.01, 12.34, -50.0, 250.0, 1_900.0, None)] == [
        "0%",
        "+12.3%",
        "-50.0%",
        "+250%",
        "×20",
        "–",
    ]
