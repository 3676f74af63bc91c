"""Which column of one file is which of the other: by what they are called and by what they hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from router.dualrun.extracts.headings import fold
from router.dualrun.extracts.profiles import Profile, alike
from router.dualrun.policy import Role

SURE_NAME = 0.9
SURE_VALUES = 0.5
MOST_COMPARED = 80
"""Columns of a side that are compared with all of the other's by value; equal names go first."""
SAP = {
    "belnr": "document number", "vbeln": "document number", "xblnr": "reference", "bukrs": "company",
    "kunnr": "customer", "waers": "currency", "budat": "posting date", "bldat": "document date", "dmbtr": "base amount",
    "wrbtr": "amount", "netwr": "net", "mwsbp": "tax", "mwsbk": "tax", "mwskz": "tax code", "kostl": "cost centre",
    "prctr": "profit centre", "monat": "period", "gjahr": "year", "buzei": "line", "posnr": "line", "sgtxt": "memo",
    "kursf": "fx rate", "pspnr": "project", "posid": "project", "menge": "quantity", "waerk": "currency",
    "kunrg": "customer", "kunag": "customer", "ps psp pnr": "project", "kbetr": "rate", "fkimg": "quantity",
    "brtwr": "total", "kurrf": "fx rate", "wwert": "fx date", "hwaer": "base currency", "poper": "period",
    "fkdat": "posting date", "name1": "name", "land1": "country", "stras": "street", "ort01": "city", "pstlz": "zip",
    "zterm": "terms", "hkont": "account", "saknr": "account", "racct": "account", "rbukrs": "company", "hsl": "base amount",
    "tsl": "amount", "rtcur": "currency", "rhcur": "base currency", "pernr": "employee", "catshours": "hours",
    "workdate": "work date", "augbl": "clearing document", "lifnr": "vendor", "usnam": "entered by", "stceg": "vat number",
}  # fmt: skip
"""Field names of SAP ECC's accounting and billing documents (tables BKPF, BSEG, VBRK, VBRP) in plain words."""
ROLE_WORDS: dict[Role, tuple[str, ...]] = {
    "legal_entity": ("legal entity", "entity", "company", "company code", "subsidiary"),
    "currency": ("currency", "currency code", "curr"),
    "document": (
        "document",
        "document number",
        "invoice",
        "invoice number",
        "tranid",
        "document id",
        "invoice id",
    ),
    "line": ("line", "line number", "line id", "item"),
    "customer": ("customer", "customer id", "customer number", "client"),
    "project": ("project", "project id", "job"),
    "period": ("period", "fiscal period", "posting period"),
    "accounting_date": ("accounting date", "posting date", "gl date", "trandate", "date"),
    "net": ("net", "net amount", "subtotal"),
    "tax": ("tax", "tax amount", "vat", "vat amount", "tax total"),
    "total": ("total", "gross", "total amount", "gross amount", "amount due", "amount"),
    "quantity": ("quantity", "qty", "hours"),
    "rate": ("rate", "unit price", "price"),
    "tax_rate": ("tax rate", "vat rate", "tax percent", "tax pct"),
    "tax_code": ("tax code", "vat code"),
    "fx_rate": ("fx rate", "exchange rate"),
    "base_amount": ("base amount", "local amount", "amount in local currency", "functional amount"),
    "status": ("status", "state"),
    "approved_by": ("approved by", "approver"),
    "reference": ("reference", "external id"),
    "fx_date": ("fx date", "exchange rate date", "rate date"),
    "number": ("number", "document no"),
}


@dataclass(frozen=True, slots=True)
class Match:
    """Two columns that are one."""

    name: str
    """The policy's name for it: the cloud's heading."""
    legacy: Profile
    cloud: Profile
    names: float
    values: float
    rows: str = ""
    """What rows that the key pairs say of it, where they were asked."""

    @property
    def why(self) -> str:
        """The evidence in a few words."""
        if self.rows:
            return f"{self.legacy.heading} is {self.cloud.heading}: {self.rows}"
        if fold(self.legacy.heading) == fold(self.cloud.heading):
            return f"same heading; {self.values:.0%} of values on both sides"
        return f"{self.legacy.heading} is {self.cloud.heading}: {self.values:.0%} of values on both sides"


