"""The golden report: `make golden` writes it again, and says what changed only through git.

`python -m tests.simulation.golden` writes `fixtures/golden/small-seed-7.json`, with `--print` to the
standard output instead. It is what `coexist rehearse --size small --seed 7` writes as `report.json`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cutover.cli.rehearsing import to_bytes
from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import rehearse

GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden" / "small-seed-7.json"


def report() -> bytes:
    """The small firm's weekend with seed 7, as written by the command."""
    options = make_options(seed=7, command="coexist rehearse --seed 7 --size small", size="small")
    with tempfile.TemporaryDirectory() as folder:
        return to_bytes(rehearse(options, journal=Path(folder) / "journal.sqlite").report)


def main() -> None:
    """Write or print it."""
    if sys.argv[1:] == ["--print"]:
        sys.stdout.buffer.write(report())
        return
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_bytes(report())
    sys.stdout.write(f"{GOLDEN} is written: look at `git diff` before you commit it\n")


if __name__ == "__main__":
    main()
