"""A router connected to its systems, real or simulated, by landscape and ready file: what every process of ours that
acts on a live journal begins with."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import httpx
import orjson

from cutover.collecting import collect_rarely
from router.app import Outside, Router, build
from router.clock import WallClock
from router.configfile import ConfigFile, load
from router.delivery.policy import DeliveryPolicy
from router.errors import BadConfig, BadInput
from router.landscape import Landscape, as_landscape, default_file, secret
from router.model import SystemId
from router.settings import Settings
from simulators.core.credentials import known_credentials

SHARED_SWEEP_S = 2.0
"""How often a process asks its journal for work: what others accept, or let go, gives it no signal. Others are
workers, the runner of a cutover, the command line; an SQLite journal has the last two."""


def landscape_file(landscape: Path | None) -> ConfigFile:
    """The file of a landscape, or the default one; raises BadConfig."""
    return load(landscape) if landscape is not None else default_file("landscapes/default.yaml")


def connected(
    landscape: Path | None, database: str, routes: Path | None, simulated: Path | None
) -> tuple[Router, str]:
    """A router connected to its systems, and the table of an empty journal; nothing runs yet. Raises BadInput."""
    collect_rarely()
    read = as_landscape(landscape_file(landscape))
    table = load(routes) if routes is not None else default_file("routes/default.yaml")
    authority: Path | None = None
    if simulated is not None:
        read, authority = _at_simulators(read, simulated)
    verify = ssl.create_default_context(cafile=str(authority) if authority else None)
    known = known_credentials(landscape_file(landscape).data) if simulated is not None else None
    secrets = known.__getitem__ if known is not None else secret
    for name, system in read.systems.items():
        for key, reference in system.credentials.items():
            _credential(secrets, reference, f"systems.{name}.credentials.{key}")
    outside = Outside(
        clock=WallClock(),
        random=SystemRandom(),
        http=lambda _: httpx.AsyncClient(follow_redirects=False, timeout=None, verify=verify),  # noqa: S113 - connectors hold their own deadlines
        secrets=secrets,
    )
    policy = DeliveryPolicy(sweep_s=SHARED_SWEEP_S)
    router = build(landscape=read, settings=Settings(), database=database, outside=outside, policy=policy)
    return router, table.text


def _credential(secrets: Callable[[str], str], reference: str, place: str) -> None:
    """Make sure a secret is there before anything starts; raises BadConfig naming variable and place."""
    try:
        secrets(reference)
    except BadConfig as error:
        raise BadInput(
            f"{place}: {error.message.partition(': ')[2]}",
            mend=f"{error.mend or 'make it readable'}, or use --simulated READY_FILE",
        ) from error


def _at_simulators(landscape: Landscape, ready: Path) -> tuple[Landscape, Path | None]:
    """The landscape with the addresses of running simulators, and their certificate authority."""
    try:
        told = orjson.loads(ready.read_bytes())
        urls = {SystemId(name): str(row["url"]) for name, row in told.items()}
        authority = next((Path(row["ca"]) for row in told.values()), None)
    except OSError as error:
        raise BadConfig(
            f"can't be read: {error.strerror}", file=str(ready), mend="start `coexist simulate`"
        ) from error
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadConfig("is no ready file of `coexist simulate`", file=str(ready)) from error
    systems = {
        name: system.model_copy(update={"base_url": urls[name]}) if name in urls else system
        for name, system in landscape.systems.items()
    }
    return landscape.model_copy(update={"systems": systems}), authority