def plain(heading: str) -> str:
    """A heading in plain lower-case words: `postingDate`, `POSTING_DATE` and `BUDAT` are `posting date`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", heading.strip())
    joined = " ".join(re.findall(r"[^\W_]+", words)).casefold()
    return SAP.get(joined, joined)


def names_alike(one: str, other: str) -> float:
    """From 0 to 1; 1 also for two words of one role."""
    if any(plain(one) in words and plain(other) in words for words in ROLE_WORDS.values()):
        return 1.0
    return fuzz.token_sort_ratio(plain(one), plain(other)) / 100


def matched(legacy: Sequence[Profile], cloud: Sequence[Profile]) -> list[Match]:
    """The pairs, each column in one at most, in the order of the cloud's columns."""
    taken: dict[str, Match] = {}
    used: set[str] = set()
    for ours in cloud:
        same = [one for one in legacy if fold(one.heading) == fold(ours.heading) and one.column not in used]
        if same:
            one = next((exact for exact in same if exact.heading == ours.heading), same[0])
            taken[ours.column] = _match(one, ours)
            used.add(one.column)
    rest = [
        _match(one, ours)
        for one in [one for one in legacy if one.column not in used][:MOST_COMPARED]
        for ours in [ours for ours in cloud if ours.column not in taken][:MOST_COMPARED]
        if _one_kind(one, ours)
    ]
    rest.sort(key=lambda match: (-(match.names + match.values), match.legacy.column, match.cloud.column))
    for match in rest:
        free = match.cloud.column not in taken and match.legacy.column not in used
        # Few words, such as yes and no, stand in many columns: then the name must help.
        needed = 0.5 if match.legacy.distinct < 10 else 0.0
        likely = match.values >= SURE_VALUES and match.names >= needed
        if free and (match.names >= SURE_NAME or likely or (match.names >= 0.6 and match.values >= 0.2)):
            taken[match.cloud.column] = match
            used.add(match.legacy.column)
    return [taken[ours.column] for ours in cloud if ours.column in taken]


def _one_kind(one: Profile, ours: Profile) -> bool:
    """Whether two columns may be one: 0000123 is text and 123 a number, and both are document 123."""
    shapes = {one.shape, ours.shape}
    return (
        len(shapes) == 1
        or "empty" in shapes
        or (shapes == {"number", "text"} and not one.places + ours.places)
    )


def _match(one: Profile, ours: Profile) -> Match:
    return Match(
        ours.column, one, ours, names_alike(one.heading, ours.heading), alike(one.sketch, ours.sketch)
    )


IDS = (
    "id",
    "number",
    "no",
    "key",
    "code",
    "reference",
    "ref",
    "tranid",
    "document",
    "invoice",
    "line",
    "customer",
    "vendor",
    "employee",
    "account",
    "payment",
)
"""Words of headings that name something."""


def names_rows(match: Match) -> bool:
    """Whether its heading says that it names a row."""
    words = {*plain(match.legacy.heading).split(), *plain(match.cloud.heading).split()}
    ends = any(word.endswith("id") and word != "paid" for word in words)
    return role_of(match) in ("document", "line") or ends or bool(words & {*IDS})


def role_of(match: Match) -> Role | None:
    """What a pair means, by either heading; one that both say goes first."""
    found = roles_said(match)
    return found[0] if found else None


def roles_said(match: Match) -> list[Role]:
    """What a pair may mean by its headings: what both say, then what the cloud's says, then the legacy's."""
    said = [
        (plain(match.cloud.heading) in words, plain(match.legacy.heading) in words, role)
        for role, words in ROLE_WORDS.items()
    ]
    both = [role for one, other, role in said if one and other]
    ours = [role for one, other, role in said if one and not other]
    return both + ours + [role for one, other, role in said if other and not one]


def roles_of(matches: Sequence[Match]) -> dict[Role, Match]:
    """Each role by headings with the pair that has it: what both headings say goes before what one does."""
    roles: dict[Role, Match] = {}
    placed: set[str] = set()
    for agreed in (True, False):
        for match in matches:
            for role in roles_said(match):
                words = ROLE_WORDS[role]
                both = plain(match.cloud.heading) in words and plain(match.legacy.heading) in words
                free = role not in roles and match.name not in placed
                if both >= agreed and free and match.legacy.filled and match.cloud.filled:
                    roles[role] = match
                    placed.add(match.name)
    return roles
