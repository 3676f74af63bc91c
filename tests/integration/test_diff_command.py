"""`coexist diff` from files to files: what it finds, what it writes, what it refuses, and that it can be killed."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from lxml import etree
from typer.testing import CliRunner

from cutover.cli import app
from cutover.diff import comparing
from router.dualrun.engine import TableComparison
from router.dualrun.results import ControlTotal
from router.errors import BadConfig, BadInput, CoexistError

ROOT = Path(__file__).parents[2]
PAIR = ROOT / "fixtures/extracts/two_erps"
FILES = ["breaks.jsonl", "earlier.jsonl", "junit.xml", "report.html", "report.xlsx", "summary.json"]
DAY = ("--as-of", "2026-10-31")
SMALL = """key: [id]
columns: {total: {type: money}, memo: {type: text}}
control_totals: [[currency]]
"""


def diff(*words: str | Path) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["diff", *map(str, words)])


def pair(out: Path, *words: str | Path) -> Any:
    """The example pair of the fixtures, compared."""
    return diff(
        PAIR / "legacy.csv", PAIR / "cloud.csv", "--policy", PAIR / "policy.yaml", "--crosswalk", PAIR / "crosswalk.csv",
        *DAY, "--out", out, *words,
    )  # fmt: skip


def small(folder: Path, legacy: str, cloud: str, *words: str | Path, policy: str = SMALL) -> Any:
    """Two extracts given as text, compared into `folder/out`."""
    for name, text in (("legacy.csv", legacy), ("cloud.csv", cloud), ("policy.yaml", policy)):
        (folder / name).write_text(text, encoding="utf-8")
    return diff(
        folder / "legacy.csv", folder / "cloud.csv", "--policy", folder / "policy.yaml", *DAY, "--out", folder / "out",
        *words,
    )  # fmt: skip


def summary_of(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((out / "summary.json").read_bytes())
    return found


def breaks_of(out: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (out / "breaks.jsonl").read_bytes().splitlines()]


def held(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_the_example_pair_and_everything_that_is_written(tmp_path: Path) -> None:
    """Every planted difference is found with its cause, no other, and every file tells of the same breaks."""
    done = pair(tmp_path / "out")
    assert (done.exit_code, done.exception.code) == (1, 1), done.output
    found = [
        (row["key"]["document_id"][-2:], row["class"], row["column"], row["code"])
        for row in breaks_of(tmp_path / "out")
    ]
    assert found == [
        ("02", "amount", "net", "half-up-half-even"),
        ("02", "amount", "tax", "half-up-half-even"),
        ("02", "amount", "total", "half-up-half-even"),
        ("03", "dimension", "cost_center", "unexplained"),
        ("04", "missing_in_cloud", "", "not-in-cloud"),
        ("05", "duplicate_in_cloud", "", "duplicate-posting"),
        ("06", "dimension", "period", "cut-off"),
        ("06", "date", "posting_date", "cut-off"),
        ("08", "status", "status", "status-lag"),
        ("10", "amount", "net", "unexplained"),
        ("10", "amount", "total", "unexplained"),
    ]
    summary = summary_of(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert (summary["verdict"], summary["truncated"], summary["totals_tie"]) == ("differ", False, True)
    assert summary["breaks"]["total"] == len(found)
    assert summary["breaks"]["money"] == {
        "GBP": {"net": "-288.02", "absolute": "768.02"}, "JPY": {"net": "1", "absolute": "1"},
    }  # fmt: skip
    book = openpyxl.load_workbook(tmp_path / "out/report.xlsx", read_only=True)
    in_book = [
        row for name in book.sheetnames[4:] for row in book[name].iter_rows(min_row=2, values_only=True)
    ]
    assert len(in_book) == len(found)
    junit = etree.parse(str(tmp_path / "out/junit.xml")).getroot()
    assert int(junit.get("failures", "0")) > 0
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert all(row["sentence"] in page for row in _escaped(summary["clusters"]))
    assert summary["run_id"] in done.output


def _escaped(clusters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"sentence": row["sentence"].replace(">", "&gt;").replace("'", "&#39;")} for row in clusters]


def test_totals_are_the_sums_of_the_files(tmp_path: Path) -> None:
    """The control totals by entity are what adding up the cells by hand gives; each walk arrives."""
    pair(tmp_path / "out")
    with (PAIR / "cloud.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_hand: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        key = (row["subsidiary"], row["currency"])
        by_hand[key] = by_hand.get(key, Decimal(0)) + Decimal(row["total"])
    told = {
        (one["by"]["legal_entity"], one["currency"]): Decimal(one["cloud"])
        for one in summary_of(tmp_path / "out")["control_totals"]
        if one["column"] == "total" and "legal_entity" in one["by"]
    }
    assert told == by_hand
    assert all(one["ties"] for one in summary_of(tmp_path / "out")["control_totals"])


def test_same_inputs_same_bytes(tmp_path: Path) -> None:
    """Run again, elsewhere, with another number of threads and less memory: every file is the same."""
    pair(tmp_path / "one")
    pair(tmp_path / "two", "--threads", "1", "--memory", "200MB")
    assert held(tmp_path / "one") == held(tmp_path / "two")
    assert "20:" not in summary_of(tmp_path / "one")["reproduce"]


def test_what_agrees_has_exit_code_0(tmp_path: Path) -> None:
    """The same rows in another order and as JSON lines agree; the report says so."""
    done = small(
        tmp_path,
        "id,total,currency,memo\n1,1.00,GBP,a\n2,2.50,EUR,b\n",
        "id,total,currency,memo\n2,2.5,EUR,b\n1,1,GBP,a\n",
    )
    assert done.exit_code == 0, done.output
    assert "Verdict: AGREE" in done.output
    lines = tmp_path / "cloud.jsonl"
    lines.write_text(
        '{"memo":"a","id":"1","total":"1.00","currency":"GBP"}\n{"id":"2","total":2.50,"currency":"EUR","memo":"b"}\n'
    )
    done = diff(
        tmp_path / "legacy.csv", lines, "--policy", tmp_path / "policy.yaml", *DAY, "--out", tmp_path / "out"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/breaks.jsonl").read_bytes() == b""


def test_json_is_the_summary(tmp_path: Path) -> None:
    """`--json` prints summary.json, byte for byte, and nothing else."""
    done = pair(tmp_path / "out", "--json")
    assert done.stdout_bytes == (tmp_path / "out/summary.json").read_bytes()


BAD: dict[str, tuple[Callable[[Path], list[str | Path]], str]] = {
    "no files": (lambda _: [], "two extracts are needed"),
    "one file": (lambda f: [f / "legacy.csv"], "two extracts are needed"),
    "no policy": (lambda f: [f / "legacy.csv", f / "cloud.csv"], "--init"),
    "no such extract": (lambda f: [f / "none.csv", f / "cloud.csv", "--policy", f / "policy.yaml"], "none.csv"),
    "no such policy": (lambda f: [f / "legacy.csv", f / "cloud.csv", "--policy", f / "none.yaml"], "none.yaml"),
    "odd policy": (lambda f: [f / "legacy.csv", f / "cloud.csv", "--policy", f / "legacy.csv"], "legacy.csv"),
    "odd day": (lambda f: [*_given(f), "--as-of", "31.10.2026"], "--as-of"),
    "odd memory": (lambda f: [*_given(f), "--memory", "lots"], "--memory"),
    "odd run": (lambda f: [*_given(f), "--run-id", "../x"], "--run-id"),
    "no such run before": (lambda f: [*_given(f), "--previous", f / "none"], "none"),
    "odd run before": (lambda f: [*_given(f), "--previous", f / "legacy.csv"], "legacy.csv:1"),
    "no such acceptances": (lambda f: [*_given(f), "--accepted", f / "none.yaml"], "none.yaml"),
    "no such noise": (lambda f: [*_given(f), "--noise", f / "none"], "none"),
    "odd noise": (lambda f: [*_given(f), "--noise", f / "policy.yaml"], "no JSON"),
    "a file in the way": (lambda f: [*_given(f), "--out", f / "legacy.csv"], "is a file"),
    "a cell that is no amount": (lambda f: [f / "odd.csv", f / "cloud.csv", "--policy", f / "policy.yaml"], "odd.csv"),
    "an empty extract": (lambda f: [f / "empty.csv", f / "cloud.csv", "--policy", f / "policy.yaml"], "empty.csv"),
}  # fmt: skip


def _given(folder: Path) -> list[str | Path]:
    return [
        folder / "legacy.csv",
        folder / "cloud.csv",
        "--policy",
        folder / "policy.yaml",
        "--out",
        folder / "out",
    ]


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(tmp_path: Path, name: str) -> None:
    """Each mistake is an error of ours that names what is wrong in one line; nothing is written."""
    text = "id,total,currency,memo\n1,1.00,GBP,a\n"
    for file in ("legacy.csv", "cloud.csv"):
        (tmp_path / file).write_text(text)
    (tmp_path / "policy.yaml").write_text(SMALL)
    (tmp_path / "odd.csv").write_text(text.replace("1.00", "one"))
    (tmp_path / "empty.csv").write_text("")
    words, told = BAD[name]
    done = diff(*words(tmp_path))
    assert isinstance(done.exception, BadInput | BadConfig), done.exception
    assert told in done.exception.one_line()
    assert "\n" not in done.exception.one_line()
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_bad_input_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    """In a process of its own: exit code 2, one line on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "cutover", "diff", "none.csv", "none.csv", "--policy", str(PAIR / "policy.yaml")],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "%" not in line] == [
        line for line in done.stderr.splitlines() if line.startswith("coexist: none.csv")
    ]


