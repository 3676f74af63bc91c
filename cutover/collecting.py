"""How often a process looks for garbage, said once where it starts."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 10, 20


def collect_rarely() -> None:
    """Look for cycles after every 50,000 new containers instead of 700.

    Accepting and rehearsing keep a dozen containers a document, so that CPython's default has the
    collector walk through them again and again, for cycles that hardly occur: a third of a batch's
    time, a tenth of a rehearsal's. What waits to be collected stays below some 20 MB. `gc.freeze` would
    save a little more, but makes duckdb complain of leaks when the process ends.
    """
    gc.set_threshold(YOUNG, MIDDLE, OLD)
