"""`python -m cutover` whose gateway delivers at once: for sessions that wait for one document after another.

Production gathers for a second before each claim, so that bulk calls fill; here that is most of the time.
"""

from __future__ import annotations

from functools import partial

from cutover.cli import main
from cutover.served import connecting
from router.app import build
from router.delivery.policy import DeliveryPolicy

EAGER = DeliveryPolicy(gather_s=0.02, settle_gather_s=0.01, prerequisite_first_s=0.5)


def eager(**given: object) -> object:
    """A router as `coexist serve` builds it, with this policy."""
    return partial(build, **{**given, "policy": EAGER})()  # type: ignore[arg-type]


if __name__ == "__main__":
    connecting.build = eager  # type: ignore[assignment, attr-defined]
    main()
