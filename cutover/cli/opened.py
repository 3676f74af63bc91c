"""A router on a journal that decides and judges, but delivers nothing: for commands that ask or mend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom

import httpx

from router.app import Outside, Router, build
from router.clock import WallClock
from router.landscape import default_file, read_landscape
from router.settings import Settings


@asynccontextmanager
async def opened(database: str, landscape: Path | None) -> AsyncIterator[Router]:
    """The whole router, so that the firm's rules judge as they do in a gateway; no system is called.

    So it needs no secrets either: whoever may write to the journal may use it.
    """
    router = build(
        landscape=read_landscape(landscape),
        settings=Settings(),
        database=database,
        outside=Outside(
            clock=WallClock(),
            random=SystemRandom(),
            http=lambda _: httpx.AsyncClient(timeout=None),  # noqa: S113 - nothing is called
            secrets=lambda _: "not needed",
        ),
    )
    try:
        await router.start(default_file("routes/default.yaml").text)
        yield router
    finally:
        await router.aclose()
