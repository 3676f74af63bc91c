"""How alike two customers or two projects are, and why. Pure.

Legal forms, case, accents and punctuation are no difference between names; a tax registration is
compared digit by digit. Candidates come from blocks (rare words, beginnings of words, registrations), so that
one look among ten thousand takes a millisecond or two.

Decision: likeness is rapidfuzz's (token sort and partial forms of an edit distance), weighed by what
tells firms apart: two registrations of one country that differ are two firms; one name in two towns
is two firms until somebody says otherwise. Price: a branch without address is only suggested.
Guarded by `tests/unit/test_matching.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz

from router.canonical.documents import Document
from router.canonical.masters import Customer, Project

Policy = Literal["park", "suggest", "off"]
LEGAL_FORMS = frozenset({
    "ab", "ag", "aps", "as", "asa", "bhd", "bv", "bvba", "cic", "co", "company", "corp",
    "corporation", "cv", "eg", "ek", "ev", "gbr", "gesmbh", "gk", "gmbh", "group", "holding",
    "holdings", "inc", "incorporated", "kabushiki", "kaisha", "kft", "kg", "kgaa", "kk", "limited",
    "llc", "llp", "lp", "ltd", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pllc", "pte", "pty", "pvt",
    "sa", "sab", "sarl", "sas", "sasu", "scs", "sdn", "se", "sl", "sll", "slu", "snc", "sp", "spa",
    "spk", "spolka", "srl", "stiftung", "ug", "wll", "zoo",
})  # fmt: skip
"""Words that say what a company is, not which one. Source: the common forms of the landscape's countries."""
_AND = frozenset({"and", "und", "et", "y", "e", "en", "og", "och", "the"})
_ABBREVIATED = {
    "street": "st", "strasse": "str", "straße": "str", "road": "rd", "avenue": "ave", "boulevard": "blvd",
    "lane": "ln", "drive": "dr", "square": "sq", "suite": "ste", "apartment": "apt", "floor": "fl", "platz": "pl",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
COMMON = 200
"""A word that more candidates share than this tells nobody apart; it opens no block."""
BLOCK_MOST = 2_000
"""Candidates looked at closely: one look stays short, however many firms are called Smith."""
PART = 4
"""Letters of a beginning or an end that open a block: a slip of the pen leaves one of them whole."""


class Likeness(BaseModel):
    """When a new document of a kind looks like one that is there, and what becomes of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_registration: Policy = "park"
    alike: Policy = "suggest"
    threshold: Annotated[int, Field(ge=50, le=100)] = 90
    most: Annotated[int, Field(ge=1, le=20)] = 5
    """Candidates shown."""


class Matching(BaseModel):
    """Duplicate prevention by kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer: Likeness = Likeness()
    project: Likeness = Likeness(threshold=96)

    def of(self, kind: str) -> Likeness:
        """The policy for a kind."""
        return self.project if kind == "project" else self.customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A document that a new one may be the same as."""

    document_id: str
    score: int
    """0 to 100."""
    why: str
    registration: bool = False
    """The tax registration is the same."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What of a customer or a project is compared."""

    document_id: str
    within: str
    """Only inside this they can be the same: nothing for customers, the customer for projects."""
    name: str
    words: tuple[str, ...]
    place: str
    registration: str
    country: str
    starts: str = ""


def folded(text: str) -> str:
    """Lower case without accents: `Müller GmbH` and `MULLER GmbH` are one."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def name_words(name: str) -> tuple[str, ...]:
    """The words that tell a firm's name apart; all of them when nothing else is left."""
    # Single letters between dots are one word: S.A., G.m.b.H.
    joined = re.sub(r"\b(\w)\.(?=\w\b)", r"\1", folded(name))
    words = tuple(word for word in _WORD.findall(joined) if word not in _AND)
    return tuple(word for word in words if word not in LEGAL_FORMS) or words


def place_of(*parts: str | None) -> str:
    """An address on one line: no punctuation, usual abbreviations, sorted words."""
    words = [word for part in parts if part for word in _WORD.findall(folded(part))]
    return " ".join(sorted(_ABBREVIATED.get(word, word) for word in words))


def registration_of(text: str | None, country: str) -> str:
    """A tax registration with its country in front, letters and digits only; empty when there is none."""
    plain = "".join(char for char in (text or "").upper() if char.isascii() and char.isalnum())
    plain = plain.removeprefix(country)
    # Greece registers as EL, everybody else as the ISO country (Directive 2006/112/EC, article 215).
    plain = plain.removeprefix("EL") if country == "GR" else plain
    return f"{country}{plain}" if any(char.isdigit() for char in plain) else ""


def profile_of(document: Document) -> Profile | None:
    """What is compared of a document; None for kinds without duplicates."""
    if isinstance(document, Customer):
        words = name_words(document.name)
        return Profile(
            document.document_id,
            "",
            " ".join(words),
            words,
            place_of(document.address, document.postal_code, document.city),
            registration_of(document.tax_registration, document.country),
            document.country,
        )
    if isinstance(document, Project):
        # In a project's name every word counts: phase 1 is not phase 2.
        words = tuple(_WORD.findall(folded(document.name)))
        starts = document.starts.isoformat()
        return Profile(document.document_id, document.customer_id, " ".join(words), words, "", "", "", starts)
    return None


def likeness(one: Profile, other: Profile) -> Candidate:
    """How alike a document is to another, 0 to 100, and the reason in words."""
    score, why = _score(one, other)
    return Candidate(document_id=other.document_id, score=score, why=why, registration=_same(one, other))


def _same(one: Profile, other: Profile) -> bool:
    return bool(one.registration) and one.registration == other.registration


def _score(one: Profile, other: Profile) -> tuple[int, str]:
    if one.within != other.within or not one.name or not other.name:
        return 0, ""
    if _same(one, other):
        return 100, f"same tax registration {one.registration}"
    if one.within:
        return _project_score(one, other)
    if one.country != other.country or (one.registration and other.registration):
        return 0, ""
    name = max(fuzz.token_sort_ratio(one.name, other.name), fuzz.ratio(_solid(one), _solid(other)))
    if not one.place or not other.place:
        return round(name), f"names alike ({round(name)} of 100), one has no address"
    place = fuzz.token_set_ratio(one.place, other.place)
    told = f"names alike ({round(name)} of 100), addresses alike ({round(place)} of 100)"
    return round(name * 0.7 + place * 0.3), told


def _project_score(one: Profile, other: Profile) -> tuple[int, str]:
    if one.starts != other.starts or _numbers(one) != _numbers(other):
        return 0, ""
    name = round(fuzz.token_sort_ratio(one.name, other.name))
    return name, f"same customer, same start, names alike ({name} of 100)"


def _numbers(profile: Profile) -> list[str]:
    return sorted(word for word in profile.words if not word.isalpha())


def _solid(profile: Profile) -> str:
    return profile.name.replace(" ", "")


@dataclass(slots=True)
class Lookalikes:
    """Profiles of one kind, in blocks."""

    _profiles: dict[str, Profile] = field(default_factory=dict)
    _blocks: dict[str, dict[str, None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._profiles)

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._profiles

    def put(self, profile: Profile) -> None:
        """Keep a profile, in place of the one its document had."""
        known = self._profiles.get(profile.document_id)
        if known == profile:
            return
        if known is not None:
            for name in _blocks_of(known):
                self._blocks[name].pop(profile.document_id, None)
        self._profiles[profile.document_id] = profile
        for name in _blocks_of(profile):
            self._blocks.setdefault(name, {})[profile.document_id] = None

    def drop(self, document_id: str) -> None:
        """Forget a document."""
        known = self._profiles.pop(document_id, None)
        for name in _blocks_of(known) if known is not None else ():
            self._blocks[name].pop(document_id, None)

    def like(self, profile: Profile, policy: Likeness) -> tuple[Candidate, ...]:
        """The documents a profile looks like, most alike first; equals in the order of their ids."""
        every = (likeness(profile, self._profiles[name]) for name in self._candidates(profile))
        found = [one for one in every if one.registration or one.score >= policy.threshold]
        found.sort(key=lambda one: (not one.registration, -one.score, one.document_id))
        return tuple(found[: policy.most])

    def _candidates(self, profile: Profile) -> Iterable[str]:
        chosen: dict[str, None] = {}
        blocks = [(name, self._blocks.get(name, {})) for name in _blocks_of(profile)]
        sure = [block for name, block in blocks if name.startswith(("r:", "n:"))]
        rest = sorted((block for name, block in blocks if not name.startswith(("r:", "n:"))), key=len)
        for at, block in enumerate([*sure, *rest]):
            if at >= len(sure) and (len(block) > COMMON and chosen):
                break
            for document_id in block:
                if document_id != profile.document_id:
                    chosen[document_id] = None
                if len(chosen) >= BLOCK_MOST:
                    return chosen
        return chosen


def _blocks_of(profile: Profile) -> list[str]:
    """The blocks a profile stands in: its registration, its whole name, its words and their beginnings."""
    if profile.within:
        return [f"p:{profile.within}:{profile.starts}"]
    names = [f"r:{profile.registration}"] if profile.registration else []
    names += [f"n:{_solid(profile)[:8]}"]
    for word in profile.words:
        names += [
            f"w:{profile.country}:{word}",
            f"b:{profile.country}:{word[:PART]}",
            f"e:{profile.country}:{word[-PART:]}",
        ]
    return list(dict.fromkeys(names))
