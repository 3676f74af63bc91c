"""Writes `junit.xml`: every check of the verdict as a test case, for pipelines that read such files.

A check that failed is a failure; one that says the run is no measurement is an error, as nothing was tested.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET  # only written with; nothing is parsed

from cutover.report.wording import clean
from loadtests.verdict.model import Check, Verdict

_NODES = {"fail": "failure", "invalid": "error", "not asked": "skipped"}


def junit(scenario: str, verdict: Verdict) -> bytes:
    """The file's bytes; valid XML 1.0 whatever the checks say."""
    checks = list(verdict.checks)
    if verdict.outcome != "pass" and not any(check.outcome == verdict.outcome for check in checks):
        # A verdict no check accounts for must not read as green.
        checks.append(
            Check(
                name="verdict", outcome=verdict.outcome, measured="", limit="", why=" ".join(verdict.because)
            )
        )
    counts = {
        "tests": len(checks), "failures": _count(checks, "fail"), "errors": _count(checks, "invalid"),
        "skipped": _count(checks, "not asked"),
    }  # fmt: skip
    written = {name: str(count) for name, count in counts.items()}
    name = clean(f"load.{scenario}")
    root = ET.Element("testsuites", {"name": "coexist load"} | written)
    suite = ET.SubElement(root, "testsuite", {"name": name} | written)
    for check in checks:
        case = ET.SubElement(suite, "testcase", classname=name, name=clean(check.name))
        if node := _NODES.get(check.outcome):
            told = f"measured {check.measured or 'nothing'}; limit {check.limit or 'none'}"
            ET.SubElement(case, node, message=clean(check.why or told)).text = clean(told)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _count(checks: list[Check], outcome: str) -> int:
    return sum(check.outcome == outcome for check in checks)
