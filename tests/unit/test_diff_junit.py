"""junit.xml: one case a check, a failure only for what nobody has dealt with, valid whatever the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lxml import etree

from cutover.diff.junit import cases, write_junit
from cutover.diff.tally import LEVELS
from tests.unit import diff_samples as samples


def failing(summary: dict[str, Any]) -> list[tuple[str, str]]:
    return [(case.suite, case.name) for case in cases(summary) if case.failure]


def test_the_file_is_valid_whatever_the_data_hold(tmp_path: Path) -> None:
    """Control characters, markup and `]]>` in the data still make XML that a strict parser takes."""
    write_junit(tmp_path / "junit.xml", samples.a_summary())
    root = etree.parse(
        str(tmp_path / "junit.xml"), etree.XMLParser(recover=False, resolve_entities=False)
    ).getroot()
    suites = root.findall("testsuite")
    counted = [(len(suite), len(suite.findall("testcase/failure"))) for suite in suites]
    assert counted == [(int(suite.get("tests", "")), int(suite.get("failures", ""))) for suite in suites]
    assert int(root.get("tests", "")) == sum(tests for tests, _ in counted)
    assert int(root.get("failures", "")) == sum(failures for _, failures in counted) > 0
    assert any("<script>" in (node.get("name") or "") for node in root.iter("testcase"))


def test_each_check_has_a_case() -> None:
    """Every level for every entity, every total twice, every cluster once."""
    summary = samples.a_summary()
    found = list(cases(summary))
    entities = len(summary["levels"]["count"]["entities"])
    assert len(found) == len(LEVELS) * entities + 2 * len(summary["control_totals"]) + len(
        summary["clusters"]
    )
    assert len({(case.suite, case.name) for case in found}) == len(found)
    assert ("level.count", "UK01") in failing(summary)
    assert ("level.dimension", "UK01") not in failing(summary)
    clusters = [case.failure for case in found if case.suite.startswith("cause.")]
    assert clusters == [row["sentence"] for row in summary["clusters"]]


def test_nothing_fails_where_nothing_differs() -> None:
    """No break and equal totals: no failure."""
    assert failing(samples.a_summary([], totals=samples.totals()[2:])) == []


def test_what_is_accepted_does_not_fail() -> None:
    """Breaks that are all accepted fail neither their level nor their cluster nor their totals."""
    accepted = [replace(one, state="accepted") for one in samples.breaks()]
    assert samples.a_summary(accepted)["verdict"] == "accepted"
    assert failing(samples.a_summary(accepted)) == []
    one_open = [*accepted[1:], samples.breaks()[0]]
    assert ("level.money", "UK01") in failing(samples.a_summary(one_open))


def test_a_walk_that_does_not_arrive_fails_even_when_all_is_accepted() -> None:
    """A total that can't be walked is a fault of ours; no acceptance covers it."""
    odd = replace(samples.totals()[1], amounts_minor=499)
    summary = samples.a_summary([], totals=(odd,))
    assert summary["verdict"] == "does not tie"
    assert [suite for suite, _ in failing(summary)] == ["control-total.walk"]
