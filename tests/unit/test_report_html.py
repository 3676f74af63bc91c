"""The HTML report: complete, escaped, the same every time, and readable without colour or a mouse."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from lxml import html as lxml_html

from cutover.report import gantt, schedule, wording
from cutover.report.html import data_digest, render
from cutover.report.wording import instant
from tests.unit import report_samples as samples

CSS = (Path(gantt.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
SAMPLES = (samples.full, samples.stopped, samples.bare)
Make = Callable[[], dict[str, Any]]


def page(report: dict[str, Any]) -> Any:
    """The report parsed as a browser would."""
    return lxml_html.document_fromstring(render(report))


def words(node: Any) -> str:
    """The text of a node, spaces collapsed."""
    return " ".join(node.text_content().split())


def section(tree: Any, name: str) -> str:
    """The text of a section."""
    return words(tree.get_element_by_id(name))


def rows_of(tree: Any, caption: str) -> list[list[str]]:
    """The cells of the table whose caption begins so, head row first."""
    (table,) = [t for t in tree.iter("table") if words(t.find("caption")).startswith(caption)]
    return [[words(cell) for cell in row if cell.tag in ("th", "td")] for row in table.iter("tr")]


@pytest.mark.parametrize("make", SAMPLES)
def test_the_verdict_comes_first_and_every_section_is_there(make: Make) -> None:
    """Whatever a run got to, all sections stand in their order, and none is empty."""
    tree = page(make())
    sections = [node.get("id") for node in tree.iter("section")]
    assert sections == [
        "verdict", "timeline", "gates", "load", "differences", "cross-checks", "rollback", "straddlers", "freezes", "finance", "money", "exceptions",
        "invariants", "control-runs", "resilience", "input", "reproduce", "sign-off",
    ]  # fmt: skip
    assert [link.get("href")[1:] for link in tree.find_class("toc")[0].iter("a")] == sections
    assert all(len(words(node)) > 20 for node in tree.iter("section"))


def test_the_numbers_are_those_of_the_report() -> None:
    """Key figures, gates, money and reasons stand as the report has them, grouped by thousands."""
    report = samples.full()
    tree = page(report)
    verdict = section(tree, "verdict")
    unexpected = [reason for reason in report["because"] if reason not in verdict]
    assert not unexpected
    for figure in ("GO", "20,431", "36,902", "14 h 24 min", "7 of 7", "1 / 190", "Sat 31 Oct 06:00Z"):
        assert figure in verdict
    assert len(rows_of(tree, "Gates")) - 1 == len(report["gates"])
    assert len(rows_of(tree, "Steps")) - 1 == len(report["steps"])
    uk = next(row for row in rows_of(tree, "Accepted money") if "UK01" in row[0] and "time entry" in row)
    accepted = [
        row for row in report["money"] if (row["legal_entity"], row["kind"]) == ("UK01", "time_entry")
    ]
    assert uk[3].replace(",", "") == wording.total(row["amount"] for row in accepted)
    assert "parked 4: 12,345.00 GBP" in uk[-1]
    assert "coexist rehearse --seed 7" in section(tree, "reproduce")


def test_money_comes_first_in_the_differences_and_is_exact() -> None:
    """Cloud minus legacy is taken of the decimal strings: no float, the currency's own places."""
    report = samples.full()
    one = report["differences"][0]["money"]["GBP"]
    one |= {"legacy": "12345678901234.55", "cloud": "12345678901234.50", "variance": "0.05"}
    tree = page(report)
    first = tree.get_element_by_id("differences").find(".//table/caption")
    assert words(first).startswith("Invoice totals")
    gbp = next(row for row in rows_of(tree, "Invoice totals") if row[2] == "GBP")
    assert gbp[3:] == ["12,345,678,901,234.55", "12,345,678,901,234.50", "-0.05", "0.05", "0.00"]


