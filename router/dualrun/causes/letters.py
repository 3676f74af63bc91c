"""Texts that differ in form only: blanks, case, Unicode composition, letters that look alike, zeros.

The forms are taken away one after another, the plainest first; the one that makes the texts equal is
the cause. Look-alikes are the Cyrillic and Greek letters that are drawn as a Latin one (Unicode
Technical Standard 39 calls them confusables), dashes, quotes and invisible characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from router.dualrun.breaks import Cause, Explanation
from router.dualrun.causes.facts import because

# Each letter is written by its code point, because one can't be told from the other by looking.
_CYRILLIC = dict(
    zip(
        "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u04ae"
        "\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445\u04bb\u0501\u051b\u051d",
        "ABESIJKMHOPCTXYaesijopcyxhdqw",
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd",
        "ABEZHIKMNOPTYXov",
        strict=True,
    )
)
_SIGNS = {
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u202f": " ", "\u2007": " ",
    "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "\u00ad": "", "\u2060": "",
}  # fmt: skip
LOOK_ALIKES = str.maketrans({**_CYRILLIC, **_GREEK, **_SIGNS})


def _without_zeros(text: str) -> str:
    stripped = text.lstrip("0")
    return stripped or ("0" if text else "")


FORMS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("trailing-space", "blanks around it", str.strip),
    ("inner-space", "blanks inside it", lambda text: re.sub(r"\s+", " ", text)),
    ("unicode-composition", "composed and combined letters", lambda text: unicodedata.normalize("NFC", text)),
    ("unicode-compatibility", "compatibility letters", lambda text: unicodedata.normalize("NFKC", text)),
    ("look-alike", "letters that look alike", lambda text: text.translate(LOOK_ALIKES)),
    ("letter-case", "upper and lower case", str.casefold),
    ("leading-zeros", "leading zeros", _without_zeros),
)  # fmt: skip
"""Code, words, and what takes the form away, the plainest first; case comes after the letters it changes."""


def folded(text: str, *, but: str = "") -> str:
    """A text without any of the forms: two that differ in form only are equal. `but`: a form to keep."""
    for code, _, take in FORMS:
        if code != but:
            text = take(text)
    return text


def form(legacy: str, cloud: str) -> Explanation | None:
    """The form that two different texts differ in; None when they say something else."""
    if not legacy or not cloud or legacy == cloud or folded(legacy) != folded(cloud):
        return None
    plain = [one for one in FORMS if one[2](legacy) == one[2](cloud)][:1]
    # Several forms at once: those that can't be left out; one that is taken for granted if each of them can.
    needed = (
        plain
        or [one for one in FORMS if folded(legacy, but=one[0]) != folded(cloud, but=one[0])]
        or [FORMS[0]]
    )
    words = " and ".join(one[1] for one in needed)
    only = " only" if len(needed) == 1 else ""
    code = needed[-1][0]
    return because(
        _cause(code),
        code,
        f"{_quoted(legacy)} and {_quoted(cloud)} differ in {words}{only}{_where(legacy, cloud)}",
    )


def _cause(code: str) -> Cause:
    return "numbering" if code == "leading-zeros" else "formatting"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _where(legacy: str, cloud: str) -> str:
    """The first letter that differs, by name, where it can't be seen."""
    for one, other in zip(legacy, cloud, strict=False):
        if one != other and (ord(one) > 127 or ord(other) > 127):
            names = [unicodedata.name(letter, f"U+{ord(letter):04X}") for letter in (one, other)]
            return f": {names[0]} and {names[1]}"
    return ""
