"""A rehearsal is a function of its options, and the default one goes where it hurts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, create_engine, text

from cutover.rehearsal.rehearse import Rehearsal
from tests.simulation.golden import GOLDEN
from tests.simulation.tiny import SEED, rehearse_tiny

ROOT = Path(__file__).parents[2]


def golden() -> dict[str, Any]:
    """The golden report."""
    report: dict[str, Any] = orjson.loads(GOLDEN.read_bytes())
    return report


def test_one_seed_gives_one_report_in_every_process() -> None:
    """Two processes whose sets and dictionaries are ordered differently write the golden report, byte for byte.

    After a change that is meant to change it: `make golden`, then read the difference.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.golden", "--print"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for hash_seed, zone in (("1", "UTC"), ("4242", "Asia/Tokyo"))
    ]
    told = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told[0][1][-2000:] + told[1][1][-2000:]
    assert told[0][0] == told[1][0], "two processes disagree"
    assert told[0][0] == GOLDEN.read_bytes(), "the report changed: if it was meant to, run `make golden`"


def test_another_seed_gives_another_report(tmp_path: Path) -> None:
    """Not only the seed's own number differs: what happens does."""
    reports = []
    for seed in (SEED, SEED + 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        reports.append(rehearse_tiny(folder, seed=seed).report)
    assert reports[0]["timeline"] != reports[1]["timeline"]
    assert reports[0]["money"] != reports[1]["money"]


def test_the_golden_report_tells_nothing_of_the_machine() -> None:
    """No path, no version, no instant outside of the rehearsed days."""
    found = GOLDEN.read_text(encoding="utf-8")
    assert str(ROOT) not in found
    assert not re.search(r'"[^"]*(/tmp/|/home/|\.venv|site-packages)', found)
    assert sys.version.split()[0] not in found
    days = set(re.findall(r"\d{4}-\d\d-\d\dT", found))
    assert days <= {f"2026-10-{day}T" for day in (29, 30, 31)} | {f"2026-11-0{day}T" for day in range(1, 4)}


def test_the_default_weekend_crashes_once_and_its_faults_fire() -> None:
    """The router dies in the middle of it and comes back; both planned faults did something; it is a go."""
    report = golden()
    assert report["resilience"]["router_lives"] == 2
    planned = {name: rows for name, rows in report["options"]["faults"].items() if rows}
    assert sorted(planned) == ["netsuite", "sap_ecc"]
    for system, rows in planned.items():
        for fault in rows:
            assert report["resilience"]["faults_fired"][system][fault["name"]] > 0, fault
    assert report["resilience"]["settled"]["settled"]
    assert report["verdict"] == "go"
    assert [row["name"] for row in report["invariants"] if row["held"]] == [f"I{n}" for n in range(1, 8)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """The tiny cutover, rehearsed once."""
    return rehearse_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def journal(tiny: Rehearsal) -> Iterator[Connection]:
    """Its journal."""
    engine = create_engine(f"sqlite:///{tiny.journal}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


SOMETIMES = {
    "a call went out and its answer was lost":
        "SELECT count(*) FROM attempts WHERE event = 'no answer' AND purpose = 'send'",
    "a look-up found what a lost answer had posted":
        "SELECT count(*) FROM attempts WHERE event = 'look-up found it'",
    "a vendor throttled":
        "SELECT count(*) FROM attempts WHERE code = 'throttled'",
    "a document waited for its prerequisite":
        "SELECT count(*) FROM attempts WHERE code = 'prerequisite'",
    "a document was held, then released to the new ERP":
        "SELECT count(*) FROM decisions AS first JOIN decisions AS last ON last.seq = first.seq AND last.n > first.n"
        " JOIN jobs AS j ON j.job_id / 1000 = first.seq AND j.role = 'authority'"
        " WHERE first.hold = 1 AND last.hold = 0 AND j.target = 'netsuite' AND j.state = 'posted'",
    "a new document went to the new ERP after the switch":
        "SELECT count(*) FROM decisions WHERE rule LIKE '%-cloud' AND authority = 'netsuite'",
    "a payment after the switch followed its invoice to the old ERP":
        "SELECT count(*) FROM decisions AS d JOIN transactions AS t ON t.seq = d.seq JOIN jobs AS j ON j.job_id = t.job_id"
        " WHERE t.kind = 'payment' AND d.rule = 'lineage' AND d.authority = 'sap_ecc' AND j.state = 'posted'"
        " AND t.accepted_at > (SELECT max(at) FROM steps WHERE event = 'done'"
        " AND step = CASE t.legal_entity WHEN 'UK01' THEN 'uk-switch' ELSE 'us-switch' END)",
    "a credit memo followed its invoice":
        "SELECT count(*) FROM decisions AS d JOIN transactions AS t ON t.seq = d.seq JOIN jobs AS j ON j.job_id = t.job_id"
        " WHERE t.kind = 'credit_memo' AND d.rule = 'lineage' AND j.state = 'posted'",
    "a shadow delivery had to wait and was posted later":
        "SELECT count(*) FROM jobs AS j WHERE j.role = 'shadow' AND j.state = 'posted'"
        " AND EXISTS (SELECT 1 FROM attempts AS a WHERE a.job_id = j.job_id AND a.event = 'not taken, try later')",
    "a shadow delivery was in doubt and found":
        "SELECT count(*) FROM jobs AS j JOIN attempts AS a ON a.job_id = j.job_id"
        " WHERE j.role = 'shadow' AND a.event = 'look-up found it'",
    "a won deal became a project in the PSA and a code in the CRM":
        "SELECT count(*) FROM jobs WHERE role = 'feedback' AND kind = 'project' AND target = 'salesforce' AND state = 'posted'",
    "an invoice was told to CRM and PSA":
        "SELECT count(*) FROM jobs WHERE role = 'feedback' AND kind = 'invoice' AND state = 'posted'",
}  # fmt: skip


@pytest.mark.parametrize("case", SOMETIMES)
def test_the_tiny_cutover_reaches_the_hard_cases(journal: Connection, case: str) -> None:
    """What the crash tests rely on really happens in the run they crash."""
    assert journal.execute(text(SOMETIMES[case])).scalar_one() > 0, case


def test_the_tiny_cutover_is_sound(tiny: Rehearsal) -> None:
    """Undisturbed it is a go: every difference a control run or a crash makes is its own doing."""
    assert tiny.report["verdict"] == "go", tiny.report["because"]
    assert tiny.world.lives == 1
    assert all(
        fired for rows in tiny.report["resilience"]["faults_fired"].values() for fired in rows.values()
    )
    assert tiny.report["exceptions"]["total"] == 0
