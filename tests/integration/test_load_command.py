"""`coexist load` as a user meets it: what it refuses, a gateway of one's own, Ctrl-C, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import psutil  # type: ignore[import-untyped] # it comes with locust, without types
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from loadtests.running.drained import waiting
from loadtests.running.run import GENERATOR, PLAYED, REPORT, SENT, STARTED
from loadtests.running.stand import Stand, own_stand
from loadtests.scenario.reading import built_in, read_scenario
from router.errors import CoexistError

REPOSITORY = Path(__file__).parents[2]
PLAIN = """
name: plain
title: One entity's time
question: Does it arrive?
curve: {points: [{at: 0, level: 1}]}
streams: [{name: time, sends: time_entry, share: 100, entities: [UK01]}]
long: {minutes: 0.06, peak_per_s: 20}
short: {minutes: 0.06, peak_per_s: 20}
limits: {latency: [{p99_ms: 800}], drained_within_s: 60}
"""
FAULTS = """
faults:
  - {name: slow, at: 0, until: 90, system: sap_ecc, kind: delay, params: {seconds: 0.1}}
  - {name: standstill, at: 40, until: 90, kind: freeze}
"""


def refused(*words: str) -> str:
    """The one line a bad command gets."""
    outcome = CliRunner().invoke(app, ["load", *words])
    assert isinstance(outcome.exception, CoexistError), outcome.output
    return outcome.exception.one_line()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway that runs, with its simulators."""
    with own_stand(read_scenario("month-end"), tmp_path_factory.mktemp("stand"), seed=7) as started:
        yield started


@pytest.fixture
def plain(tmp_path: Path) -> str:
    """A scenario of one entity, so that its masters are few."""
    file = tmp_path / "plain.yaml"
    file.write_text(PLAIN, encoding="utf-8")
    return str(file)


@pytest.fixture
def frozen(tmp_path: Path) -> str:
    """The same with the gateway standing still for 1.8 s."""
    file = tmp_path / "frozen.yaml"
    file.write_text(PLAIN + FAULTS, encoding="utf-8")
    return str(file)


