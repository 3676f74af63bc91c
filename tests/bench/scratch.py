"""A folder on the project's own disk: /tmp may be memory, where waiting for the disk costs nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUT = Path(__file__).parents[2] / "out"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT, prefix="bench-") as folder:
        yield Path(folder)
