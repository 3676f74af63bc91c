"""Chance without state: a number drawn for every number, the same in every process. Pure.

A request is made from its ordinal alone, so a generator that is drawn from one after the other would not
do; and seeding one for each request costs more than the whole body.
"""

from __future__ import annotations

import hashlib

_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_CONSONANTS, _VOWELS = "bdfgklmnprstvzhj", "aeio"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter is taken for a digit."""


def key_of(text: str) -> int:
    """A 64-bit key of a text: of a seed and a purpose."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def drawn(key: int, number: int) -> int:
    """The number-th draw of a key: 64 bits (SplitMix64: Steele, Lea, Flood, OOPSLA 2014)."""
    value = (key + number * _STEP) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def name_of(key: int, number: int) -> str:
    """A made-up name of two words: a million of them share hardly a word, so no firm looks like another."""
    rest = drawn(key, number)
    words = []
    for _ in range(2):
        word = ""
        for _ in range(4):
            word += _CONSONANTS[rest & 15] + _VOWELS[rest >> 4 & 3]
            rest >>= 6
        words.append(word.capitalize())
    return " ".join(words)


def code_of(text: str, length: int) -> str:
    """A short code of a text, for ids that must stay short."""
    rest = key_of(text)
    return "".join(_ALPHABET[rest >> 5 * at & 31] for at in range(length))
