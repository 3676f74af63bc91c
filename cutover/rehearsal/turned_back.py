"""A rehearsal that is turned back: what became of each wave, and whether both ERPs agree at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cutover.plan.steps import Thresholds
from cutover.rehearsal.world import World
from cutover.runner.gates import Gate, reconciled, worst
from cutover.runner.runner import Runner
from router.clock import from_text

ONLY_FORWARD = "only forward"
"""Turned back after a step behind the point of no return: refused, which is what was asked for there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedBack:
    """The end of a plan that was turned back after a step."""

    after: str
    waves: Sequence[dict[str, Any]]
    """What each wave went through."""
    compared: Sequence[dict[str, Any]] = field(default_factory=tuple)
    """The comparison of both ERPs at the end, a wave each: its gates and whether they pass."""

    def reasons(self) -> list[str]:
        """Why it did not get back; empty when it did."""
        found = [
            f"wave {row['wave']} could not be rolled back: {row.get('problem') or 'see its gates'}"
            for row in self.waves
            if not row["ok"]
        ]
        for row in self.compared:
            first = next((gate for gate in row["gates"] if gate["verdict"] != "pass"), None)
            if first is not None:
                found.append(
                    f"both ERPs do not agree of wave {row['wave']} at the end:"
                    f" {first['name']}: {first['measured']} ({first['threshold']})"
                )
        return found

    def kept(self) -> list[str]:
        """What is to be said for it when there are no reasons against it."""
        did = ", ".join(f"{row['wave']} {row['did']}" for row in self.waves if row["did"] != "nothing")
        return [
            f"turned back after {self.after}: {did or 'nothing had been moved yet'}",
            f"at the end both ERPs agree ({len(self.compared)} of {len(self.waves)} waves are in both), and every invariant held",
        ]

    def to_json(self) -> dict[str, Any]:
        """As the report keeps it."""
        return {
            "after": self.after,
            "waves": [dict(row) for row in self.waves],
            "compared": [dict(row) for row in self.compared],
        }


async def turned_back(world: World, runner: Runner, after: str) -> TurnedBack:
    """Compare both ERPs of every wave that is in its dual run, now that everything has come to rest."""
    plan, compared = world.options.plan, []
    for row in runner.turned_back:
        if all(one["stage"] == "legacy" for one in row["stages"]):
            continue
        stated = [
            one.thresholds for one in plan.order() if one.kind == "reconcile" and one.wave == row["wave"]
        ]
        gates: list[Gate] = []
        while not await world.while_up(_compare(world, row["wave"], stated, gates)):
            pass
        compared.append(
            {
                "wave": row["wave"],
                "gates": [gate.as_row() for gate in gates],
                "ok": worst(tuple(gates)) == "pass",
            }
        )
    return TurnedBack(after=after, waves=runner.turned_back, compared=compared)


async def _compare(world: World, wave: str, stated: Sequence[Thresholds], gates: list[Gate]) -> None:
    plan = world.options.plan
    found = await (await world.controls()).compare(
        run_id=f"{plan.name}/{wave}-after-all",
        legacy=plan.source,
        cloud=plan.target,
        scope=plan.wave(wave).scope(),
        since="2000-01-01",
        until="9999-12-31",
    )
    gates[:] = reconciled(found, stated[-1] if stated else Thresholds())


def row_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """A rehearsal that was turned back as a row."""
    done = report["rollback"]["done"]
    waves = report["rollback"]["turned_back"]["waves"]
    refused = [row for row in waves if row["did"] == "refused"]
    apart = [row for row in report["rollback"]["turned_back"]["compared"] if not row["ok"]]
    forward = bool(refused) and all(ONLY_FORWARD in row["problem"] for row in refused) and not apart
    violated = any(not row["held"] for row in report["invariants"])
    return {
        "after": report["rollback"]["turned_back"]["after"],
        "verdict": ONLY_FORWARD if forward else report["verdict"],
        "good": not violated and (forward or report["verdict"] == "rolled-back"),
        "violated": violated,
        "because": "; ".join(report["because"]),
        **{
            name: sum(back["price"][name] for back in done if "price" in back)
            for name in ("armed", "re_enter", "stays")
        },
        "minutes": sum(_minutes(back) for back in done),
    }


def _minutes(back: Mapping[str, Any]) -> int:
    took = from_text(str(back["ended"])) - from_text(str(back["begun"]))
    return -(-int(took.total_seconds()) // 60)