def test_what_nobody_could_explain_is_listed_first_and_marked() -> None:
    """An unexplained difference leads chart and table, with a sign and a word."""
    report = samples.full()
    report["differences"].append(samples.comparison("emea", Random(1), unexplained=2))
    tree = page(report)
    assert rows_of(tree, "Differences by cause")[1][0] == "✕ unexplained"
    chart = next(svg for svg in tree.iter("svg") if "money-by-cause-t" in svg.get("aria-labelledby"))
    labels = [words(node) for node in chart.iter("text")]
    dollars = labels.index("USD")
    assert labels[dollars + 1 : dollars + 3] == ["unexplained · invoice", "12,450.00"]
    assert "one cause: unexplained" in words(tree.get_element_by_id("differences").find(".//ol/li"))
    assert "differences nobody could explain" in section(tree, "verdict")


def test_the_dual_run_leads_from_totals_to_one_pair() -> None:
    """Consistency point, walk, entity and field, what lies behind, one pair field by field, what was hidden."""
    report = samples.full()
    report["differences"][1]["examples"] = []
    tree = page(report)
    told = section(tree, "differences")
    for expected in (
        "quiescent at 4,711", "a165" * 16, "each walk arrives to the minor unit", "These are samples",
        "2 rules of the policy hid nothing", "0.02 GBP",
    ):  # fmt: skip
        assert expected in told
    fields = {row[0]: row[1:] for row in rows_of(tree, "Field by field")}
    assert fields["total"] == ["≠", "1.00", "1.01", "differs"]
    assert fields["status"] == ["", "posted", "posted", ""]
    assert rows_of(tree, "Lines")[1][3] == "1.00 ≠ 1.01"
    assert rows_of(tree, "Differences by entity and field")[1][2] == "total"


def test_what_lies_behind_is_ranked_over_all_comparisons() -> None:
    """The largest of the second comparison stands before the smaller ones of the first."""
    report = samples.full()
    row = report["differences"][0]["clusters"][0] | {"cause": "tax", "currency": "GBP"}
    for one, amounts in zip(report["differences"], (("5.00", "1.00"), ("10.00", "2.00")), strict=False):
        one["clusters"] = [row | {"absolute": text, "sentence": f"worth {text}"} for text in amounts]
        one["examples"] = []
    shown = page(report).get_element_by_id("differences").findall(".//ol/li")
    assert [words(one) for one in shown] == [f"worth {text}" for text in ("10.00", "5.00", "2.00", "1.00")]


def test_how_each_erp_reckons_is_told_with_its_evidence() -> None:
    """In words, with counts; a habit that no invoice tells from the other has a question mark. None: no table."""
    report = samples.full()
    rows = rows_of(page(report), "Habits of the ERPs")
    assert rows[1][2:] == [
        "hundredths of an hour", "7,015 of 7,015", "per time entry", "up ?", "once a tax code", "1,204 of 1,204",
    ]  # fmt: skip
    for one in report["differences"]:
        one["habits"] = []
    assert "How each ERP reckons" not in section(page(report), "differences")


def test_a_walk_that_does_not_arrive_is_shouted() -> None:
    """An engine that lost a difference is worse than any difference."""
    report = samples.full()
    report["differences"][0]["walk"][0]["ties"] = False
    tree = page(report)
    assert "1 walk of the others does not arrive" in section(tree, "differences")
    assert rows_of(tree, "Control totals that differ")[1][-1] == "✕ does not tie"


def test_a_stopped_run_says_what_was_not_reached() -> None:
    """Spare time of a plan that never ended is not shown as if it had; what is missing is named."""
    tree = page(samples.stopped())
    verdict = section(tree, "verdict")
    assert "NO-GO" in verdict
    assert "not reached" in verdict
    assert "nothing was compared" in verdict
    assert "Nothing was compared" in section(tree, "differences")
    assert "given back to the legacy ERP" in section(tree, "timeline")
    assert "? not run" in section(tree, "timeline")
    assert "first 200 of 1,317" in section(tree, "exceptions")
    assert "first 200 of 230" in section(tree, "input")
    assert "✕ violated" in section(tree, "invariants")
    assert "✕ not settled" in section(tree, "resilience")
    assert "? never fired" in section(tree, "resilience")


