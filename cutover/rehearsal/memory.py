"""File drops in this process's memory: what a rehearsal uses instead of a shared folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fsspec

DROPS = "memory://coexist-rehearsal"
"""Where file drops live; emptied at the start of each rehearsal."""


def empty_drops() -> None:
    """Remove what an earlier rehearsal of this process dropped."""
    drops = fsspec.filesystem("memory")
    if drops.exists(DROPS):
        drops.rm(DROPS, recursive=True)


def in_memory(landscape: Mapping[str, Any]) -> dict[str, Any]:
    """A landscape's data with the file drops of its systems in this process's memory."""
    systems = {
        name: {**system, "options": {**system.get("options", {}), "idoc_drop": f"{DROPS}/{name}"}}
        if "idoc_drop" in system.get("options", {})
        else system
        for name, system in landscape["systems"].items()
    }
    return {**landscape, "systems": systems}
