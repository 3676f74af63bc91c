"""What each kind of step does: one function a kind, the same in dry run, rehearsal and live.

An action acts through `ground.controls()`, keeps what it found in `result.evidence` and its gates by
`ground.judge`, and raises StepFailed when it did not get through. It may be begun again after a crash in the
middle, so whatever it does must be safe to do twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from cutover.plan.steps import Step, StepKind
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult
from cutover.runner.steps.loading import load
from cutover.runner.steps.moving import freeze, release, retire, shadow, switch
from cutover.runner.steps.people import approval, manual
from cutover.runner.steps.proving import drain, reconcile, verify
from cutover.runner.steps.rolling_back import arm, rollback_rehearsal
from cutover.runner.steps.smoking import smoke
from cutover.runner.steps.watching import gate, hypercare

Action = Callable[[Ground, Step, StepResult], Awaitable[None]]
ACTIONS: Mapping[StepKind, Action] = {
    "manual": manual,
    "approval": approval,
    "dual_run": shadow,
    "arm": arm,
    "rollback_rehearsal": rollback_rehearsal,
    "freeze": freeze,
    "drain": drain,
    "reconcile": reconcile,
    "switch": switch,
    "release": release,
    "verify": verify,
    "retire": retire,
    "load": load,
    "gate": gate,
    "smoke": smoke,
    "hypercare": hypercare,
}
"""By kind; a kind that is not here can't be run."""
