"""Which lines of a document belong together in two ERPs that number them by themselves. Pure.

Lines have no id that both ERPs know, so they are matched by what they say: the account, the other
company, and the description. A field of one ERP may hold fewer characters than the other's (an item
text of SAP has 40 or 50), so a text cut off at its width says the same as the one it is the beginning of.
Lines that say the same are told apart by how they are coded; those that still do are one group, summed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

SAYING = ("account", "counterparty", "description")
CODING = ("tax_code", "department", "practice", "service_line", "cost_center")
CUT_AT = 40
"""The narrowest text field of an ERP that is read: ARKTX of an SAP billing item."""
Line = Mapping[str, Any]
Names = list[str]


def matched(legacy: Sequence[Line], cloud: Sequence[Line]) -> tuple[Names, Names]:
    """A name for each line of both sides, in their order; lines of the same name belong together.

    A name is what the line says, in the words of the fuller text, with its coding where others say the same.
    """
    whole = _one_text([*legacy, *cloud])
    said = [[_said(line, whole) for line in side] for side in (legacy, cloud)]
    crowded = {name for names in said for name, count in Counter(names).items() if count > 1}
    named = [
        [
            f"{name} ({_coded(line)})" if name in crowded else name
            for name, line in zip(names, side, strict=True)
        ]
        for names, side in zip(said, (legacy, cloud), strict=True)
    ]
    return _with_the_last_pair(said, named, crowded)


def _one_text(lines: Sequence[Line]) -> dict[str, str]:
    """Each text that was cut off to the text it is the beginning of; where several begin so, they to it."""
    texts = sorted({_text(line, "description") for line in lines})
    found: dict[str, str] = {}
    for at, text in enumerate(texts):
        if len(text) < CUT_AT or text in found:
            continue
        # What begins with a text follows it in the order of texts.
        longer = list(takewhile(lambda other, text=text: other.startswith(text), texts[at + 1 :]))  # type: ignore[misc]
        if len(longer) == 1:
            found[text] = longer[0]
        else:
            found |= dict.fromkeys(longer, text)
    return found


def _said(line: Line, whole: Mapping[str, str]) -> str:
    words = [_text(line, name) for name in SAYING]
    words[-1] = whole.get(words[-1], words[-1])
    return " · ".join(word for word in words if word)


def _coded(line: Line) -> str:
    return ", ".join(f"{name} {_text(line, name)}" for name in CODING if _text(line, name)) or "no coding"


def _text(line: Line, name: str) -> str:
    value = line.get(name)
    return "" if value is None else str(value).strip()


def _with_the_last_pair(
    said: Sequence[Names], named: Sequence[Names], crowded: set[str]
) -> tuple[Names, Names]:
    """Where all but one line of a crowd found its like, the two that are left are each other's: their coding differs."""
    legacy, cloud = list(named[0]), list(named[1])
    for name in sorted(crowded):
        left = [at for at, one in enumerate(said[0]) if one == name and legacy[at] not in named[1]]
        right = [at for at, one in enumerate(said[1]) if one == name and cloud[at] not in named[0]]
        if len(left) == 1 and len(right) == 1:
            cloud[right[0]] = legacy[left[0]]
    return legacy, cloud
