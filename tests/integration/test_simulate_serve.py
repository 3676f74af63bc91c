"""Serving simulators over real sockets: http, https under the local CA, a cut connection, shutdown."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from simulators.core.serve import CannotListen, serve_apps

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import random, sys
from pathlib import Path
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from simulators.core.host import host
from simulators.core.serve import WallClock, serve_apps

class Counter:
    vendor = "counter"
    def __init__(self, name): self.name, self.count = name, 0
    async def add(self, request: Request) -> Response:
        self.count += len(await request.body())
        return PlainTextResponse(str(self.count))
    def routes(self): return [Route("/add", self.add, methods=["POST"])]
    def state(self): return {"count": self.count}
    def snapshot(self): return b""
    def restore(self, data): pass
    def reset(self): self.count = 0
    def seed(self, data): return {}
    def refusal(self, status, retry_after_s): return PlainTextResponse("no", status)

apps = {
    name: host(Counter(name), clock=WallClock(), rng=random.Random(name),
               faults=[{"name": "cut", "kind": "drop_answer", "path": "/add", "first": 1, "skip": 1},
                       {"name": "stuck", "kind": "hang", "path": "/stuck"}])
    for name in ("one", "two")
}
serve_apps(apps, dict.fromkeys(apps, (0, 0)), ready_file=sys.argv[1], state_dir=Path(sys.argv[2]))
print("stopped")
"""


FLEET = """
import sys
from pathlib import Path
import yaml
from simulators.core.serve import serve
landscape = yaml.safe_load(Path("fixtures/landscapes/default.yaml").read_text())
serve(landscape, ready_file=sys.argv[1], seed=7, ports="free", latency=False)
"""


@contextmanager
def running(program: str, ready: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program of its own that serves, from the moment it is ready."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, str(ready), *arguments],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while not ready.exists():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline, "not ready in 20 s"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, dict[str, str]], Path]]:
    """Two small simulators in a process of their own, ready."""
    ready = tmp_path / "out" / "ready.json"
    with running(PROGRAM, ready, str(tmp_path / "state")) as process:
        yield process, json.loads(ready.read_text()), ready


def test_the_default_landscape_is_served_whole_and_its_temporary_folder_goes(tmp_path: Path) -> None:
    """Every system answers its back door under both URLs; after SIGTERM no key is left behind."""
    ready_file = tmp_path / "ready.json"
    with running(FLEET, ready_file) as process:
        ready = json.loads(ready_file.read_text())
        assert list(ready) == ["salesforce", "kantata", "hcm", "sap_ecc", "netsuite"]
        ca = ready["netsuite"]["ca"]
        with httpx.Client(verify=ssl.create_default_context(cafile=ca), trust_env=False) as client:
            for system in ready.values():
                states = [client.get(system[url] + "/_sim/state") for url in ("url", "tls_url")]
                assert [state.status_code for state in states] == [200, 200]
                assert states[0].json() == states[1].json()
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
    assert not Path(ca).parent.exists()


def test_both_protocols_reach_one_simulator_and_a_dropped_answer_has_acted(
    served: tuple[subprocess.Popen[str], dict[str, dict[str, str]], Path],
) -> None:
    """http and https are the same system; a cut connection after acting is a protocol error, the act stays."""
    process, ready, ready_file = served
    assert list(ready) == ["one", "two"]
    trusted = ssl.create_default_context(cafile=ready["one"]["ca"])
    with httpx.Client(verify=trusted, trust_env=False) as client:
        assert client.post(ready["one"]["url"] + "/add", content="abc").text == "3"
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(ready["one"]["tls_url"] + "/add", content="abc")
        assert client.get(ready["one"]["tls_url"] + "/_sim/state").json() == {"count": 6}
        named = ready["one"]["tls_url"].replace("127.0.0.1", "localhost")
        assert client.post(named + "/add", content="a").text == "7"
        assert client.get(ready["two"]["url"] + "/_sim/state").json() == {"count": 0}
        with pytest.raises(httpx.ReadTimeout):
            client.get(ready["two"]["url"] + "/stuck", timeout=0.1)
    with httpx.Client(trust_env=False) as stranger, pytest.raises(httpx.ConnectError):
        stranger.get(ready["one"]["tls_url"] + "/_sim/state")
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "stopped\n", "")
    assert not ready_file.exists(), "a stale ready file would send people to a dead port"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(ready["one"]["url"].rsplit(":", 1)[1])), timeout=1)


def test_a_taken_port_is_named_and_nothing_stays_bound(tmp_path: Path) -> None:
    """Whoever starts the fleet twice learns which port is in the way."""

    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"netsuite can't listen on 127.0.0.1:{port}"):
            serve_apps({"netsuite": app}, {"netsuite": (0, port)}, ready_file=tmp_path / "ready.json")
    assert list(tmp_path.iterdir()) == []
