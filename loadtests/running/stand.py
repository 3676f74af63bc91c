"""Where a run happens: a gateway and simulators of its own, or those the user has."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

from cutover.montecarlo.whatif import apply, read_settings
from cutover.plan.reading import plan_file
from cutover.served.connecting import landscape_file
from cutover.served.processes import answers, free_port, own_drops, running
from loadtests.scenario.model import Scenario
from loadtests.scenario.routing import routes_of
from router.configfile import ConfigFile
from router.errors import BadConfig, BadInput
from router.landscape import as_landscape, default_file

JOURNAL = "journal.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A gateway with what is known of it."""

    gateway: str
    """http://host:port."""
    own: bool = False
    """It was started for this run and has seen no other."""
    simulated: Path | None = None
    """The ready file of its simulators; None: real systems, or nobody said."""
    database: str | None = None
    """Its journal; None: only its API can be asked."""
    landscape: Path | None = None
    """None: the default one."""
    routes: Path | None = None
    """The table its journal began with; None: the default one."""
    pid: int | None = None
    """Its process on this machine, to freeze it; None: it can't be frozen."""

    def simulators(self) -> Mapping[str, Mapping[str, str]] | None:
        """System → its addresses; raises BadConfig when the ready file is none."""
        return None if self.simulated is None else read_ready(self.simulated)


@contextmanager
def own_stand(
    scenario: Scenario,
    folder: Path,
    *,
    seed: int,
    landscape: Path | None = None,
    serve: Sequence[str] = ("-m", "cutover"),
) -> Iterator[Stand]:
    """`coexist simulate` and `coexist serve` on free ports, with the scenario's settings; ended with the block.

    The journal stays in `folder`; one of an earlier run is removed, another one is refused. `serve`: what of Python
    runs the gateway.
    Raises BadInput, BadConfig, Broken.
    """
    place = folder / "stand"
    file, routes, ready = place / "landscape.yaml", place / "routes.yaml", place / "ready.json"
    if (folder / JOURNAL).exists() and not file.exists():
        raise BadInput(
            f"{folder / JOURNAL} is no load run's: a rehearsal's, or a gateway's, would be lost",
            mend="give another folder with --out",
        )
    if file.exists():  # with a ready file nobody answers at any more, and what waited in its file drops
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    for end in ("", "-wal", "-shm", "-journal"):
        (folder / f"{JOURNAL}{end}").unlink(missing_ok=True)
    data = own_drops(settled(scenario, landscape).data, place.resolve())
    file.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    routes.write_text(routes_of(scenario, default_file("routes/default.yaml").text), encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(
            running(
                "simulate", "--landscape", str(file), "--ports", "free", "--ready-file", str(ready),
                "--seed", str(seed), ready=ready.exists, log=place / "simulate.log",
            )
        )  # fmt: skip
        database, port = f"sqlite:///{folder / JOURNAL}", free_port()
        gateway = f"http://127.0.0.1:{port}"
        process = stack.enter_context(
            running(
                "serve", "--landscape", str(file), "--database", database, "--routes", str(routes),
                "--simulated", str(ready), "--port", str(port),
                ready=lambda: answers(gateway), log=place / "serve.log", command=serve,
            )
        )  # fmt: skip
        yield Stand(
            gateway=gateway, own=True, simulated=ready, database=database, landscape=file, routes=routes, pid=process.pid
        )  # fmt: skip


def given_stand(
    url: str,
    *,
    simulated: Path | None = None,
    database: str | None = None,
    landscape: Path | None = None,
    pid: int | None = None,
) -> Stand:
    """The gateway a user has; raises BadInput when it does not answer, BadConfig for a bad ready file."""
    gateway = url.rstrip("/")
    if not gateway.startswith(("http://", "https://")):
        raise BadInput(f"--url {url!r} is no address", mend="give it like http://127.0.0.1:8460")
    if "@" in urlsplit(gateway).netloc:
        # It would stand in run.json and the report, which are handed around.
        raise BadInput(
            "--url holds a user or a password", mend="leave them out; a token goes in COEXIST_TOKEN"
        )
    if simulated is not None:
        read_ready(simulated)
    if not answers(gateway):
        raise BadInput(
            f"no gateway is ready at {gateway}", mend="start `coexist serve`, or leave --url out to have one started"
        )  # fmt: skip
    return Stand(gateway=gateway, simulated=simulated, database=database, landscape=landscape, pid=pid)


def fresh_tag() -> str:
    """A tag no earlier run against the same gateway had: the seconds of the clock, in hexadecimal."""
    return f"{int(time.time()):x}"


def settled(scenario: Scenario, landscape: Path | None) -> ConfigFile:
    """The landscape with the scenario's settings in it; raises BadInput, BadConfig."""
    file, plan = landscape_file(landscape), plan_file("pilot")
    changed_plan, changed = apply(read_settings(scenario.settings), plan=plan, landscape=file)
    if changed_plan.data != plan.data:
        raise BadInput(
            f"scenario {scenario.name}: settings: a load run has no plan whose {scenario.settings} could be set",
            mend="name a system or a field of the landscape, like netsuite.concurrency=2",
        )
    as_landscape(changed)
    return changed


def read_ready(file: Path) -> Mapping[str, Mapping[str, str]]:
    """The ready file of `coexist simulate`; raises BadConfig."""
    try:
        told = orjson.loads(file.read_bytes())
    except OSError as error:
        raise BadConfig(
            f"can't be read: {error.strerror}", file=str(file), mend="start `coexist simulate`"
        ) from error
    except orjson.JSONDecodeError as error:
        raise BadConfig("is no ready file of `coexist simulate`", file=str(file)) from error
    if not isinstance(told, dict) or not all(_addresses(row) for row in told.values()):
        raise BadConfig("is no ready file of `coexist simulate`", file=str(file))
    return told


def _addresses(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("url"), str)
