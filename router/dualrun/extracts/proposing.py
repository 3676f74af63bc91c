"""`propose_policy`: from two files to the policy that would compare them, every guess with its reason.

What is proposed is to be read by a person: the comment beside each line says what in the data speaks for
it. No tolerance and no ignore is ever proposed, least of all for money.
"""

from __future__ import annotations

import json
from pathlib import Path

from router.dualrun.extracts.judging import DATE_UNSURE, Proposed, date_formats, judged, numbers_of
from router.dualrun.extracts.keys import GOOD, Key, best_key
from router.dualrun.extracts.likeness import Match, matched, role_of
from router.dualrun.extracts.profiles import SideProfile, profiled
from router.dualrun.extracts.reading import Extract, inspected
from router.dualrun.extracts.refusals import refused
from router.dualrun.policy import SIDES, FileFormat, Side
from router.dualrun.workbench import Workbench
from router.errors import BadConfig

LIKELY_ENCODING = "cp1252"
"""Tried, and said so, where a file is not UTF-8: what business systems of the West write."""


def propose_policy(legacy: Path, cloud: Path) -> str:
    """YAML that `as_policy` reads, with a comment for each guess; raises BadConfig as `read_extract` does."""
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
        matches = matched(sides["legacy"].columns, sides["cloud"].columns)
        rows = max(side.extract.rows for side in sides.values())
        key = best_key(bench, matches, rows)
        if key is None:
            raise refused(
                str(cloud),
                f"has no column in common with {legacy}",
                mend="write the policy's rename and key by hand",
            )
        columns = judged(bench, matches, key)
    return "\n".join([*_head(legacy, cloud), *_key(key), *_rename(sides, matches), *_files(sides), *_columns(columns), *_rest(columns, key, matches), ""])  # fmt: skip


def _read(bench: Workbench, side: Side, path: Path) -> Extract:
    try:
        return inspected(bench, side, path, FileFormat(), None)
    except BadConfig as error:
        if "is not UTF-8" not in error.message:
            raise
    return inspected(bench, side, path, FileFormat(encoding=LIKELY_ENCODING), None)


def text(value: str) -> str:
    """A text in YAML, whatever it holds."""
    return (
        json.dumps(value, ensure_ascii=True)
        if not value.isprintable()
        else json.dumps(value, ensure_ascii=False)
    )


def comment(words: str) -> str:
    """A comment on one line, whatever stood in the file."""
    return "# " + "".join(letter if letter.isprintable() else "?" for letter in words)


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


def _columns(columns: list[Proposed]) -> list[str]:
    lines = ["columns:"]
    for one in columns:
        lines.append(f"  {text(one.match.name)}:  {comment(one.match.why)}")
        lines.append(f"    type: {one.type}  {comment(one.why)}")
        if one.currency_column:
            lines.append(f"    currency_column: {text(one.currency_column)}")
        elif one.type == "money":
            lines.append("    currency: EUR  # NO column holds a currency: write the one of all rows here")
        if one.normalise:
            lines.append(f"    normalise: [{', '.join(one.normalise)}]  # more rows pair by the key this way")
        formats = date_formats(one)
        if formats:
            unsure = DATE_UNSURE if one.unsure else ""
            lines.append("    formats:")
            lines += [
                f"      {side}: {text(form)}  {comment(unsure) if unsure else ''}".rstrip()
                for side, form in formats.items()
            ]
        if one.words:
            lines.append("    map:")
            lines += [
                f"      {text(word)}: {text(other)}  {comment(f'they meet in {share:.1%} of {whole} pairs')}"
                for word, other, share, whole in one.words
            ]
    return lines


def _rest(columns: list[Proposed], key: Key, matches: list[Match]) -> list[str]:
    lines: list[str] = []
    roles = {}
    for match in matches:
        role = role_of(match)
        if role and role not in roles and match.legacy.filled and match.cloud.filled:
            roles[role] = match.name
    names = [roles[role] for role in ("legal_entity", "period", "currency") if role in roles]
    currencies = [one.currency_column for one in columns if one.currency_column]
    if any(one.type == "money" for one in columns):
        groups = list(dict.fromkeys([*names, *currencies[:1]]))
        lines.append("# sums that must tie to the cent, in each of these groups and each currency")
        group = ", ".join(text(name) for name in groups) or '"currency"'
        lines.append(f"control_totals: [[{group}]]")
    if len(key.columns) > 1:
        first = next((match for match in key.columns if role_of(match) == "document"), key.columns[0])
        lines += [
            "# the key is of lines: this names the document they are of",
            f"document: [{text(first.name)}]",
        ]
    other = {role: name for role, name in roles.items() if role != name}
    if other:
        lines += ["# what columns mean, so that causes can be proven", "roles:"]
        lines += [f"  {role}: {text(name)}" for role, name in other.items()]
    return lines
