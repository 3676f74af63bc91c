"""What a user asked for: from it comes the run, once it is known where it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import orjson

from cutover.served.connecting import landscape_file
from loadtests.ledger.rows import ROWS_MAX
from loadtests.running.run import Run, run_of
from loadtests.running.stand import Stand, fresh_tag, own_stand, settled
from loadtests.scenario.curves import scale_of, starts_of
from loadtests.scenario.model import Form, Scenario
from router.errors import BadInput

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run as it was asked for; its gateway is known later."""

    scenario: Scenario
    form: Form
    form_name: str
    seed: int
    rate: Decimal
    landscape: Path | None
    place: Path
    say: Say = lambda _: None
    """Tells a person what happens now."""

    def run(self, stand: Stand, *, rate: Decimal = Decimal(1), tag: str | None = None) -> Run:
        """The run against a stand, `rate` times what was asked for."""
        made = run_of(
            self.scenario, self.form, form_name=self.form_name, seed=self.seed, gateway=stand.gateway,
            rate=str(self.rate * rate), tag=("" if stand.own else fresh_tag()) if tag is None else tag,
        )  # fmt: skip
        file = settled(self.scenario, self.landscape) if stand.own else landscape_file(self.landscape)
        # As the other processes of the run will read it: dates are text there.
        run = replace(made, landscape=orjson.loads(orjson.dumps(file.data)))
        _refuse_too_many(run)
        return run

    @contextmanager
    def stand(self, given: Stand | None, place: Path) -> Iterator[Stand]:
        """The gateway the user has, or one started for this run."""
        if given is not None:
            yield given
            return
        self.say("starting coexist simulate and coexist serve")
        with own_stand(self.scenario, place, seed=self.seed, landscape=self.landscape) as stand:
            yield stand


def _refuse_too_many(run: Run) -> None:
    """Before every process of the run tries to hold them; raises BadInput."""
    scale = scale_of(run)
    count = int(sum(starts_of(run.scenario, stream, scale) for stream in run.scenario.streams))
    if count > ROWS_MAX:
        raise BadInput(
            f"this is a run of {count:,} requests, and no run can have more than {ROWS_MAX:,}",
            mend="give a smaller --rate, or fewer --minutes",
        )
