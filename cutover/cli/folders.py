"""The folder that a command leaves its results in, asked before the work rather than after it."""

from __future__ import annotations

from pathlib import Path

from router.errors import BadInput


def ready(out: Path, names: tuple[str, ...]) -> None:
    """Make the folder and see that each file can be written; what stands in them stays. Raises BadInput."""
    at = out
    try:
        out.mkdir(parents=True, exist_ok=True)
        for at in (out / name for name in names):
            with at.open("ab"):
                pass
    except OSError as error:
        said = "made" if at is out else "written"
        raise BadInput(
            f"{at} can't be {said}: {error.strerror}", mend="give another folder with --out"
        ) from error
