"""The generator keeps its schedule whatever the gateway does, and loses no row of what it sent.

Real Locust processes against a real, if least, gateway. Several plays run at once, for each is mostly waiting.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import loadtests
from loadtests.ledger.reading import read_ledger
from loadtests.ledger.rows import DROPPED, LATE_US, NO_ANSWER, Sent
from loadtests.running.run import CLOSED, CLOSED_STATS, GENERATOR, STARTED, Run, run_of
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.model import Form
from loadtests.scenario.reading import read_scenario

LOCUSTFILE = Path(loadtests.__file__).parent / "generator" / "locustfile.py"
LEAST = Path(__file__).with_name("least_gateway.py")
RATE = 60
WITHIN_S = 100
Process = asyncio.subprocess.Process


@dataclass(frozen=True, slots=True)
class Played:
    """What a play left behind."""

    run: Run
    rows: list[Sent]
    generator: dict[str, Any]
    received: dict[str, int]
    log: str

    def once(self) -> bool:
        """Every start of the schedule stands in the ledger once, at its intended moment."""
        firsts = [(row.number, row.intended_us) for row in self.rows if not row.repeat]
        return firsts == list(enumerate(schedule(self.run).starts_us))

    def counts(self) -> Counter[int]:
        """Rows by status."""
        return Counter(row.status for row in self.rows)

    def lateness_us(self, share: float) -> int:
        """The lateness that a share of the starts did not exceed."""
        late = sorted(row.started_us - row.intended_us for row in self.rows)
        return late[min(int(share * len(late)), len(late) - 1)]

    def waited(self) -> int:
        """Requests that were answered 0.7 s after their intended start, or later."""
        return sum(row.latency_us > 700_000 for row in self.rows)


def free_port() -> int:
    """A port for a master; two plays never get the same."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@asynccontextmanager
