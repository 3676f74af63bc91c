"""report.html: complete, escaped, offline, readable without colour, and samples labelled as such."""

from __future__ import annotations

import re
from typing import Any

from lxml import html as lxml_html

from cutover.diff.page import TOTALS_SHOWN, render
from cutover.diff.pairview import changed_fields, lines_view, pair_view
from router.dualrun.results import ControlTotal
from tests.unit import diff_samples as samples

SECTIONS = [
    "verdict", "levels", "totals", "entities", "fields", "causes", "examples", "hidden", "history", "input",
    "sign-off",
]  # fmt: skip


def examples() -> list[dict[str, Any]]:
    """The pair of the samples as example of each cluster."""
    return [
        {
            "cluster": one.to_json(), "example": one.examples[0].to_json(),
            "pair": pair_view(samples.a_pair(), samples.POLICY),
            "lines": lines_view(samples.a_document(), samples.POLICY),
        }
        for one in samples.facts_of(samples.breaks()).clusters
    ]  # fmt: skip


def page(summary: dict[str, Any], shown: list[dict[str, Any]] | None = None) -> Any:
    return lxml_html.document_fromstring(render(summary, examples() if shown is None else shown))


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def rows_of(tree: Any, caption: str) -> list[list[str]]:
    (table,) = [t for t in tree.iter("table") if words(t.find("caption")).startswith(caption)]
    return [[words(cell) for cell in row if cell.tag in ("th", "td")] for row in table.iter("tr")]


def test_every_section_is_there_in_its_order() -> None:
    """From the verdict over totals, entities and fields to examples, whether or not anything was found."""
    for tree in (page(samples.a_summary()), page(samples.a_summary([], totals=(), hidden=()), [])):
        sections = [node.get("id") for node in tree.iter("section")]
        assert sections == SECTIONS
        assert [link.get("href")[1:] for link in tree.find_class("toc")[0].iter("a")] == sections
        assert all(len(words(node)) > 20 for node in tree.iter("section"))
        ids = [node.get("id") for node in tree.iter() if node.get("id")]
        assert len(ids) == len(set(ids))
        inner = [link.get("href")[1:] for link in tree.iter("a") if str(link.get("href")).startswith("#")]
        assert set(inner) <= set(ids)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    """No script, no address, no handler: hostile names stay text."""
    text = render(samples.a_summary(), examples())
    tree = lxml_html.document_fromstring(text)
    assert not list(tree.iter("script", "img", "iframe", "link", "object"))
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert not any(
        str(name).startswith("on")
        for node in tree.iter()
        if isinstance(node.tag, str)
        for name in node.attrib
    )
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]", text)


def test_the_walk_is_shown_signed_as_it_is_walked() -> None:
    """Legacy and the steps add up to the cloud, in the row itself."""
    head, *rows = rows_of(page(samples.a_summary()), "Control totals with their walk")
    first = next(row for row in rows if row[0] == "UK01")
    assert first[-1] == "✓ ties"
    figures = [int(cell.replace(",", "").replace("+", "").replace(".", "")) for cell in first[5:-1]]
    assert sum(figures[:-1]) == figures[-1] == 123456764002
    assert "− missing in cloud" in head
    odd = ControlTotal(
        by={}, column="net", currency="GBP", legacy_rows=1, cloud_rows=1, legacy_minor=1, cloud_minor=3
    )
    assert (
        rows_of(page(samples.a_summary([], totals=(odd,)), []), "Control totals")[1][-1] == "✕ does not tie"
    )


def test_a_choice_of_totals_says_so_and_keeps_what_is_wrong() -> None:
    """Of more totals than fit, those that do not tie or differ are shown, and how many there are."""
    many = [
        ControlTotal(by={"legal_entity": f"E{at:04}"}, column="net", currency="GBP", legacy_rows=1, cloud_rows=1,
                     legacy_minor=at, cloud_minor=at)
        for at in range(TOTALS_SHOWN + 50)
    ]  # fmt: skip
    odd = ControlTotal(by={"legal_entity": "ZZ"}, column="net", currency="GBP", legacy_rows=1, cloud_rows=1,
                       legacy_minor=1, cloud_minor=3)  # fmt: skip
    tree = page(samples.a_summary([], totals=(*many, odd)), [])
    assert [row[0] for row in rows_of(tree, "Control totals with their walk")[1:]] == ["ZZ"]
    assert len(rows_of(tree, "Control totals without a difference")[1:]) == TOTALS_SHOWN - 1
    assert "300 of 351; all of them are in summary.json" in words(tree.get_element_by_id("totals"))


def test_the_chart_has_its_table_and_never_adds_currencies() -> None:
    """Each currency is a panel of its own; the table beside the chart holds the same figures."""
    tree = page(samples.a_summary())
    drawn = [words(node) for node in tree.iter("{*}text", "text")]
    assert [name for name in drawn if re.fullmatch("[A-Z]{3}", name)] == ["BHD", "GBP", "JPY"]
    rows = {row[0]: row for row in rows_of(tree, "Breaks and money by cause")[1:]}
    assert rows["missing"][-1] == "250.00 GBP"
    assert rows["✕ unexplained"][-1] == "500 JPY"
    assert "0.04" in drawn


def test_a_pair_is_shown_field_by_field() -> None:
    """A break, what the policy allows and what is only written differently are told apart in words."""
    fields = {row["name"]: row for row in pair_view(samples.a_pair(), samples.POLICY)["fields"]}
    assert fields["net"]["says"] == "break: amount, +0.01 GBP"
    assert fields["tax"]["says"] == "differs; the policy allows it"
    assert fields["status"]["says"] == "the same, written differently"
    assert fields["status"]["cloud"] == ["posted (written posted␣)"]
    assert (fields["net"]["legacy"], fields["net"]["cloud"]) == (["100.00"], ["100.01"])
    assert fields["posting_date"]["legacy"] == ["2026-10-31 (written 20261031)"]
    assert fields["memo"]["says"] == ""
    pair = samples.a_pair()
    assert changed_fields(pair, list(fields)) == {"net", "tax", "posting_date"}


def test_lines_that_differ_come_first() -> None:
    """A document's lines side by side; one that stands on one side only says where."""
    lines = lines_view(samples.a_document(), samples.POLICY)
    assert lines is not None
    assert lines["columns"][0] == "line"
    assert [line["where"] for line in lines["lines"]] == ["both", "cloud only", "both"]
    assert [line["differs"] for line in lines["lines"]] == [True, True, False]


def test_samples_are_labelled() -> None:
    """Each example says that it is one of how many, and where the rest is."""
    text = words(page(samples.a_summary()).get_element_by_id("examples"))
    assert "These are samples; every break is in breaks.jsonl" in text
    assert "Sample 1 of 4." in text
    few = words(page(samples.a_summary(), examples()[:2]).get_element_by_id("examples"))
    assert re.search(r"2 of 7; all of them are in breaks.jsonl", few)


def test_same_summary_same_page() -> None:
    """The page is a function of the summary and its examples."""
    assert render(samples.a_summary(), examples()) == render(samples.a_summary(), examples())
