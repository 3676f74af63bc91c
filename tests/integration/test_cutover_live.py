"""A live cutover's people: hooks that veto, approvals by two people, holds and words, by command, gateway and log."""

from __future__ import annotations

import asyncio
import http.server
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from cutover.cli import app
from cutover.live.hooks import ask, ask_standing_still
from cutover.live.run import Order, run_id_of, run_live
from cutover.plan.model import Plan
from cutover.plan.steps import Hook
from cutover.runner.controls import RouterControls
from cutover.runner.port import Veto
from router.clock import WallClock
from router.errors import BadInput, FourEyes, InProgress, NotFound, Refused, Superseded
from router.journal.journal import Journal
from router.journal.port import Switch
from router.journal.run_words import Said, Word
from tests.integration.router_stand import Stand, on_stand
from tests.simulation.runner_deaths import small_plan

FACTS = {"run": "r-1", "id": "freeze", "kind": "freeze", "mode": "live", "when": "before", "plan": "0" * 64}


def script(folder: Path, body: str) -> tuple[str, ...]:
    """An executable hook."""
    path = folder / "hook.py"
    path.write_text(body)
    return (sys.executable, str(path))


def asked(hook: Hook) -> Veto | None:
    """What the hook says."""
    return asyncio.run(ask(hook, FACTS))


def test_an_executable_learns_the_facts_and_agrees_by_its_exit_code(tmp_path: Path) -> None:
    """Environment and standard input hold the facts; nothing else of our environment leaks."""
    body = """
import json, os, sys
facts = json.load(sys.stdin)
assert facts["id"] == os.environ["COEXIST_STEP"] == "freeze"
assert os.environ["COEXIST_MODE"] == "live" and os.environ["COEXIST_WHEN"] == "before"
assert "SAP_PASSWORD" not in os.environ, os.environ
"""
    assert asked(Hook(run=script(tmp_path, body))) is None


def test_no_environment_of_ours_reaches_a_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential in our environment is not in the hook's."""
    monkeypatch.setenv("SAP_PASSWORD", "secret")
    veto = asked(Hook(run=script(tmp_path, "import os; print(sorted(os.environ)); raise SystemExit(1)")))
    assert veto is not None
    assert "SAP_PASSWORD" not in veto.why
    assert "COEXIST_RUN" in veto.why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("print('payroll\\x07 is late'); raise SystemExit(3)", "payroll is late"),
        ("raise SystemExit(4)", "it ended with 4"),
        ("print('x' * 9_000_000); raise SystemExit(1)", "x" * 500),
    ],
)
def test_an_executable_vetoes_with_what_it_says(tmp_path: Path, body: str, why: str) -> None:
    """Its output is the reason: on one line, bounded, without control characters."""
    assert asked(Hook(run=script(tmp_path, body))) == Veto(Path(sys.executable).name, why)


def test_a_hook_that_hangs_is_killed_with_its_children_and_vetoes(tmp_path: Path) -> None:
    """No answer in time is a no, and nothing it started lives on."""
    mark = tmp_path / "mark"
    body = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.6); open({str(mark)!r}, 'w')"])
