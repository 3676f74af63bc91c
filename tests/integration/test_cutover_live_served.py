"""A cutover of three processes on sockets: simulators, a gateway that delivers, and a live runner that does not.

What is posted before, during and after the switch goes where the runner's tables say, though the gateway never saw
one published; nothing is lost or doubled in either ERP, and the run's times are written down.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from typer.testing import CliRunner

from cutover.cli import app
from cutover.plan.reading import read_plan
from router.landscape import read_landscape
from tests.integration.test_serve import answers, example, free_port, posted, running, serve, start

MASTERS = ("customer", "rate_card", "contract", "project", "resource")
KINDS = (
    "dual_run",
    "manual",
    "freeze",
    "manual",
    "drain",
    "reconcile",
    "approval",
    "switch",
    "release",
    "verify",
)
REVIEW, HELD, GO = "s1-manual", "s3-manual", "s6-approval"


def write_plan(path: Path) -> None:
    """One entity, this week; people review, hold back and approve."""
    today = datetime.now(tz=UTC).replace(microsecond=0)
    opens, closes = (today - timedelta(hours=1)).isoformat(), (today + timedelta(days=2)).isoformat()
    steps: list[dict[str, Any]] = []
    for at, kind in enumerate(KINDS):
        after = [steps[-1]["id"]] if steps else []
        step = {"id": f"s{at}-{kind.replace('_', '-')}", "kind": kind, "wave": "uk", "after": after}
        steps.append(step | ({} if kind in ("manual", "approval") else {"planned_minutes": 1}))
    plan = {
        "name": "served", "start": opens, "end": closes, "window": {"opens": opens, "closes": closes},
        "from": "sap_ecc", "to": "netsuite", "waves": [{"id": "uk", "entities": ["UK01"]}], "steps": steps,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(plan))


class Firm:
    """People who post, and people who speak to the run, both through the gateway."""

    def __init__(self, url: str, run_id: str, digest: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self._run = f"/v1/cutovers/{run_id}"
        self._digest = digest
        self.ids: list[str] = []

    def work(self, name: str) -> dict[str, Any]:
        """An hour of work; where it went."""
        event = example("time_entry")
        # Whole hours are worth the same in both ERPs: a difference would have its grace, by the wall clock.
        event["id"], event["data"]["document_id"], event["data"]["minutes"] = name, name, 60
        answer = self._http.post("/v1/transactions", json=event)
        assert answer.status_code == 202, answer.text
        self.ids.append(answer.json()["transaction_id"])
        route: dict[str, Any] = answer.json()["route"]
        return route

    def say(self, word: str, by: str, **body: str) -> None:
        """A word about the run."""
        answer = self._http.post(f"{self._run}:{word}", json=body, headers={"x-coexist-client": by})
        assert answer.status_code == 200, answer.text

    def approve(self, by: str, **body: str) -> None:
        """Approve this very plan."""
        self.say("approve", by, digest=self._digest, **body)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def until(self, step: str) -> None:
        """Wait until a step is under way."""
        deadline = time.monotonic() + 90
        while True:
            answer = self._http.get(self._run)
            steps = answer.json().get("steps", ()) if answer.status_code == 200 else ()
            states = {one["id"]: (one["state"], one["why"]) for one in steps}
            if states.get(step, ("", ""))[0] == "running":
                return
            assert "failed" not in [state for state, _ in states.values()], states
            assert time.monotonic() < deadline, states
            time.sleep(0.1)


def command(*words: str) -> str:
    """What a command prints that has to succeed; in this process, for a start costs seconds."""
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 0, ended.output
    return ended.output


def times_in(ready: Path, system: str) -> list[str]:
    """The time entries an ERP holds."""
    url = orjson.loads(ready.read_bytes())[system]["url"]
    documents = httpx.get(f"{url}/_sim/state", trust_env=False, timeout=20).json()["documents"]
    return sorted(row["external_id"] for row in documents if row["type"] == "time")


def cut_over(folder: Path, database: str) -> None:
    """The whole cutover, with a runner that is killed on the way and replaced."""
    ready, plan, port = folder / "ready.json", folder / "plan.yaml", free_port()
    url = f"http://127.0.0.1:{port}"
    write_plan(plan)
    with (
        running("simulate", "--ports", "free", "--ready-file", str(ready), ready=ready.exists),
        running(*serve(ready, database, port), ready=lambda: answers(url)),
    ):
        told = command("cutover", "approve", str(plan), "--by", "bob", "--database", database)
        run_id = told.partition(":")[0]
        firm = Firm(url, run_id, read_plan(plan, read_landscape(None)).digest())
        for kind in MASTERS:
            answer = firm._http.post("/v1/transactions", json=example(kind))
            firm.ids.append(answer.json()["transaction_id"])
        posted(url, firm.ids)
        words = (
            "cutover", "run", str(plan), "--live", "--database", database, "--by", "ann",
            "--simulated", str(ready), "--out", str(folder / "live"),
        )  # fmt: skip
        runner = start(*words)
        try:
            firm.until(REVIEW)
            assert firm.work("T-both")["shadow"] == "netsuite"
            posted(url, firm.ids)
            runner.send_signal(signal.SIGTERM)
            runner.communicate(timeout=40)
            assert runner.returncode == 130
            runner = start(*words)
            firm.say("done", "bob", step=REVIEW)
            firm.until(HELD)
            assert firm.work("T-held")["hold"]
            firm.say("done", "bob", step=HELD)
            firm.until(GO)
            firm.approve("cy", step=GO)
            _, errors = runner.communicate(timeout=90)
            assert runner.returncode == 0, errors
        finally:
            if runner.poll() is None:
                runner.kill()
                runner.communicate()
        assert firm.work("T-after")["authority"] == "netsuite"
        posted(url, firm.ids)
        assert times_in(ready, "sap_ecc") == ["T-both"]
        assert times_in(ready, "netsuite") == ["T-after", "T-both", "T-held"]
        firm.close()
        command("verify", "--database", database)
    run = orjson.loads((folder / "live" / "run.json").read_bytes())
    assert [step["outcome"] for step in run["steps"]] == ["done"] * len(KINDS)


def test_a_cutover_of_three_processes_on_sqlite(tmp_path: Path) -> None:
    """On the embedded default: the gateway sees lanes the runner opens within seconds."""
    cut_over(tmp_path, f"sqlite:///{tmp_path}/journal.sqlite")


@pytest.mark.soak
def test_a_cutover_of_three_processes_on_postgresql(
    tmp_path: Path, fresh_postgres: Callable[[], str]
) -> None:
    """On PostgreSQL, the same."""
    cut_over(tmp_path, fresh_postgres())
