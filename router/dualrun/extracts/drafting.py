"""The YAML of a proposed policy: its columns, groups, document and roles, with the reason beside each. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from router.dualrun.extracts.judging import DATE_UNSURE, Proposed
from router.dualrun.extracts.keys import Key
from router.dualrun.extracts.likeness import Match, names_rows
from router.dualrun.extracts.meanings import Meanings
from router.dualrun.policy import Role


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


def column_lines(columns: Sequence[Proposed]) -> list[str]:
    """The policy's `columns`."""
    lines = ["columns:"]
    for one in columns:
        lines.append(f"  {text(one.match.name)}:  {comment(one.match.why)}")
        lines.append(f"    type: {one.type}  {comment(one.why)}")
        lines += _currency(one)
        if one.normalise:
            lines.append(f"    normalise: [{', '.join(one.normalise)}]  # more rows pair by the key this way")
        if one.formats or one.unsure:
            lines.append("    formats:")
            lines += [f"      {side}: {text(form)}" for side, form in one.formats.items()]
            if one.unsure:
                lines.append(f"      {comment(DATE_UNSURE)}")
        lines += _map(one)
    return lines


def _currency(one: Proposed) -> list[str]:
    if one.currency_column:
        return [f"    currency_column: {text(one.currency_column)}"]
    if one.currency:
        return [f"    currency: {one.currency}  # the heading says so"]
    if one.lacks_currency:
        return [
            "    # currency: EUR  # CHOOSE: NO column holds a currency; take the first # away and write the one of all rows"
        ]
    return []


def _map(one: Proposed) -> list[str]:
    lines = [
        f"      {text(word)}: {text(other)}  {comment(f'they meet in {share:.1%} of {whole} pairs')}"
        for word, other, share, whole in one.words
    ]
    if lines:
        lines.insert(0, "    map:")
    if one.seldom:
        if not one.words:
            lines.append("    # map:")
        lines += [
            "      "
            + comment(
                f"{text(word)}: {text(other)}  # CHOOSE: they meet in few rows; take the first # away if they mean the same"
            )
            for word, other in one.seldom
        ]
    elif one.unmapped:
        lines.append("    # CHOOSE: no value is on both sides; write a map: {legacy word: cloud word}")
    return lines


def rest_lines(columns: Sequence[Proposed], key: Key, known: Meanings) -> list[str]:
    """Control totals, the document and roles."""
    lines: list[str] = []
    groups = [known.roles[role] for role in _GROUPS if role in known.roles]
    if any(one.type == "money" for one in columns):
        group = ", ".join(text(name) for name in groups)
        lines.append("# sums that must tie to the cent, in each of these groups and each currency")
        lines.append(f"control_totals: [[{group}]]")
    else:
        lines.append("control_totals: []  # no money here")
    document, line = document_of(key, known.roles)
    if document is not None:
        lines += [
            "# the key is of lines: this names the document they are of",
            f"document: [{text(document.name)}]",
        ]
    roles = dict(known.roles)
    if document is not None and line is not None:
        roles = {role: name for role, name in roles.items() if name not in (document.name, line.name)}
        roles |= {"document": document.name, "line": line.name}
    elif len(key.columns) == 1 and "document" not in roles and known.role_of(key.columns[0].name) is None:
        roles["document"] = key.columns[0].name
    other = {role: name for role, name in roles.items() if role != name}
    if other:
        lines += ["# what columns mean, so that causes can be proven", "roles:"]
        for role, name in other.items():
            why = f"  {comment(known.why[role])}" if role in known.why else ""
            lines.append(f"  {role}: {text(name)}{why}")
    return lines


_GROUPS: tuple[Role, ...] = ("legal_entity", "period", "currency")


def document_of(key: Key, roles: Mapping[Role, str]) -> tuple[Match | None, Match | None]:
    """The columns of a key that name the document and its line; none where rows are no lines."""
    if len(key.columns) < 2:
        return None, None
    line = next((match for match in key.columns if roles.get("line") == match.name), None)
    if line is None and len(key.columns) == 2 and not any(one.legacy.shape == "date" for one in key.columns):
        line = next((match for match in key.columns if _counts(match) and not names_rows(match)), None)
    if line is None:
        return None, None
    rest = [match for match in key.columns if match is not line]
    named = next((match for match in rest if roles.get("document") == match.name), None)
    return named or max(rest, key=lambda match: match.legacy.distinct), line


def _counts(match: Match) -> bool:
    """Whether a column numbers lines: a few short whole numbers, over and over."""
    return all(
        (one.shape == "number" or one.leading_zeros)
        and not one.places
        and one.distinct * 5 < one.rows
        and all(len(word.lstrip("0")) <= 4 for word in one.words)
        for one in (match.legacy, match.cloud)
    )
