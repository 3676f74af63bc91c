"""`coexist noise` and `coexist diff --noise`: what the legacy ERP does not repeat explains, and silences no amount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from lxml import etree
from typer.testing import CliRunner

from cutover.cli import app
from router.errors import BadInput

DAY = ("--as-of", "2026-10-31")
HEAD = "id,total,currency,memo\n"
FIRST = HEAD + "1,1.00,GBP,at 10:01\n2,2.00,GBP,x\n"
SECOND = HEAD + "1,1.37,GBP,at 10:07\n2,2.00,GBP,x\n"
LATER = ("at 10:07", "at 11:59")
POLICY = """key: [id]
columns: {total: {type: money}, memo: {type: text}}
control_totals: [[currency]]
"""


def written(folder: Path, **texts: str) -> list[str]:
    """Texts as files of their names."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [str(folder / name) for name in texts]


def learn(folder: Path, *extracts: str, policy: str = POLICY) -> dict[str, Any]:
    """The noise floor of extracts of the legacy ERP given as texts."""
    files = written(folder, **{f"extract{at}.csv": text for at, text in enumerate(extracts)})
    rules = written(folder, **{"policy.yaml": policy})
    done = CliRunner().invoke(
        app, ["noise", *files, "--policy", *rules, *DAY, "--out", str(folder / "noise.json")]
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0
    found: dict[str, Any] = orjson.loads((folder / "noise.json").read_bytes())
    return found


def compare(folder: Path, legacy: str, cloud: str, policy: str = POLICY) -> tuple[int, dict[str, Any], Any]:
    """Exit code, summary and breaks by column of a comparison that knows the noise floor."""
    files = written(folder, **{"legacy.csv": legacy, "cloud.csv": cloud})
    rules = written(folder, **{"policy.yaml": policy})
    done = CliRunner().invoke(
        app,
        ["diff", *files, "--policy", *rules, *DAY, "--noise", str(folder / "noise.json"), "--out", str(folder / "out")],
    )  # fmt: skip
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    summary = orjson.loads((folder / "out/summary.json").read_bytes())
    rows = [orjson.loads(line) for line in (folder / "out/breaks.jsonl").read_bytes().splitlines()]
    return done.exit_code, summary, {row["column"]: row for row in rows}


def test_noise_in_a_text_is_listed_and_counted_and_no_reason_to_fail(tmp_path: Path) -> None:
    """A field the legacy ERP itself does not repeat: exit 0, verdict `noise`, and every break is there."""
    learn(tmp_path, FIRST, SECOND)
    code, summary, found = compare(tmp_path, FIRST, FIRST.replace("at 10:01", "at 11:59"))
    assert (code, summary["verdict"]) == (0, "noise")
    assert (found["memo"]["cause"], found["memo"]["code"]) == ("noise", "control-run-differs")
    assert found["memo"]["evidence"].endswith("memo differs in 1 of 2 pairs of the legacy ERP with itself")
    assert (summary["breaks"]["total"], summary["breaks"]["noise"], summary["noise"]["explained"]) == (
        1,
        1,
        1,
    )
    junit = etree.parse(tmp_path / "out/junit.xml").getroot()
    assert junit.get("failures") == "0"
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "NOTHING BUT NOISE" in page
    assert "Fields that differ in the legacy ERP itself" in page


def test_an_amount_that_jitters_is_explained_and_never_silenced(tmp_path: Path) -> None:
    """Apart by no more than the control was, and without another cause: noise by name, and still exit 1."""
    floor = learn(tmp_path, FIRST, SECOND)
    assert [(row["column"], row["most"]) for row in floor["fields"]] == [("memo", None), ("total", "0.37")]
    code, summary, found = compare(tmp_path, FIRST, SECOND.replace(*LATER))
    assert (code, summary["verdict"]) == (1, "differ")
    assert (found["total"]["cause"], found["total"]["code"]) == ("noise", "control-run-differs-in-money")
    assert "by 0.37 GBP at most" in found["total"]["evidence"]
    assert (summary["breaks"]["open"], summary["breaks"]["noise"]) == (2, 1)
    assert summary["noise"]["explained_in_money"] == 1
    assert summary["breaks"]["money"]["GBP"]["absolute"] == "0.37"
    code, _, found = compare(tmp_path, FIRST, SECOND.replace(*LATER).replace("1.37", "1.38"))
    assert (code, found["total"]["cause"]) == (1, "unexplained")
    assert "differs in 1 of 2 pairs of the legacy ERP with itself" in found["total"]["evidence"]


def test_a_field_that_is_silent_in_the_control_run_is_never_noise(tmp_path: Path) -> None:
    """What the legacy ERP repeats faithfully differs because there are two ERPs."""
    learn(tmp_path, FIRST, FIRST.replace("1.00", "1.37"))
    code, summary, found = compare(tmp_path, FIRST, FIRST.replace("at 10:01", "at 11:59"))
    assert (code, summary["verdict"], found["memo"]["cause"]) == (1, "differ", "unexplained")


def test_a_rare_noise_does_not_cover_what_differs_often(tmp_path: Path) -> None:
    """One pair of two in the control, and three of three here: more than noise, and said so."""
    three = FIRST + "3,3.00,GBP,y\n"
    learn(tmp_path, three, three.replace("at 10:01", "at 10:07"))
    code, _, found = compare(tmp_path, three, HEAD + "1,1.00,GBP,p\n2,2.00,GBP,q\n3,3.00,GBP,r\n")
    assert (code, found["memo"]["cause"]) == (1, "unexplained")
    assert found["memo"]["evidence"].endswith("but here in 3 of 3: more than noise")
    assert compare(tmp_path, three, HEAD + "1,1.00,GBP,p\n2,2.00,GBP,q\n3,3.00,GBP,y\n")[0] == 0


def test_several_control_runs_teach_together_and_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    """Counts add up over the runs; same extracts, same bytes."""
    floor = learn(tmp_path, FIRST, SECOND, FIRST, FIRST)
    raw = (tmp_path / "noise.json").read_bytes()
    assert [run["pairs"] for run in floor["runs"]] == [2, 2]
    assert [(row["column"], row["differing"], row["pairs"]) for row in floor["fields"]] == [
        ("memo", 1, 4), ("total", 1, 4),
    ]  # fmt: skip
    learn(tmp_path, FIRST, SECOND, FIRST, FIRST)
    assert (tmp_path / "noise.json").read_bytes() == raw


def test_a_noise_floor_holds_for_its_own_policy_only(tmp_path: Path) -> None:
    """Under another policy a column means another thing; the message says how to go on."""
    learn(tmp_path, FIRST, SECOND)
    with pytest.raises(BadInput, match="its policy is another one") as refused:
        compare(tmp_path, FIRST, FIRST, policy=POLICY + "crosswalk_complete: true\n")
    assert "coexist noise" in refused.value.one_line()


def test_both_extracts_of_a_control_run_are_read_as_the_legacy_side(tmp_path: Path) -> None:
    """The legacy ERP's names, formats and numbers hold for both; the cloud's would make noise of them."""
    policy = (
        POLICY.replace("memo: {type: text}", 'day: {type: date, formats: {legacy: "%d.%m.%Y"}}')
        + "rename: {legacy: {betrag: total, datum: day}, cloud: {amount: total}}\ncrosswalk_complete: true\n"
        + 'files: {legacy: {delimiter: ";", numbers: {decimal: ",", grouping: "."}}}\n'
    )
    rows = "id;betrag;currency;datum\n1;1.234,50;GBP;31.10.2026\n2;7,00;GBP;01.11.2026\n"
    floor = learn(tmp_path, rows, rows, policy=policy)
    assert floor["pairs"] == [{"kind": "", "level": "document", "pairs": 2}]
    assert (floor["fields"], floor["rows_apart"]) == ([], 0)
    floor = learn(
        tmp_path, rows, rows.replace("01.11.2026", "02.11.2026") + "3;1,00;GBP;02.11.2026\n", policy=policy
    )
    assert [(row["column"], row["class"], row["differing"]) for row in floor["fields"]] == [
        ("day", "date", 1)
    ]
    assert floor["rows_apart"] == 1


def test_a_file_is_no_control_run_of_itself(tmp_path: Path) -> None:
    """One file given twice, or an odd number of them, would teach that nothing is noise."""
    files = written(tmp_path, **{"a.csv": FIRST, "b.csv": FIRST, "policy.yaml": POLICY})
    for given, why in (([files[0], files[0]], "both extracts"), ([*files[:2], files[0]], "no pairs")):
        done = CliRunner().invoke(
            app, ["noise", *given, "--policy", files[2], "--out", str(tmp_path / "n.json")]
        )
        assert isinstance(done.exception, BadInput)
        assert why in done.exception.one_line()
        assert not (tmp_path / "n.json").exists()
