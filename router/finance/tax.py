"""Which tax code a sale has, by jurisdiction, and what its invoice must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from router.canonical.reference import TaxCode, TaxRule

REVERSE_CHARGE = "Reverse charge: the customer accounts for the tax"
"""What an invoice must say where the customer owes the tax (Article 226 (11a) of Directive 2006/112/EC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What decides the tax of services sold."""

    seller: str
    """Country of the legal entity that sells."""
    buyer: str
    registered: bool
    """The customer has a tax registration: it buys as a business."""
    on: date


def tax_code(rules: Sequence[TaxRule], sale: Sale, otherwise: str) -> tuple[str, str]:
    """(code, why) of a sale: the first rule that fits, else the seller's own code."""
    for rule in rules:
        if _fits(rule, sale):
            return rule.tax_code, rule.why or f"rule for {rule.tax_code}"
    return otherwise, "no rule: the seller's standard code"


def invoice_note(code: str, codes: Mapping[str, TaxCode]) -> str:
    """The sentence an invoice under a code must show; empty for most."""
    known = codes.get(code)
    return REVERSE_CHARGE if known is not None and known.reverse_charge else ""


def with_note(description: str, note: str, most: int = 255) -> str:
    """A line's text with the sentence, once; a long text gives way to it."""
    if not note or note in description:
        return description
    room = most - len(note) - 3
    return f"{description[:room].rstrip()} - {note}" if description else note


def _fits(rule: TaxRule, sale: Sale) -> bool:
    return (
        (rule.seller is None or rule.seller == sale.seller)
        and (rule.buyer is None or sale.buyer in rule.buyer)
        and (rule.domestic is None or rule.domestic == (sale.seller == sale.buyer))
        and (rule.business is None or rule.business == sale.registered)
        and (rule.from_ is None or rule.from_ <= sale.on)
        and (rule.until is None or sale.on < rule.until)
    )
