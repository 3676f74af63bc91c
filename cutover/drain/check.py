"""The check as a whole: the same work predicted and measured, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cutover.drain.measured import served
from cutover.drain.predicted import predict
from cutover.drain.scenario import Drained, Say
from cutover.drain.work import masters_of, waiting_time
from cutover.rehearsal.firm import build_firm
from cutover.rehearsal.options import Options
from router.errors import BadInput

SHARES = (10, 25, 50, 75, 90, 100)
"""Per cent of the deliveries at which the two are put side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Predicted beside measured."""

    wave: str
    target: str
    predicted: Drained
    measured: Drained
    tolerance_percent: int

    @property
    def apart_percent(self) -> float:
        """How far the measured drain is from the predicted one, in per cent of the measured."""
        predicted, measured = self.predicted.seconds(), self.measured.seconds()
        return 100 * (measured - predicted) / measured if measured else 0.0

    @property
    def agrees(self) -> bool:
        """Whether the prediction is within its tolerance."""
        return (
            abs(self.apart_percent) <= self.tolerance_percent
            and self.predicted.deliveries == self.measured.deliveries
        )

    def to_json(self) -> dict[str, Any]:
        """The comparison with its curve."""
        return {
            "wave": self.wave,
            "target": self.target,
            "deliveries": self.measured.deliveries,
            "predicted_s": round(self.predicted.seconds(), 3),
            "measured_s": round(self.measured.seconds(), 3),
            "apart_percent": round(self.apart_percent, 1),
            "tolerance_percent": self.tolerance_percent,
            "agrees": self.agrees,
            "curve": [
                {
                    "percent": share,
                    "predicted_s": round(self.predicted.seconds(share), 3),
                    "measured_s": round(self.measured.seconds(share), 3),
                }
                for share in SHARES
            ],
        }


def check(options: Options, wave_id: str, *, deliveries: int, tolerance_percent: int, say: Say) -> Compared:
    """Predict, then measure; raises BadInput when the wave has nothing to drain, Broken when it does not drain."""
    if wave_id not in {wave.id for wave in options.plan.waves}:
        raise BadInput(
            f"the plan has no wave {wave_id!r}",
            mend="use one of " + ", ".join(wave.id for wave in options.plan.waves),
        )
    # Faults belong to rehearsals; here both worlds must do the same undisturbed.
    calm = replace(options, faults={}, plan=options.plan.model_copy(update={"crashes": ()}))
    firm, _ = build_firm(calm)
    scope = calm.plan.wave(wave_id).scope()
    work = waiting_time(firm, scope, deliveries)
    if not work:
        raise BadInput(
            f"wave {wave_id} has no project that bills by the hour in a firm of size {options.size}",
            mend="take a larger --size or another --wave",
        )
    given: dict[str, Any] = {"seeds": firm.seeds(), "masters": masters_of(firm, scope), "work": work}
    predicted = predict(calm, wave_id, say=lambda what: say(f"predicting: {what}"), **given)
    measured = served(calm, wave_id, say=lambda what: say(f"measuring: {what}"), **given)
    return Compared(
        wave=wave_id,
        target=calm.plan.target,
        predicted=predicted,
        measured=measured,
        tolerance_percent=tolerance_percent,
    )
