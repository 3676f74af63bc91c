"""On what machine something was measured: without it nobody can compare figures."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The processor's name, as a report shows it; as much as the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
