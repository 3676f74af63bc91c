"""How a step went: planned against what happened, with its gates and its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cutover.plan.durations import likely_minutes
from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from router.canonical.kinds import Kind
from router.clock import from_text, to_text
from router.errors import CoexistError

Outcome = Literal["done", "failed", "not run"]


class StepFailed(CoexistError):
    """A step of the plan did not get through."""

    code = "step-failed"


@dataclass(slots=True, kw_only=True)
class StepResult:
    """How a step went, planned against rehearsed or actual."""

    step: Step
    outcome: Outcome = "not run"
    started: datetime | None = None
    ended: datetime | None = None
    gates: tuple[Gate, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def minutes(self) -> int | None:
        """Minutes it took, rounded up."""
        if self.started is None or self.ended is None:
            return None
        return -(-int((self.ended - self.started).total_seconds()) // 60)

    def as_record(self) -> dict[str, Any]:
        """What the log keeps of a finished step, so that a runner that starts again knows it."""
        return {
            "ended": to_text(self.ended) if self.ended else None,
            "why": self.why,
            "gates": [gate.as_row() for gate in self.gates],
            "evidence": self.evidence,
        }

    def restarted(self, record: dict[str, Any]) -> None:
        """A runner before this one had begun it."""
        self.started = from_text(record["at"])

    def restore(self, outcome: Any, record: dict[str, Any]) -> None:
        """Become what the log kept."""
        self.outcome, self.why, self.evidence = outcome, record["why"], record["evidence"]
        self.ended = from_text(record["ended"]) if record["ended"] else None
        self.gates = tuple(Gate.of_row(row) for row in record["gates"])

    def as_row(self) -> dict[str, Any]:
        """The step as the report shows it."""
        return {
            "id": self.step.id,
            "kind": self.step.kind,
            "wave": self.step.wave,
            "title": self.step.title,
            "owner": self.step.owner,
            "after": list(self.step.after),
            "outcome": self.outcome,
            "planned_at": to_text(self.step.at) if self.step.at else None,
            "planned_minutes": self.step.planned_minutes,
            "people_minutes": likely_minutes(self.step.people_minutes),
            "started": to_text(self.started) if self.started else None,
            "ended": to_text(self.ended) if self.ended else None,
            "minutes": self.minutes,
            "deadline_minutes": self.step.deadline_minutes,
            "evidence": self.evidence,
            "why": self.why,
        }


@dataclass(slots=True, kw_only=True)
class WayBack:
    """A rollback of a wave or a part of it: begun, and once `evidence` is there done.

    `step` stands for it in the log; it is no step of the plan.
    """

    step: Step
    entities: tuple[str, ...]
    origin: str
    """What asked for it: a step that failed, a person, a rehearsal."""
    why: str
    begun: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether all was moved; one that was stopped on the way left its scope frozen, and may be gone on with."""
        return bool(self.evidence) and "problem" not in self.evidence

    def meets(self, kinds: tuple[Kind, ...], entities: tuple[str, ...]) -> bool:
        """Whether it is of any of these kinds and entities (empty: all)."""
        return all(
            not asked or not mine or bool(set(asked) & set(mine))
            for asked, mine in ((kinds, self.step.kinds), (entities, self.entities))
        )

    @staticmethod
    def of(
        wave: str,
        kinds: tuple[Kind, ...],
        entities: tuple[str, ...],
        *,
        number: int,
        origin: str,
        why: str,
        begun: str,
    ) -> WayBack:
        """The n-th rollback of a run."""
        step = _stands_for(f"{wave[:32]}-roll-back-{number}", wave, kinds)
        return WayBack(step=step, entities=entities, origin=origin, why=why, begun=begun)

    @staticmethod
    def restored(step_id: str, record: dict[str, Any]) -> WayBack:
        """As the log kept it."""
        step = _stands_for(step_id, record["wave"], tuple(record["kinds"]))
        return WayBack(
            step=step,
            entities=tuple(record["entities"]),
            origin=record["origin"],
            why=record["why"],
            begun=record["begun"],
        )

    def as_record(self) -> dict[str, Any]:
        """What the log keeps of it when it begins."""
        return {
            "wave": self.step.wave,
            "kinds": list(self.step.kinds),
            "entities": list(self.entities),
            "origin": self.origin,
            "why": self.why,
            "begun": self.begun,
        }


def _stands_for(step_id: str, wave: str, kinds: tuple[Kind, ...]) -> Step:
    return Step(id=step_id, kind="rollback_rehearsal", wave=wave, kinds=kinds)