time.sleep(60)
"""
    veto = asked(Hook(run=script(tmp_path, body), timeout_s=1))
    assert veto is not None
    assert veto.why == "no answer within 1 s"
    assert asked(Hook(run=(sys.executable, "-c", "import time; time.sleep(0.8)"))) is None
    assert not mark.exists()


def test_what_is_not_there_vetoes(tmp_path: Path) -> None:
    """A missing executable, a dead address, and a hook that names nothing."""
    missing = asked(Hook(run=(str(tmp_path / "nowhere"),)))
    assert missing is not None
    assert "can't be run" in missing.why
    dead = asked(Hook(url="http://127.0.0.1:9/agree"))
    assert dead is not None
    assert "can't be reached" in dead.why
    assert asked(Hook()) is not None


@contextmanager
def listening(status: int, body: bytes) -> Iterator[tuple[str, list[Any]]]:
    """A URL that answers so, and what it was told."""
    told: list[Any] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(orjson.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (204, b"", None),
        (409, b'{"why": "the  bank\\nis closed"}', "the bank is closed"),
        (500, b"", "it answered 500"),
        (302, b"", "it answered 302"),
        (400, b'{"why": ["no text"]}', "it answered 400"),
    ],
)
def test_a_url_agrees_with_2xx_and_vetoes_with_its_why(status: int, body: bytes, why: str | None) -> None:
    """Any other answer is a no; redirects are not followed."""
    with listening(status, body) as (url, told):
        veto = asked(Hook(url=url))
    assert told == [FACTS]
    assert veto == (None if why is None else Veto("127.0.0.1", why))


def test_a_rehearsal_asks_while_its_time_stands(tmp_path: Path) -> None:
    """From within a running loop, without letting it run."""

    async def inside() -> Veto | None:
        return ask_standing_still(Hook(run=script(tmp_path, "raise SystemExit(2)")), FACTS)

    assert asyncio.run(inside()) == Veto(Path(sys.executable).name, "it ended with 2")


Talk = Callable[[Journal], Awaitable[None]]


def on_journal(url: str, talk: Talk) -> None:
    """Run it on a journal."""

    async def main() -> None:
        journal = Journal.open(url, clock=WallClock())
        try:
            await talk(journal)
        finally:
            journal.close()

    asyncio.run(main())


async def begun(journal: Journal, *, running: tuple[str, ...] = ()) -> Plan:
    """A run that ann proposed, some of whose steps are under way."""
    from cutover.live.standing import proposed  # noqa: PLC0415 - only here

    plan = small_plan()
    await journal.record_step("r", "", "proposed", proposed(plan, "Ann"))
    for step in running:
        await journal.record_step("r", step, "started", {"at": "2026-10-30T09:00:00.000000Z"})
    return plan


def test_one_runner_a_run_and_a_dead_one_is_replaced(journal_url: str) -> None:
    """A second runner is refused while the first lives; after its lease it takes over, and the first can't act."""

    async def talk(journal: Journal) -> None:
        first = await journal.lease_run("r", holder="one", lease_s=0.3)
        with pytest.raises(InProgress, match="one runs r"):
            await journal.lease_run("r", holder="two", lease_s=30)
        await journal.publish_table("version: 1\ndefault: {authority: sap_ecc}\n", version=1, by="ann")
        old = journal.under("r", first)
        await old.switch(Switch(entities=("UK01",), table_version=1, by="ann", why="test"))
        for _ in range(4):
            await asyncio.sleep(0.1)
        second = await journal.lease_run("r", holder="two", lease_s=30)
        assert second == first + 1
        for late in (
            old.switch(Switch(entities=("UK01",), table_version=1, by="ann", why="late")),
            old.record_step("r", "s", "done", {}),
            old.publish_table("version: 2\ndefault: {authority: sap_ecc}\n", version=2, by="ann"),
            old.keep_run("r", first, lease_s=30),
        ):
            with pytest.raises(Superseded):
                await late
        await journal.leave_run("r", first)
        with pytest.raises(InProgress):
            await journal.lease_run("r", holder="three", lease_s=30)
        await journal.leave_run("r", second)
        assert await journal.lease_run("r", holder="three", lease_s=30) == second + 1
        assert dict(await journal.epochs()) == {"UK01": (1, 1)}

    on_journal(journal_url, talk)


def test_words_are_kept_once_and_bound_to_the_plan(journal_url: str) -> None:
    """Approvals need this very plan and another person, however the name is spelt; repeats change nothing."""

    async def talk(journal: Journal) -> None:
        plan = await begun(journal, running=("s1-manual", "s6-approval"))
        digest = plan.digest()

        async def say(word: Word, by: str, step: str = "", digest: str = digest, why: str = "") -> bool:
            return await journal.say("r", Said(word=word, by=by, step=step, digest=digest, why=why))

        assert await say("approve", "Bob")
        assert not await say("approve", " ＢＯＢ ")
        with pytest.raises(FourEyes):
            await say("approve", "ＡＮＮ")
        with pytest.raises(Refused, match="begun with plan"):
            await say("approve", "bob", digest="1" * 64)
        assert await say("approve", "bob", "s6-approval")
        assert await say("hold", "cy", why="payroll")
        assert not await say("hold", "bob")
        assert await say("unhold", "bob")
        assert not await say("unhold", "bob")
        assert await say("done", "bob", "s1-manual")
        assert not await say("done", "cy", "s1-manual")
        with pytest.raises(Refused, match="said before"):
            await say("fail", "cy", "s1-manual", why="no")
        with pytest.raises(Refused, match="waits for nobody"):
            await say("done", "bob", "s3-manual")
        with pytest.raises(Refused, match="nobody needs to say so"):
            await say("done", "bob", "s2-freeze")
        with pytest.raises(NotFound):
            await say("done", "bob", "s99")
        for wrong in (
            Said(word="hold", by=" "),
            Said(word="hold", by="b" * 201),
            Said(word="hold", by="b\x00"),
        ):
            with pytest.raises(BadInput):
                await journal.say("r", wrong)
        with pytest.raises(BadInput, match="why"):
            await say("fail", "bob", "s1-manual")
        assert len(await journal.steps("r")) == 3 + 5

    on_journal(journal_url, talk)


