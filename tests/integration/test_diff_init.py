"""`coexist diff --init` proposes a policy that runs and finds what a policy written by hand finds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from router.configfile import load
from router.dualrun.policy import Policy, as_policy
from simulators.extracts import planted, write

ROOT = Path(__file__).parents[2]
DAY = ("--as-of", "2026-10-31")


def diff(*words: str | Path) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["diff", *map(str, words)])


def breaks(folder: Path, policy: Path, out: Path) -> dict[tuple[str, str, str], str]:
    """Key, class and column of each break found, with the code of its cause."""
    told = diff(
        folder / "legacy.csv", folder / "cloud.csv", "--policy", policy, "--crosswalk", folder / "crosswalk.csv",
        *DAY, "--out", out,
    )  # fmt: skip
    assert told.exit_code == 1, told.output + told.stderr
    rows = [orjson.loads(line) for line in (out / "breaks.jsonl").read_bytes().splitlines()]
    return {(str(sorted(row["key"].items())), row["class"], row["column"]): row["code"] for row in rows}


def initiated(legacy: Path, cloud: Path, out: Path) -> tuple[Policy, Any]:
    told = diff("--init", legacy, cloud, "--out", out)
    assert told.exit_code == 0, told.output + told.stderr
    return as_policy(load(out)), told


def test_the_example_is_understood_without_its_policy(tmp_path: Path) -> None:
    """Every planted defect is found, and nearly every one for its own reason, under headings of SAP."""
    write(planted(7, documents=60), tmp_path)
    policy, _ = initiated(tmp_path / "legacy.csv", tmp_path / "cloud.csv", tmp_path / "proposed.yaml")
    assert (policy.key, policy.document) == (("document", "line"), ("document",))
    assert policy.rename["legacy"]["WAERK"] == "currency"
    assert policy.columns["net"].currency_column == "currency"
    assert policy.columns["base_amount"].currency_column == "base_currency"
    told = breaks(tmp_path, tmp_path / "proposed.yaml", tmp_path / "proposed")
    truth = [orjson.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    found = [
        told.get((str(sorted(one["key"].items())), one["class"], one["column"]), "") == one["code"]
        for one in truth
    ]
    assert sum(found) >= len(truth) * 0.95
    assert not told.keys() - breaks(tmp_path, tmp_path / "policy.yaml", tmp_path / "own").keys()


def test_a_map_is_not_made_of_defects(tmp_path: Path) -> None:
    """Few words that differ among many that are the same are left to a person, and stderr says so."""
    write(planted(7, documents=60), tmp_path)
    policy, told = initiated(tmp_path / "legacy.csv", tmp_path / "cloud.csv", tmp_path / "proposed.yaml")
    assert not policy.columns["department"].map
    assert "department" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def two_ways(folder: Path, names: list[str], rows: list[list[str]], other: list[str]) -> tuple[Path, Path]:
    """One table under two sets of headings."""
    paths = folder / "a.csv", folder / "b.csv"
    for path, head in zip(paths, (names, other), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    return paths


def test_headings_that_say_nothing(tmp_path: Path) -> None:
    """Currency by its codes, net, tax and total by arithmetic, status by the rows that the key pairs."""
    rows = []
    for at in range(60):
        net, tax = 10_000 + at * 371, (10_000 + at * 371) // 5
        money = [f"{minor // 100}.{minor % 100:02}" for minor in (net, tax, net + tax)]
        rows.append(
            [
                f"D{at:04}",
                ["GBP", "EUR", "USD"][at % 3],
                *money,
                ["open", "paid"][at % 7 % 2],
                f"a memo of {at}",
            ]
        )
    legacy, cloud = two_ways(
        tmp_path, [f"F{n}" for n in range(7)], rows, [f"col_{letter}" for letter in "abcdefg"]
    )
    policy, told = initiated(legacy, cloud, tmp_path / "p.yaml")
    assert policy.key == ("col_a",)
    assert [policy.role(role) for role in ("currency", "net", "tax", "total")] == [
        "col_b",
        "col_c",
        "col_d",
        "col_e",
    ]
    assert {policy.columns[name].currency_column for name in ("col_c", "col_d", "col_e")} == {"col_b"}
    assert told.stderr == ""
    assert (
        diff(legacy, cloud, "--policy", tmp_path / "p.yaml", "--out", tmp_path / "out", *DAY).exit_code == 0
    )


def test_rows_that_no_column_names_alone(tmp_path: Path) -> None:
    """A trial balance is named by entity, account, currency and period, and has neither net nor tax."""
    rows = [
        [entity, str(400_000 + at * 10), money, period, f"{at + 7}.25", f"{at}.00", "7.25"]
        for entity in ("UK01", "DE01")
        for at in range(12)
        for money in ("GBP", "EUR")
        for period in ("2026-09", "2026-10")
    ]
    head = ["subsidiary", "account", "currency", "period", "debit", "credit", "balance"]
    legacy, cloud = two_ways(tmp_path, ["RBUKRS", "RACCT", "RTCUR", "POPER", *head[4:]], rows, head)
    policy, _ = initiated(legacy, cloud, tmp_path / "p.yaml")
    assert {*policy.key} == {"subsidiary", "account", "currency", "period"}
    assert (policy.document, policy.role("net"), policy.role("tax")) == ((), None, None)
    assert (
        diff(legacy, cloud, "--policy", tmp_path / "p.yaml", "--out", tmp_path / "out", *DAY).exit_code == 0
    )


def test_time_entries_and_customers_have_no_money(tmp_path: Path) -> None:
    """A day is part of a key in each side's own way, and no column of money is asked for."""
    head = ["employee", "date", "hours", "note"]
    for name, day, number in (("a.csv", "{:02}.10.2026", "{:08}"), ("b.csv", "2026-10-{:02}", "{}")):
        rows = [
            [number.format(who), day.format(on), f"{who + on % 3}.25", f"work {who} {on}"]
            for who in range(1, 10)
            for on in range(13, 25)
        ]
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    legacy, cloud = tmp_path / "a.csv", tmp_path / "b.csv"
    policy, _ = initiated(legacy, cloud, tmp_path / "p.yaml")
    assert (policy.key, policy.document, policy.control_totals) == (("employee", "date"), (), ())
    assert (
        diff(legacy, cloud, "--policy", tmp_path / "p.yaml", "--out", tmp_path / "out", *DAY).exit_code == 0
    )


@pytest.mark.parametrize("heading", ["amount", "Amount (EUR)"])
def test_a_currency_is_never_made_up(tmp_path: Path, heading: str) -> None:
    """It is taken from a heading, or asked for; with the choice made the policy runs."""
    rows = [[f"P{at:03}", f"{at + 10}.25", f"2026-10-{at % 28 + 1:02}"] for at in range(40)]
    legacy, cloud = two_ways(tmp_path, ["payment", heading, "date"], rows, ["payment", heading, "date"])
    policy, told = initiated(legacy, cloud, tmp_path / "p.yaml")
    if heading == "amount":
        assert "currency of amount" in told.stderr
        text = (tmp_path / "p.yaml").read_text(encoding="utf-8")
        (tmp_path / "p.yaml").write_text(text.replace("# currency: EUR", "currency: EUR"), encoding="utf-8")
    else:
        assert policy.columns[heading].currency == "EUR"
    assert (
        diff(legacy, cloud, "--policy", tmp_path / "p.yaml", "--out", tmp_path / "out", *DAY).exit_code == 0
    )
