"""`propose_policy`: from two files to the policy that would compare them, every guess with its reason.

What is proposed is to be read by a person: the comment beside each line says what in the data speaks for
it. No tolerance and no ignore is ever proposed, least of all for money.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from router.dualrun.extracts.drafting import column_lines, comment, rest_lines, text
from router.dualrun.extracts.judging import Proposed, judged, numbers_of
from router.dualrun.extracts.keys import ENOUGH, GOOD, Key, best_key
from router.dualrun.extracts.likeness import Match, matched
from router.dualrun.extracts.meanings import meanings
from router.dualrun.extracts.profiles import SideProfile, profiled
from router.dualrun.extracts.reading import Extract, inspected
from router.dualrun.extracts.refusals import refused
from router.dualrun.extracts.rowwise import rematched
from router.dualrun.policy import SIDES, FileFormat, Side
from router.dualrun.workbench import Workbench
from router.errors import BadConfig

LIKELY_ENCODING = "cp1252"
"""Tried, and said so, where a file is not UTF-8: what business systems of the West write."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy as it is proposed."""

    text: str
    """YAML that `as_policy` reads, with a comment for each guess."""
    choices: tuple[str, ...]
    """What nobody but a person can tell, each in a few words."""


def propose_policy(legacy: Path, cloud: Path) -> str:
    """YAML that `as_policy` reads, with a comment for each guess; raises BadConfig as `read_extract` does."""
    return proposal(legacy, cloud).text


def proposal(legacy: Path, cloud: Path) -> Proposal:
    """The same with what it leaves to be decided; raises BadConfig as `read_extract` does."""
    with Workbench() as bench:
        sides = {
            side: profiled(bench, side, _read(bench, side, path))
            for side, path in zip(SIDES, (legacy, cloud), strict=True)
        }
        for side in sides.values():
            if not side.extract.rows:
                raise refused(
                    side.extract.source.name, "has no rows to propose a policy from", mend="give a fuller one"
                )
        matches, key = _keyed(bench, sides, legacy, cloud)
        known = meanings(bench, sides, matches, key)
        columns = judged(bench, matches, key, known)
    text = [
        *_head(legacy, cloud), *_key(key), *_rename(sides, matches), *_files(sides), *column_lines(columns),
        *rest_lines(columns, key, known), "",
    ]  # fmt: skip
    return Proposal("\n".join(text), tuple(_choices(sides, columns, key)))


def _keyed(
    bench: Workbench, sides: dict[Side, SideProfile], legacy: Path, cloud: Path
) -> tuple[list[Match], Key]:
    """Columns by heading and values, a key among them, all columns by the rows it pairs, and the key again."""
    matches = matched(sides["legacy"].columns, sides["cloud"].columns)
    rows = max(side.extract.rows for side in sides.values())
    key = best_key(bench, matches, rows)
    if key is None:
        raise refused(
            str(cloud),
            f"has no column in common with {legacy}",
            mend="write the policy's rename and key by hand",
        )
    if key.paired:
        matches = rematched(bench, sides["legacy"], sides["cloud"], matches, key)
        key = (key.paired < ENOUGH and best_key(bench, matches, rows)) or key
    return matches, key


def _choices(sides: dict[Side, SideProfile], columns: list[Proposed], key: Key) -> Iterator[str]:
    if key.paired < GOOD:
        yield f"the key pairs only {key.paired:.0%} of rows: choose another, or give a crosswalk"
    for side in SIDES:
        if sides[side].ambiguous:
            yield f"how {side} writes numbers"
    lacking = [one.match.name for one in columns if one.lacks_currency]
    if lacking:
        yield f"the currency of {', '.join(lacking)}"
    for one in columns:
        if one.unsure:
            yield f"how the dates of {one.match.name} are written"
        if one.unmapped:
            yield f"which words of {one.match.name} mean the same (no value is on both sides)"
        if one.seldom:
            yield f"whether some words of {one.match.name} that meet others in few rows mean the same"


def _read(bench: Workbench, side: Side, path: Path) -> Extract:
    try:
        return inspected(bench, side, path, FileFormat(), None)
    except BadConfig as error:
        if "is not UTF-8" not in error.message:
            raise
    return inspected(bench, side, path, FileFormat(encoding=LIKELY_ENCODING), None)


def _head(legacy: Path, cloud: Path) -> list[str]:
    return [
        comment(
            f"Proposed from {legacy.name} (legacy) and {cloud.name} (cloud). Read each line before you rely on it:"
        ),
        "# a comment says what in the data speaks for it. Nothing is tolerated or ignored until you write so.",
        "",
    ]


def _key(key: Key) -> list[str]:
    names = ", ".join(text(match.name) for match in key.columns)
    warning = "" if key.paired >= GOOD else " FEW: look for a better key, or give a crosswalk"
    return [
        comment(f"{key.paired:.1%} of rows stand on both sides exactly once by this key.{warning}"),
        f"key: [{names}]",
    ]


def _rename(sides: dict[Side, SideProfile], matches: list[Match]) -> list[str]:
    """Headings that differ by more than case, from the legacy's to the cloud's."""
    lines: list[str] = []
    differ = [match for match in matches if match.legacy.heading != match.cloud.heading]
    if any(
        match.legacy.heading.strip().casefold() == match.cloud.heading.strip().casefold() for match in differ
    ):
        lines += ["# some headings differ in case only", "headers: casefold"]
        differ = [
            match
            for match in differ
            if match.legacy.heading.strip().casefold() != match.cloud.heading.strip().casefold()
        ]
    renamed = [match for match in differ if match.legacy.heading.strip()]
    if renamed:
        lines += ["rename:", "  legacy:"]
        lines += [
            f"    {text(match.legacy.heading)}: {text(match.name)}  {comment(match.why)}" for match in renamed
        ]
    for side in SIDES:
        used = {getattr(match, side).column for match in matches}
        alone = [one.heading for one in sides[side].columns if one.column not in used]
        if alone:
            lines.append(comment(f"only in the {side} file, not compared: {', '.join(alone)}"))
    return lines


def _files(sides: dict[Side, SideProfile]) -> list[str]:
    lines: list[str] = []
    for side in SIDES:
        read = sides[side]
        stated = []
        if read.extract.kind == "delimited":
            stated.append(f"    delimiter: {text(read.extract.delimiter)}")
            if read.extract.encoding == LIKELY_ENCODING:
                stated.append(
                    f"    encoding: {LIKELY_ENCODING}  # it is not UTF-8, and fits this: look at names with accents"
                )
        stated += [f"    {line}" for line in numbers_of(read)]
        if stated:
            lines += [f"  {side}:", *stated]
    return ["files:", *lines] if any(not line.lstrip().startswith("#") for line in lines[1:]) else []