def start(*words: str) -> subprocess.Popen[bytes]:
    """`coexist load` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "cutover", "load", *words],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something, looking often."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"{what} did not come in {seconds} s"
        time.sleep(0.05)


def test_the_scenarios_are_listed_with_their_questions() -> None:
    """A stranger finds what there is."""
    shown = CliRunner().invoke(app, ["load", "--list"]).output
    for name in built_in():
        scenario = read_scenario(name)
        assert name in shown
        assert scenario.question in shown
    told = orjson.loads(CliRunner().invoke(app, ["load", "--list", "--json"]).output)
    assert [row["name"] for row in told] == list(built_in())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["month-ends"], "month-end"),
        (["soak", "--minutes", "ten"], "--minutes 'ten'"),
        (["soak", "--minutes", "-1"], "--minutes '-1'"),
        (["soak", "--minutes", "NaN"], "--minutes 'NaN'"),
        (["soak", "--rate", "0"], "--rate '0'"),
        (["soak", "--rate", "1e9"], "--rate '1e9'"),
        (["soak", "--database", "sqlite:///x"], "--url"),
        (["soak", "--capacity", "--predict"], "--capacity"),
        (["soak", "--url", "localhost:1"], "is no address"),
        (["soak", "--url", "http://kim:secret@localhost:1"], "leave them out; a token goes in COEXIST_TOKEN"),
        (["soak", "--url", "http://127.0.0.1:9"], "no gateway is ready"),
        (["soak", "--compare", "nowhere"], "nowhere"),
    ],
)
def test_a_bad_command_gets_one_line_that_says_why(words: list[str], said: str) -> None:
    """Nothing is started for it."""
    line = refused(*words)
    assert said in line
    assert "\n" not in line


def test_what_a_gateway_can_not_be_made_to_do_is_refused_before_anything_is_sent(
    stand: Stand, frozen: str, tmp_path: Path
) -> None:
    """A freeze needs its process, a fault its simulators, a switch its journal."""
    out = ("--out", str(tmp_path / "out"))
    known = ("--simulated", str(stand.simulated))
    assert "--gateway-pid" in refused(frozen, "--url", stand.gateway, *known, *out)
    assert "--simulated" in refused(frozen, "--url", stand.gateway, "--gateway-pid", str(stand.pid), *out)
    assert "--database" in refused("cutover-switch", "--url", stand.gateway, *known, *out)
    assert not (tmp_path / "out" / SENT).exists()


def test_a_gateway_of_ones_own_is_tested_twice_under_different_ids(
    stand: Stand, plain: str, tmp_path: Path
) -> None:
    """With journal and simulators everything is reconciled; with the address alone, what could not be asked is said."""
    whole = ("--simulated", str(stand.simulated), "--database", str(stand.database))
    words = ["load", plain, "--url", stand.gateway, "--json"]
    reports = []
    for at, more in enumerate((whole, ())):
        outcome = CliRunner().invoke(app, [*words, *more, "--out", str(tmp_path / str(at))])
        reports.append(orjson.loads(outcome.stdout))
        assert outcome.exit_code == reports[-1]["exit_code"]
    known, alone = reports
    assert known["verdict"] == "pass", known["because"]
    assert known["measured"]["accepted"] == alone["measured"]["accepted"] > 0
    assert known["measured"]["erps_asked"]
    assert not alone["measured"]["erps_asked"]
    assert alone["verdict"] != "invalid", alone["because"]
    assert known["run"]["tag"] != alone["run"]["tag"]
    assert waiting(stand) == 0


def test_faults_and_a_freeze_are_played_at_their_times_and_taken_back(
    stand: Stand, frozen: str, tmp_path: Path
) -> None:
    """Two workers and a master; the standstill shows in the answers' times, and fails."""
    url = stand.simulators()["sap_ecc"]["url"] + "/_sim/faults"  # type: ignore[index]
    httpx.put(url, json=[{"name": "before", "kind": "refuse", "path": "/nowhere"}], trust_env=False)
    outcome = CliRunner().invoke(
        app,
        [
            "load", frozen, "--url", stand.gateway, "--simulated", str(stand.simulated), "--database",
            str(stand.database), "--gateway-pid", str(stand.pid), "--workers", "2", "--out", str(tmp_path), "--json",
        ],
    )  # fmt: skip
    report = orjson.loads(outcome.stdout)
    failed = [check["name"] for check in report["checks"] if check["outcome"] == "fail"]
    assert (outcome.exit_code, failed) == (1, ["latency all p99"]), report["because"]
    rows = {row["name"]: row for row in orjson.loads((tmp_path / PLAYED).read_bytes())}
    assert rows["standstill"]["from_s"] == pytest.approx(1.44, abs=0.3)
    assert rows["standstill"]["until_s"] == pytest.approx(3.24, abs=0.3)
    told = httpx.get(url, trust_env=False).json()
    assert [fault["name"] for fault in told["faults"]] == ["before"]
    assert told["fired"]["slow"] >= 1
    httpx.put(url, json=[], trust_env=False)
    assert orjson.loads((tmp_path / GENERATOR).read_bytes())["workers"] == 2


def test_ctrl_c_ends_everything_and_leaves_an_invalid_run(plain: str, tmp_path: Path) -> None:
    """What was sent by then is still reconciled; no process of the run is left."""
    process = start(plain, "--minutes", "5", "--out", str(tmp_path))
    try:
        until((tmp_path / STARTED).exists, "moment 0", 120)
        until(lambda: (tmp_path / SENT).stat().st_size > 0, "the first answers")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[0].decode()
    finally:
        process.kill()
    report = orjson.loads((tmp_path / REPORT).read_bytes())
    assert (process.returncode, report["verdict"]) == (4, "invalid"), said
    assert "stopped before its end" in report["because"][1]
    assert report["measured"]["accepted"] > 0
    assert len(children) >= 3
    assert not psutil.wait_procs(children, timeout=20)[1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_run_leaves_no_process(plain: str, tmp_path: Path) -> None:
    """Not even SIGKILL leaves a gateway behind that nobody knows of."""
    process = start(plain, "--minutes", "5", "--out", str(tmp_path))
    try:
        until((tmp_path / "stand" / "ready.json").exists, "the simulators", 120)
        until(lambda: len(psutil.Process(process.pid).children()) >= 2, "the gateway")
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=20)
    left = psutil.wait_procs(children, timeout=40)[1]
    for child in left:
        child.kill()
    assert not left
