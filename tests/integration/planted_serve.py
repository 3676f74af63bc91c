"""`coexist serve` with bugs planted: `python planted_serve.py serve …`; started by `test_load_planted.py`.

Each bug is dormant until a document comes whose id has the bug's tag in it, so that one gateway serves the sound run
and the planted ones.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from cutover.cli import app
from router.connectors.port import Delivery, Posted, Result
from router.connectors.sap_ecc.connector import SapEcc

DROPPED, DOUBLED = "LT-drop-", "LT-twice-"
"""How ids begin of which one is confirmed and never sent, and of which one is sent twice under two ids."""
_post = SapEcc.post
_done: set[str] = set()


async def post(self: SapEcc, deliveries: Sequence[Delivery]) -> Result:
    """As the connector does it, but for one document a tag."""
    first = deliveries[0]
    if _begins(first, DROPPED):
        rest = await _post(self, deliveries[1:]) if len(deliveries) > 1 else None
        return Result(
            answers=[Posted(vendor_id="0000000001"), *(rest.answers if rest is not None else ())],
            exchange=rest.exchange if rest is not None else (await _post(self, [])).exchange,
        )
    if _begins(first, DOUBLED):
        await _post(self, [replace(first, external_id=f"{first.external_id}-again")])
    return await _post(self, deliveries)


def _begins(delivery: Delivery, prefix: str) -> bool:
    """Once a prefix."""
    if not delivery.external_id.startswith(prefix) or prefix in _done:
        return False
    _done.add(prefix)
    return True


if __name__ == "__main__":
    SapEcc.post = post  # type: ignore[method-assign]  # this is the plant
    app(sys.argv[1:])
