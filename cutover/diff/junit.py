"""Writes `junit.xml`: every check of a comparison as a test case, for pipelines that read such files.

A function of `summary.json`. One case for each level and legal entity, one for each control total, one
for each cluster of breaks; a failure says in a sentence what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # only written with; nothing is parsed

from cutover.report.wording import amount, clean, delta, plural
from router.dualrun.noise import QUIET


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A check with its outcome; an empty `failure` is a pass."""

    suite: str
    name: str
    failure: str = ""


def cases(summary: Mapping[str, Any]) -> Iterator[Case]:
    """Every check, in a fixed order."""
    for level, row in summary["levels"].items():
        for entity in row["entities"]:
            open_ = entity["breaks"] - entity["accepted"] - entity["noise"]
            name = entity["legal_entity"] or "all rows"
            yield Case(
                suite=f"level.{level}",
                name=name,
                failure=f"{plural(open_, 'break')} of {level} in {name}" if open_ else "",
            )
    for total in summary["control_totals"]:
        group = ", ".join(f"{column}={value}" for column, value in total["by"].items())
        where = f"{total['column']} in {total['currency']} ({group})"
        yield Case(suite="control-total.walk", name=where, failure="" if total["ties"] else _untied(total))
        # What differs by tolerances and accepted breaks only has been dealt with; elsewhere it stands in `hidden`.
        differs = summary["verdict"] == "differ" and total["legacy"] != total["cloud"]
        yield Case(suite="control-total.equal", name=where, failure=_unequal(total) if differs else "")
    for cluster in summary["clusters"]:
        open_ = summary["verdict"] != "accepted" and not cluster["accepted"] and cluster["code"] != QUIET
        name = " ".join(
            part for part in (cluster["code"], cluster["legal_entity"], cluster["currency"]) if part
        )
        yield Case(
            suite=f"cause.{cluster['cause']}",
            name=f"{name}: {cluster['facet']}" if cluster["facet"] else name,
            failure=cluster["sentence"] if open_ else "",
        )


def write_junit(path: Path, summary: Mapping[str, Any]) -> None:
    """Write the file; valid XML 1.0 whatever the data hold."""
    root = ET.Element("testsuites", name="coexist diff")
    suites: dict[str, list[Case]] = {}
    for case in cases(summary):
        suites.setdefault(case.suite, []).append(case)
    for name, rows in suites.items():
        failed = sum(bool(case.failure) for case in rows)
        suite = ET.SubElement(
            root, "testsuite", name=clean(name), tests=str(len(rows)), failures=str(failed), errors="0", skipped="0",
        )  # fmt: skip
        for case in rows:
            node = ET.SubElement(suite, "testcase", classname=clean(name), name=clean(case.name))
            if case.failure:
                ET.SubElement(node, "failure", message=clean(case.failure)).text = clean(case.failure)
    tests = sum(map(len, suites.values()))
    failures = sum(bool(case.failure) for rows in suites.values() for case in rows)
    root.set("tests", str(tests))
    root.set("failures", str(failures))
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _unequal(total: Mapping[str, Any]) -> str:
    return (
        f"legacy {amount(total['legacy'])}, cloud {amount(total['cloud'])}: "
        f"{delta(total['difference'])} {total['currency']}"
    )


def _untied(total: Mapping[str, Any]) -> str:
    return f"the walk does not arrive at the cloud's total: {_unequal(total)}"