async def process(*words: str, **environment: str) -> AsyncIterator[Process]:
    """A Python process that ends with the block."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=os.environ | environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.send_signal(signal.SIGCONT)
            started.kill()
            await started.communicate()


class Play:
    """A run with its gateway, and what befalls them."""

    def __init__(
        self, folder: Path, *, seconds: str = "3", mode: str = "plain", workers: int = 0, closed: str = ""
    ) -> None:
        self.folder = folder
        self.seconds = Decimal(seconds)
        self.mode = mode
        self.workers = workers
        self.closed = closed
        self.hurt = ""
        """`gateway` or `generator`: stopped for a while; `worker`: killed; `end`: the generator is told to end."""
        self.hurt_s = 0.0
        self.answer_within_s = 5
        self.most_under_way = 20_000

    async def play(self) -> Played:
        """Start everything, hurt what is to be hurt, and gather what was written."""
        async with process(str(LEAST), self.mode) as gateway:
            assert gateway.stdout is not None
            url = f"http://127.0.0.1:{int(await gateway.stdout.readline())}"
            run = self.made(url)
            self.folder.mkdir()
            run.written(self.folder)
            log = await self.send(gateway, free_port())
            async with httpx.AsyncClient(timeout=20) as http:
                received = (await http.get(url)).json()
        name = CLOSED if self.closed else "sent.ndjson"
        told = orjson.loads((self.folder / (CLOSED_STATS if self.closed else GENERATOR)).read_bytes())
        return Played(run, read_ledger(self.folder, name), told, received, log)

    def made(self, url: str) -> Run:
        """The soak's traffic, with many repeats."""
        scenario = read_scenario("soak")
        streams = [one.model_copy(update={"repeats": Decimal(20)}) for one in scenario.streams]
        scenario = scenario.model_copy(update={"streams": tuple(streams)})
        form = Form(minutes=self.seconds / 60, peak_per_s=Decimal(RATE))
        run = run_of(scenario, form, form_name="custom", seed=11, gateway=url, tag="t")
        return replace(run, answer_within_s=self.answer_within_s, most_under_way=self.most_under_way)

    async def send(self, gateway: Process, port: int) -> str:
        """Run the generator to its end; says what it logged."""
        locust = ["-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
        master = ["--master", "--master-bind-port", str(port), "--expect-workers", str(self.workers)]
        worker = ["-m", "locust", "-f", str(LOCUSTFILE), "--worker", "--master-port", str(port)]
        environment = {"COEXIST_RUN": str(self.folder), "COEXIST_CLOSED": self.closed}
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(
                process(*locust, *(master if self.workers else []), **environment)
            )
            reading = asyncio.create_task(first.communicate())
            senders = [
                await stack.enter_async_context(process(*worker, COEXIST_RUN="/nowhere"))
                for _ in range(self.workers)
            ]
            if self.hurt:
                await self.harm(
                    {"gateway": gateway, "generator": first, "end": first, "worker": [first, *senders][-1]}[
                        self.hurt
                    ]
                )
            said, _ = await asyncio.wait_for(reading, WITHIN_S)
        return bytes(said).decode()

    async def harm(self, victim: Process) -> None:
        """A second into the run."""
        for _ in range(WITHIN_S * 50):
            if (self.folder / STARTED).exists():
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(2.5 if self.workers else 1.5)
        if self.hurt in ("worker", "end"):
            victim.send_signal(signal.SIGKILL if self.hurt == "worker" else signal.SIGTERM)
            return
        victim.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.hurt_s)
        victim.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """All plays, by name."""
    folder = tmp_path_factory.mktemp("load")
    frozen = Play(folder / "frozen", seconds="4")
    frozen.hurt, frozen.hurt_s = "gateway", 1.5
    stopped = Play(folder / "stopped")
    stopped.hurt, stopped.hurt_s = "generator", 0.7
    ended = Play(folder / "ended", seconds="5")
    ended.hurt = "end"
    hostile = Play(folder / "hostile", seconds="2", mode="hostile")
    hostile.answer_within_s = 5
    crowded = Play(folder / "crowded", seconds="2", mode="hostile")
    crowded.answer_within_s, crowded.most_under_way = 1, 3
    killed = Play(folder / "killed", seconds="5", workers=2)
    killed.hurt = "worker"
    closed = Play(folder / "closed", seconds="4", closed="1")
    closed.hurt, closed.hurt_s = "gateway", 1.5
    plays = {
        "frozen": frozen, "stopped": stopped, "ended": ended, "hostile": hostile, "crowded": crowded,
        "shared": Play(folder / "shared", workers=2), "killed": killed, "closed": closed,
    }  # fmt: skip

    async def everything() -> dict[str, Played]:
        done: dict[str, Played] = {}
        for names in (("frozen", "stopped", "closed", "ended"), ("hostile", "crowded", "shared", "killed")):
            played = await asyncio.gather(*(plays[name].play() for name in names))
            done |= dict(zip(names, played, strict=True))
        return done

    return asyncio.run(everything())


def test_a_frozen_gateway_delays_no_start(played: dict[str, Played]) -> None:
    """The gateway stands still for 1.5 s: starts go on, and everybody's waiting is counted from the intended start."""
    play = played["frozen"]
    assert play.once()
    assert set(play.counts()) == {202}
    assert max(row.latency_us for row in play.rows) > 1_400_000
    # Whoever came in its first 0.8 s waited for the rest of it: one in five of all, not one in a hundred.
    assert play.waited() > RATE * 0.5
    # A machine that is busy with other things delays some; had the gateway delayed those of its 1.5 s, a third were.
    assert play.lateness_us(0.75) < 150_000
    assert play.generator["lost_workers"] == 0
    assert play.generator["notes"] == []


def test_everything_sent_was_received_once(played: dict[str, Played]) -> None:
    """As many requests came as the ledger has, and a repeat is the same bytes again."""
    for name in ("frozen", "stopped", "shared"):
        play = played[name]
        repeats = [row for row in play.rows if row.repeat]
        assert play.received == {"posts": len(play.rows), "bodies": len(play.rows) - len(repeats)}, name
        assert 0.08 < len(repeats) / len(play.rows) < 0.3
        first = {row.number: row for row in play.rows if not row.repeat}
        assert all(150_000 <= row.intended_us - first[row.number].intended_us <= 1_500_000 for row in repeats)


