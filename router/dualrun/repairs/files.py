"""Plans and breaks in files: YAML for people, JSON for many, lines of `breaks.jsonl` as a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import yaml

from router.configfile import load
from router.dualrun.breaks import Break
from router.dualrun.repairs.plan import HUMAN, Plan, as_plan, as_plan_of
from router.dualrun.repairs.reading import break_of
from router.errors import BadConfig, BadInput

YAML_MOST = 5_000
"""Proposals of a plan in YAML: more are slow to read back and nobody decides them by hand."""
LINE_MAX = 1_000_000
"""Bytes of a line of breaks.jsonl."""
HEAD = """\
# A plan of repairs. Nothing is done by it until it is applied, and then only what is still as it was.
# Set decision to apply or skip, and note to what you like; every other change is refused.
# coexist repair check tells what would happen now; coexist repair apply does it, and needs two people.
"""


def read_plan(path: Path) -> Plan:
    """A plan from YAML or JSON; raises BadConfig or BadInput naming file, place and mend."""
    if path.suffix.casefold() != ".json":
        return as_plan(load(path))
    try:
        data = orjson.loads(_bytes(path))
    except orjson.JSONDecodeError as error:
        raise BadConfig(f"is not JSON: {error}", file=str(path), line=error.lineno) from error
    return as_plan_of(data, str(path))


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan as its name says; raises BadInput where YAML would hold too many."""
    if path.suffix.casefold() == ".json":
        text = orjson.dumps(plan.to_json(), option=orjson.OPT_INDENT_2) + b"\n"
    elif path.suffix.casefold() not in (".yaml", ".yml"):
        raise BadInput(f"{path.name}: a plan is written as YAML or JSON", mend="name it plan.yaml")
    elif len(plan.proposals) > YAML_MOST:
        raise BadInput(
            f"{len(plan.proposals):,} proposals are too many for YAML",
            mend="name it plan.json, or narrow it down with --cause or --entity",
        )
    else:
        body = yaml.dump(
            _short(plan.to_json()), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110
        )
        text = (HEAD + body).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def _short(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan for people: of proposals and their breaks, what says nothing is left out.

    Documents stay whole: what they leave out means something.
    """
    proposals = [
        _said(one) | {"breaks": [_said(held) for held in one["breaks"]]} for one in plan["proposals"]
    ]
    return {**_said({**plan, "proposals": []}), "proposals": proposals, "totals": plan["totals"]}


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in HUMAN or value not in ("", [], {}, None)}


class _Dumper(yaml.SafeDumper):
    """Writes the same value out each time it stands somewhere: an anchor is no help to a person."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        del data
        return True


def read_breaks(path: Path) -> Iterator[Break]:
    """The breaks of a file, in order; raises BadInput naming file and line."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(
            f"{path}: can't be read: {error.strerror}", mend="give a breaks.jsonl of coexist diff"
        ) from error
    with file:
        for at, line in enumerate(iter(lambda: file.readline(LINE_MAX + 1), b""), 1):
            where = f"{path}:{at}"
            if len(line) > LINE_MAX:
                raise BadInput(f"{where}: a line is longer than {LINE_MAX:,} bytes")
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise BadInput(f"{where}: is not JSON: {error}", mend="give a breaks.jsonl") from error
            yield break_of(row, where)


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes; raises BadInput."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfig(f"can't be read: {error.strerror}", file=str(path)) from error
