"""One system of the default landscape, served by a process of its own over http and https."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
import yaml
from simulators.core.serve import serve
ready, name, options = sys.argv[1:]
landscape = yaml.safe_load(Path("fixtures/landscapes/default.yaml").read_text())
landscape["systems"] = {name: landscape["systems"][name] | {"options": json.loads(options)}}
serve(landscape, ready_file=ready, seed=7, ports="free", latency=False)
"""


@contextmanager
def serving(name: str, folder: Path, options: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The system's entry of the ready file: `url`, `tls_url`, `ca`."""
    ready = folder / "ready.json"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(ready), name, json.dumps(dict(options))],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, f"{name} was not served"
                assert time.monotonic() < deadline, f"{name} was not served in time"
                time.sleep(0.05)
            entry: dict[str, str] = json.loads(ready.read_text())[name]
            yield entry
        finally:
            process.terminate()
