"""The command line on real sockets: simulate, serve, example, trace, verify, worker; and what they refuse."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from router.canonical.kinds import parse
from router.clock import WallClock
from router.errors import NotFound
from router.journal.journal import Journal
from router.journal.port import Accepted
from router.landscape import read_landscape
from router.routing.tables import Tables
from router.workflows.submissions import own_submission

REPOSITORY = Path(__file__).parents[2]
BARE = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
FAST = ("customer", "rate_card", "contract", "project", "resource", "time_entry", "expense_item")


def start(*words: str, program: str = "cutover") -> subprocess.Popen[str]:
    """`python -m cutover` with these words, in an environment without credentials."""
    return subprocess.Popen(
        [sys.executable, "-m", program, *words],
        cwd=REPOSITORY, env=BARE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def done(*words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    process = start(*words)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@contextmanager
def running(
    *words: str, ready: Callable[[], bool], program: str = "cutover"
) -> Iterator[subprocess.Popen[str]]:
    """A command from the moment it is ready; it must end with 0 and no traceback after SIGTERM."""
    process = start(*words, program=program)
    try:
        deadline = time.monotonic() + 40
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{words[0]} is not ready"
            time.sleep(0.05)
        yield process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def answers(url: str) -> bool:
    """Whether the gateway says it is ready."""
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def posted(url: str, ids: list[str], *, state: str = "posted", within_s: float = 40) -> None:
    """Wait until transactions are in a state."""
    deadline = time.monotonic() + within_s
    with httpx.Client(base_url=url, trust_env=False) as http:
        while True:
            found = [http.get(f"/v1/transactions/{one}").json() for one in ids]
            if all(row["state"] == state for row in found):
                return
            told = [(row["kind"], row["state"], [job["why"] for job in row["jobs"]]) for row in found]
            assert time.monotonic() < deadline, told
            time.sleep(0.1)


def example(kind: str) -> dict[str, Any]:
    """What `coexist example KIND` prints."""
    printed = CliRunner().invoke(app, ["example", kind])
    assert printed.exit_code == 0
    found: dict[str, Any] = orjson.loads(printed.output)
    return found


def serve(ready: Path, database: str, port: int, routes: Path | None = None) -> list[str]:
    """The words of `coexist serve` on running simulators."""
    words = ["serve", "--simulated", str(ready), "--port", str(port), "--database", database]
    return words if routes is None else [*words, "--routes", str(routes)]


def test_a_gateway_on_real_sockets(tmp_path: Path) -> None:
    """Simulators, gateway and worker on sockets: examples are posted, traced and verified; a restart resumes."""
    ready, journal = tmp_path / "ready.json", tmp_path / "journal.sqlite"
    database = f"sqlite:///{journal}"
    routes = tmp_path / "routes.yaml"
    routes.write_text("version: 1\ndefault: {authority: netsuite}\nrules: []\n")
    with running("simulate", "--ports", "free", "--ready-file", str(ready), ready=ready.exists):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with running(*serve(ready, database, port, routes), ready=lambda: answers(url)):
            ids = []
            for kind in FAST:
                answer = httpx.post(f"{url}/v1/transactions", json=example(kind), trust_env=False)
                assert answer.status_code == 202, answer.text
                ids.append(answer.json()["transaction_id"])
            posted(url, ids)
            huge = httpx.post(f"{url}/v1/transactions", content=too_much(), trust_env=False)
            assert (huge.status_code, huge.json()["type"]) == (413, "urn:coexist:problem:too-large")
            taken = done(*serve(ready, database, port))
            assert taken[0] == 2
            assert f"can't listen on 127.0.0.1:{port}" in taken[2]
            assert httpx.post(f"{url}/v1/transactions", json=example("milestone"), trust_env=False).is_success
        assert not journal.with_name("journal.sqlite-wal").exists(), "closed in order"
        with running(*serve(ready, database, port), ready=lambda: answers(url)):
            again = httpx.post(f"{url}/v1/transactions", json=example("customer"), trust_env=False)
            assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
            late = httpx.post(f"{url}/v1/transactions", json=example("billing_event"), trust_env=False).json()
            # The call that was under way when the first one stopped keeps its lane until its lease ends: two minutes.
            posted(url, [late["transaction_id"]], within_s=180)
            invoice = httpx.get(f"{url}/v1/documents/invoice/INV-BE-100", trust_env=False).json()
            assert invoice["currency"] == "GBP"
    asked(database, ids[0])
    with closing(sqlite3.connect(journal)) as broken:
        broken.execute("DELETE FROM jobs WHERE job_id = (SELECT min(job_id) FROM jobs)")
        broken.commit()
    code, out, _ = done("verify", "--database", database)
    assert (code, "VIOLATED" in out) == (3, True)


def asked(database: str, transaction_id: str) -> None:
    """What trace, verify and replay say of a good journal, for people and as JSON."""
    at = ["--database", database]
    told = CliRunner().invoke(app, ["trace", "TE-100", *at])
    assert (told.exit_code, "posted" in told.output, "netsuite" in told.output) == (0, True, True)
    told = CliRunner().invoke(app, ["trace", "TE-100", *at, "--json"])
    assert orjson.loads(told.output)["document"]["document_id"] == "TE-100"
    told = CliRunner().invoke(app, ["verify", *at])
    assert (told.exit_code, "VIOLATED" in told.output) == (0, False)
    told = CliRunner().invoke(app, ["verify", *at, "--json"])
    assert all(row["held"] for row in orjson.loads(told.output))
    told = CliRunner().invoke(app, ["trace", "NOTHING", *at])
    assert isinstance(told.exception, NotFound)
    told = CliRunner().invoke(app, ["replay", transaction_id, "--by", "ann", "--why", "again", *at])
    assert (told.exit_code, "0 of 1" in told.output) == (1, True)


def too_much() -> Iterator[bytes]:
    """50 MB in parts, without a length said before."""
    for _ in range(50):
        yield b" " * 1_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve"], "SALESFORCE_CLIENT_ID"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], said: str) -> None:
    """What is wrong, where, and the mend, on one line of standard error."""
    code, out, errors = done(*words)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("coexist: ")
    assert said in errors


def test_a_worker_delivers_what_others_took(tmp_path: Path, fresh_postgres: Callable[[], str]) -> None:
    """On PostgreSQL a worker of its own delivers what another process accepted, and stops cleanly."""
    ready, database = tmp_path / "ready.json", fresh_postgres()
    with running("simulate", "--ports", "free", "--ready-file", str(ready), ready=ready.exists):
        worker = start("worker", "--simulated", str(ready), "--database", database)
        try:
            assert worker.stderr is not None
            assert worker.stderr.readline().startswith("Worker on journal postgresql"), worker.communicate()
            assert asyncio.run(accepted_and_settled(database)) == "posted"
        finally:
            worker.send_signal(signal.SIGTERM)
            _, errors = worker.communicate(timeout=20)
        assert (worker.returncode, errors) == (0, "stopped\n")


async def accepted_and_settled(database: str) -> str:
    """Accept a customer in this process; the state it reaches."""
    tables = Tables(landscape=read_landscape())
    journal = Journal.open(database, clock=WallClock(), decide=tables)
    try:
        for row in await journal.tables():
            tables.publish(await journal.table_text(int(row["version"])))
        customer = own_submission(
            parse(example("customer")["data"]),
            source="/test",
            event_id="1",
            verb="created",
            correlation_id="1",
        )
        (taken,) = await journal.accept([customer])
        assert isinstance(taken, Accepted)
        async with asyncio.timeout(40):
            while True:
                found = await journal.transaction(taken.transaction_id)
                assert found is not None
                if found["state"] not in ("queued", "in_flight"):
                    return str(found["state"])
                await asyncio.sleep(0.1)
    finally:
        journal.close()