def test_two_who_speak_at_once_are_heard_once(journal_url: str) -> None:
    """The rule is checked in the commit that keeps the word."""

    async def talk(journal: Journal) -> None:
        await begun(journal, running=("s1-manual",))
        other = Journal.open(journal_url, clock=WallClock())
        try:
            said = Said(word="done", by="bob", step="s1-manual")
            new = await asyncio.gather(*(one.say("r", said) for one in (journal, other) for _ in range(5)))
        finally:
            other.close()
        assert sorted(new) == [False] * 9 + [True]

    on_journal(journal_url, talk)


def live(stand: Stand, plan: Plan, *, by: str = "ann") -> Awaitable[bool]:
    """The plan, live on a stand."""
    router = stand.router

    def controls(journal: Journal) -> RouterControls:
        return RouterControls(
            journal=journal, tables=router.tables, dual_run=router.dual_run, clock=router.close._clock
        )

    async def asker(hook: Hook, facts: Mapping[str, Any]) -> Veto | None:
        return ask_standing_still(hook, facts)  # a process knows nothing of virtual time

    order = Order(plan=plan, run_id=run_id_of(plan), by=by, holder="test")
    return run_live(order, journal=router.journal, controls=controls, asker=asker)


def of_steps(*steps: dict[str, Any], **more: Any) -> Plan:
    """The small plan with other steps."""
    data = small_plan().model_dump(mode="json", by_alias=True)
    return Plan.model_validate({**data, "steps": [{"wave": "uk", **step} for step in steps], **more})


def test_a_run_needs_an_approval_of_this_very_plan_by_somebody_else(tmp_path: Path) -> None:
    """None, one's own, or one of another plan: refused, and nothing was begun."""
    plan, changed = of_steps({"id": "a", "kind": "freeze"}), of_steps({"id": "b", "kind": "freeze"})

    async def test(stand: Stand) -> None:
        journal = stand.router.journal
        with pytest.raises(Refused, match="nobody has approved"):
            await live(stand, plan)
        await journal.say(run_id_of(plan), Said(word="approve", by="ANN", digest=plan.digest()))
        with pytest.raises(FourEyes, match="only ANN approved it"):
            await live(stand, plan)
        await journal.say(run_id_of(plan), Said(word="approve", by="bob", digest=changed.digest()))
        with pytest.raises(FourEyes):
            await live(stand, plan)
        assert dict(await journal.epochs()) == {}
        await journal.say(run_id_of(plan), Said(word="approve", by="bob", digest=plan.digest()))
        assert await live(stand, plan)
        assert dict(await journal.epochs()) == {"UK01": (1, 2)}
        assert await live(stand, plan), "again: everything is done"
        assert dict(await journal.epochs()) == {"UK01": (1, 2)}

    on_stand(tmp_path, test)


def test_people_hold_fail_and_veto(tmp_path: Path) -> None:
    """A held run begins nothing; a no in the middle of a drain fails it at once; a veto fails its step."""
    hook = {"run": [sys.executable, "-c", "print('the bank is closed'); raise SystemExit(1)"]}
    plan = of_steps(
        {"id": "freeze", "kind": "freeze"},
        {"id": "look", "kind": "drain", "after": ["freeze"], "people_minutes": 5},
        {"id": "other", "kind": "manual", "hooks": [hook]},
    )
    run_id = run_id_of(plan)

    async def test(stand: Stand) -> None:
        journal = stand.router.journal
        await journal.say(run_id, Said(word="approve", by="bob", digest=plan.digest()))
        await journal.say(run_id, Said(word="hold", by="cy", why="wait"))
        running = asyncio.ensure_future(live(stand, plan))
        await asyncio.sleep(60)
        assert [row["event"] for row in await journal.steps(run_id)] == [
            "approved",
            "held",
            "proposed",
            "based",
        ]
        await journal.say(run_id, Said(word="unhold", by="cy"))
        await asyncio.sleep(60)
        await journal.say(run_id, Said(word="fail", by="cy", step="look", why="a rate is wrong"))
        assert not await running
        ended = {row["step"]: row["data"] for row in await journal.steps(run_id) if row["event"] == "failed"}
        assert ended["look"]["why"] == "cy says no: a rate is wrong"
        assert ended["look"]["evidence"]["unwind"] == "give_back"
        assert ended["other"]["why"] == f"hook {Path(sys.executable).name} vetoed: the bank is closed"
        (frozen,) = [row for row in await journal.steps(run_id) if row["event"] == "done"]
        assert frozen["data"]["evidence"]["held_by"] == ["cy"]
        shown = await stand.get(f"/v1/cutovers/{run_id}")
        assert {step["id"]: step["state"] for step in shown["steps"]} == {
            "freeze": "done", "look": "failed", "other": "failed",
        }  # fmt: skip
        assert [one["by"] for one in shown["approved_by"]] == ["bob"]
        assert [run["run_id"] for run in (await stand.get("/v1/cutovers"))["runs"]] == [run_id]

    on_stand(tmp_path, test)


