"""`coexist rehearse` on the command line: the user's own extracts, many seeds, bad input, exit codes."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from cutover.cli import main, rehearsing
from tests.simulation.tiny import tiny_plan

ROOT = Path(__file__).parents[2]


def coexist(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run the command in this process; its exit code."""
    monkeypatch.setattr("sys.argv", ["coexist", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def short_plan(tmp_path: Path) -> Path:
    """The tiny cutover's plan as a file, with a lost answer and a crash: a rehearsal of 30 hours."""
    data = orjson.loads(tiny_plan().model_dump_json(by_alias=True, exclude_defaults=True))
    data["crashes"] = [{"at": "2026-10-30T19:00:00Z", "down_s": 60}]
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_own_extracts_are_rehearsed_and_their_bad_rows_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample folder gives a verdict; each row that was left out is named with file, line and mend."""
    sample = ROOT / "fixtures" / "extracts" / "sample"
    code = coexist(monkeypatch, "rehearse", "--extracts", sample, "--out", tmp_path, "--json")
    report: dict[str, Any] = orjson.loads((tmp_path / "report.json").read_bytes())
    assert (code, report["verdict"]) == (0, "go"), report["because"]
    errors = report["input"]["row_errors"]
    assert {row["file"] for row in errors} == {"customers.csv", "open_invoices.csv", "time.csv"}
    assert all(row["line"] > 1 and row["why"] and row["mend"] for row in errors)
    assert report["options"]["extracts"] == "sample"
    assert report["transactions"]["by_kind"]["invoice"], "open invoices were carried over"
    assert all(row["held"] for row in report["invariants"])
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_one_seed_gives_one_report_and_the_exit_code_says_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_plan: Path
) -> None:
    """The same command twice: the same bytes, and 0 for a go or 1 for a no."""
    reports = []
    for name in ("first", "second"):
        out = tmp_path / name
        code = coexist(monkeypatch, "rehearse", short_plan, "--size", "small", "--seed", 3, "--out", out)
        reports.append((out / "report.json").read_bytes())
        report = orjson.loads(reports[-1])
        assert code == (0 if report["verdict"] == "go" else 1)
        assert report["resilience"]["router_lives"] == 2
    assert reports[0] == reports[1]


def test_several_seeds_are_summed_up_and_known_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_plan: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--runs 3` rehearses three seeds and tells how likely the plan fits; again, it reads them, to the same bytes."""
    # The program is the same in all three, even while somebody edits it.
    monkeypatch.setattr("cutover.cli.many.program_digest", lambda: "this program")
    words = ["rehearse", short_plan, "--runs", 3, "--size", "small", "--set", "netsuite.concurrency=20"]
    code = coexist(monkeypatch, *words, "--sensitivity", 0, "--out", tmp_path, "--json")
    told = orjson.loads(capfd.readouterr().out)
    assert told["runs"] == sum(told["verdicts"].values()) == 3
    assert told["runs_with_a_violated_invariant"] == 0
    assert told["fits"]["of"] == 3
    assert code == (0 if told["verdicts"] == {"go": 3} else 1)
    assert told["options"]["settings"] == ["netsuite.concurrency=20"]
    assert told["options"]["budgets"]["netsuite"]["concurrency"] == 20
    assert told["reproduce"].endswith("--set netsuite.concurrency=20 --runs 3 --sensitivity 0")
    rows = [orjson.loads(line) for line in (tmp_path / "runs.jsonl").read_bytes().splitlines()[1:]]
    assert sorted(row["seed"] for row in rows) == [7, 8, 9]
    written = (tmp_path / "montecarlo.json").read_bytes(), (tmp_path / "montecarlo.html").read_bytes()
    (tmp_path / "montecarlo.json").unlink()
    assert coexist(monkeypatch, *words, "--sensitivity", 0, "--out", tmp_path) == code
    assert written == (
        (tmp_path / "montecarlo.json").read_bytes(),
        (tmp_path / "montecarlo.html").read_bytes(),
    )
    # Another landscape, the same folder: refused, in a line.
    assert coexist(monkeypatch, *words, "--set", "netsuite.concurrency=30", "--out", tmp_path) == 2
    assert "another landscape" in capfd.readouterr().err


BAD: dict[str, tuple[list[str], str, str]] = {
    "a kind of fault there is not": (["--faults", "{file}"], "sap_ecc: [{name: x, kind: burn}]", "burn"),
    "a fault of no system": (["--faults", "{file}"], "oracle: [{name: x, kind: refuse}]", "oracle"),
    "faults that are no list": (["--faults", "{file}"], "sap_ecc: {name: x}", "list"),
    "faults that are no mapping": (["--faults", "{file}"], "[1, 2]", "map systems"),
    "faults that are no YAML": (["--faults", "{file}"], "sap_ecc: [", "YAML"),
    "no such file of faults": (["--faults", "{file}.not"], "", "no such file"),
    "a size there is not": (["--size", "huge"], "", "huge"),
    "extracts that are no folder": (["--extracts", "{file}"], "", "not a folder"),
    "a setting that leads nowhere": (["--set", "netsuite.concurency=3"], "", "concurrency"),
    "a setting with a value that can't be": (
        ["--set", "netsuite.concurrency=0"],
        "",
        "--set netsuite.concurrency=0",
    ),
    "faults given and drawn": (["--chaos", "--faults", "{file}"], "{}", "--chaos"),
    "a seed below zero": (["--seed", "-1"], "", "--seed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    """Exit 2, one line that names what is wrong, no traceback, nothing rehearsed."""
    words, content, named = BAD[case]
    file = tmp_path / "given.yaml"
    file.write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    code = coexist(monkeypatch, "rehearse", *(word.format(file=file) for word in words), "--out", out)
    told = capfd.readouterr().err
    assert code == 2
    assert named in told, told
    assert "Traceback" not in told
    assert not (out / "report.json").exists()


def test_exit_codes_put_a_violated_invariant_before_the_verdict() -> None:
    """3 when an invariant of ours is violated, whatever the verdict; else 0 for a go, 1 for anything less."""
    held, broken = {"name": "I1", "held": True}, {"name": "I2", "held": False}
    assert rehearsing._exit({"verdict": "go", "invariants": [held]}) == 0
    assert rehearsing._exit({"verdict": "no-go", "invariants": [held]}) == 1
    assert rehearsing._exit({"verdict": "inconclusive", "invariants": [held]}) == 1
    assert rehearsing._exit({"verdict": "no-go", "invariants": [held, broken]}) == 3
