"""Names, companies, streets and project titles, from Faker in the entity's own language.

One Faker instance a locale, each seeded from its own stream: a name drawn for Tokyo shifts none in
Berlin. Names keep umlauts and kanji: ERPs and flat files must cope with what real firms are called.
"""

from __future__ import annotations

import re
import unicodedata

from faker import Faker

from simulators.firm.model import stream

LOCALES = {
    "US": "en_US", "GB": "en_GB", "DE": "de_DE", "AT": "de_AT", "CH": "de_CH", "FR": "fr_FR", "NL": "nl_NL",
    "ES": "es_ES", "IT": "it_IT", "PL": "pl_PL", "SE": "sv_SE", "DK": "da_DK", "JP": "ja_JP", "KR": "ko_KR",
    "IN": "en_IN", "AU": "en_AU", "CA": "en_CA", "IE": "en_IE", "NZ": "en_NZ", "BR": "pt_BR", "MX": "es_MX",
}  # fmt: skip
GULF = ("BH", "AE", "SA", "KW", "QA", "OM")
GULF_FIRST = (
    "Ahmed",
    "Fatima",
    "Yusuf",
    "Maryam",
    "Khalid",
    "Noor",
    "Hassan",
    "Layla",
    "Ali",
    "Zahra",
    "Isa",
    "Huda",
)
GULF_LAST = (
    "Al Khalifa",
    "Al Mannai",
    "Al Zayani",
    "Al Doseri",
    "Al Koohi",
    "Al Sayed",
    "Al Ansari",
    "Al Jalahma",
)
SINGAPORE_FIRST = (
    "Wei Ming",
    "Hui Ling",
    "Arjun",
    "Nurul",
    "Jia Hao",
    "Priya",
    "Siti",
    "Kai",
    "Mei Lin",
    "Farhan",
)
SINGAPORE_LAST = ("Tan", "Lim", "Lee", "Ng", "Wong", "Goh", "Rahman", "Nair", "Chua", "Koh", "Teo", "Singh")
SUFFIXES = {"BH": "WLL", "SG": "Pte Ltd", "GB": "Ltd"}
"""Countries whose companies Faker does not know, or knows with odd legal forms."""
WORKS = (
    "Billing migration", "Data platform", "Claims automation", "Network operations", "Customer portal",
    "Warehouse roll-out", "Ledger consolidation", "Cloud landing zone", "Service desk", "Pricing engine",
    "Payroll transition", "Risk reporting", "Order management", "Plant maintenance", "Identity clean-up",
)  # fmt: skip
TRADES = (
    "Logistics", "Foods", "Energy", "Retail", "Engineering", "Insurance", "Media", "Shipping", "Healthcare",
    "Materials", "Holdings", "Telecom",
)  # fmt: skip
PHASES = ("phase 1", "phase 2", "phase 3", "run", "pilot", "extension")
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


class Names:
    """Draws names per country; the order of draws within a country is the order of calls."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._fakers: dict[str, Faker] = {}
        self._titles = stream(seed, "names/titles")
        self._local = stream(seed, "names/local")

    def company(self, country: str) -> str:
        """A company name with the country's legal form."""
        if country in SUFFIXES:
            return f"{self._surname(country)} {self._local.choice(TRADES)} {SUFFIXES[country]}"
        return str(self._of(country).company())

    def person(self, country: str) -> str:
        """A person's name: as written at home for Europe and America, romanised for Japan."""
        if country in GULF:
            return f"{self._local.choice(GULF_FIRST)} {self._local.choice(GULF_LAST)}"
        if country == "SG":
            return f"{self._local.choice(SINGAPORE_FIRST)} {self._local.choice(SINGAPORE_LAST)}"
        faker = self._of(country)
        if country == "JP":
            return str(faker.romanized_name())
        return f"{faker.first_name()} {faker.last_name()}"

    def address(self, country: str) -> str:
        """Street and town on one line."""
        faker = self._of(country)
        return f"{faker.street_address()}, {faker.city()}".replace("\n", ", ")[:120]

    def title(self) -> str:
        """What a project is called."""
        return f"{self._titles.choice(WORKS)}, {self._titles.choice(PHASES)}"

    def _surname(self, country: str) -> str:
        if country in GULF:
            return self._local.choice(GULF_LAST).removeprefix("Al ")
        if country == "SG":
            return self._local.choice(SINGAPORE_LAST)
        return str(self._of(country).last_name())

    def _of(self, country: str) -> Faker:
        if country not in self._fakers:
            faker = Faker(LOCALES.get(country, "en_GB"))
            faker.seed_instance(f"{self._seed}/{country}")
            self._fakers[country] = faker
        return self._fakers[country]


def plain(text: str) -> str:
    """Letters and digits only, as the left part of a mail address: `Jürgen Groß` is `jurgen.gross`."""
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return _NOT_PLAIN.sub(".", folded).strip(".")