def test_a_frozen_generator_is_late(played: dict[str, Played]) -> None:
    """The generator stands still for 0.7 s: what was due meanwhile is sent, and told to be late."""
    play = played["stopped"]
    assert play.once()
    late = [row for row in play.rows if row.late]
    assert len(late) > RATE * 0.3
    assert play.lateness_us(1) > 400_000
    assert all(row.latency_us >= row.started_us - row.intended_us > LATE_US for row in late)


def test_hostile_answers_become_rows(played: dict[str, Played]) -> None:
    """No answer, however wrong, costs a row or stops the generator; none of them is taken for a promise."""
    play = played["hostile"]
    assert play.once()
    good = [row for row in play.rows if not row.error]
    assert good
    assert all(row.status == 202 and len(row.transactions) == 1 for row in good)
    assert all(not row.transactions for row in play.rows if row.error)
    errors = {(row.status, row.error) for row in play.rows if row.error}
    texts = " | ".join(sorted(error for _, error in errors))
    for words in (
        "no JSON", "results should be a list", "names no transaction", "HTTP 307", "reset", "is no HTTP",
        "no answer within 5 s", "longer than", "https://example.test/bad?",
    ):  # fmt: skip
        assert words in texts, words
    assert {307, 422, 202, 200, NO_ANSWER} >= {status for status, _ in errors}
    assert play.received["posts"] == len(play.rows), "a redirect is not followed, and nothing is sent again"
    assert "Traceback" not in play.log


def test_starts_without_room_are_dropped(played: dict[str, Played]) -> None:
    """With three under way a start is dropped, counted, and never sent."""
    play = played["crowded"]
    assert play.once()
    dropped = play.counts()[DROPPED]
    assert dropped > 10
    assert play.received["posts"] <= len(play.rows) - dropped
    assert play.generator["each"][0]["dropped"] == dropped


def test_a_generator_that_is_ended_writes_everything_down(played: dict[str, Played]) -> None:
    """SIGTERM in the middle: what was answered stands in the ledger, and everything else as dropped."""
    play = played["ended"]
    assert play.once()
    counts = play.counts()
    assert counts[202] > RATE * 0.5
    assert counts[DROPPED] > RATE
    assert play.generator["notes"] == ["it was stopped before its end"]
    assert play.generator["unsent"] == counts[DROPPED]
    assert play.generator["started_at"]


def test_two_workers_share_the_starts(played: dict[str, Played]) -> None:
    """A master and two workers send each start once, each worker those whose number is its own; no folder is shared."""
    play = played["shared"]
    assert play.once()
    assert set(play.counts()) == {202}
    assert play.generator["workers"] == 2
    assert play.generator["lost_workers"] == 0
    planned = len(schedule(play.run))
    assert sorted(one["planned"] for one in play.generator["each"]) == [planned // 2, planned - planned // 2]
    assert play.lateness_us(0.9) < 200_000
    assert len({one["pid"] for one in play.generator["each"]}) == 2


def test_a_killed_worker_is_counted(played: dict[str, Played]) -> None:
    """What a lost worker never told of stands in the ledger: dropped, or unanswered if it may have been sent."""
    play = played["killed"]
    assert play.once()
    assert play.generator["lost_workers"] == 1
    assert any("was lost" in note for note in play.generator["notes"])
    assert play.counts()[DROPPED] > 0
    lost = {
        row.number % 2 for row in play.rows if "started" in row.error or "its worker was lost" in row.error
    }
    assert len(lost) == 1, "the share of the other is whole"
    assert all(row.status in (NO_ANSWER, DROPPED, 202) for row in play.rows)
    unsure = [row for row in play.rows if row.status == NO_ANSWER]
    assert play.counts()[202] <= play.received["posts"] <= play.counts()[202] + len(unsure)


def test_the_closed_model_does_not_see_the_standstill(played: dict[str, Played]) -> None:
    """The same traffic and the same 1.5 s through ordinary users: few of them ever met it."""
    closed, opened = played["closed"], played["frozen"]
    assert all(row.intended_us == row.started_us for row in closed.rows)
    assert closed.waited() < opened.waited() / 2
    assert closed.generator["requests"] == len(closed.rows)
    assert closed.generator["percentiles_ms"]["p50"] <= closed.generator["percentiles_ms"]["p100"]