class Untied(TableComparison):
    """A comparison whose totals were added up wrongly."""

    def run(self) -> None:
        super().run()
        first: ControlTotal = self.totals[0]
        self.totals = (replace(first, amounts_minor=first.amounts_minor + 1), *self.totals[1:])


def test_totals_that_do_not_tie_end_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invariant of ours that is violated is told as such, and everything is written all the same."""
    monkeypatch.setattr(comparing, "TableComparison", Untied)
    done = pair(tmp_path / "out")
    assert done.exit_code == 3
    assert "DOES NOT TIE" in done.output
    assert summary_of(tmp_path / "out")["totals_tie"] is False


def test_a_line_that_was_not_written_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks found and lines written are counted apart; where they differ nothing is published."""
    monkeypatch.setattr(comparing, "lines_of", lambda path: iter(breaks_of(path.parent)[1:]))
    done = pair(tmp_path / "out")
    assert isinstance(done.exception, CoexistError)
    assert done.exception.code == "broken"
    assert not (tmp_path / "out").exists()


KILLED = """
import os, random, signal, sys
from pathlib import Path
from cutover.cli.diffing import diff_command
from cutover.diff import comparing
out, seed, words = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
chance, whole = random.Random(seed), (".", "..")
request = comparing.Request(
    legacy=Path(words[0]), cloud=Path(words[1]), policy=Path(words[2]), crosswalk=Path(words[3]), out=out,
    as_of=__import__("datetime").date(2026, 10, 31),
)
def run(after):
    pid = os.fork()
    if not pid:
        if after:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, after)
        comparing.compare(request, lambda *told: None)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
killed = 0
for _ in range(7):
    status = run(0.02 + chance.random() * 0.6)
    killed += os.WIFSIGNALED(status)
    # Either nothing stands there, or all of it does.
    assert not out.exists() or sorted(os.listdir(out)) == sorted(comparing.FILES), os.listdir(out)
assert run(0) == 0
print(killed)
"""


