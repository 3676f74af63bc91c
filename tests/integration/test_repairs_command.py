"""`coexist repair` on extracts: from the breaks of a diff to a plan, and its dry run against newer extracts."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner, Result

from cutover.cli import app

HEAD = "document_id,legal_entity,currency,total,status\n"
LEGACY = HEAD + "INV-1,UK01,GBP,120.00,posted\nINV-2,UK01,GBP,80.00,posted\nINV-3,UK01,GBP,10.00,posted\n"
CLOUD = HEAD + "INV-1,UK01,GBP,120.40,posted\nINV-3,UK01,GBP,11.00,posted\nINV-9,UK01,GBP,5.00,posted\n"
POLICY = """
key: [document_id]
columns:
  legal_entity: {type: dimension}
  total: {type: money}
  status: {type: status}
"""
RULES = """
rules:
  - {id: lost, when: {class: [missing_in_cloud]}, action: resend, why: the owner has it}
  - {id: cents, when: {class: [amount], most: {GBP: '0.50'}}, action: adjust, why: below the limit}
  - {id: off, when: {class: [amount]}, action: credit_and_rebill, why: above the limit}
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def diffed(folder: Path) -> Path:
    """A folder with both extracts, policy, rules and what the diff wrote; the plan's path."""
    for name, text in (
        ("legacy.csv", LEGACY), ("cloud.csv", CLOUD), ("policy.yaml", POLICY), ("rules.yaml", RULES.replace("off", "'off'")),
    ):  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    found = run(
        "diff", f"{folder}/legacy.csv", f"{folder}/cloud.csv", "--policy", f"{folder}/policy.yaml", "--out", f"{folder}/out"
    )  # fmt: skip
    assert found.exit_code == 1, found.output
    plan = folder / "plan.yaml"
    made = run("repair", "propose", f"{folder}/out", "--rules", f"{folder}/rules.yaml", "--out", str(plan))
    assert made.exit_code == 0, (made.output, made.exception)
    assert "4 proposals" in made.stdout
    return plan


def check(plan: Path, cloud: str) -> Result:
    """The plan against a newer extract of the cloud ERP."""
    newer = plan.parent / "newer.csv"
    newer.write_text(cloud, encoding="utf-8")
    return run(
        "repair", "check", str(plan), "--json", "--legacy", f"{plan.parent}/legacy.csv", "--cloud", str(newer),
        "--policy", f"{plan.parent}/policy.yaml",
    )  # fmt: skip


def test_a_diff_becomes_a_plan_that_newer_extracts_are_checked_against(tmp_path: Path) -> None:
    """Counts and money by rule and ERP; then ready, moved and right already, each for its own reason."""
    plan = diffed(tmp_path)
    read = yaml.safe_load(plan.read_text(encoding="utf-8"))
    assert read["totals"]["by_system"] == {
        "cloud": {"proposals": 3, "breaks": 3, "effect": {"GBP": "78.60"}, "left": {}}
    }
    assert read["totals"]["by_rule"]["default"]["left"] == {"GBP": "5.00"}
    by_key = {one["key"]["document_id"]: one for one in read["proposals"]}
    assert (by_key["INV-1"]["action"], by_key["INV-1"]["effect"][0]["amount"]) == ("adjust", "-0.40")

    same = check(plan, CLOUD)
    assert same.exit_code == 0, same.output
    newer = CLOUD.replace("120.40", "120.00").replace("11.00", "12.00")
    moved = check(plan, newer)
    assert moved.exit_code == 1
    verdicts = {one["id"]: one for one in json.loads(moved.stdout)["findings"]}
    told = {name: verdicts[by_key[name]["id"]]["verdict"] for name in by_key}
    assert told == {"INV-1": "already_right", "INV-2": "ready", "INV-3": "moved", "INV-9": "no_posting"}
    assert any("11.00" in line and "12.00" in line for line in verdicts[by_key["INV-3"]["id"]]["moved"])


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    """Edited money, a plan of extracts applied, another policy, nothing to check against."""
    plan = diffed(tmp_path)
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("'-0.40'", "'-4.00'").replace("-0.40\n", "-4.00\n"), encoding="utf-8")
    assert "was edited" in str(check(plan, CLOUD).exception)
    plan.write_text(text, encoding="utf-8")
    applied = run("repair", "apply", str(plan), "--by", "ann", "--approved-by", "bob")
    assert "made from extracts" in str(applied.exception)
    assert "what the rows are now" in str(run("repair", "check", str(plan)).exception)
    (tmp_path / "policy.yaml").write_text(
        POLICY.replace("money}", "money, tolerance_minor: 1}"), encoding="utf-8"
    )
    assert "another policy" in str(check(plan, CLOUD).exception)
    assert "either breaks" in str(run("repair", "propose").exception)
    gone = run("repair", "check", str(plan), "--gateway", "http://127.0.0.1:1")
    assert "no usable answer" in str(gone.exception)