def test_no_data_is_never_shown_as_good() -> None:
    """A report without parts says that nothing was measured, and ticks nothing."""
    text = words(page(samples.bare()).find(".//main"))
    assert "INCONCLUSIVE" in text
    assert "✓" not in text
    assert "Exceptions were not counted" in text


@pytest.mark.parametrize("make", SAMPLES)
def test_every_chart_has_words_and_a_table(make: Make) -> None:
    """Each chart has a title, a description, and a table in an open disclosure right after it."""
    tree = page(make())
    for svg in tree.iter("svg"):
        names = [tree.get_element_by_id(name) for name in svg.get("aria-labelledby").split()]
        assert [node.tag for node in names] == ["title", "desc"]
        assert all(words(node) for node in names)
        beside = svg.getparent().getnext()
        assert beside.tag == "details"
        assert "open" in beside.attrib
        assert beside.find(".//table") is not None
    assert len(list(tree.iter("svg"))) == len(list(tree.iter("figure")))


@pytest.mark.parametrize("make", SAMPLES)
def test_it_can_be_read_by_structure_alone(make: Make) -> None:
    """Landmarks, one h1, headings in steps, captions, scopes, unique ids, boxes the keyboard can scroll."""
    tree = page(make())
    assert tree.get("lang") == "en"
    assert [len(list(tree.iter(tag))) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert tree.body[0].get("href") == "#verdict"
    levels = [int(node.tag[1]) for node in tree.iter("h1", "h2", "h3")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in tree.iter("table"):
        assert words(table.find("caption"))
        assert all(cell.get("scope") for cell in table.iter("th"))
        box = table.getparent()
        assert (box.get("role"), box.get("tabindex")) == ("region", "0")
        widths = {sum(int(c.get("colspan", 1)) for c in row) for row in table.findall("tbody/tr")}
        assert len(widths) == 1
    ids = [node.get("id") for node in tree.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert all(link.get("href")[1:] in ids for link in tree.iter("a"))


@pytest.mark.parametrize("make", SAMPLES)
def test_no_state_is_told_by_colour_alone(make: Make) -> None:
    """Each coloured badge carries a sign and a word; each state in the timeline chart carries its word."""
    report = make()
    tree = page(report)
    for badge in tree.find_class("badge"):
        toned = {"good", "bad", "open"} & set(badge.get("class").split())
        sign = badge.find("span")
        assert bool(toned) == (sign is not None)
        assert len(words(badge)) > (2 if toned else 0)
    for tile in tree.find_class("tile"):
        calm = {"good", "plain"} & set(tile.get("class").split())
        assert bool(tile.find_class("flag")) != bool(calm)
    if report.get("steps"):
        drawn = words(next(tree.iter("svg")))
        for step in report["steps"]:
            assert step["outcome"] in drawn


@pytest.mark.parametrize("make", SAMPLES)
def test_it_loads_and_runs_nothing(make: Make) -> None:
    """No script, no handler, no address of another place: it opens offline and stays silent."""
    tree = page(make())
    assert not list(tree.iter("script", "iframe", "link", "img", "object", "form"))
    for node in tree.iter():
        for name, value in node.attrib.items():
            assert not name.startswith("on")
            assert "://" not in value or name == "xmlns"
    policy = next(node.get("content") for node in tree.iter("meta") if node.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_exceptions_are_counted_by_reason() -> None:
    """A thousand refusals that differ only in the document they name are one reason."""
    report = samples.full()
    for at, row in enumerate(report["exceptions"]["rows"]):
        row |= {
            "state": "refused",
            "target": "netsuite",
            "code": "E",
            "kind": "payment",
            "why": f"no open item {at}",
        }
    report["exceptions"]["rows"][0] |= {"code": "F", "why": "customer 4711 is blocked"}
    reasons = rows_of(page(report), "Exceptions by reason")[1:]
    assert [row[3:] for row in reasons] == [
        ["E", "no open item …", "11"],
        ["F", "customer 4711 is blocked", "1"],
    ]


def test_hostile_text_stays_text() -> None:
    """A name with markup, quotes, a direction override and a control character is shown, not obeyed."""
    report = samples.stopped()
    report["plan"] |= {"title": samples.HOSTILE, "name": samples.HOSTILE}
    report["reproduce"] = samples.HOSTILE
    report["steps"][0] |= {"id": samples.HOSTILE, "wave": "</svg><img src=x onerror=alert(1)>"}
    report["options"]["faults"]["sap_ecc"][0]["name"] = samples.HOSTILE
    report["timeline"]["series"]["</text><script>"] = report["timeline"]["series"].pop("kantata")
    text = render(report)
    tree = lxml_html.document_fromstring(text)
    assert not list(tree.iter("script", "img"))
    assert "<script>alert('x')</script> & \"Söhne\"" in words(tree.find(".//h1"))
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", text)
    assert "\ufffd" in text


@pytest.mark.parametrize("value", ["a" * 5000, "{{ 7 * 7 }}", "]]>", "-->"])
def test_odd_text_does_not_break_it(value: str) -> None:
    """An endless word, template syntax or the ends of comments stay text."""
    report = samples.stopped()
    report["exceptions"]["rows"][0]["why"] = value
    report["because"] = [value]
    tree = page(report)
    assert words(tree.find_class("because")[0]) == value
    assert value in section(tree, "exceptions")
    assert wording.clean("a\ud800b") == "a\ufffdb"


def test_same_report_same_bytes_in_any_process() -> None:
    """Nothing depends on the process: not its hash seed, its time zone or its locale."""
    script = (
        "import sys; sys.path.insert(0, '.'); from tests.unit import report_samples as s; "
        "from cutover.report.html import render; import hashlib; "
        "print(hashlib.sha256(render(s.full()).encode()).hexdigest())"
    )
    root = Path(__file__).resolve().parents[2]
    told = [
        subprocess.run(
            [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True,
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C.UTF-8", "PATH": ""},
        ).stdout
        for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/New_York"))
    ]  # fmt: skip
    assert told[0] == told[1]
    assert render(samples.full()) == render(orjson.loads(orjson.dumps(samples.full())))


def test_page_and_data_can_be_matched() -> None:
    """The digest in the page is that of report.json as the command writes it."""
    from cutover.cli.rehearsing import to_bytes  # noqa: PLC0415 - pulls in the whole program

    report = samples.full()
    assert data_digest(report) == hashlib.sha256(to_bytes(report)).hexdigest()
    assert data_digest(report) in render(report)


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})\b", block))


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("at", [0, 1, 2], ids=["light", "dark", "paper"])
def test_contrast_is_enough(at: int) -> None:
    """WCAG 2.2 AA: 4.5 for text on every ground it stands on, 3 for lines and areas that carry meaning."""
    colours = _colours(re.findall(r":root\{(.*?)\}", CSS, re.DOTALL)[at])
    for text in ("ink", "quiet", "link"):
        for ground in ("bg", "panel"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("good", "bad", "open"):
        for ground in ("bg", "panel", f"{tone}-bg"):
            assert _contrast(colours[tone], colours[ground]) >= 4.5, (tone, ground)
    for tone in ("good-bg", "bad-bg", "open-bg", "window", "back", "fault"):
        assert _contrast(colours["ink"], colours[tone]) >= 4.5, tone
    for mark in ("ran", "bad", "plan", "edge", "backline", "col", "faultline"):
        for ground in ("bg", "window"):
            assert _contrast(colours[mark], colours[ground]) >= 3, (mark, ground)


def test_the_schedule_follows_what_a_step_waits_for() -> None:
    """A step is planned at its instant or when what it comes after is planned to end, whichever is later."""
    rows, _ = samples.steps()
    steps = {step.id: step for step in schedule.schedule(rows, samples.START)}
    assert wording.when(steps["emea-drain"].start) == "Sat 31 Oct 06:05Z"
    assert wording.when(steps["emea-verify"].end) == "Sat 31 Oct 10:40Z"
    assert wording.when(steps["amer-apac-dual-run"].start) == "Thu 29 Oct 04:00Z"
    groups = [[step.id for step in group] for group in schedule.stretches(list(steps.values()))]
    assert [len(group) for group in groups] == [2, 6, 6]
    assert groups[1][0] == "emea-freeze"
    chain = schedule.deciding_chain(list(steps.values()))
    assert (chain[0], chain[-1]) == ("amer-apac-freeze", "amer-apac-verify")
    paced = schedule.end_at_planned_pace(list(steps.values()), samples.START)
    assert wording.when(paced) == "Sun 1 Nov 11:02Z"


def test_what_goes_on_after_the_window_makes_nothing_late() -> None:
    """A watch and the retired ERP end days later: neither the critical path nor the planned pace runs through them."""
    rows, _ = samples.steps()
    last = rows[-1]
    after = samples.START + timedelta(days=5)
    for name, kind in (("watch", "hypercare"), ("retire", "retire")):
        rows.append(
            last
            | {"id": name, "kind": kind, "after": [last["id"]], "planned_at": samples.text(after)}
            | {"started": samples.text(after), "ended": samples.text(after + timedelta(minutes=15))}
        )
    steps = schedule.schedule(rows, samples.START)
    assert schedule.deciding_chain(steps)[-1] == last["id"]
    assert wording.when(schedule.end_at_planned_pace(steps, samples.START)) == "Sun 1 Nov 11:02Z"


def test_a_run_that_went_back_has_done_steps() -> None:
    """No spare time is told of a plan that did not come to its end, and never that nothing was done."""
    report = samples.full()
    report["window"]["spare_minutes"] = None
    report["steps"][-1]["outcome"] = "not run"
    shown = section(page(report), "verdict")
    assert f"1 step of {len(report['steps'])} not done" in shown
    assert "no step was done" not in shown


def test_the_names_of_a_short_window_stand_apart() -> None:
    """Two hours of a long rehearsal leave no room between its edges: one name stands before, the other behind."""
    report = samples.full()
    report["window"] |= {"opens": samples.text(samples.START + timedelta(days=2))}
    report["window"] |= {"closes": samples.text(samples.START + timedelta(days=2, hours=2))}
    names = [node for node in page(report).iter("text") if words(node).startswith("window ")]
    assert [(words(node), node.get("text-anchor")) for node in names] == [
        ("window opens", "end"),
        ("window closes", None),
    ]


def test_a_report_without_dependencies_still_has_a_timeline() -> None:
    """Older reports don't say what a step comes after: then a wave's steps follow one another."""
    rows, _ = samples.steps()
    for row in rows:
        del row["after"]
    steps = {step.id: step for step in schedule.schedule(rows, samples.START)}
    assert wording.when(steps["emea-switch"].start) == "Sat 31 Oct 09:05Z"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234567.50", "1,234,567.50"),
        ("-0.005", "-0.005"),
        ("0", "0"),
        (None, "–"),
        ("1e5", "1e5"),
        ("00012", "12"),
    ],
)
def test_amounts_are_grouped_and_never_changed(value: str | None, shown: str) -> None:
    """Digits stay; what is no amount is shown as it came."""
    assert wording.amount(value) == shown


def test_whole_numbers_in_a_gate_are_grouped_and_ids_are_left() -> None:
    """Only whole numbers standing alone get separators."""
    assert wording.grouped("11507 pairs") == "11,507 pairs"
    assert wording.grouped("T000000012345, 1234.50 and INV-4711") == "T000000012345, 1234.50 and INV-4711"


def test_instants_read_the_same_from_text_and_from_yaml() -> None:
    """A plan's instants come as text or as datetimes; both read as UTC with the weekday."""
    assert wording.when("2026-10-31T07:00:00+01:00") == "Sat 31 Oct 06:00Z"
    assert wording.when(instant("2026-10-31T06:00:00Z")) == "Sat 31 Oct 06:00Z"
    assert wording.when("soon") == "soon"
    assert wording.when(None) == "–"
    assert [wording.duration(m) for m in (0, 59, 60, 864, -35, 1500)] == [
        "0 min", "59 min", "1 h", "14 h 24 min", "-35 min", "1 d 1 h",
    ]  # fmt: skip