def test_the_gateway_takes_words_by_the_same_rules(tmp_path: Path) -> None:
    """Who speaks is who is authenticated; unknown words, fields and runs are refused as problems."""

    async def test(stand: Stand) -> None:
        plan = await begun(stand.router.journal, running=("s1-manual",))

        async def post(path: str, body: Any, client: str = "bob") -> tuple[int, dict[str, Any]]:
            answer = await stand.post(body, path, X_Coexist_Client=client)
            return answer.status_code, answer.json()

        assert await post("/v1/cutovers/r:approve", {"digest": plan.digest()}) == (
            200, {"run_id": "r", "said": "approve", "new": True},
        )  # fmt: skip
        status, told = await post("/v1/cutovers/r:approve", {"digest": plan.digest()}, "ANN")
        assert (status, told["type"]) == (FourEyes.status, "urn:coexist:problem:four-eyes")
        assert (await post("/v1/cutovers/r:hold", {"why": "wait"}))[1]["new"]
        assert (await post("/v1/cutovers/r:unhold", {}))[1]["new"]
        assert (await post("/v1/cutovers/r:done", {"step": "s1-manual", "by": "eve"}))[0] == 422
        assert (await post("/v1/cutovers/r:done", {"step": "s1-manual"}))[1]["new"]
        assert (await post("/v1/cutovers/r:sing", {}))[0] == 404
        assert (await post("/v1/cutovers/none:hold", {}))[0] == 404
        assert (await post("/v1/cutovers/r:hold", [1]))[0] == 422
        shown = await stand.get("/v1/cutovers/r")
        assert shown["steps"][1]["waits_for"] == ""
        assert shown["rows"][-1]["data"]["by"] == "bob"

    on_stand(tmp_path, test)


def test_the_commands_speak_to_a_run(tmp_path: Path, fresh_sqlite: Callable[[], str]) -> None:
    """Approve, hold, unhold and status over a journal; what the rules refuse ends with their error."""
    database, plan = ("--database", fresh_sqlite()), tmp_path / "plan.yaml"
    plan.write_text(
        yaml.safe_dump(small_plan().model_dump(mode="json", by_alias=True, exclude_defaults=True))
    )

    def said(*words: str) -> Any:
        ended = CliRunner().invoke(app, ["cutover", *words, *database])
        return ended.output if ended.exit_code == 0 else ended.exception

    assert "bob approved plan" in said("approve", str(plan), "--by", "bob")
    assert "(said before)" in said("approve", str(plan), "--by", "BOB")
    assert "held: the run" in said("hold", str(plan), "--by", "cy", "--why", "payroll")
    status = orjson.loads(said("status", str(plan), "--json"))
    assert (status["state"], [row["by"] for row in status["approved_by"]]) == ("not begun", ["bob"])
    assert [(row["by"], row["why"]) for row in status["holds"]] == [("cy", "payroll")]
    assert "HELD by cy" in said("status", str(plan))
    assert "no longer held" in said("unhold", str(plan), "--by", "cy")
    assert isinstance(said("done", "s1-manual", "--plan", str(plan), "--by", "bob"), Refused)
    assert isinstance(said("fail", "s1-manual", "--why", "no", "--run-id", "other", "--by", "bob"), Refused)
    assert isinstance(said("run", str(plan), "--live"), BadInput)
    assert isinstance(said("run", str(plan)), BadInput)