def test_killed_at_any_moment_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """Killed again and again at random moments: never half a result, and the run after is as if nothing had been."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed"), "7",
         *(str(PAIR / name) for name in ("legacy.csv", "cloud.csv", "policy.yaml", "crosswalk.csv"))],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
    pair(tmp_path / "whole")
    ours, theirs = held(tmp_path / "killed"), held(tmp_path / "whole")
    assert ours["breaks.jsonl"] == theirs["breaks.jsonl"]
    assert sorted(ours) == sorted(theirs) == FILES
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_breaks_live_on_from_run_to_run(tmp_path: Path) -> None:
    """Against the run before: recurring, new and fixed ones are told apart, and one that comes back is reopened."""
    head, row = "id,total,currency,memo\n", "{},{},GBP,a\n"

    def run(name: str, cloud: Mapping[int, str], *words: str | Path) -> dict[str, int]:
        small(
            tmp_path, head + "".join(row.format(at, "1.00") for at in range(4)),
            head + "".join(row.format(at, cloud.get(at, "1.00")) for at in range(4)), *words, "--out", tmp_path / name,
        )  # fmt: skip
        states: dict[str, int] = (summary_of(tmp_path / name)["lifecycle"] or {"states": {}})["states"]
        return {state: count for state, count in states.items() if count}

    assert run("1", {0: "1.01", 1: "1.02"}) == {}
    assert run("2", {0: "1.01", 2: "1.03"}, "--previous", tmp_path / "1") == {
        "new": 1,
        "recurring": 1,
        "fixed": 1,
    }
    assert run("3", {1: "1.05"}, "--previous", tmp_path / "2/breaks.jsonl") == {"reopened": 1, "fixed": 2}
    # The folder a run writes into may be the one it compares with.
    assert run("3", {1: "1.05"}, "--previous", tmp_path / "3") == {"recurring": 1}


def test_what_is_accepted_ends_with_0_until_it_expires(tmp_path: Path) -> None:
    """Two people accept a break up to an amount: exit code 0 and unchanged totals; later, or grown: 1."""
    texts = ("id,total,currency,memo\n1,1.00,GBP,a\n", "id,total,currency,memo\n1,1.01,GBP,a\n")
    assert small(tmp_path, *texts).exit_code == 1
    (found,) = breaks_of(tmp_path / "out")
    (tmp_path / "accepted.yaml").write_text(
        f"acceptances:\n- {{identity: {found['identity']}, owner: ann, approved_by: bob, reason: a known cent,"
        " expires: 2026-12-31, max_amount: '0.01'}\n"
    )
    accepted = ("--accepted", tmp_path / "accepted.yaml")
    money = summary_of(tmp_path / "out")["breaks"]["money"]
    assert small(tmp_path, *texts, *accepted).exit_code == 0
    summary = summary_of(tmp_path / "out")
    assert (summary["verdict"], summary["breaks"]["money"]) == ("accepted", money)
    assert summary["lifecycle"]["acceptances"][0]["breaks"] == 1
    assert "ann" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert small(tmp_path, *texts, *accepted, "--as-of", "2027-01-01").exit_code == 1
    assert small(tmp_path, texts[0], texts[1].replace("1.01", "1.02"), *accepted).exit_code == 1


def test_hostile_cells_reach_no_file_as_code(tmp_path: Path) -> None:
    """Formulas, markup and control characters in keys and texts: every file is read back as data."""
    bad = "=cmd|'/c calc'!A1<script>alert(1)</script>]]>\x07"
    done = small(
        tmp_path,
        f'id,total,currency,memo\n"{bad}",1.00,GBP,"{bad}"\n',
        f'id,total,currency,memo\n"{bad}",1.01,GBP,"-{bad}"\n',
    )
    assert done.exit_code == 1, done.exception
    assert {row["key"]["id"] for row in breaks_of(tmp_path / "out")} == {bad}
    etree.parse(str(tmp_path / "out/junit.xml"), etree.XMLParser(recover=False))
    assert "<script>" not in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    cells = [
        cell for sheet in openpyxl.load_workbook(tmp_path / "out/report.xlsx") for row in sheet.iter_rows() for cell in row
    ]  # fmt: skip
    assert not any(cell.data_type == "f" for cell in cells)
    assert "\x07" not in done.output


def test_a_proposed_policy_is_one_that_compares(tmp_path: Path) -> None:
    """`--init` writes a policy with reasons that `coexist diff` takes, and never over a file that is there."""
    done = diff("--init", PAIR / "legacy.csv", PAIR / "cloud.csv", "--out", tmp_path / "policy.yaml")
    assert done.exit_code == 0, done.exception
    text = (tmp_path / "policy.yaml").read_text(encoding="utf-8")
    assert "#" in text
    assert diff("--init", PAIR / "legacy.csv", PAIR / "cloud.csv").stdout == text
    again = diff("--init", PAIR / "legacy.csv", PAIR / "cloud.csv", "--out", tmp_path / "policy.yaml")
    assert "exists already" in again.exception.one_line()
    done = diff(
        PAIR / "legacy.csv", PAIR / "cloud.csv", "--policy", tmp_path / "policy.yaml", *DAY, "--out", tmp_path / "out"
    )  # fmt: skip
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert {"9000000004"} <= {next(iter(row["key"].values())) for row in breaks_of(tmp_path / "out")}


def test_the_example_is_found_out(tmp_path: Path) -> None:
    """`--example` writes a pair with the truth about it: every planted defect is among the breaks."""
    folder = tmp_path / "example"
    done = diff("--example", folder)
    assert done.exit_code == 0, done.exception
    assert sorted(done.stdout.split()) == sorted(str(path) for path in folder.iterdir())
    assert "not empty" in diff("--example", folder).exception.one_line()
    done = diff(
        folder / "legacy.csv", folder / "cloud.csv", "--policy", folder / "policy.yaml", "--crosswalk",
        folder / "crosswalk.csv", *DAY, "--out", tmp_path / "out",
    )  # fmt: skip
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    truth = [orjson.loads(line) for line in (folder / "truth.jsonl").read_bytes().splitlines()]
    found = {
        (row["class"], row["column"], tuple(sorted(row["key"].items())))
        for row in breaks_of(tmp_path / "out")
    }
    planted = {(row["class"], row["column"], tuple(sorted(row["key"].items()))) for row in truth}
    assert planted <= found
    assert len(truth) > 20
    summary = summary_of(tmp_path / "out")
    assert summary["totals_tie"]
    assert summary["breaks"]["total"] == len(breaks_of(tmp_path / "out"))
