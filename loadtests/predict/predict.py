"""The prediction of a run, from its first master to its figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadtests.predict.figures import figures
from loadtests.predict.rehearsed import play
from loadtests.running.run import Run
from loadtests.scenario.arrivals import schedule
from loadtests.traffic.build import traffic_of

Say = Callable[[str], None]


def predict(run: Run, *, say: Say = lambda _: None) -> dict[str, Any]:
    """What virtual time says of a run: predicted.json, the same for the same run.

    Its keys are those of `Measured`, as far as waiting, limits and order decide them; `problems` tells what could
    not be played, `not_predicted` what a prediction says nothing about. Call it where no event loop runs.
    Raises BadInput, BadConfig, Broken.
    """
    starts, traffic = schedule(run), traffic_of(run)
    with tempfile.TemporaryDirectory(prefix="coexist-predict-") as name:
        database = Path(name) / "journal.sqlite"
        played = play(run, starts, traffic, database, say=say)
        say("reading its journal")
        return figures(run, starts, traffic, played, database=f"sqlite:///{database}")
