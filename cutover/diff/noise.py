"""The noise floor of extracts: control runs that compare two extracts of the legacy ERP, and the file they make.

Both extracts of a control run are read as the policy reads the legacy side: its column names, formats,
numbers and time zone. What they teach stands in `noise.json`, which `coexist diff --noise` takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from router.configfile import load
from router.dualrun.breaks import UNEXPLAINED, Break, Explanation
from router.dualrun.engine import TableComparison
from router.dualrun.explain import explained, grain
from router.dualrun.extracts import read_extract
from router.dualrun.noise import (
    ControlRun,
    Measure,
    Noise,
    NoiseFloor,
    bears_money,
    learned,
    measured,
    read_floor,
)
from router.dualrun.policy import Policy, as_policy
from router.dualrun.results import DocumentView, Progress
from router.dualrun.workbench import Workbench
from router.errors import BadInput

_MEND = "coexist noise LEGACY LEGACY_AGAIN --policy POLICY --out noise.json"
LARGEST = 50_000_000
"""Bytes of a noise file; a floor is small, whatever the extracts were."""


def control_runs(
    pairs: Sequence[tuple[Path, Path]],
    policy_file: Path,
    *,
    as_of: date,
    progress: Progress,
    memory: str = "2GB",
    threads: int | None = None,
) -> NoiseFloor:
    """Compare the two extracts of each pair and learn from all of them; raises BadInput and BadConfig."""
    policy = as_policy(load(policy_file))
    for first, second in pairs:
        if first.absolute() == second.absolute():
            raise BadInput(
                f"{first} is given as both extracts of a control run: a file differs nowhere from itself",
                mend="take a second extract of the legacy ERP",
            )
    runs = []
    for at, (first, second) in enumerate(pairs):
        progress("control runs", at, len(pairs))
        with Workbench(memory=memory, threads=threads) as bench:
            runs.append(_control_run(bench, policy, first, second, as_of))
    progress("control runs", len(pairs), len(pairs))
    return learned(policy.fingerprint, runs)


def as_legacy(policy: Policy) -> Policy:
    """The policy with the legacy ERP on both sides. Its own extracts stand in no crosswalk."""
    data = policy.model_dump(mode="json")
    for name in ("rename", "files"):
        data[name] = _both(data[name])
    for column in data["columns"].values():
        for name in ("formats", "time_zones"):
            column[name] = _both(column[name])
    return Policy.model_validate(data | {"crosswalk_complete": False})


def read_noise(path: Path, policy: Policy) -> NoiseFloor:
    """The floor of a `noise.json`; raises BadInput naming file and mend, also for one of another policy."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}", mend=_MEND) from error
    if len(raw) > LARGEST:
        raise BadInput(f"{path}: is larger than any noise floor ({LARGEST:,} bytes)", mend=_MEND)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path}: is no JSON: {error}", mend=_MEND) from error
    return read_floor(data, policy, name=str(path))


def noise_of(floor: NoiseFloor, policy: Policy, table: TableComparison) -> Noise:
    """What the floor says of a comparison; reads its differences once, to know how frequent each is."""
    breaks: Iterable[Break] = ()
    if floor.seen.fields:
        breaks = explained(table.documents, _Unjudged(), policy)
    observed = _measured(policy, table, breaks)
    return Noise(floor, observed, lambda one: bears_money(policy, one.column))


def to_bytes(floor: NoiseFloor) -> bytes:
    """`noise.json` as written: sorted keys."""
    return orjson.dumps(floor.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


class _Unjudged:
    """Explains nothing: a control run only counts."""

    def explain(self, view: DocumentView) -> Sequence[Sequence[Explanation]]:
        return [[UNEXPLAINED] * len(pair.differences) for pair in view.pairs]


def _control_run(
    bench: Workbench, policy: Policy, first: Path, second: Path, as_of: date
) -> tuple[ControlRun, Measure]:
    mirrored = as_legacy(policy)
    legacy = read_extract(bench, "legacy", first, mirrored)
    again = read_extract(bench, "cloud", second, mirrored)
    table = TableComparison(bench, mirrored, legacy, again, today=as_of)
    table.run()
    found = _measured(policy, table, explained(table.documents, _Unjudged(), mirrored))
    prints = {"legacy": legacy.fingerprint, "again": again.fingerprint}
    run = ControlRun(
        name="control-" + hashlib.sha256("\n".join([policy.fingerprint, *prints.values()]).encode()).hexdigest()[:16],
        inputs={f"{side}: {path.name}"[:200]: prints[side] for side, path in (("legacy", first), ("again", second))},
        pairs=table.counts.pairs,
        differing=sum(seen.differing for seen in found.fields.values()),
    )  # fmt: skip
    return run, found


def _measured(policy: Policy, table: TableComparison, breaks: Iterable[Break]) -> Measure:
    return measured({("", grain(policy)): table.counts.pairs}, breaks)


def _both(by_side: Mapping[str, Any]) -> dict[str, Any]:
    return {"legacy": by_side["legacy"], "cloud": by_side["legacy"]} if "legacy" in by_side else {}
