"""What surrounds a run: nothing of an earlier one is left, nothing of somebody else's is taken, no secret is shown."""

import asyncio
import signal
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cutover.cli.load import PROBE_DRAINS_S, ended_like_ctrl_c, load_command, without_password
from loadtests.running.drained import Heard, waiting
from loadtests.running.masters import belongs
from loadtests.running.order import Order
from loadtests.running.run import JUNIT, PAGE, REPORT
from loadtests.running.stand import JOURNAL, Stand, own_stand
from loadtests.running.whole import emptied, qualified
from loadtests.scenario.reading import read_scenario
from loadtests.verdict.model import Check, Verdict
from router.errors import BadConfig, BadInput, Broken

PASSED = Verdict(
    outcome="pass",
    because=("All passed.",),
    checks=(Check(name="errors", outcome="pass", measured="0", limit="0", why="None."),),
)
LOST = Check(name="nothing lost", outcome="fail", measured="1", limit="none", why="One is lost.")


def test_an_earlier_verdict_does_not_stay_behind(tmp_path: Path) -> None:
    """A run that breaks off leaves no green report of the run before it."""
    for name in (REPORT, PAGE, JUNIT):
        (tmp_path / name).write_text("pass", encoding="utf-8")
    emptied(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_journal_that_is_no_load_runs_is_not_removed(tmp_path: Path) -> None:
    """`--out` may name the folder of a rehearsal, or of a gateway that runs."""
    journal = tmp_path / JOURNAL
    journal.write_text("somebody's", encoding="utf-8")
    with pytest.raises(BadInput, match="no load run's"), own_stand(read_scenario("soak"), tmp_path, seed=7):
        pass
    assert journal.read_text(encoding="utf-8") == "somebody's"


def test_what_an_earlier_run_left_in_its_stand_is_gone(tmp_path: Path) -> None:
    """Files in its drops would be posted again, and its ready file leads to simulators that are no more."""
    place = tmp_path / "stand"
    (place / "sap_ecc").mkdir(parents=True)
    for name in ("landscape.yaml", "ready.json", "sap_ecc/waiting.idoc"):
        (place / name).write_text("old", encoding="utf-8")
    (tmp_path / JOURNAL).write_text("old", encoding="utf-8")
    landscape = tmp_path / "no-landscape.yaml"
    with suppress(BadConfig), own_stand(read_scenario("soak"), tmp_path, seed=7, landscape=landscape):
        pass
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_a_stopped_run_is_invalid_and_says_so_in_a_check() -> None:
    """Whoever reads only the checks (JUnit) must see it too."""
    verdict = qualified(PASSED, problems=(), interrupted=True)
    assert (verdict.outcome, verdict.exit_code, verdict.checks[0].outcome) == ("invalid", 4, "invalid")
    assert "stopped before its end" in " ".join(verdict.because)


def test_a_switch_that_failed_is_a_failure_of_the_gateway() -> None:
    """That it does not drain under load is the answer the scenario asked for, no fault of the measurement."""
    verdict = qualified(PASSED, problems=("switch of wave uk: it did not drain",), interrupted=False)
    assert (verdict.outcome, verdict.exit_code) == ("fail", 1)
    assert "did not drain" in verdict.because[0]


def test_a_failed_switch_hides_no_loss() -> None:
    """Exit code 3 goes before 1."""
    lost = replace(PASSED, outcome="fail", checks=(LOST,))
    assert qualified(lost, problems=("switch: failed",), interrupted=False).exit_code == 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://load:s3cret@db:5432/coexist", "postgresql://load:***@db:5432/coexist"),
        ("postgresql://load:s3@cret@db/coexist", "postgresql://load:***@db/coexist"),
        ("https://user:s3cret@gateway", "https://user:***@gateway"),
        ("sqlite:///coexist.sqlite", "sqlite:///coexist.sqlite"),
        ("http://127.0.0.1:8460", "http://127.0.0.1:8460"),
        ("out/a:b@c", "out/a:b@c"),
    ],
)
def test_the_command_of_a_report_shows_no_password(url: str, shown: str) -> None:
    """Reports are sent around."""
    assert without_password(url) == shown


def test_a_probe_has_no_more_time_to_drain_than_its_length_deserves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A minute of an hour's scenario must be empty in a sixtieth of the hour's cut-off, not in the whole of it."""
    seen: list[Decimal | None] = []

    def capacity(order: object, *_: object, **__: object) -> int:
        seen.append(order.form.drained_within_s)  # type: ignore[attr-defined]
        return 0

    monkeypatch.setattr("cutover.cli.load._capacity", capacity)
    for words in ({}, {"short": True}, {"minutes": "30"}):
        with suppress(SystemExit, Exception):
            load_command("month-end", capacity=True, out=tmp_path, **words)
    assert seen == [PROBE_DRAINS_S, PROBE_DRAINS_S, Decimal(300)]


def test_sigterm_ends_a_run_that_a_shell_put_into_the_background() -> None:
    """`coexist load &` in a script starts with SIGINT ignored; what ends it must not go that way."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_gateways_journal_is_refused_before_everything_seems_lost(tmp_path: Path) -> None:
    """What the gateway just accepted must stand in the journal it is said to have."""
    journal = tmp_path / JOURNAL
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("CREATE TABLE transactions (seq INTEGER, source TEXT, event_id TEXT)")
        connection.execute("INSERT INTO transactions VALUES (7, '/firm/masters', 'customer:C-1')")
        connection.commit()
    url, event = f"sqlite:///{journal}", {"source": "/firm/masters", "id": "customer:C-1"}
    belongs(url, "T000000000007", event, "http://gateway")
    for transaction, other in (
        ("T000000000008", event),
        ("T000000000007", event | {"id": "C-2"}),
        ("", event),
    ):
        with pytest.raises(BadInput, match="is not the journal of the gateway"):
            belongs(url, transaction, other, "http://gateway")


def test_a_run_too_large_for_any_machine_is_refused() -> None:
    """A slip of a rate must not take the memory of every process of the run."""
    scenario = read_scenario("soak")
    order = Order(
        scenario=scenario, form=scenario.long, form_name="long", seed=7, rate=Decimal(1024), landscape=None,
        place=Path("out"),
    )  # fmt: skip
    with pytest.raises(BadInput, match="requests, and no run can have more than"):
        order.run(Stand(gateway="http://gateway"))
    assert order.run(Stand(gateway="http://gateway"), rate=Decimal("0.001")).peak_per_s == "10.240"


def test_nobody_waits_for_the_backlog_of_a_gateway_that_is_gone() -> None:
    """Its journal says that work waits, and would say so until the cut-off, half an hour later."""
    nobody = "http://127.0.0.1:1"
    with pytest.raises(Broken, match="has not answered for 0 s"):
        asyncio.run(Heard(nobody, every_s=0, silent_s=0)())
    asyncio.run(Heard(nobody, every_s=0, silent_s=60)())
    with pytest.raises(Broken, match="does not tell its backlog"):
        waiting(Stand(gateway=nobody))
