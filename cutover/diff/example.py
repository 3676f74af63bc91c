"""Writes an example pair of extracts with planted defects, their crosswalk and the policy for them."""

from __future__ import annotations

from pathlib import Path

from router.errors import BadInput
from simulators.extracts import planted, write

SEED = 7
DOCUMENTS = 60


def write_example(folder: Path) -> list[str]:
    """Write the example into a new or empty folder; the names of its files. Raises BadInput where it can't."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInput(f"{folder} is not empty", mend="give a new folder")
        write(planted(SEED, documents=DOCUMENTS), folder)
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise BadInput(f"{folder} can't be written: {error.strerror}", mend="give another folder") from error
